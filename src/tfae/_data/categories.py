"""Which values of a column are categories, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# What is seen in fewer rows than this is not learned; in small tables it is a tenth of the rows.
_LEAST_ROWS = 10
# A column has no more categories than this, the most frequent ones.
MOST_CATEGORIES = 64


def rows_needed(n_rows: int) -> int:
    """Return how many rows a category needs, of the rows where one is there."""
    return min(_LEAST_ROWS, max(1, -(-n_rows // 10)))


def frequent(counts: Mapping[Any, int]) -> list[Any]:
    """Return the values that have enough rows, at most 64 and the most frequent of all.

    If these are more, the same values are chosen in whatever order they came.
    """
    least = rows_needed(sum(counts.values()))
    enough = [value for value, count in counts.items() if count >= least]
    if len(enough) <= MOST_CATEGORIES:
        return enough
    return sorted(enough, key=lambda value: (-counts[value], str(value)))[:MOST_CATEGORIES]


def in_order(values: Sequence[Any], dtype: Any) -> tuple[Any, ...]:
    """Return categories in the order of their type, if it has one, or else in their own."""
    declared = getattr(dtype, "categories", None)
    if declared is not None:
        place = {value: number for number, value in enumerate(list(declared))}
        return tuple(sorted(values, key=lambda value: place.get(value, len(place))))
    try:
        return tuple(sorted(values))
    except TypeError:  # numbers among text
        return tuple(sorted(values, key=str))
