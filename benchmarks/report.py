"""Results as Markdown: a table a case, losses to others as visible as wins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Record = dict[str, Any]  # what `Result.as_dict` gives

_VERDICTS = {True: "reached", False: "**missed**", None: "not measured"}


def page(machine: Record, cases: dict[str, Record]) -> str:
    """Return the whole report."""
    goals = goals_table(cases)
    parts = [machine_line(machine), *([goals] if goals else []), *map(section, cases.values())]
    return "\n\n".join(parts) + "\n"


def machine_line(machine: Record) -> str:
    versions = ", ".join(f"{name} {v}" for name, v in machine["packages"].items() if v)
    flags = ", ".join(machine["flags"]) or "none of AVX2, AVX-512, AMX"
    return (
        f"{machine['cpu']} ({flags}), {machine['cores']} cores, {machine['memory_gb']} GB; "
        f"device: {machine['device']}; Python {machine['python']}; {versions}."
    )


def goals_table(cases: dict[str, Record]) -> str:
    """Return one table of all goals; empty if there are none."""
    lines = [
        f"| {name} | {goal['goal']} | {_number(goal['measured'])} | {_VERDICTS[goal['reached']]} |"
        for name, case in cases.items()
        for goal in case["goals"]
    ]
    head = "| case | goal | measured | |\n|---|---|---|---|\n"
    return head + "\n".join(lines) if lines else ""


def section(case: Record) -> str:
    """Return the title, the table and the notes of one case."""
    head = f"| contender | {case['unit']} | ours is faster by | final loss |\n|---|---|---|---|"
    lines = [_line(entry, case["unit"]) for entry in case["contenders"].values()]
    notes = [
        *(f"{key}: skipped, {reason}." for key, reason in case["skipped"].items()),
        *(f"**Not the same work:** {problem}." for problem in case["problems"]),
        *(
            f"Goal {goal['goal']}: {_number(goal['measured'])}, {_VERDICTS[goal['reached']]}."
            for goal in case["goals"]
        ),
    ]
    title = case["title"][0].upper() + case["title"][1:]
    table = ["\n".join([head, *lines])] if lines else []
    return "\n\n".join([f"### {title}", *table, *notes])


def _line(entry: Record, unit: str) -> str:
    median, low, high = _UNITS[unit](entry)
    return (
        f"| {entry['title']} | {_number(median)} ({_number(low)} to {_number(high)}) "
        f"| {_number(entry['first_is_faster_by'])} | {_number(entry['loss'])} |"
    )


def _spread(spread: Record) -> tuple[float, float, float]:
    return spread["median"], spread["lowest"], spread["highest"]


def _microseconds(entry: Record) -> tuple[float, float, float]:
    """Return the time of one call."""
    median, low, high = _spread(entry["speed"])
    return 1e6 / median, 1e6 / high, 1e6 / low


# What a case's unit shows: the speed, the time of a whole run, or that of one call.
_UNITS: dict[str, Callable[[Record], tuple[float, float, float]]] = {
    "rows/s": lambda entry: _spread(entry["speed"]),
    "s": lambda entry: _spread(entry["seconds"]),
    "µs": _microseconds,
}


def _number(value: float | None) -> str:
    """Write three digits, or all of those before the point."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")
