"""What runs in the contenders' processes: one measurement of one entrant."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.contenders import Run, Work, make_run, runs_of
from benchmarks.tasks import Task


@dataclass(frozen=True)
class Measured:
    """One timed run."""

    seconds: float
    work: Work
    peak_mb: float | None = None  # the highest resident memory of the process in the run
    grown_mb: float | None = None  # that, less the resident memory before the run

    @property
    def speed(self) -> float:
        return self.work.items / self.seconds


def load(contender: str) -> None:
    """Import what a contender needs."""
    runs_of(contender)


def measure(contender: str, task: Task, seed: int, warm_up: bool, settle: float) -> Measured:
    """Time one run, after `settle` seconds in which the other processes come to rest."""
    run = _prepared(contender, task, warm_up)
    run.reset(seed)
    gc.collect()
    time.sleep(settle)
    before = _memory_before()
    start = time.perf_counter()
    run.run()
    seconds = time.perf_counter() - start
    peak = _status_mb("VmHWM")
    grown = None if peak is None or before is None else peak - before
    return Measured(seconds, run.work(), peak, grown)


@cache
def _prepared(contender: str, task: Task, warm_up: bool) -> Run:
    run = make_run(contender, task)
    if warm_up:
        run.warm_up()
    return run


def _memory_before() -> float | None:
    """Return the resident memory, and make the kernel forget its highest value so far."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return _status_mb("VmRSS")


def _status_mb(field: str) -> float | None:
    """Read a line of Linux's table of this process; None on other systems."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))
