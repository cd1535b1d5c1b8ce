"""Rows of an array or sparse matrix as fixed-shape chunks, made ahead of the device.

Who owns what: the caller owns the data and the shape of a chunk; this file owns the order of the
rows, the filling of incomplete batches, and the thread that gathers the next chunk.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from tfae._scaling import Scaling, dense_rows
from tfae._types import Array, Chunk, ChunkShape

T = TypeVar("T")

# Larger chunks gain nothing on the device, cost memory, and leave malloc's reusable range, after
# which every chunk pays for fresh pages.
_CHUNK_BYTES = 16 << 20
_MAX_STEPS = 64
_ALIGNMENT = 64  # what XLA needs to read a NumPy buffer in place


def chunk_shape(batch_size: int, n_features: int, dtype: str) -> ChunkShape:
    """Choose the number of steps in a chunk: from the size of a batch alone, never of the data."""
    batch_bytes = batch_size * n_features * np.dtype(dtype).itemsize
    steps = int(np.clip(_CHUNK_BYTES // max(1, batch_bytes), 1, _MAX_STEPS))
    return ChunkShape(steps, batch_size, n_features, dtype)


class Rows:
    """Some rows of `X`, scaled, cut into chunks.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, features)
    scaling : Scaling
    shape : ChunkShape
    index : ndarray of int or None
        Which rows of `X`; None takes them all.
    """

    def __init__(
        self, X: Any, scaling: Scaling, shape: ChunkShape, index: Array | None = None
    ) -> None:
        self._X, self._scaling, self._shape = X, scaling, shape
        self._index = np.arange(X.shape[0]) if index is None else index

    def __len__(self) -> int:
        return len(self._index)

    def epochs(self, rng: np.random.Generator | None = None) -> Generator[Chunk, None, None]:
        """Yield the chunks of epoch after epoch without end, shuffled by `rng` if there is one."""
        if len(self) <= self._shape.steps * self._shape.batch:
            return self._resident(rng)
        return _ahead(self._streamed(rng))

    def _resident(self, rng: np.random.Generator | None) -> Generator[Chunk, None, None]:
        """All rows are one chunk: it is gathered once and only its order changes."""
        x = self._buffer()
        self._gather(np.arange(len(self)), x)
        while True:
            order = self._order(rng)
            yield self._chunk(x, self._filled(order, order), len(self), last=True)

    def _streamed(self, rng: np.random.Generator | None) -> Generator[Chunk, None, None]:
        """Gather chunk after chunk into two buffers in turn.

        Two are enough: a buffer is asked for again only after the step that read it has ended.
        """
        capacity = self._shape.steps * self._shape.batch
        buffers = [self._buffer(), self._buffer()]
        places = np.arange(capacity)
        while True:
            order = self._order(rng)
            for start in range(0, len(self), capacity):
                part = order[start : start + capacity]
                filled = self._filled(part, order)
                buffers.reverse()
                self._gather(filled, buffers[0])
                last = start + capacity >= len(self)
                yield self._chunk(buffers[0], places[: len(filled)], len(part), last)

    def _order(self, rng: np.random.Generator | None) -> Array:
        return np.arange(len(self)) if rng is None else rng.permutation(len(self))

    def _filled(self, part: Array, order: Array) -> Array:
        """Fill the last batch of `part` with rows from the start of the epoch's order."""
        missing = -len(part) % self._shape.batch
        return np.concatenate([part, np.resize(order, missing)])

    def _buffer(self) -> Array:
        steps, batch, features, dtype = self._shape
        return _aligned((steps * batch, features), dtype)

    def _gather(self, positions: Array, buffer: Array) -> None:
        rows = dense_rows(self._X, self._index[positions])
        self._scaling.forward(rows, buffer.dtype, out=buffer[: len(positions)])

    def _chunk(self, x: Array, places: Array, n_rows: int, last: bool) -> Chunk:
        """Lay out the `places` of rows in `x` as batches; those after `n_rows` weigh nothing."""
        steps, batch, _, dtype = self._shape
        order = _aligned((steps, batch), np.int32)
        order.flat[: len(places)] = places
        weight = _aligned((steps, batch), dtype)
        weight.flat[:n_rows] = 1
        return Chunk(x, order, weight, len(places) // batch, last)


def _aligned(shape: tuple[int, ...], dtype: Any) -> Array:
    """Make an array of zeros that the device can read in place."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def _ahead(chunks: Generator[T, None, None]) -> Generator[T, None, None]:
    """Yield from `chunks` while a thread makes the next one."""
    with ThreadPoolExecutor(1, thread_name_prefix="tfae-chunks") as thread:
        coming = thread.submit(next, chunks)
        while True:
            chunk = coming.result()
            coming = thread.submit(next, chunks)
            yield chunk
