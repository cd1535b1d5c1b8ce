"""What data an estimator takes, and what it becomes: an array, a memory map or a stream."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from tfae._data.checks import check_rows
from tfae._data.files import from_batches, from_dataset, is_dataset
from tfae._data.memory_map import Mapped, is_large_map
from tfae._data.source import Source
from tfae._data.streams import Opened, Stream
from tfae._support.typing import Array

# By these a table is known.
_OF_TABLES = ("__array__", "__array_interface__", "__dataframe__", "shape")


def is_stream(X: Any) -> bool:
    """Whether `X` gives its rows in batches."""
    if isinstance(X, (Stream, Opened)) or is_dataset(X):
        return True
    if isinstance(X, (np.ndarray, Sequence, Mapping, Set, type)):
        return False
    if any(hasattr(X, name) for name in _OF_TABLES):
        return False
    return callable(X) or hasattr(X, "__iter__")


def as_stream(X: Any) -> Stream:
    """Return a stream of what is one."""
    if isinstance(X, Stream):
        return X
    return from_dataset(X) if is_dataset(X) else from_batches(X)


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
    if is_stream(X):
        if reset and not hasattr(estimator, "partial_fit"):
            raise ValueError(
                f"X must be an array or a data frame: {type(estimator).__name__} learns from all "
                f"rows at once. Got {X!r}."
            )
        return Opened(
            as_stream(X),
            lambda batch, first: estimator._check_rows(batch, reset=reset and first),
        )
    if is_large_map(X):
        check_rows(estimator, np.array(X[:min_samples]), reset=reset, min_samples=min_samples)
        return Mapped(X)
    return check_rows(estimator, X, reset=reset, min_samples=min_samples)


def repeatable(X: Any, method: str) -> Any:
    """Return `X` unless it can be read only once."""
    if is_stream(X) and not isinstance(X, Opened) and as_stream(X).once:
        raise ValueError(
            f"X must be something that {method} can read more than once. Got {X!r}, which can be "
            "read once. Pass a callable that returns a new iterator each time, or an iterable that "
            "is none itself; partial_fit and transform take an iterator."
        )
    return X


def for_training(
    X: Any, random_state: Any, covariance: bool, *, once: bool = False, min_samples: int = 1
) -> Any:
    """Return rows that can be trained on: of a stream, learn what must be known before.

    Parameters
    ----------
    X : ndarray, CSR matrix or Source
    random_state : int, RandomState instance or None
        What decides which rows of a stream are held out. It stays as it is.
    covariance : bool
        Whether a pass must find it.
    once : bool
        Whether there is to be no pass before the one that trains.
    min_samples : int
    """
    if isinstance(X, Mapped):
        X.covariance = covariance
    if isinstance(X, Opened) and not X.surveyed:
        seed = int(check_random_state(copy.deepcopy(random_state)).randint(2**31))
        return X.learn(seed, covariance, once, min_samples)
    return X


def described(X: Any, rows: Any) -> tuple[Any, Array | None]:
    """Return the rows from which to say what a trained code is like: of a stream a sample."""
    return (X.some(rows), None) if isinstance(X, Opened) else (X, rows)
