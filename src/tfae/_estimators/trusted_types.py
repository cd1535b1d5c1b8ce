"""The types that skops must trust to load a fitted estimator."""

from __future__ import annotations

from typing import Any

from tfae._estimators.loading import KINDS
from tfae._inference.fitted import Fitted
from tfae._inference.imputation import Imputation
from tfae._networks.architectures.convolutional import convolutional
from tfae._networks.architectures.dense import dense
from tfae._networks.structure import Structure
from tfae._saving.values import RECORDS
from tfae._training.state import TrainingState
from tfae._training.step.optimizers import FusedRule

# Classes whose objects are made of their attributes alone, and functions that build networks.
_TYPES: tuple[Any, ...] = (
    *KINDS.values(),
    *RECORDS.values(),
    *(Fitted, Imputation, Structure, TrainingState, FusedRule),
    *(dense, convolutional),
)


def trusted_types() -> tuple[str, ...]:
    """Return the types that ``skops.io.load`` must trust to load a fitted estimator.

    None of them runs code when it is loaded. The functions that a user has registered, and Keras's
    objects, are not among them.

    Returns
    -------
    tuple of str
        Full names of classes, and of the functions that build the networks of this package.

    Examples
    --------
    >>> import tfae
    >>> "tfae._estimators.autoencoder.Autoencoder" in tfae.trusted_types()
    True
    """
    return tuple(sorted(f"{kind.__module__}.{kind.__qualname__}" for kind in _TYPES))
