"""The batches of several networks that are trained side by side, as the batches of one program."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from itertools import cycle
from threading import Lock
from typing import Any

import numpy as np

from tfae._support.typing import Array
from tfae._training.chunks import AtOnce, ahead, one_at_once
from tfae._training.loop import Batches
from tfae._training.step.chunk import Chunk, ChunkShape, aligned

# The arrays of a chunk that have an entry for every row, as far as there are any.
_OF_ROWS = ("x", "corrupted", "noise", "entry_weight", "offset")


def shape_of_member(shape: ChunkShape, n_members: int) -> ChunkShape:
    """Return the shape of one member's chunks from that of all members'."""
    return shape._replace(batch=shape.batch // n_members)


class MemberBatches:
    """Batches of several members, all of the same number of rows, put together step by step.

    A batch holds the rows of the first member, then those of the second, and so on; see
    :mod:`tfae._training.step.side_by_side`.

    Parameters
    ----------
    members : sequence of Batches
        With chunks of the shape of :func:`shape_of_member`.
    shape : ChunkShape
    rngs : sequence of numpy.random.Generator
        They draw the order of the rows of each member.
    """

    def __init__(
        self,
        members: Sequence[Batches],
        shape: ChunkShape,
        rngs: Sequence[np.random.Generator],
    ) -> None:
        self._members, self._shape, self._rngs = members, shape, rngs

    def epochs(
        self, rng: np.random.Generator | None = None, at_once: AtOnce = one_at_once
    ) -> Generator[Chunk, None, None]:
        """Yield the chunks of epoch after epoch without end; shuffled if there is an `rng`.

        It draws nothing, because every member has a generator of its own.
        """
        rngs = [None] * len(self._members) if rng is None else self._rngs
        return ahead(self._together(rngs, _Decided(at_once)))

    def _together(
        self, rngs: Sequence[np.random.Generator | None], at_once: AtOnce
    ) -> Generator[Chunk, None, None]:
        # Two are enough: a buffer is filled again only after the step that read it has ended.
        buffers: Any = cycle([{}, {}])
        with ExitStack() as stack:
            streams = [
                stack.enter_context(closing(member.epochs(rng, at_once)))
                for member, rng in zip(self._members, rngs, strict=True)
            ]
            while True:
                yield self._joined([next(stream) for stream in streams], next(buffers))

    def _joined(self, parts: Sequence[Chunk], buffers: dict[str, Array]) -> Chunk:
        steps, batch, _, dtype = self._shape
        first = parts[0]
        assert all(part.n_steps == first.n_steps for part in parts)
        joined: dict[str, Any] = {}
        for name in _OF_ROWS:
            given = [getattr(part, name) for part in parts]
            if given[0] is None:
                continue
            if name not in buffers:
                buffers[name] = aligned((steps * batch, given[0].shape[1]), dtype)
            self._put(given, buffers[name], first.n_steps)
            joined[name] = buffers[name]
        weight = aligned((steps, batch), dtype)
        weight[:] = np.hstack([part.weight for part in parts])
        return first._replace(weight=weight, **joined)

    def _put(self, parts: Sequence[Array], buffer: Array, n_steps: int) -> None:
        """Write every member's rows of the first steps side by side."""
        steps, width = self._shape.steps, buffer.shape[1]
        cube = buffer.reshape(steps, len(parts), -1, width)[:n_steps]
        for member, part in enumerate(parts):
            cube[:, member] = part.reshape(steps, -1, width)[:n_steps]


class _Decided:
    """How many epochs a chunk holds, asked once for all members, who ask at different times."""

    def __init__(self, at_once: AtOnce) -> None:
        self._at_once, self._lock = at_once, Lock()
        self._known: dict[int, int] = {}

    def __call__(self, epoch: int) -> int:
        with self._lock:
            if epoch not in self._known:
                self._known[epoch] = self._at_once(epoch)
            return self._known[epoch]
