"""Trained estimators in the formats of other programs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tfae._estimators.base import BaseEncoder
from tfae._estimators.loading import KINDS
from tfae._inference.fitted import Fitted
from tfae._saving import tensorflow
from tfae._saving.methods import (
    METHODS,
    check_exportable,
    check_takes_a_matrix,
    difference,
    exact_outputs,
    inputs_of,
    random_rows,
    works_in_float32,
)
from tfae._support.typing import Array
from tfae._support.whole_files import replace_folder, write_whole

__all__ = ["register_onnx_converters", "to_litert", "to_onnx", "to_saved_model"]

_DTYPES = ("float32", "float64")
# By default the error may be this large; some steps round in the narrower dtype.
_TOLERANCES = {"float32": 1e-5, "float64": 1e-12}
_LITERT_TOLERANCES = {None: 1e-4, "float16": 1e-2, "int8": 0.1}
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
    """Write a method of a fitted estimator as an ONNX model.

    The graph takes rows in the user's units: it scales them, runs the layers, the linear path
    included, and scales back. That of dense layers is written with the package onnx alone
    (``pip install "tfae[onnx]"``). Other layers, such as convolutions, are written by Keras, which
    needs tf2onnx, too. The graph is compared with the estimator before the file is there.

    Parameters
    ----------
    model : estimator
        A fitted estimator of tfae.
    path : str or path-like
    what : {"transform", "inverse_transform", "reconstruct", "score_samples"}, default="transform"
        The method. The input of the graph is ``X``, its output ``codes``, ``rows`` or ``scores``.
        After a fit on a frame of mixed kinds, rows are one input a column, of shape (n_samples, 1),
        and one output ``rebuilt_`` and the name of the column; see Notes.
    dtype : {"float32", "float64"}, default="float32"
        The dtype of the input and of all computation. The exception is "gelu", for which
        onnxruntime has no float64: with it only the scaling is in float64, the network in float32.
        Scores are float64 in any case. Layers that are not dense need float32, scores included.
    X_sample : {array-like, DataFrame} of shape (n_samples, n_features), default=None
        Rows to compare on; with "inverse_transform" their codes. Rows with missing entries are left
        out. None draws 200 rows from a normal distribution with the centers and scales of the
        training rows, and categories as frequent as they were.
    tolerance : float, default=None
        The largest error allowed. None means 1e-5, or 1e-12 where all is float64.

    Returns
    -------
    float
        The largest difference from the method, relative to its largest absolute output. Of the
        columns of a frame each is compared by itself: numbers beside the largest of their column,
        without what rounding to integers adds, and categories by how much less likely they are
        than the likeliest one.

    Raises
    ------
    TypeError
        If `model` is no autoencoder of tfae: an imputer, a detector, or another library's.
    ValueError
        If a part of the estimator has no form in the graph (``scaling="quantile"``, random codes,
        columns or categories without names of their own), no row of `X_sample` is complete, or the
        error is above the tolerance. There is no new file then.
    ImportError
        Without the package onnx; without tf2onnx, if layers are not dense.

    Notes
    -----
    A graph takes complete rows. A missing entry, NaN, makes all outputs of its row NaN.

    The columns of a frame of mixed kinds are the graph's inputs and, rebuilt, its outputs, in these
    types. The ``doc_string`` of each says the unit, and what stands for a missing value.

    ==========================  ==================================================================
    numbers                     `dtype`; NaN is missing
    booleans                    `dtype`, 0 or 1, and so are categories that are numbers
    text and other categories   strings, ``str(value)``; "" is missing unless it is a category
    dates and durations         int64 in the unit that the column had in `fit`, dates since 1970 in
                                UTC; the least int64, as NumPy stores NaT, is missing
    ==========================  ==================================================================

    Rare categories are one, as in the estimator. A category that `fit` did not know and a missing
    value make all outputs of their row missing, because no graph can fill them: another system of
    equations would have to be solved for every pattern of holes. Columns that nothing was learned
    from are neither inputs nor outputs.

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
    fitted = _exportable(model, what)
    _check_choice("dtype", dtype, _DTYPES)
    graphs = _graphs()
    made = _onnx_model(graphs, fitted, what, dtype)
    given = _sample(model, fitted, what, X_sample, dtype)
    error = graphs.error_of(made, fitted, what, dtype, given)
    if tolerance is None:
        tolerance = _TOLERANCES["float32" if works_in_float32(fitted, what) else dtype]
    in_double = "" if dtype == "float64" else "use dtype='float64', or "
    _check_error(error, tolerance, what, f"{in_double}allow a larger 'tolerance'")
    write_whole(path, [made.SerializeToString()])
    return error


def register_onnx_converters() -> None:
    """Let skl2onnx convert pipelines that hold estimators of tfae.

    After the call, ``skl2onnx.to_onnx(pipeline, X)`` writes the estimators' `transform` by the same
    graph as :func:`to_onnx`. Columns of a frame of mixed kinds are inputs of their names; give
    their types as ``initial_types``, because skl2onnx guesses neither dates nor missing values. The
    tables of converters that skl2onnx keeps for the whole process change; nothing else does. A
    second call changes nothing.

    Raises
    ------
    ImportError
        Without the package skl2onnx.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from tfae import Autoencoder, export
    >>> X = load_digits().data.astype("float32")
    >>> pipeline = make_pipeline(StandardScaler(), Autoencoder(8, max_iter=5)).fit(X)
    >>> export.register_onnx_converters()  # doctest: +SKIP
    >>> skl2onnx.to_onnx(pipeline, X[:1]).SerializeToString()  # doctest: +SKIP
    """
    _check_installed("skl2onnx", "register_onnx_converters", "skl2onnx")
    from tfae._saving import onnx_converters

    onnx_converters.register(
        {name: kind for name, kind in KINDS.items() if issubclass(kind, BaseEncoder)}
    )


def to_saved_model(
    model: Any,
    path: str | os.PathLike[str],
    what: str = "transform",
    *,
    X_sample: Any = None,
    tolerance: float | None = None,
) -> float:
    """Write a method of a fitted estimator as a SavedModel, the format of TensorFlow Serving.

    ``tensorflow.saved_model.load(path).serve(X)`` takes float32 rows in the user's units. It needs
    neither Keras nor tfae. Keep what `load` returns: without it the functions end.

    Parameters
    ----------
    model : estimator
        A fitted estimator of tfae.
    path : str or path-like
        The folder. One that holds a SavedModel is replaced.
    what : {"transform", "inverse_transform", "reconstruct", "score_samples"}, default="transform"
        The method.
    X_sample : array-like of shape (n_samples, n_features), default=None
        As in :func:`to_onnx`.
    tolerance : float, default=None
        The largest error allowed. None means 1e-5.

    Returns
    -------
    float
        The largest difference from the method, relative to its largest absolute output.

    Raises
    ------
    TypeError
        If `model` is no autoencoder of tfae: an imputer, a detector, or another library's.
    ValueError
        If a part of the estimator has no form in Keras (``scaling="quantile"``, random codes), it
        was fitted to a frame of mixed kinds, the error is above the tolerance, or `path` is
        something other than a SavedModel. Nothing is written then.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_digits
    >>> from tfae import Autoencoder, export
    >>> X = load_digits().data
    >>> model = Autoencoder(8, max_iter=5, random_state=0).fit(X)
    >>> folder = Path(tempfile.mkdtemp()) / "encoder"
    >>> export.to_saved_model(model, folder, X_sample=X) < 1e-5  # doctest: +SKIP
    True
    """
    fitted = _exportable(model, what)
    check_takes_a_matrix(fitted, "A SavedModel")
    target = Path(path)
    if target.exists() and not (target / "saved_model.pb").exists():
        raise ValueError(f"'path' must be free, or the folder of a SavedModel. Got {target}.")
    rows = _sample(model, fitted, what, X_sample)
    with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as here:
        folder = Path(here) / "model"
        tensorflow.write_saved_model(fitted, what, folder)
        found = tensorflow.saved_model_outputs(folder, rows)
        error = difference(exact_outputs(fitted, what, rows), found)
        limit = _TOLERANCES["float32"] if tolerance is None else tolerance
        _check_error(error, limit, what, "allow a larger 'tolerance'")
        replace_folder(folder, target)
    return error


def to_litert(
    model: Any,
    path: str | os.PathLike[str],
    what: str = "transform",
    *,
    X_sample: Any = None,
    quantize: str | None = None,
    tolerance: float | None = None,
) -> float:
    """Write a method of a fitted estimator as a LiteRT (TensorFlow Lite) model for small devices.

    Parameters
    ----------
    model : estimator
        A fitted estimator of tfae.
    path : str or path-like
        The file; its usual ending is ``.tflite``.
    what : {"transform", "inverse_transform", "reconstruct", "score_samples"}, default="transform"
        The method.
    X_sample : array-like of shape (n_samples, n_features), default=None
        As in :func:`to_onnx`. "int8" needs it, because it learns the ranges of all numbers from
        these rows; take training rows.
    quantize : {"float16", "int8"}, default=None
        "float16" halves the file: weights are stored in half precision. "int8" stores weights in a
        byte, and computes with bytes where it can; inputs and outputs stay float32. None keeps
        float32.
    tolerance : float, default=None
        The largest error allowed. None means 1e-4, for "float16" 1e-2 and for "int8" 0.1.

    Returns
    -------
    float
        The largest difference from the method, relative to its largest absolute output.

    Raises
    ------
    TypeError
        If `model` is no autoencoder of tfae: an imputer, a detector, or another library's.
    ValueError
        If a part of the estimator has no form in Keras (``scaling="quantile"``, random codes), it
        was fitted to a frame of mixed kinds, "int8" has no `X_sample`, or the error is above the
        tolerance. There is no new file then.
    ImportError
        Without the package ai-edge-litert, which runs the model to compare it
        (``pip install "tfae[litert]"``).

    References
    ----------
    .. [1] LiteRT. https://ai.google.dev/edge/litert

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_digits
    >>> from tfae import Autoencoder, export
    >>> X = load_digits().data
    >>> model = Autoencoder(8, max_iter=5, random_state=0).fit(X)
    >>> path = Path(tempfile.mkdtemp()) / "encoder.tflite"
    >>> export.to_litert(model, path, X_sample=X, quantize="int8") < 0.1  # doctest: +SKIP
    True
    """
    fitted = _exportable(model, what)
    check_takes_a_matrix(fitted, "LiteRT")
    _check_choice("quantize", quantize, tuple(_LITERT_TOLERANCES))
    if quantize == "int8" and X_sample is None:
        raise ValueError("quantize='int8' needs X_sample, to learn the ranges of numbers from.")
    _check_installed("ai_edge_litert", "to_litert", "tfae[litert]")
    rows = _sample(model, fitted, what, X_sample)
    made = tensorflow.litert_model(fitted, what, quantize, rows)
    found = tensorflow.litert_outputs(made, rows)
    error = difference(exact_outputs(fitted, what, rows), found)
    limit = _LITERT_TOLERANCES[quantize] if tolerance is None else tolerance
    _check_error(error, limit, what, "allow a larger 'tolerance'")
    write_whole(path, [made])
    return error


def _exportable(model: Any, what: str) -> Fitted:
    """Return the fitted value of a model one of whose methods is to be exported."""
    if not isinstance(model, BaseEncoder):
        raise TypeError(
            "'model' must be a fitted autoencoder or ParametricTSNE of tfae. Got a "
            f"{type(model).__name__}. Of a pipeline pass the step, or write all of it with "
            "skl2onnx after register_onnx_converters(). Imputers and detectors can be kept with "
            "their method save."
        )
    if what not in METHODS or not hasattr(model, what):
        has = [name for name in METHODS if hasattr(model, name)]
        raise ValueError(f"'what' must be one of {has}. Got {what!r}.")
    fitted: Fitted = model._checked_fitted()
    check_exportable(fitted, what)
    return fitted


def _check_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    if value not in choices:
        raise ValueError(f"{name!r} must be one of {list(choices)}. Got {value!r}.")


def _check_error(error: float, tolerance: float, what: str, way_out: str) -> None:
    if not error <= tolerance:  # NaN is an error, too
        raise ValueError(
            f"The error of the exported {what!r} must be at most {tolerance:g} of its largest "
            f"output. Got {error:g}; {way_out}."
        )


def _onnx_model(graphs: Any, fitted: Fitted, what: str, dtype: str) -> Any:
    """Return a method as an ONNX model: of dense layers our own graph, of others that of Keras."""
    if fitted.encoder.layers is not None and fitted.decoder.layers is not None:
        return graphs.onnx_model(fitted, what, dtype)
    check_takes_a_matrix(fitted, "A graph of layers that are not dense")
    if dtype != "float32":
        raise ValueError(f"Layers that are not dense need dtype='float32'. Got {dtype!r}.")
    _check_installed("tf2onnx", "to_onnx of layers that are not dense", "tf2onnx")
    return tensorflow.onnx_model(fitted, what)


def _graphs() -> ModuleType:
    """Return the module that writes graphs, which needs a package that not everyone has."""
    _check_installed("onnx", "to_onnx", "tfae[onnx]")
    from tfae._saving import onnx_graph

    return onnx_graph


def _check_installed(package: str, needed_by: str, to_install: str) -> None:
    if find_spec(package) is None:
        raise ImportError(f'{needed_by} needs the package {package}: pip install "{to_install}".')


def _sample(model: Any, fitted: Fitted, what: str, X_sample: Any, dtype: str = "float32") -> Array:
    """Return what to give to a method, to compare its results: complete rows, or their codes.

    Rows of a table stay in float64, because their columns have dtypes of their own.
    """
    if X_sample is None:
        rows = random_rows(fitted, _N_ROWS)
    else:
        rows = np.asarray(model._read(X_sample, reset=False))
        rows = rows[~np.isnan(rows).any(axis=1)]
        if len(rows) == 0:
            raise ValueError("'X_sample' must have complete rows, to compare on. Got none.")
    if fitted.schema is None:
        rows = rows.astype(dtype)
    given = inputs_of(fitted, what, rows)
    return given.astype(dtype) if what == "inverse_transform" else given
