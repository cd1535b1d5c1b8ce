"""Estimators from files."""

from __future__ import annotations

import os
from typing import Any

from tfae._estimators.autoencoder import Autoencoder
from tfae._estimators.autoencoder_imputer import AutoencoderImputer
from tfae._estimators.contents import estimator_of
from tfae._estimators.contractive_autoencoder import ContractiveAutoencoder
from tfae._estimators.convolutional_autoencoder import ConvolutionalAutoencoder
from tfae._estimators.denoising_autoencoder import DenoisingAutoencoder
from tfae._estimators.outlier_detector import OutlierDetector
from tfae._estimators.parametric_tsne import ParametricTSNE
from tfae._estimators.sparse_autoencoder import SparseAutoencoder
from tfae._estimators.stacked_autoencoder import StackedAutoencoder
from tfae._estimators.variational_autoencoder import VariationalAutoencoder
from tfae._saving import native

KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        Autoencoder,
        AutoencoderImputer,
        ContractiveAutoencoder,
        ConvolutionalAutoencoder,
        DenoisingAutoencoder,
        OutlierDetector,
        ParametricTSNE,
        SparseAutoencoder,
        StackedAutoencoder,
        VariationalAutoencoder,
    )
}


def load(path: str | os.PathLike[str]) -> Any:
    """Load an estimator that its method ``save`` has written.

    Nothing in the file is run, whoever made it: there is no pickle and no code in it. Dense
    networks are loaded, and used, without TensorFlow.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    estimator
        Fitted as it was when it was saved: every output has the same bits on the same machine, and
        ``partial_fit`` continues where it was.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If the file is damaged, is not a file of ``save``, was written by a newer version of tfae in
        a format that this one does not know, or needs a function under a name that is not
        registered here.

    Examples
    --------
    >>> import tempfile, tfae
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_digits
    >>> X = load_digits().data
    >>> model = tfae.Autoencoder(8, max_iter=5, random_state=0).fit(X)
    >>> path = Path(tempfile.mkdtemp()) / "digits.tfae"
    >>> model.save(path)
    >>> loaded = tfae.load(path)
    >>> bool((loaded.transform(X) == model.transform(X)).all())
    True
    """
    return native.load(path, _made)


def _made(contents: dict[str, Any], fitted: Any) -> Any:
    name = contents["estimator"]
    if name not in KINDS:
        raise ValueError(
            f"Estimators must be among {sorted(KINDS)}. Got {name!r}, which a newer version of "
            "tfae may have"
        )
    return estimator_of(KINDS[name], contents, fitted)
