"""The cores of the machine, for blocks of rows on their way through a network in NumPy.

NumPy's matrix products take all cores already, and two threads in them wait for each other: four
threads had 0.66 of the speed of one. So threads take turns at large arrays. A turn is some blocks
long, for each change costs about a millisecond.

Products leave cores idle while activations are computed. So a very large array gets a thread for
every core, with products that take one each, as in scikit-learn's `KMeans`. What that costs: for
as long, all products of the process take one core, and the last bits of some depend on it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from functools import cache
from typing import Generic, TypeVar

import joblib
from threadpoolctl import ThreadpoolController

from tfae._workspace import NEW, Workspace, kept

_LARGE = 1 << 15  # numbers; with fewer, products take one core and new memory is no cost
# Numbers for every thread: it takes a system some 20 ms to have two threads on two cores.
_VERY_LARGE = 1 << 23
_SECONDS_OF_A_TURN = 0.05  # which another thread that wants one has to wait
_GIVE_WAY = 1e-4  # seconds

T = TypeVar("T")
Work = Callable[[T, Workspace], None]


def for_every_block(blocks: Iterator[T], work: Work[T], n_numbers: int) -> None:
    """Do some work for all blocks of an array of so many numbers, in any order."""
    if n_numbers < _LARGE:
        for block in blocks:
            work(block, NEW)
        return
    n_threads = _n_threads_of_products()
    if n_numbers < n_threads * _VERY_LARGE:
        n_threads = 1
    shared, another = _Shared(blocks), False
    while not shared.ended:
        with a_turn(n_threads > 1, another) as goes_on:
            if n_threads == 1:
                _work(shared, work, goes_on)
            else:
                _work_together(shared, work, goes_on, n_threads)
        another = True


def a_turn(
    with_helpers: bool = False, another: bool = False
) -> AbstractContextManager[Callable[[], bool]]:
    """Wait for a turn, or for `another`: the context tells whether it goes on."""
    if another:
        time.sleep(_GIVE_WAY)  # or this thread would be the next one, for it is awake
    if with_helpers or 2 * _n_threads_of_products() > _n_cores():
        return _turns.next()
    return nullcontext(_always)


def _always() -> bool:
    return True


class _Turns:
    """One at a time, where matrix products leave no core for a second thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal handler may encode rows within a turn
        self._wanted = threading.Event()
        self.n_threads = 0  # how many products had before this turn; 0 where it is as many

    @contextmanager
    def next(self) -> Iterator[Callable[[], bool]]:
        if not self._lock.acquire(blocking=False):
            self._wanted.set()
            while not self._lock.acquire(timeout=_SECONDS_OF_A_TURN):
                self._wanted.set()  # which whoever got the turn took for said
        try:
            self._wanted.clear()
            end = time.perf_counter() + _SECONDS_OF_A_TURN
            yield lambda: time.perf_counter() < end or not self._wanted.is_set()
        finally:
            self._lock.release()

    @contextmanager
    def single_threaded(self, n_threads: int) -> Iterator[None]:
        """Have products take one thread each for a part of this turn, in place of so many.

        Only within a turn: two such limits that overlap would leave the first behind.
        """
        before, self.n_threads = self.n_threads, n_threads
        try:
            with _libraries().limit(limits=1):
                yield
        finally:
            self.n_threads = before


class _Shared(Generic[T]):
    """Blocks that several threads take."""

    def __init__(self, blocks: Iterator[T]) -> None:
        self._blocks, self._lock, self.ended = blocks, threading.Lock(), False

    def take(self) -> T | None:
        """Return the next block, None if there is none."""
        with self._lock:
            block = None if self.ended else next(self._blocks, None)
            self.ended = block is None
            return block


def _work(blocks: _Shared[T], work: Work[T], goes_on: Callable[[], bool]) -> None:
    try:
        with kept() as space:
            while goes_on() and (block := blocks.take()) is not None:
                work(block, space)
                space.clear()
    except BaseException:
        blocks.ended = True
        raise


def _work_together(
    blocks: _Shared[T], work: Work[T], goes_on: Callable[[], bool], n_threads: int
) -> None:
    with _turns.single_threaded(n_threads):
        helpers = _helpers(lambda: _work(blocks, work, goes_on), n_threads - 1)
        try:
            _work(blocks, work, goes_on)
        finally:
            errors = [helper.exception() for helper in helpers if not helper.cancel()]
    for error in filter(None, errors):
        raise error


def _helpers(run: Callable[[], None], n_threads: int) -> list[Future[None]]:
    try:
        return [_pool(n_threads).submit(copy_context().run, run) for _ in range(n_threads)]
    except RuntimeError:  # the interpreter is ending, or the system has no more threads
        return []


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, thread_name_prefix="tfae")


def _n_threads_of_products() -> int:
    """Return how many threads a matrix product has, which may be changed at any time."""
    libraries = _libraries().lib_controllers
    return _turns.n_threads or max((library.num_threads for library in libraries), default=1)


@cache
def _n_cores() -> int:
    return int(joblib.cpu_count())


@cache
def _libraries() -> ThreadpoolController:
    """Return the libraries of matrix products in this process, which takes 10 ms to find out."""
    return ThreadpoolController().select(user_api="blas")


def _start_again() -> None:
    """Forget the turn and the helpers of threads that a forked process lacks."""
    global _turns
    _turns = _Turns()
    _pool.cache_clear()


_turns = _Turns()
if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_start_again)
