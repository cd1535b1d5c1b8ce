"""Expensive objects, kept after use and lent to the next user who needs an equal one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Pool(Generic[K, V]):
    """Makes values from keys, and keeps up to `capacity` idle ones, dropping the least recent.

    Two threads never hold the same value: while one is lent, an equal key makes another.
    """

    def __init__(self, make: Callable[[K], V], capacity: int) -> None:
        self._make, self._capacity = make, capacity
        self._idle: OrderedDict[K, list[V]] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def lease(self, key: K) -> Iterator[V]:
        """Lend a value for the length of a ``with`` block."""
        value = self._take(key)
        if value is None:
            value = self._make(key)
        try:
            yield value
        finally:
            self._give_back(key, value)

    @contextmanager
    def emptied(self) -> Iterator[None]:
        """Lend only new values for the length of a ``with`` block, and none of them after it."""
        with self._lock:
            idle, self._idle = self._idle, OrderedDict()
        try:
            yield
        finally:
            with self._lock:
                self._idle = idle

    def _take(self, key: K) -> V | None:
        with self._lock:
            values = self._idle.pop(key, [])
            value = values.pop() if values else None
            if values:
                self._idle[key] = values
            return value

    def _give_back(self, key: K, value: V) -> None:
        with self._lock:
            self._idle.setdefault(key, []).append(value)
            self._idle.move_to_end(key)
            while sum(map(len, self._idle.values())) > self._capacity:
                oldest, values = next(iter(self._idle.items()))
                values.pop(0)
                if not values:
                    del self._idle[oldest]
