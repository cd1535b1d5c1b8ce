"""Trained estimators in the formats of other programs."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from tfae._inference.fitted import Fitted
from tfae._support.typing import Array
from tfae._support.whole_files import write_whole

__all__ = ["to_onnx"]

_DTYPES = ("float32", "float64")
# By default the error may be this large; some steps round in the narrower dtype.
_TOLERANCES = {"float32": 1e-5, "float64": 1e-12}
_N_ROWS = 200


def to_onnx(
    model: Any,
    path: str | os.PathLike[str],
    what: str = "transform",
    *,
    dtype: str = "float32",
    X_sample: Any = None,
    tolerance: float | None = None,
) -> float:
    """Write a method of a fitted estimator with dense layers as an ONNX model.

    The graph takes rows in the user's units: it scales them, runs the layers, the linear path
    included, and scales back. It is written with the package onnx alone (``pip install
    "tfae[onnx]"``), and compared with the estimator before the file is there.

    Parameters
    ----------
    model : estimator
        A fitted estimator of tfae.
    path : str or path-like
    what : {"transform", "inverse_transform", "reconstruct", "score_samples"}, default="transform"
        The method. The input of the graph is ``X``, its output ``codes``, ``rows`` or ``scores``.
    dtype : {"float32", "float64"}, default="float32"
        The dtype of the input and of all computation. The exception is "gelu", for which
        onnxruntime has no float64: with it only the scaling is in float64, the network in float32.
        Scores are float64 in any case.
    X_sample : array-like of shape (n_samples, n_features), default=None
        Rows to compare on; with "inverse_transform" their codes. None draws 200 rows from a normal
        distribution with the centers and scales of the training rows.
    tolerance : float, default=None
        The largest error allowed. None means 1e-5, or 1e-12 where all is float64.

    Returns
    -------
    float
        The largest difference from the method, relative to its largest absolute output.

    Raises
    ------
    ValueError
        If a part of the estimator has no form in the graph (layers that are not dense,
        ``scaling="quantile"``, random codes), or the error is above the tolerance. There is no new
        file then.
    ImportError
        Without the package onnx.

    References
    ----------
    .. [1] Open Neural Network Exchange. https://onnx.ai

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_digits
    >>> from tfae import Autoencoder, export
    >>> X = load_digits().data
    >>> model = Autoencoder(8, max_iter=5, random_state=0).fit(X)
    >>> path = Path(tempfile.mkdtemp()) / "digits.onnx"
    >>> export.to_onnx(model, path, X_sample=X) < 1e-5  # doctest: +SKIP
    True
    """
    graphs = _graphs()
    if what not in graphs.WHAT or not hasattr(model, what):
        has = [name for name in graphs.WHAT if hasattr(model, name)]
        raise ValueError(f"'what' must be one of {has}. Got {what!r}.")
    if dtype not in _DTYPES:
        raise ValueError(f"'dtype' must be one of {list(_DTYPES)}. Got {dtype!r}.")
    fitted: Fitted = model._checked_fitted()
    made = graphs.onnx_model(fitted, what, dtype)
    error = _error(graphs, made, fitted, what, _rows(model, fitted, X_sample).astype(dtype))
    if tolerance is None:
        tolerance = _TOLERANCES["float32" if graphs.works_in_float32(fitted, what) else dtype]
    if not error <= tolerance:
        raise ValueError(
            f"The error of the exported {what!r} must be at most {tolerance:g} of its largest "
            f"output. Got {error:g}; use dtype='float64', or allow a larger 'tolerance'."
        )
    write_whole(path, [made.SerializeToString()])
    return error


def _graphs() -> Any:
    """Return the module that writes graphs, which needs a package that not everyone has."""
    try:
        from tfae._saving import onnx_graph

        return onnx_graph
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise ImportError('to_onnx needs the package onnx: pip install "tfae[onnx]".') from error


def _rows(model: Any, fitted: Fitted, X_sample: Any) -> Array:
    """Return rows to compare on."""
    if X_sample is not None:
        return np.asarray(model._read(X_sample, reset=False))
    normal = np.random.default_rng(0).normal(size=(_N_ROWS, fitted.structure.spec.n_features))
    return np.asarray(fitted.scaling.center + normal * fitted.scaling.scale)


def _error(graphs: Any, made: Any, fitted: Fitted, what: str, rows: Array) -> float:
    """Return the largest difference, relative to the largest output."""
    given = fitted.encode(rows) if what == "inverse_transform" else rows
    wanted = {
        "transform": fitted.encode,
        "inverse_transform": fitted.decode,
        "reconstruct": fitted.reconstruct,
        "score_samples": lambda X: -fitted.errors(X),
    }[what](given)
    difference = np.abs(graphs.outputs_of(made, given) - wanted).max()
    return float(difference / max(np.abs(wanted).max(), np.finfo(np.float64).tiny))
