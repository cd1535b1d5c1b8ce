"""Batches of rows with the affinities between them, for the training of an embedding."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from itertools import cycle
from typing import Any

import numpy as np

from tfae._data.rows import dense_rows
from tfae._data.scaling import Scaling
from tfae._objective.affinities import Affinities
from tfae._support.typing import Array
from tfae._training.checkpoints import drawn_so_far
from tfae._training.chunks import AtOnce, Noise, ahead, one_at_once
from tfae._training.step.chunk import Chunk, ChunkShape, aligned

_NO_NOISE = Noise()


class Neighbourhoods:
    """Scaled rows of `X` in chunks of random batches, and the affinities within every batch.

    In an epoch every row is in a batch; the last batch is filled up with rows of the first. A pair
    of rows meets in a batch by chance. So the affinities in a batch, times the ratio of all pairs
    to the pairs of a batch, have the mean of all affinities. A batch costs one pass through the
    encoder. It holds ``batch ** 2 / n`` times as many pairs of neighbours as a row has neighbours.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, features)
    scaling : Scaling
    shape : ChunkShape
        With batches of at most n rows.
    affinities : Affinities
    noise : Noise
        Its corruption is used. The ``noise`` of a chunk holds the affinities between a row and
        the rows of its batch.
    """

    def __init__(
        self,
        X: Any,
        scaling: Scaling,
        shape: ChunkShape,
        affinities: Affinities,
        noise: Noise = _NO_NOISE,
    ) -> None:
        self._X, self._scaling, self._shape = X, scaling, shape
        self._noise = replace(noise, width=0)
        n_rows, batch = affinities.n_rows, shape.batch
        self._matrix = affinities.matrix * (n_rows * (n_rows - 1) / (batch * (batch - 1)))
        self._n_steps = -(-n_rows // batch)

    def epochs(
        self, rng: np.random.Generator | None = None, at_once: AtOnce = one_at_once
    ) -> Generator[Chunk, None, None]:
        """Yield the chunks of epoch after epoch without end; without `rng` all epochs are the same.

        A chunk holds rows of one epoch, whatever `at_once` allows.
        """
        return ahead(self._chunks(rng))

    def _chunks(self, rng: np.random.Generator | None) -> Generator[Chunk, None, None]:
        steps, batch, _, dtype = self._shape
        # Two are enough: a buffer is filled again only after the step that read it has ended.
        buffers = cycle([self._buffers() for _ in range(2)])
        while True:
            batches = self._batches(np.random.default_rng(0) if rng is None else rng)
            noise_rng = self._noise.of_epoch()
            for start in range(0, self._n_steps, steps):
                x, corrupted, affinities = next(buffers)
                part = batches[start : start + steps]
                rows = dense_rows(self._X, part.ravel())
                self._scaling.forward(rows, dtype, out=x[: part.size])
                self._noise.draw(x, slice(part.size), (corrupted, None), noise_rng)
                for block, rows in zip(affinities, part, strict=False):
                    self._fill(block, rows)
                weight = aligned((steps, batch), dtype)
                weight[: len(part)] = 1
                last = start + steps >= self._n_steps
                flat = affinities.reshape(-1, batch)
                drawn = drawn_so_far(rng, self._noise.rng)
                yield Chunk(x, weight, len(part), last, corrupted, flat, drawn=drawn)

    def _buffers(self) -> tuple[Array, Array | None, Array]:
        steps, batch, features, dtype = self._shape
        return (
            aligned((steps * batch, features), dtype),
            self._noise.buffers(self._shape)[0],
            aligned((steps, batch, batch), dtype),
        )

    def _batches(self, rng: np.random.Generator) -> Array:
        """Return the rows of an epoch's batches, of shape [steps, batch]."""
        order = rng.permutation(self._X.shape[0])
        return np.resize(order, (self._n_steps, self._shape.batch))

    def _fill(self, block: Array, rows: Array) -> None:
        """Write the affinities between some rows into a square array."""
        place = np.full(self._matrix.shape[0], -1, np.intp)
        place[rows] = np.arange(len(rows))
        some = self._matrix[rows]
        columns = place[some.indices]
        inside = columns >= 0
        lines = np.repeat(np.arange(len(rows)), np.diff(some.indptr))
        block[:] = 0
        block[lines[inside], columns[inside]] = some.data[inside]
