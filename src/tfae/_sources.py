"""What data an estimator takes, and what it becomes: an array, a memory map or a stream."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfae._mapped import Mapped, is_large_map
from tfae._types import Source
from tfae._validation import check_rows


def read_rows(estimator: Any, X: Any, *, reset: bool, min_samples: int = 1) -> Any:
    """Check the data of fit (``reset=True``) or of a fitted estimator.

    Returns
    -------
    ndarray, CSR matrix or Source
        Arrays are checked whole; sources check the rows that they read.
    """
    if isinstance(X, Source):
        estimator.n_features_in_ = X.shape[1]
        return X
    if is_large_map(X):
        check_rows(estimator, np.array(X[:min_samples]), reset=reset, min_samples=min_samples)
        return Mapped(X)
    return check_rows(estimator, X, reset=reset, min_samples=min_samples)


def for_training(X: Any, covariance: bool) -> Any:
    """Return rows that can be trained on; `covariance` says whether a pass must find it."""
    if isinstance(X, Mapped):
        X.covariance = covariance
    return X
