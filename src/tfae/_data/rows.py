"""Rows of arrays, sparse matrices and sources as dense blocks of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from tfae._data.source import Source
from tfae._support.typing import Array

# Rows are visited in blocks of at most this size, so that no pass over the data copies it and a
# wide hidden layer after few features stays small too.
_BLOCK_BYTES = 8 << 20


_BLOCK_ROWS = 4096


def dense_blocks(
    X: Any, rows: Array | None = None, width: int | None = None
) -> Iterator[tuple[slice, Array]]:
    """Yield positions and rows of `X` as dense float blocks of bounded size.

    `width` is how many numbers of a row are bounded; by default those of `X`.
    """
    if isinstance(X, Source):
        yield from _placed(X.blocks(rows))
        return
    n_rows = X.shape[0] if rows is None else len(rows)
    size = block_size(X.shape[1] if width is None else width)
    # Not gen_batches, whose check of its arguments takes longer than the codes of a row.
    for start in range(0, n_rows, size):
        block = slice(start, min(start + size, n_rows))
        yield block, dense_rows(X, block if rows is None else rows[block])


def _placed(blocks: Iterator[Array]) -> Iterator[tuple[slice, Array]]:
    start = 0
    for block in blocks:
        yield slice(start, start + len(block)), block
        start += len(block)


def block_size(n_features: int) -> int:
    """Return how many rows a block has."""
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
    """Return rows as they are if they are of a common kind of float, otherwise as float64."""
    return rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float64)


def evenly_spaced(X: Any, rows: Array | None, n_wanted: int) -> Array:
    """Return the positions of at most so many rows."""
    index = np.arange(X.shape[0]) if rows is None else rows
    if len(index) <= n_wanted:
        return index
    return index[np.linspace(0, len(index) - 1, n_wanted).astype(np.intp)]
