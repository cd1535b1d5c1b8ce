"""How threads share the machine's cores while blocks of rows go through a network in NumPy.

NumPy's matrix products already use all cores, and two threads in them wait for each other: four
threads had 0.66 of the speed of one. So threads take turns at large arrays. A turn is several
blocks long, because each change costs about a millisecond.

Products leave cores idle while activations are computed. So a very large array gets as many threads
as a product has, and each product uses one thread, as in scikit-learn's `KMeans`. The cost: in that
time all products of the process use one thread, and the last bits of some depend on it.
"""

from __future__ import annotations

import math
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

from tfae._inference.workspace import NEW, Workspace, kept

# Numbers that NumPy computes for an array. With fewer, products use one core and memory costs
# nothing.
_LARGE = 1 << 15
# With fewer, an array takes less time than a process's first search for the libraries of products.
# So nobody waits for long if a thread begins that is not there yet.
_QUICK = 1 << 20
# Numbers for each thread. With fewer, sharing costs up to a half, because a system needs some
# milliseconds to run two threads on two cores.
_VERY_LARGE = 1 << 23
_SECONDS_OF_A_TURN = 0.05  # another thread waits this long for its turn, plus one block
_GIVE_WAY = 1e-4  # seconds

T = TypeVar("T")
Work = Callable[[T, Workspace], None]


def for_every_block(blocks: Iterator[T], work: Work[T], n_floats: int) -> None:
    """Do some work for all blocks of an array, in any order.

    `n_floats` is how many numbers NumPy computes for the array. The work must not call this
    function, and must not wait for a thread that calls it.
    """
    if n_floats < _LARGE:
        for block in blocks:
            work(block, NEW)
        return
    shared, another = _Shared(blocks), False
    is_alone = n_floats < _QUICK and threading.active_count() == 1
    while not shared.ended:
        with nullcontext(_UNLIMITED) if is_alone else a_turn(another) as turn:
            n_threads = turn.n_threads_for(n_floats)
            if n_threads == 1:
                _work(shared, work, turn)
            else:
                _work_together(shared, work, turn, n_threads)
        another = True


def a_turn(another: bool = False) -> AbstractContextManager[_Turns]:
    """Wait for a turn, or for `another` one; there is no wait where products leave cores free."""
    if another:
        time.sleep(_GIVE_WAY)  # otherwise this thread would be next, because it is awake
    if 2 * _n_threads_of_products() > _n_cores():
        return _turns.next()
    return nullcontext(_UNLIMITED)


class _Turns:
    """Turns, one at a time, where matrix products leave no core for a second thread.

    A signal handler may encode rows at any moment. So nothing here takes a lock that its own
    thread may hold.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._wanted = False
        self._end = math.inf
        self.n_threads = 0  # of products, before this turn limited them; 0 without a limit

    @contextmanager
    def next(self) -> Iterator[_Turns]:
        if not self._lock.acquire(blocking=False):
            self._wanted = True
            while not self._lock.acquire(timeout=_SECONDS_OF_A_TURN):
                self._wanted = True  # the thread that got the turn has reset it
        try:
            self._wanted = False
            self._end = time.perf_counter() + _SECONDS_OF_A_TURN
            yield self
        finally:
            self._lock.release()

    def goes_on(self) -> bool:
        """Whether the turn may go on: no other thread has waited long enough."""
        return not self._wanted or time.perf_counter() < self._end

    def n_threads_for(self, n_floats: int) -> int:
        """Return the number of threads for an array: one if several already work in this turn."""
        n_threads = _n_threads_of_products()
        return n_threads if not self.n_threads and n_floats >= n_threads * _VERY_LARGE else 1

    @contextmanager
    def single_threaded(self, n_threads: int) -> Iterator[None]:
        """Limit products to one thread each for a part of this turn, instead of `n_threads`.

        Use it only within a turn: if two such limits overlapped, the first would stay.
        """
        self.n_threads = n_threads
        try:
            with _libraries().limit(limits=1):
                yield
        finally:
            self.n_threads = 0


class _Unlimited(_Turns):
    """The turn of a thread that needs none."""

    def n_threads_for(self, n_floats: int) -> int:
        return 1


_UNLIMITED = _Unlimited()


class _Shared(Generic[T]):
    """Blocks that several threads take. The next block is held ready, so that the end is known."""

    def __init__(self, blocks: Iterator[T]) -> None:
        self._blocks, self._lock = blocks, threading.Lock()
        self._next = next(blocks, None)

    @property
    def ended(self) -> bool:
        return self._next is None

    def take(self) -> T | None:
        """Return the next block; None if there is none."""
        with self._lock:
            block = self._next
            if block is not None:
                self._next = next(self._blocks, None)
            return block

    def end(self) -> None:
        """Hand out no more blocks."""
        with self._lock:
            self._next = None


def _work(blocks: _Shared[T], work: Work[T], turn: _Turns) -> None:
    try:
        with kept() as space:
            while turn.goes_on() and (block := blocks.take()) is not None:
                work(block, space)
                space.clear()
    except BaseException:
        blocks.end()
        raise


def _work_together(blocks: _Shared[T], work: Work[T], turn: _Turns, n_threads: int) -> None:
    helpers: list[Future[None]] = []
    with turn.single_threaded(n_threads):
        try:
            _call(helpers, lambda: _work(blocks, work, turn), n_threads - 1)
            _work(blocks, work, turn)
        except BaseException:
            blocks.end()
            raise
        finally:
            errors = [helper.exception() for helper in helpers if not helper.cancel()]
    for error in filter(None, errors):
        raise error


def _call(helpers: list[Future[None]], run: Callable[[], None], n_threads: int) -> None:
    pool = _pool(n_threads)
    try:
        for _ in range(n_threads):
            helpers.append(pool.submit(copy_context().run, run))
    except RuntimeError:  # the interpreter is ending, or the system has no more threads
        _pool.cache_clear()
        pool.shutdown(cancel_futures=True)  # otherwise its queue would run some day


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, thread_name_prefix="tfae")


def _n_threads_of_products() -> int:
    """Return the number of threads of a matrix product, which may change at any time."""
    turns, libraries = _turns, _libraries().lib_controllers
    numbers = [turns.n_threads, *(library.num_threads for library in libraries), turns.n_threads]
    return max(numbers) or 1  # a limit that begins meanwhile shows in only one of these


@cache
def _n_cores() -> int:
    return int(joblib.cpu_count())


@cache
def _libraries() -> ThreadpoolController:
    """Return the libraries of matrix products in this process; to find them takes 10 ms."""
    return ThreadpoolController().select(user_api="blas")


def _start_again() -> None:
    """Forget the turn and the helper threads, which a forked process lacks."""
    global _turns
    if _turns.n_threads:
        _libraries().limit(limits=_turns.n_threads)
    _turns = _Turns()
    _pool.cache_clear()


_turns = _Turns()
if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_start_again)
