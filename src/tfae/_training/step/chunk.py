"""Rows of several optimizer steps, as a compiled program takes them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from tfae._support.typing import Array

_ALIGNMENT = 64  # what XLA needs to read a NumPy buffer in place


class ChunkShape(NamedTuple):
    """The fixed shape of the chunks that a compiled program takes."""

    steps: int
    batch: int
    features: int
    dtype: str


class Chunk(NamedTuple):
    """Rows for up to ``steps`` optimizer steps.

    Step ``s`` works on the rows from ``s * batch`` on, with the weights ``weight[s]``. A batch that
    the data does not fill is filled up with other rows, of weight zero. Rows of the data have the
    weight 1, or positive weights whose mean over an epoch is 1. ``corrupted`` is the encoder's
    input instead of ``x`` if the rows are corrupted, or if the encoder sees other numbers than
    those to rebuild. ``noise`` is standard normal, or other input of the objective for every row.
    ``entry_weight`` is the factor of the loss of every entry, 0 for missing ones, whose ``x`` may
    be any number. ``offset`` is added to the network's output. A chunk holds a part of an epoch, a
    whole epoch, or several whole epochs with the same number of steps. ``drawn`` has the states of
    the generators of the order and of the noise after it was drawn, if an epoch ends with it: rows
    of the next epoch may be drawn already when this one is trained on.
    """

    x: Array  # [steps * batch, features], scaled
    weight: Array  # [steps, batch]
    n_steps: int  # how many of the steps hold rows
    last: bool  # whether an epoch ends here
    corrupted: Array | None = None  # [steps * batch, inputs]
    noise: Array | None = None  # [steps * batch, width]
    n_epochs: int = 1  # how many epochs the rows belong to
    entry_weight: Array | None = None  # as x
    offset: Array | None = None  # as x
    drawn: tuple[Any, ...] = (None, None)
    weight_of_all: Array | None = None  # those of whole batches, if it holds parts of them

    @property
    def counted(self) -> Array:
        """The weights of the rows of whole batches, of shape [steps, rows]."""
        return self.weight if self.weight_of_all is None else self.weight_of_all


class Part(NamedTuple):
    """The rows of every batch that one process takes: as many as every other, or fewer."""

    first: int
    last: int
    width: int  # the number of rows that its programs take

    def of(self, batches: Array) -> Array:
        """Return the part of batches, shape [steps, rows, ...], filled up with their first rows."""
        mine = batches[:, self.first : self.last]
        if mine.shape[1] == self.width:
            return mine
        missing = self.width - mine.shape[1]
        return np.concatenate([mine, np.repeat(batches[:, :1], missing, axis=1)], axis=1)

    def of_weights(self, weights: Array) -> Array:
        """Return the weights of the part of batches; rows that only fill it up weigh nothing."""
        mine = aligned((len(weights), self.width), weights.dtype)
        own = weights[:, self.first : self.last]
        mine[:, : own.shape[1]] = own
        return mine


def shape_of_part(shape: ChunkShape, part: Part | None) -> ChunkShape:
    """Return the shape of chunks that hold a part of every batch; None for whole batches."""
    return shape if part is None else shape._replace(batch=part.width)


def aligned(shape: tuple[int, ...], dtype: Any) -> Array:
    """Make an array of zeros that the device can read in place."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)
