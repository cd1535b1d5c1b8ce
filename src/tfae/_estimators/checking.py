"""The check of what methods are called with: an estimator's data, by scikit-learn's rules.

scikit-learn writes ``n_features_in_`` and ``feature_names_in_`` to the estimator, so this is the
only place where rows and an estimator meet before a fit.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from tfae._data.checks import as_numbers, check_finite, explained, readable
from tfae._data.columns import naming_columns
from tfae._data.reading import is_stream
from tfae._data.rows import as_floats
from tfae._support.typing import Array
from tfae._support.warn import warn


def check_rows(
    estimator: Any, X: Any, *, reset: bool, min_samples: int = 1, missing: bool = False
) -> Any:
    """Check the data of fit (``reset=True``) or of a fitted estimator.

    If entries may be `missing`, NaN stands for them in the result.

    Returns
    -------
    ndarray or CSR matrix of shape (n_samples, n_features)
        Finite numbers of the dtype of `X`. They are copied only if they must be.
    """
    if not reset and _is_as_fitted(estimator, X, min_samples):
        check_finite(X, missing=missing)
        return X
    with naming_columns(X, estimator), explained(X):
        rows = validate_data(
            estimator,
            readable(X, missing=missing),
            reset=reset,
            accept_sparse="csr",
            dtype="numeric",
            ensure_all_finite=False,
            ensure_min_samples=min_samples,
        )
        rows = as_numbers(rows, X)
        check_finite(rows, missing=missing)
    if missing and sparse.issparse(rows) and np.isnan(rows.data).any():
        return rows.toarray()  # filled rows are dense
    return rows


def check_codes(X: Any, n_components: int) -> Array:
    """Check the codes that are to be decoded; return them as finite float32 or float64."""
    with naming_columns(X):
        codes = check_array(readable(X), input_name="X", ensure_all_finite=False)
        codes = as_numbers(codes, X)
        check_finite(codes)
    if codes.shape[1] != n_components:
        raise ValueError(
            f"X must have {n_components} columns, one for each component of the code. "
            f"Got {codes.shape[1]}."
        )
    return as_floats(codes)


def _is_as_fitted(estimator: Any, X: Any, min_samples: int) -> bool:
    """Whether `X` is a plain array of the shape that was fitted.

    scikit-learn takes some 50 µs to find that out, as long as all other work of encoding a row.
    """
    return (
        type(X) is np.ndarray
        and X.dtype in (np.float32, np.float64)
        and X.ndim == 2
        and X.shape[1] == estimator.n_features_in_
        and len(X) >= min_samples
        and not hasattr(estimator, "feature_names_in_")
    )


def warn_of_pairs(X: Any, y: Any) -> None:
    """Warn if `y` looks like the clean rows of `X`, because nothing is learned from pairs.

    Labels stay silent, and so does `X` given twice, which asks for what is done anyway.
    """
    if y is None or y is X:
        return
    if is_stream(X):
        paired = is_stream(y)
    else:
        shape = _table_shape(y)
        paired = shape is not None and shape == _table_shape(X) and not _are_equal(X, y)
    if paired:
        warn(
            "'y' should be None or labels, because it is ignored: rows are rebuilt from "
            "themselves. Got a 'y' of the shape of X; if these are the rows without noise, pass "
            "them as 'X_clean' to a DenoisingAutoencoder."
        )


def check_weightable(X: Any, sample_weight: Any) -> None:
    """Raise if there are weights for the rows of a stream."""
    if sample_weight is not None and is_stream(X):
        raise ValueError(
            "With 'sample_weight' X must be an array or a data frame, because a stream gives rows "
            f"without weights. Got {X!r}."
        )


def _table_shape(data: Any) -> tuple[int, int] | None:
    """Return the shape of rows or of flattened images; None for labels and what has no shape."""
    try:
        shape = tuple(data.shape if hasattr(data, "shape") else np.shape(data))
        n_columns = math.prod(shape[1:])
    except (TypeError, ValueError):  # rows of different lengths, or a shape that is not known
        return None
    return (shape[0], n_columns) if len(shape) > 1 and n_columns > 1 else None


def _are_equal(X: Any, y: Any) -> bool:
    """Whether both are arrays in memory with equal values, as folds of ``(X, X)`` are."""
    return type(X) is type(y) is np.ndarray and X.size == y.size and np.array_equal(X, y)
