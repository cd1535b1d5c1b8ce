"""The best settings of a contender that can run in several ways: what is fastest on the task."""

from __future__ import annotations

import time
from collections.abc import Callable


def fastest(ways: dict[str, Callable[[], object]], tuned: bool) -> str:
    """Return the name of the way that is fastest after a first call; the first, if not tuned."""
    if not tuned:
        return next(iter(ways))
    return min(ways, key=lambda name: _seconds(ways[name]))


def _seconds(way: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        way()
        times.append(time.perf_counter() - start)
    return min(times[1:])
