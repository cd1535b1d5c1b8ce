"""Rows of a table as chunks in which further entries are hidden, for a network to guess them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Protocol

import numpy as np

from tfae._data.layout import Layout
from tfae._support.random_bits import sixteen_bits, threshold
from tfae._support.typing import Array
from tfae._training.chunks import AtOnce, ahead, one_at_once
from tfae._training.order import epoch_order
from tfae._training.step.chunk import Chunk, ChunkShape, aligned

# The mean share of observed entries that are hidden follows the share of missing ones: a network
# learns most from rows that look like those which it will fill.
_LEAST_RATE, _MOST_RATE = 0.2, 0.5
# The rate of a row is uniform between these multiples of it.
_SPREAD = 0.5, 1.5
# Rows are prepared in parts that stay in the cache.
_PART = 2048


@dataclass(frozen=True)
class Hiding:
    """How many of the observed entries are hidden: a rate for every row."""

    lowest: float
    highest: float

    @classmethod
    def like(cls, rows: Array, layout: Layout) -> Hiding:
        """Return a hiding at the rate at which entries of rows are missing already."""
        rate = float(np.clip(layout.missing(rows).mean(), _LEAST_RATE, _MOST_RATE))
        return cls(_SPREAD[0] * rate, _SPREAD[1] * rate)

    def draw(self, missing: Array, rng: np.random.Generator) -> Array:
        """Return which entries are hidden, of shape [rows, columns].

        At least one is in every row that has any.
        """
        chance = np.where(missing, np.inf, rng.random(missing.shape))
        rate = rng.uniform(self.lowest, self.highest, (len(missing), 1))
        least = chance.min(axis=1, keepdims=True)
        return np.asarray((chance < rate) | ((chance == least) & ~missing))


@dataclass(frozen=True)
class QuickHiding(Hiding):
    """The same from numbers of 16 bits, in a tenth of the time; a row may have no hidden entry."""

    def draw(self, missing: Array, rng: np.random.Generator) -> Array:
        """Return which entries are hidden, of shape [rows, columns]."""
        low, high = threshold(self.lowest), threshold(self.highest)
        limits = rng.integers(low, high, (len(missing), 1), dtype=np.uint16)
        return np.asarray((sixteen_bits(missing.shape, rng) < limits) & ~missing)


class View(Protocol):
    """What a network is to predict of rows, and what it sees of them."""

    @property
    def layout(self) -> Layout: ...

    @property
    def n_inputs(self) -> int: ...

    @property
    def has_offset(self) -> bool:
        """Whether what is seen comes with numbers that are added to the network's output."""

    def target(self, rows: Array) -> Array:
        """Return what is to be predicted; 0 for NaN."""

    def seen(self, rows: Array) -> Any:
        """Return ``inputs`` and ``offset`` for rows with NaN in the places of hidden entries."""


class HiddenEntries:
    """Rows of a table, in which other entries are hidden in every epoch.

    The loss of a chunk is the mean over its hidden entries.

    Parameters
    ----------
    rows : ndarray of shape (n, places)
        With NaN for missing entries.
    view : View
    hiding : Hiding
    weights : ndarray of shape (columns,)
        The factors of the columns' losses.
    shape : ChunkShape
    rng : numpy.random.Generator
        It draws what is hidden.
    """

    def __init__(
        self,
        rows: Array,
        view: View,
        hiding: Hiding,
        weights: Array,
        shape: ChunkShape,
        rng: np.random.Generator,
    ) -> None:
        self._rows, self._view, self._hiding = rows, view, hiding
        self._weights, self._shape, self._rng = weights, shape, rng
        self._n_steps = -(-len(rows) // shape.batch)

    def epochs(
        self, rng: np.random.Generator | None = None, at_once: AtOnce = one_at_once
    ) -> Generator[Chunk, None, None]:
        """Yield the chunks of epoch after epoch without end, shuffled by `rng` if there is one."""
        return ahead(self._chunks(rng, at_once))

    def _chunks(
        self, rng: np.random.Generator | None, at_once: AtOnce
    ) -> Generator[Chunk, None, None]:
        steps, batch = self._shape[:2]
        # Two are enough: a buffer is filled again only after the step that read it has ended.
        buffers, epoch = cycle([self._buffers() for _ in range(2)]), 0
        while True:
            n_epochs = max(1, min(at_once(epoch), steps // self._n_steps))
            epoch += n_epochs
            order = np.concatenate([self._epoch(rng) for _ in range(n_epochs)])
            for start in range(0, len(order), steps * batch):
                part = order[start : start + steps * batch]
                last = start + steps * batch >= len(order)
                yield self._chunk(part, last, n_epochs, next(buffers))

    def _epoch(self, rng: np.random.Generator | None) -> Array:
        """Return the rows of an epoch; the first rows fill up the last batch."""
        order = epoch_order(len(self._rows), rng)
        return np.resize(order[:], self._n_steps * self._shape.batch)

    def _buffers(self) -> list[Array]:
        """Make buffers for targets, inputs, weights of entries and offsets."""
        steps, batch, places, dtype = self._shape
        widths = [places, self._view.n_inputs, places, *([places] * self._view.has_offset)]
        return [aligned((steps * batch, width), dtype) for width in widths]

    def _chunk(self, order: Array, last: bool, n_epochs: int, buffers: list[Array]) -> Chunk:
        n_hidden = 0
        for start in range(0, len(order), _PART):
            part = slice(start, min(start + _PART, len(order)))
            n_hidden += self._fill(order[part], [buffer[part] for buffer in buffers])
        x, inputs, entry_weight, *offset = buffers
        entry_weight *= len(order) * x.shape[1] / max(1, n_hidden)
        steps, batch, _, dtype = self._shape
        weight = aligned((steps, batch), dtype)
        n_steps = len(order) // batch
        weight[:n_steps] = 1
        return Chunk(x, weight, n_steps, last, inputs, None, n_epochs, entry_weight, *offset)

    def _fill(self, places: Array, buffers: list[Array]) -> int:
        """Write some rows into buffers; return how many of their entries are hidden."""
        x, inputs, entry_weight, *offset = buffers
        rows, layout = self._rows[places], self._view.layout
        hidden = self._hiding.draw(layout.missing(rows), self._rng)
        x[:] = self._view.target(rows)
        seen = self._view.seen(np.where(layout.spread(hidden), np.nan, rows))
        inputs[:] = seen.inputs
        for buffer in offset:
            buffer[:] = seen.offset
        entry_weight[:] = layout.spread(hidden * self._weights)
        return int(hidden.sum())
