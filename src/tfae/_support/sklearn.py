"""What scikit-learn has no public place for: every private name of it that is used stands here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from sklearn import callback
from sklearn.manifold._t_sne import _joint_probabilities_nn
from sklearn.utils._param_validation import HasMethods, Interval, RealNotInt, StrOptions

__all__ = [
    "HasMethods",
    "Interval",
    "RealNotInt",
    "StrOptions",
    "has_callbacks",
    "joint_probabilities",
    "with_callbacks",
]

F = TypeVar("F", bound=Callable[..., Any])


def with_callbacks(method: F) -> F:
    """Decorate `fit` as scikit-learn's callbacks need it, and keep its type, which theirs loses."""
    return cast(F, callback.with_callbacks(method))


def has_callbacks(estimator: Any) -> bool:
    """Whether ``set_callbacks`` was called, which scikit-learn 1.9 has no public question for."""
    return bool(getattr(estimator, "_skl_callbacks", ()))


def joint_probabilities(squared_distances: Any, perplexity: float) -> Any:
    """Return the joint probabilities of neighbours, as scikit-learn's ``TSNE`` makes them."""
    return _joint_probabilities_nn(squared_distances, perplexity, 0)
