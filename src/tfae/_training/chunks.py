"""Rows of an array or sparse matrix as fixed-shape chunks, made ahead of the device.

The caller owns the data, the shape of a chunk and its random parts. This file fills incomplete
batches, and owns the thread that makes the next chunk.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from typing import Any, TypeVar

import numpy as np

from tfae._data.paired_streams import Half
from tfae._data.rows import dense_blocks
from tfae._data.scaling import Scaling
from tfae._data.source import weights_of
from tfae._data.streams import Streamed
from tfae._objective.corruptions import Corrupt
from tfae._support.typing import Array
from tfae._training.checkpoints import drawn_so_far
from tfae._training.order import Order, epoch_order
from tfae._training.step.chunk import Chunk, ChunkShape, Part, aligned, shape_of_part

T = TypeVar("T")
AtOnce = Callable[[int], int]

# Larger chunks gain nothing on the device and cost memory. They also leave malloc's reusable range,
# so that every chunk pays for fresh pages.
_CHUNK_BYTES = 16 << 20
_USUAL_STEPS = 64
# A call of a program costs as much as 2 to 10 of the shortest steps, so a chunk holds more of them.
_SHORT_BYTES = 8 << 20
_MAX_STEPS = 256
# Several epochs go into one chunk if their features stay in a core's own cache.
_TOGETHER_BYTES = 2 << 20


def chunk_shape(batch_size: int, n_features: int, dtype: str, beside: int = 0) -> ChunkShape:
    """Choose the number of steps in a chunk from the size of a batch, never from that of the data.

    `beside` is how many numbers come with every row besides its features.
    """
    batch_bytes = batch_size * (n_features + beside) * np.dtype(dtype).itemsize
    usual = min(_CHUNK_BYTES // batch_bytes, _USUAL_STEPS)
    short = min(_SHORT_BYTES // batch_bytes, _MAX_STEPS)
    return ChunkShape(max(1, usual, short), batch_size, n_features, dtype)


def one_at_once(epoch: int) -> int:
    """Let a chunk hold rows of one epoch only."""
    return 1


@dataclass(frozen=True)
class Noise:
    """The random parts of a chunk besides the order of its rows; none by default."""

    rng: np.random.Generator | None = None
    corrupt: Corrupt | None = None
    width: int = 0  # standard normal numbers for every row
    fresh: bool = True  # False: every epoch has the same noise, and no two share a chunk
    noisy: Any = None  # noisy rows that were given, at the same positions as the clean ones
    stream: int | None = None  # of several processes that draw for other rows, the number of this

    def __bool__(self) -> bool:
        return self.corrupts or self.width > 0

    @property
    def corrupts(self) -> bool:
        """Whether the encoder sees other rows than those to rebuild."""
        return self.corrupt is not None or self.noisy is not None

    def of_epoch(self) -> np.random.Generator | None:
        """Return the generator of an epoch."""
        rng = self.rng if self.fresh else copy.deepcopy(self.rng)
        if rng is None or self.stream is None:
            return rng
        # All processes draw the same seed, so that `rng` stays the same in all.
        return np.random.default_rng([*rng.integers(2**32, size=4), self.stream])

    def of_rows(self, rows: Any) -> Noise:
        """Return the noise of some of the rows."""
        return self if self.noisy is None else replace(self, noisy=self.noisy[rows])

    def buffers(self, shape: ChunkShape) -> tuple[Array | None, Array | None]:
        """Make buffers for a chunk's corrupted rows and for its random numbers."""
        n_rows = shape.steps * shape.batch
        return (
            aligned((n_rows, shape.features), shape.dtype) if self.corrupts else None,
            aligned((n_rows, self.width), shape.dtype) if self.width else None,
        )

    def draw(
        self, x: Array, rows: slice, buffers: tuple[Array | None, Array | None], rng: Any
    ) -> None:
        """Corrupt some rows of `x` and draw new numbers for them, into buffers."""
        corrupted, normal = buffers
        if corrupted is not None and self.corrupt is not None:
            self.corrupt(x[rows], corrupted[rows], rng)
        if normal is not None:
            rng.standard_normal(out=normal[rows], dtype=normal.dtype.type)


class Rows:
    """Some rows of `X`, scaled and cut into chunks.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, features)
    scaling : Scaling
    shape : ChunkShape
    index : ndarray of int or None
        Which rows of `X`; None takes them all.
    noise : Noise
    part : Part or None
        The rows of every batch that are taken; None takes whole batches.
    """

    def __init__(
        self,
        X: Any,
        scaling: Scaling,
        shape: ChunkShape,
        index: Array | None = None,
        noise: Noise = Noise(),
        part: Part | None = None,
    ) -> None:
        self._X, self._scaling, self._shape = X, scaling, shape
        self._noise, self._part = noise, part
        self._index = index
        weights = weights_of(X, index)
        # Their mean over the rows of a training is 1; see `_training/step/program.py`.
        self._weights = None if weights is None else weights / weights.mean()

    def __len__(self) -> int:
        return int(self._X.shape[0]) if self._index is None else len(self._index)

    def epochs(
        self, rng: np.random.Generator | None = None, at_once: AtOnce = one_at_once
    ) -> Generator[Chunk, None, None]:
        """Yield the chunks of epoch after epoch without end, shuffled by `rng` if there is one.

        Before a chunk is made, ``at_once(epoch)`` returns how many epochs it may hold, from that
        epoch on. The previous chunk may still be in use then.
        """
        if self._one_chunk and rng is None and not (self._noise and self._noise.fresh):
            return self._repeated()
        # Shuffling rows in memory needs no thread.
        if self._one_chunk and not self._noise:
            return self._gathered(rng, at_once, n_buffers=1)
        return ahead(self._gathered(rng, at_once))

    @property
    def _one_chunk(self) -> bool:
        return len(self) <= self._shape.steps * self._shape.batch

    def _repeated(self) -> Generator[Chunk, None, None]:
        """Yield the same chunk for every epoch."""
        chunk = next(self._gathered(None, n_buffers=1))
        while True:
            yield chunk

    def _gathered(
        self, rng: np.random.Generator | None, at_once: AtOnce = one_at_once, n_buffers: int = 2
    ) -> Generator[Chunk, None, None]:
        """Gather chunk after chunk into some buffers in turn.

        Two are enough for reading ahead, otherwise one: a buffer is filled again only after the
        step that read it has ended.
        """
        capacity = self._shape.steps * self._shape.batch
        buffers, gather = cycle([self._buffers() for _ in range(n_buffers)]), self._gatherer()
        epoch = 0
        while True:
            n_epochs = min(at_once(epoch), self._epochs_that_fit) if self._one_chunk else 1
            epoch += n_epochs
            orders = [epoch_order(len(self), rng) for _ in range(n_epochs)]
            noise_rng = self._noise.of_epoch()
            for start in range(0, len(self), capacity):
                x, noise = next(buffers)
                n_filled, n_rows = 0, min(capacity, len(self) - start)
                weights: list[Array] = []
                for order in orders:
                    part = self._filled(order[start : start + capacity], order)
                    if self._weights is not None:
                        weights.append(self._weights[part[:n_rows]])
                    part = self._own(part)
                    rows = slice(n_filled, n_filled + len(part))
                    gather(part, x[rows])
                    self._noise.draw(x, rows, noise, noise_rng)
                    if self._noise.noisy is not None and noise[0] is not None:
                        self._gather(part, noise[0][rows], self._noise.noisy)
                    n_filled = rows.stop
                last = start + capacity >= len(self)
                chunk = self._chunk(x, n_rows, last, noise, n_epochs, weights or 1)
                yield self._noted(chunk, rng)

    def _noted(self, chunk: Chunk, rng: np.random.Generator | None) -> Chunk:
        """Return a chunk that says what was drawn up to it if an epoch ends there."""
        return chunk._replace(drawn=drawn_so_far(rng, self._noise.rng)) if chunk.last else chunk

    @property
    def _epochs_that_fit(self) -> int:
        """How many epochs fit into a chunk, if one does."""
        steps, batch, features, dtype = self._shape
        n_steps = -(-len(self) // batch)
        most = _TOGETHER_BYTES // (batch * features * np.dtype(dtype).itemsize)
        return max(1, min(steps, most) // n_steps)

    def _filled(self, part: Array, order: Order) -> Array:
        """Fill the last batch of `part` with rows from the start of the epoch's order."""
        missing = -len(part) % self._shape.batch
        return np.concatenate([part, np.resize(order[:missing], missing)])

    def _own(self, positions: Array) -> Array:
        """Return the positions of the rows that are taken of whole batches."""
        if self._part is None:
            return positions
        return self._part.of(positions.reshape(-1, self._shape.batch)).ravel()

    def _buffer(self, shape: ChunkShape) -> Array:
        return aligned((shape.steps * shape.batch, shape.features), shape.dtype)

    def _buffers(self) -> tuple[Array, tuple[Array | None, Array | None]]:
        """Make buffers for a chunk's rows and for its noise."""
        taken = shape_of_part(self._shape, self._part)
        return self._buffer(taken), self._noise.buffers(taken)

    def _gatherer(self) -> Callable[[Array, Array], None]:
        """Choose the function that copies the rows at given positions into a buffer."""
        if self._are_ready:
            return partial(_take, self._X, self._index)
        if not self._one_chunk:
            return self._gather
        scaled = self._buffer(self._shape)
        self._gather(np.arange(len(self)), scaled)
        return partial(_take, scaled, None)

    @property
    def _are_ready(self) -> bool:
        """Whether the network can take the rows in memory as they are, with no copy of them all."""
        X = self._X
        if not isinstance(X, np.ndarray) or X.dtype != self._shape.dtype:
            return False
        return X.flags.c_contiguous and X.flags.aligned and self._scaling.is_identity

    def _gather(self, positions: Array, buffer: Array, X: Any = None) -> None:
        """Scale some rows into a buffer, by blocks: all at once would need memory for them all."""
        chosen = positions if self._index is None else self._index[positions]
        for block, rows in dense_blocks(self._X if X is None else X, chosen):
            self._scaling.forward(rows, buffer.dtype, out=buffer[block])

    def _chunk(
        self,
        x: Array,
        n_rows: int,
        last: bool,
        noise: tuple[Array | None, Array | None],
        n_epochs: int = 1,
        weights: Any = 1,
    ) -> Chunk:
        """Make a chunk of the epochs in `x`; the rows of each after its `n_rows` weigh nothing.

        `weights` are those of the rows before, of shape [n_epochs, n_rows] or one for all.
        """
        steps, batch, _, dtype = self._shape
        weight = aligned((steps, batch), dtype)
        n_steps = n_epochs * -(-n_rows // batch)
        weight[:n_steps].reshape(n_epochs, -1)[:, :n_rows] = weights
        chunk = Chunk(x, weight, n_steps, last, *noise, n_epochs)
        if self._part is None:
            return chunk
        return chunk._replace(weight=self._part.of_weights(weight), weight_of_all=weight)


class StreamedRows(Rows):
    """The rows of a stream, shuffled by its window and read once in every epoch.

    A process that takes a part of every batch reads and shuffles all rows, because it must know
    which are its own, but scales and corrupts only these.
    """

    def __init__(
        self,
        X: Streamed,
        scaling: Scaling,
        shape: ChunkShape,
        noise: Noise,
        part: Part | None = None,
    ) -> None:
        super().__init__(X, scaling, shape, None, noise, part)

    def epochs(
        self, rng: np.random.Generator | None = None, at_once: AtOnce = one_at_once
    ) -> Generator[Chunk, None, None]:
        """Yield the chunks of epoch after epoch; no epoch is read before it is asked for."""
        while True:
            yield from ahead(self._epoch(rng))

    def _epoch(self, rng: np.random.Generator | None) -> Generator[Chunk, None, None]:
        buffers = cycle([self._buffers() for _ in range(2)])
        noise_rng = self._noise.of_epoch()
        parts = self._parts(self._shape.steps * self._shape.batch, rng)
        part = next(parts, None)
        while part is not None:
            (x, noise), n_rows = next(buffers), len(part[0])
            filled = self._fill(part[0], x)
            self._noise.draw(x, filled, noise, noise_rng)
            if part[1] is not None and noise[0] is not None:
                self._fill(part[1], noise[0])
            following = next(parts, None)
            yield self._noted(self._chunk(x, n_rows, following is None, noise), rng)
            part = following

    def _parts(
        self, size: int, rng: np.random.Generator | None
    ) -> Iterator[tuple[Array, Array | None]]:
        """Yield the rows of an epoch, and the noisy rows that were given with them."""
        if self._noise.noisy is None:
            return ((part, None) for part in self._X.epoch(size, rng))
        assert isinstance(self._X, Half)
        return self._X.epoch_of_pairs(size, rng)

    def _fill(self, rows: Array, buffer: Array) -> slice:
        """Scale rows into a buffer, and fill the last batch with some of them; return where."""
        n_rows = len(rows)
        missing = -n_rows % self._shape.batch
        if self._part is not None:
            rows = rows[self._own(np.arange(n_rows + missing) % n_rows)]
            n_rows, missing = len(rows), 0
        self._scaling.forward(rows, buffer.dtype, out=buffer[:n_rows])
        buffer[n_rows : n_rows + missing] = buffer[np.arange(missing) % n_rows]
        return slice(n_rows + missing)


def as_chunks(
    X: Any,
    scaling: Scaling,
    shape: ChunkShape,
    index: Any = None,
    noise: Noise = Noise(),
    part: Part | None = None,
) -> Rows:
    """Return some rows of `X` as chunks, whatever `X` is, or a part of every batch of them."""
    if isinstance(X, Streamed) and index is not None:
        X, noise, index = X[index], noise.of_rows(index), None
    if isinstance(X, Streamed):
        return StreamedRows(X, scaling, shape, noise, part)
    return Rows(X, scaling, shape, index, noise, part)


def _take(rows: Array, index: Array | None, positions: Array, buffer: Array) -> None:
    """Copy some rows, or some of those in `index`, into a buffer."""
    chosen = positions if index is None else index[positions]
    # In any other mode NumPy writes into a copy of the buffer first.
    np.take(rows, chosen, axis=0, out=buffer[: len(chosen)], mode="clip")


def ahead(chunks: Generator[T, None, None]) -> Generator[T, None, None]:
    """Yield from `chunks` while a thread makes the next one."""
    with (
        closing(chunks),
        ThreadPoolExecutor(1, thread_name_prefix="tfae-chunks") as thread,
    ):
        coming = thread.submit(next, chunks, None)
        while (chunk := coming.result()) is not None:
            coming = thread.submit(next, chunks, None)
            yield chunk
