"""What came out of a case: medians, ratios, and whether all contenders did the same work."""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.cases import Case
from benchmarks.worker import Measured

# Losses of other random numbers differ, on digits by some 10 %; more than this is another task.
# It is for one round: the more rounds, the less the medians differ.
SAME_LOSS = 0.4


@dataclass(frozen=True)
class Spread:
    """A median between the lowest and the highest value."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))


@dataclass
class Result:
    """The measurements of a case, by the entrants' keys, round by round."""

    case: Case
    measured: dict[str, list[Measured]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def speeds(self, key: str) -> list[float]:
        return [measured.speed for measured in self.measured[key]]

    def speed(self, key: str) -> Spread:
        return Spread.of(self.speeds(key))

    def seconds(self, key: str) -> Spread:
        return Spread.of([measured.seconds for measured in self.measured[key]])

    def ratio(self, keys: tuple[str, ...]) -> float | None:
        """Return how much faster the first entrant is than the fastest of others.

        It is the median of the ratios of every round, for a machine's speed drifts between them.
        """
        first = self.case.entrants[0].key
        others = [self.speeds(key) for key in keys if key in self.measured]
        if first not in self.measured or not others:
            return None
        rounds = zip(self.speeds(first), *others, strict=True)
        return statistics.median(ours / max(theirs) for ours, *theirs in rounds)

    def loss(self, key: str) -> float | None:
        losses = [measured.work.loss for measured in self.measured[key]]
        known = [loss for loss in losses if loss is not None]
        return statistics.median(known) if known else None

    def memory(self, key: str, name: str) -> float | None:
        """Return the most that "peak_mb" or "grown_mb" was in any round."""
        values = [getattr(measured, name) for measured in self.measured.get(key, [])]
        return max(values) if values and None not in values else None

    def problems(self) -> list[str]:
        """Say which entrants did other work than the first: nobody may be faster by doing less."""
        if not self.case.same_work or not self.measured:
            return []
        return [*self._different("steps"), *self._different("rows"), *self._other_losses()]

    def _different(self, name: str) -> list[str]:
        done = {
            key: {getattr(measured.work, name) for measured in rounds} - {None}
            for key, rounds in self.measured.items()
        }
        expected = next(iter(done.values()))
        return [
            f"{self.case.name}: {key} took {sorted(values)} {name}, not {sorted(expected)}"
            for key, values in done.items()
            if values and expected and values != expected
        ]

    def _other_losses(self) -> list[str]:
        found = {key: self.loss(key) for key in self.measured}
        losses = {key: loss for key, loss in found.items() if loss is not None}
        if not losses:
            return []
        middle = statistics.median(losses.values())
        n_rounds = min(map(len, self.measured.values()))
        tolerance = SAME_LOSS / math.sqrt(n_rounds) * middle
        return [
            f"{self.case.name}: {key} ended with the loss {loss:.4g}, the median is {middle:.4g}"
            for key, loss in losses.items()
            if not abs(loss - middle) <= tolerance
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return all of it in types that JSON has."""
        return {
            "title": self.case.title,
            "unit": self.case.unit,
            "contenders": {
                entrant.key: {
                    "title": entrant.title,
                    "speed": asdict(self.speed(entrant.key)),
                    "seconds": asdict(self.seconds(entrant.key)),
                    "loss": self.loss(entrant.key),
                    "first_is_faster_by": self.ratio((entrant.key,)),
                    "rounds": [asdict(measured) for measured in self.measured[entrant.key]],
                }
                for entrant in self.case.entrants
                if entrant.key in self.measured
            },
            "skipped": self.skipped,
            "goals": [
                {"goal": goal.text, "measured": goal.measure(self), "reached": goal.reached(self)}
                for goal in self.case.goals
            ],
            "problems": self.problems(),
        }
