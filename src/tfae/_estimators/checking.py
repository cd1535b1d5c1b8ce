"""The check of an estimator's data, by scikit-learn's rules.

scikit-learn writes ``n_features_in_`` and ``feature_names_in_`` to the estimator, so this is the
only place where rows and an estimator meet before a fit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from tfae._data.checks import as_numbers, check_finite, explained, with_names


def check_rows(estimator: Any, X: Any, *, reset: bool, min_samples: int = 1) -> Any:
    """Check the data of fit (``reset=True``) or of a fitted estimator.

    Returns
    -------
    ndarray or CSR matrix of shape (n_samples, n_features)
        Finite numbers of the dtype of `X`. They are copied only if they must be.
    """
    if not reset and _is_as_fitted(estimator, X, min_samples):
        check_finite(X, None)
        return X
    with explained(X):
        rows = validate_data(
            estimator,
            with_names(X),
            reset=reset,
            accept_sparse="csr",
            dtype="numeric",
            ensure_all_finite=False,
            ensure_min_samples=min_samples,
        )
        rows = as_numbers(rows, X)
    check_finite(rows, getattr(estimator, "feature_names_in_", None))
    return rows


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
