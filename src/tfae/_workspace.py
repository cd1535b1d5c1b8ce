"""Memory and turns for blocks of rows on their way through a network in NumPy.

Threads take turns at large arrays. NumPy's matrix products use all cores already, and two threads
in them wait for each other: without turns four threads had 0.7 to 0.8 of the speed of one. A turn
is some blocks long, for each change costs about a millisecond. Within a turn each block uses the
memory of the last one again: fresh arrays of some megabytes, whose pages the system has yet to
map, can cost as much as activations do, above all in threads other than the main one.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any, Protocol, TypeVar

import joblib
import numpy as np
from threadpoolctl import ThreadpoolController

from tfae._types import Array

_SECONDS_OF_A_TURN = 0.05  # after which the block at hand is the last
_LARGE = 1 << 14  # numbers; with fewer, products take one core and new memory is no cost
_GIVE_WAY = 1e-4  # seconds
_KEPT_BYTES = 32 << 20
_ALIGNMENT = 64
_MAX_IDLE = 4

T = TypeVar("T")


class Workspace(Protocol):
    """Where the arrays of one block of rows come from."""

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Make an array, whose values may be anything."""

    def clear(self) -> None:
        """Use the memory again for another block."""


class New:
    """All arrays are new, and stay what they are."""

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        return np.empty(shape, dtype)

    def clear(self) -> None:
        pass


NEW = New()


class Kept:
    """Arrays stand one after the other in memory that is kept for the next block.

    What a block finds no room for is new; the next block has room for as much.
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


class _Turns:
    """One at a time, where matrix products leave no core for a second thread."""

    def __init__(self) -> None:
        self._idle: list[Kept] = []
        self._turn = threading.RLock()  # a signal handler may encode rows within one

    @contextmanager
    def next(self) -> Iterator[Workspace]:
        with self._turn if _take_most_cores() else nullcontext():
            try:
                space = self._idle.pop()
            except IndexError:
                space = Kept()
            try:
                yield space
            finally:
                space.clear()
                if len(self._idle) < _MAX_IDLE:
                    self._idle.append(space)


def in_turns(blocks: Iterator[T], work: Callable[[T, Workspace], None], n_numbers: int) -> None:
    """Do some work for every block of an array of so many numbers."""
    block, another = next(blocks, None), False
    while block is not None:
        with a_turn(n_numbers, another) as space:
            end = time.perf_counter() + _SECONDS_OF_A_TURN
            while block is not None:
                work(block, space)
                space.clear()
                block = next(blocks, None)
                if time.perf_counter() > end:
                    break
        another = True


def a_turn(n_numbers: int, another: bool = False) -> AbstractContextManager[Workspace]:
    """Wait for a turn at an array of so many numbers, or for `another`; small ones need none."""
    if n_numbers < _LARGE:
        return nullcontext(NEW)
    if another:
        time.sleep(_GIVE_WAY)  # or this thread would be the next one, for it is awake
    return _turns.next()


def _take_most_cores() -> bool:
    """Whether a matrix product does; the threads of its library may be limited at any time."""
    return any(2 * library.num_threads > _n_cores() for library in _libraries())


@cache
def _n_cores() -> int:
    return int(joblib.cpu_count())


@cache
def _libraries() -> list[Any]:
    """Return the libraries of matrix products in this process, which takes 10 ms to find out."""
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


def _start_again() -> None:
    """Have everybody's turn end: those of threads that a forked process lacks never would."""
    global _turns
    _turns = _Turns()


_turns = _Turns()
if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_start_again)
