"""The race: contenders in processes of their own, told to run one at a time, in turns."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from benchmarks import worker
from benchmarks.cases import Case, Entrant
from benchmarks.contenders import CONTENDERS, Skip
from benchmarks.results import Result
from benchmarks.worker import Measured

Measure = Callable[[Case, Entrant, int], Measured]


@dataclass
class Workers(AbstractContextManager):
    """One process for every home, started when first needed; all others of them wait meanwhile.

    Parameters
    ----------
    settle : float
        Seconds of rest before every timed run: thread pools spin for a while after they worked.
    """

    settle: float = 0.3
    _processes: dict[str, ProcessPoolExecutor] = field(default_factory=dict)

    def start(self, case: Case) -> None:
        """Start the processes of a case side by side; each imports what its contenders need."""
        for entrant in case.entrants:
            self._process_of(case, entrant).submit(worker.load, entrant.contender)

    def measure(self, case: Case, entrant: Entrant, seed: int) -> Measured:
        asked = self._process_of(case, entrant).submit(
            worker.measure, entrant.contender, entrant.task, seed, case.warm_up, self.settle
        )
        try:
            return asked.result()
        finally:
            if case.fresh:
                self._processes.pop(_home(case, entrant)).shutdown()

    def _process_of(self, case: Case, entrant: Entrant) -> ProcessPoolExecutor:
        home = _home(case, entrant)
        if home not in self._processes:
            self._processes[home] = _new_process()
        return self._processes[home]

    def close(self) -> None:
        """End all processes; the next measurements start new ones."""
        with ThreadPoolExecutor() as threads:  # each takes a second to end
            while self._processes:
                threads.submit(self._processes.popitem()[1].shutdown, cancel_futures=True)

    def __exit__(self, *exception: object) -> None:
        self.close()


def _home(case: Case, entrant: Entrant) -> str:
    return entrant.key if case.alone else CONTENDERS[entrant.contender].home


def _new_process() -> ProcessPoolExecutor:
    # Spawned, not forked: TensorFlow does not survive a fork. It starts with the first task.
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))


def race(case: Case, measure: Measure, repeats: int, say: Callable[[str], None]) -> Result:
    """Measure all entrants of a case in turns.

    Whoever cannot run is out of the race, by name. The first entrant is the one that all others
    are compared with: if it cannot run, nobody does.
    """
    result = Result(case)
    racing = list(case.entrants)
    for number in range(repeats):
        turn = number % len(racing)
        # The first of a round is another one each time: a place must not be an advantage.
        for entrant in racing[turn:] + racing[:turn]:
            try:
                measured = measure(case, entrant, number)
            except Skip as reason:
                result.skipped[entrant.key] = str(reason)
                racing.remove(entrant)
                say(f"  {entrant.title}: skipped, {reason}")
                if entrant is case.entrants[0]:
                    return result
                continue
            result.measured.setdefault(entrant.key, []).append(measured)
            say(f"  round {number + 1}, {entrant.title}: {measured.seconds:.3g} s")
    return result
