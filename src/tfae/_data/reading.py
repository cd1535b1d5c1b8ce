"""From the data that a user passes to rows: an array, a memory map or a stream."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from tfae._data.files import from_batches, from_dataset, is_dataset
from tfae._data.memory_map import Mapped, is_large_map
from tfae._data.rows import evenly_spaced
from tfae._data.source import Source
from tfae._data.streams import WINDOW_BYTES, Opened, Stream, Streamed
from tfae._support.typing import Array

# A table has one of these attributes.
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
    """Return `X`, which gives its rows in batches, as a stream."""
    if isinstance(X, Stream):
        return X
    return from_dataset(X) if is_dataset(X) else from_batches(X)


def read_rows(
    X: Any, check: Callable[[Any], Any], min_samples: int = 1, missing: bool = False
) -> Any:
    """Return checked rows of data that are not a stream: an array, a CSR matrix or a memory map.

    Of a memory map only the first `min_samples` rows are checked here; it checks every row that it
    reads later.
    """
    if is_large_map(X):
        check(np.array(X[:min_samples]))
        return Mapped(X, missing=missing)
    return check(X)


def repeatable(X: Any, method: str) -> Any:
    """Return `X` unless it can be read only once."""
    if is_stream(X) and not isinstance(X, Opened) and as_stream(X).once:
        raise ValueError(
            f"X must be something that {method} can read more than once. Got {X!r}, which can be "
            "read only once. Pass a callable that returns a new iterator each time, or an iterable "
            "that is not an iterator. partial_fit and transform also take an iterator."
        )
    return X


def in_memory_if_small(X: Any, random_state: Any, min_samples: int = 1) -> Any:
    """Return `X` with its shape, as far as it can be known; a small stream becomes an array.

    Parameters
    ----------
    X : ndarray, CSR matrix or Source
    random_state : int, RandomState instance or None
        Determines which rows of a stream are held out. It is not changed.
    min_samples : int
    """
    if not isinstance(X, Opened):
        return X
    seed = int(check_random_state(copy.deepcopy(random_state)).randint(2**31))
    rows = X.begin(seed, min_samples)
    return X if rows is None else rows


def prepare(X: Any, covariance: bool, once: bool = False) -> None:
    """Let a source make the pass that a training needs; see :meth:`.source.Source.prepare`."""
    if isinstance(X, Source):
        X.prepare(covariance, once)


def rows_to_describe(X: Any, rows: Any) -> tuple[Any, Array | None]:
    """Return the rows for the facts about a trained code; of a stream a sample."""
    return (X.some(rows), None) if isinstance(X, Streamed) else (X, rows)


def some_in_memory(X: Any, missing: bool) -> Any:
    """Return evenly spaced rows of a memory map that is too large to be read whole, or `X`."""
    if not is_large_map(X):
        return X
    n_most = max(1, WINDOW_BYTES // (8 * X.shape[1]))
    return Mapped(X, missing=missing).take(evenly_spaced(X, None, n_most))


def blocks_of(X: Any, missing: bool) -> Iterator[Any] | None:
    """Return the batches of a stream, or the blocks of a large memory map; None for other data."""
    if is_stream(X):
        return (batch for batch in as_stream(X) if getattr(batch, "shape", (1,))[0] != 0)
    return Mapped(X, missing=missing).blocks() if is_large_map(X) else None


def rows_to_fill_by(X: Any, rows: Any) -> tuple[Array, Array | None]:
    """Return the rows that a linear model of holes is learned from, and their weights if any.

    Of a source they are a sample.
    """
    if not isinstance(X, Source):
        return (X if rows is None else X[rows]), None
    sample = X.statistics(rows)
    return sample.sample, sample.sample_weights


def check_passes(X: Any, reads_before: bool) -> None:
    """Raise if a stream can be read only once and more than one training must read it."""
    if isinstance(X, Streamed) and X.once and reads_before:
        raise ValueError(
            "X must be something that can be read more than once in the first call, because other "
            "networks are trained on it first: to find 'n_components', or layer by layer. Got an "
            "iterator; pass a callable that returns a new one each time, or an array."
        )
