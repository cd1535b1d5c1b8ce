"""The goals: what is measured of a case's result, and what it must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.results import Result


@dataclass(frozen=True)
class Goal:
    """A number of a result and its bounds."""

    text: str
    measure: Callable[[Result], float | None]  # None where it could not be measured
    least: float = float("-inf")
    most: float = float("inf")

    def reached(self, result: Result) -> bool | None:
        value = self.measure(result)
        return None if value is None else self.least <= value <= self.most


def faster(times: float, than: str, *keys: str) -> Goal:
    """The first entrant has at least so many times the speed of the fastest of others."""
    return Goal(f"≥ {times:g} × {than}", lambda result: result.ratio(keys), least=times)


def peak_memory(most_mb: float, key: str) -> Goal:
    return Goal(
        f"peak resident memory ≤ {most_mb:,g} MB",
        lambda result: result.memory(key, "peak_mb"),
        most=most_mb,
    )


def grown_memory(most_mb: float, key: str) -> Goal:
    return Goal(
        f"memory grows by ≤ {most_mb:g} MB",
        lambda result: result.memory(key, "grown_mb"),
        most=most_mb,
    )


def constant_speed(share: float) -> Goal:
    """The slowest entrant has at least this share of the fastest one's speed."""

    def measure(result: Result) -> float | None:
        speeds = [result.speed(key).median for key in result.measured]
        return min(speeds) / max(speeds) if speeds else None

    return Goal(f"slowest / fastest ≥ {share:g}", measure, least=share)


def flat_memory(most_mb: float) -> Goal:
    """What entrants need beyond their data differs by no more than this."""

    def measure(result: Result) -> float | None:
        grown = [result.memory(key, "grown_mb") for key in result.measured]
        known = [value for value in grown if value is not None]
        return max(known) - min(known) if known else None

    return Goal(f"memory beyond the data differs by ≤ {most_mb:g} MB", measure, most=most_mb)
