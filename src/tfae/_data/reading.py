"""What a user gives as data, and what it becomes: an array, a memory map or a stream."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

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


def opened(X: Any, check: Callable[[Any, bool], Any]) -> Opened:
    """Return a stream that is read for an estimator.

    `check` is given a batch, and whether it is the first one.
    """
    return Opened(as_stream(X), check)


def read_table(X: Any, check: Callable[[Any], Any], min_samples: int = 1) -> Any:
    """Return checked rows of what is no stream: an array, a CSR matrix or a memory map.

    Of a memory map the first `min_samples` rows are checked; it checks the rows that it reads.
    """
    if is_large_map(X):
        check(np.array(X[:min_samples]))
        return Mapped(X)
    return check(X)


def repeatable(X: Any, method: str) -> Any:
    """Return `X` unless it can be read only once."""
    if is_stream(X) and not isinstance(X, Opened) and as_stream(X).once:
        raise ValueError(
            f"X must be something that {method} can read more than once. Got {X!r}, which can be "
            "read once. Pass a callable that returns a new iterator each time, or an iterable that "
            "is no iterator; partial_fit and transform take an iterator."
        )
    return X


def begun(X: Any, random_state: Any, min_samples: int = 1) -> Any:
    """Return `X` with its shape known as far as it can be: a small stream becomes an array.

    Parameters
    ----------
    X : ndarray, CSR matrix or Source
    random_state : int, RandomState instance or None
        What decides which rows of a stream are held out. It stays as it is.
    min_samples : int
    """
    if not isinstance(X, Opened):
        return X
    seed = int(check_random_state(copy.deepcopy(random_state)).randint(2**31))
    rows = X.begin(seed, min_samples)
    return X if rows is None else rows


def prepare(X: Any, covariance: bool, once: bool = False) -> None:
    """Have a source take the pass that a training needs; see :meth:`.source.Source.prepare`."""
    if isinstance(X, Source):
        X.prepare(covariance, once)


def described(X: Any, rows: Any) -> tuple[Any, Array | None]:
    """Return the rows from which to say what a trained code is like: of a stream a sample."""
    return (X.some(rows), None) if isinstance(X, Opened) else (X, rows)


def check_passes(X: Any, reads_before: bool) -> None:
    """Refuse a stream that can be read once where more than one training reads it."""
    if isinstance(X, Opened) and X.once and reads_before:
        raise ValueError(
            "X must be something that can be read more than once in the first call: a network "
            "is trained on it before, to find 'n_components' or layer by layer. Got an "
            "iterator; pass a callable that returns a new one each time, or an array."
        )
