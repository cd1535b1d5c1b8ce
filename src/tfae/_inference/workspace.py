"""Memory for blocks of rows on their way through a network in NumPy.

Each block reuses the memory of the last one. Fresh arrays of some megabytes can cost as much as
activations do, because the system must first map their pages. This holds above all in threads other
than the main one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from tfae._support.typing import Array

_KEPT_BYTES = 32 << 20
_ALIGNMENT = 64
_MAX_IDLE = 4


class Workspace(Protocol):
    """Provides the arrays of one block of rows."""

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Make an array of arbitrary values."""

    def clear(self) -> None:
        """Make the memory free for the next block."""


class New:
    """Makes new arrays, which are never reused."""

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        return np.empty(shape, dtype)

    def clear(self) -> None:
        pass


NEW = New()


class Kept:
    """Puts arrays one after the other into memory that is kept for the next block.

    An array that finds no room is new. The next block then has room for as much.
    """

    def __init__(self) -> None:
        self._memory = np.empty(0, np.uint8)
        self._used = 0

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        start, n_bytes = self._used, math.prod(shape) * np.dtype(dtype).itemsize
        self._used += n_bytes + -n_bytes % _ALIGNMENT
        if self._used > len(self._memory):
            return np.empty(shape, dtype)
        return self._memory[start : start + n_bytes].view(dtype).reshape(shape)

    def clear(self) -> None:
        if len(self._memory) < self._used <= _KEPT_BYTES:
            self._memory = np.empty(self._used, np.uint8)
        self._used = 0


_idle: list[Kept] = []


@contextmanager
def kept() -> Iterator[Kept]:
    """Lend memory that was used before."""
    try:
        space = _idle.pop()
    except IndexError:
        space = Kept()
    try:
        yield space
    finally:
        space.clear()
        if len(_idle) < _MAX_IDLE:
            _idle.append(space)
