"""Rows of arrays, sparse matrices and sources as dense blocks of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from tfae._data.source import Source
from tfae._support.typing import Array

# Rows are read in blocks of at most this size. So no pass over the data copies all of it, and the
# output of a wide hidden layer after few features stays small, too.
_BLOCK_BYTES = 8 << 20


_BLOCK_ROWS = 4096


def dense_blocks(
    X: Any, rows: Array | None = None, width: int | None = None
) -> Iterator[tuple[slice, Array]]:
    """Yield positions and rows of `X` as dense float blocks of bounded size.

    `width` is the number of values per row that is bounded; by default that of `X`.
    """
    if isinstance(X, Source):
        yield from _placed(X.blocks(rows))
        return
    n_rows = X.shape[0] if rows is None else len(rows)
    size = block_size(X.shape[1] if width is None else width)
    # Not gen_batches: its check of arguments takes longer than encoding a row.
    for start in range(0, n_rows, size):
        block = slice(start, min(start + size, n_rows))
        yield block, dense_rows(X, block if rows is None else rows[block])


def _placed(blocks: Iterator[Array]) -> Iterator[tuple[slice, Array]]:
    start = 0
    for block in blocks:
        yield slice(start, start + len(block)), block
        start += len(block)


def block_size(n_features: int) -> int:
    """Return the number of rows of a block."""
    return min(max(_BLOCK_BYTES // (8 * n_features), 1), _BLOCK_ROWS)


def dense_rows(X: Any, index: slice | Array) -> Array:
    """Return some rows of an array, sparse matrix or source as a dense float array."""
    if isinstance(X, Source):
        return X.take(index)
    rows = X[index]
    if sparse.issparse(rows):
        rows = rows.toarray()
    return as_floats(rows)


def as_floats(rows: Array) -> Array:
    """Return float32 and float64 rows as they are, other rows as float64."""
    return rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float64)


def evenly_spaced(X: Any, rows: Array | None, n_wanted: int) -> Array:
    """Return the positions of at most `n_wanted` rows, evenly spaced."""
    index = np.arange(X.shape[0]) if rows is None else rows
    if len(index) <= n_wanted:
        return index
    return index[np.linspace(0, len(index) - 1, n_wanted).astype(np.intp)]
