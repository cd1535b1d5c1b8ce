"""What must be known of the columns of a table before it is learned from, found block by block.

Blocks may be those of a stream, or lie on several machines: their surveys are merged, and the
result is that of one pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from tfae._data.column_values import PER_SECOND, codes_in, instants_in, numbers_in
from tfae._data.columns import name_of
from tfae._data.frames import column_of, dtype_of, labels_of
from tfae._data.kinds import (
    INSTANTS,
    INTEGER,
    MISSING,
    NUMBER,
    NUMBERS,
    Asked,
    checked_columns,
    kind_as_asked,
    kind_of,
)
from tfae._data.writing import library_of
from tfae._support.typing import Array

# Of a column with more distinct values than this nothing but that is known.
MOST_DISTINCT = 100_000
_NANO = 10**9


@dataclass(frozen=True)
class Numbers:
    """The extremes of numbers, and their values as long as these are distinct integers."""

    n: int
    low: float = np.inf
    high: float = -np.inf
    distinct: Array | None = None  # sorted; None once two are the same, or they are no integers

    @classmethod
    def of(cls, values: nw.Series, kind: str) -> Numbers:
        found = numbers_in(values)
        there = found[~np.isnan(found)]
        if not len(there):
            return cls(0, distinct=there if kind == INTEGER else None)
        distinct = _as_distinct(there[:MOST_DISTINCT]) if kind == INTEGER else None
        return cls(len(there), float(there.min()), float(there.max()), distinct)

    def merge(self, other: Numbers) -> Numbers:
        distinct = None
        if self.distinct is not None and other.distinct is not None:
            distinct = _as_distinct(np.concatenate([self.distinct, other.distinct]))
        return Numbers(
            self.n + other.n, min(self.low, other.low), max(self.high, other.high), distinct
        )

    @property
    def is_constant(self) -> bool:
        return self.low == self.high

    @property
    def counts_rows(self) -> bool:
        """Whether integers are so dense, and none of them twice, that they number the rows.

        With 20 rows, integers at random from a range of twice that length are all distinct once in
        100 times; with more rows practically never. Rows of a part of a table pass, too.
        """
        dense = self.high - self.low < 2 * self.n
        return self.distinct is not None and dense and self.n >= _ENOUGH_TO_COUNT


_ENOUGH_TO_COUNT = 20


def _as_distinct(values: Array) -> Array | None:
    """Return integers in order, or None if two are the same."""
    found = np.unique(values)
    return found[:MOST_DISTINCT] if len(found) == len(values) else None


@dataclass(frozen=True)
class Instants:
    """Dates or durations in nanoseconds: exact, and the same whatever the unit of a block."""

    n: int
    total: int = 0
    low: int = 0
    high: int = 0
    resolution: int = 0  # the coarsest unit of which all are multiples; 0 if there are none
    unit: str = "s"  # the finest of all blocks

    @classmethod
    def of(cls, values: nw.Series, kind: str) -> Instants:
        ticks, there, unit = instants_in(values)
        ticks = ticks[there]
        if not len(ticks):
            return cls(0)
        nano = _NANO // PER_SECOND[unit]
        low, high, total = int(ticks.min()) * nano, int(ticks.max()) * nano, _sum(ticks) * nano
        fits = (each for each in _RESOLUTIONS if each > nano and not (ticks % (each // nano)).any())
        return cls(len(ticks), total, low, high, next(fits, nano), unit)

    def merge(self, other: Instants) -> Instants:
        if not (self.n and other.n):
            return self if self.n else other
        return Instants(
            self.n + other.n,
            self.total + other.total,
            min(self.low, other.low),
            max(self.high, other.high),
            min(self.resolution, other.resolution),
            max(self.unit, other.unit, key=PER_SECOND.__getitem__),
        )

    @property
    def is_constant(self) -> bool:
        return self.low == self.high


# Days, hours, minutes, seconds and so on, each a multiple of the next.
_RESOLUTIONS = (86_400 * _NANO, 3_600 * _NANO, 60 * _NANO, _NANO, 10**6, 10**3, 1)


def _sum(ticks: Array) -> int:
    """Return the sum of 64-bit integers, which may have more bits."""
    return (int((ticks >> 32).sum()) << 32) + int((ticks & 0xFFFF_FFFF).sum())


@dataclass(frozen=True)
class Counts:
    """How often every distinct value comes; None if these are too many to be categories."""

    n: int
    of_values: Mapping[Any, int] | None

    @classmethod
    def of(cls, values: nw.Series, kind: str) -> Counts:
        codes, distinct = codes_in(values)
        counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
        found = dict(zip(distinct, counts.tolist(), strict=True))
        return cls(int(counts.sum()), _if_few(found))

    def merge(self, other: Counts) -> Counts:
        n = self.n + other.n
        if self.of_values is None or other.of_values is None:
            return Counts(n, None)
        found = dict(self.of_values)
        for value, count in other.of_values.items():
            found[value] = found.get(value, 0) + count
        return Counts(n, _if_few(found))

    @property
    def is_constant(self) -> bool:
        return self.of_values is not None and len(self.of_values) == 1


def _if_few(counts: dict[Any, int]) -> dict[Any, int] | None:
    return counts if len(counts) <= MOST_DISTINCT else None


@dataclass(frozen=True)
class ColumnSurvey:
    """A column of some blocks: its kind, its type, and its values in short."""

    label: Any
    kind: str
    dtype: Any
    values: Any  # Numbers, Instants or Counts; None if not a single value is there

    @classmethod
    def of(cls, values: nw.Series, label: Any, dtype: Any, asked: Asked | None) -> ColumnSurvey:
        kind = kind_as_asked(kind_of(values), asked, name_of(0, [label]), dtype)
        if kind == MISSING:
            return cls(label, kind, dtype, None)
        kinds: Any = Numbers if kind in NUMBERS else Instants if kind in INSTANTS else Counts
        return cls(label, kind, dtype, kinds.of(values, kind))

    def merge(self, other: ColumnSurvey) -> ColumnSurvey:
        """Return the survey of the column of both.

        Raises
        ------
        ValueError
            If they are of two kinds.
        """
        if MISSING in (self.kind, other.kind):
            return self if other.kind == MISSING else other
        first = self
        if self.kind != other.kind:
            if not {self.kind, other.kind} <= NUMBERS:
                raise ValueError(
                    f"All batches must have the same kind in column {name_of(0, [self.label])}. "
                    f"Got {self.kind} and {other.kind}; give it one dtype, for example with the "
                    "'dtype' of read_csv."
                )
            first = self if self.kind == NUMBER else other  # a few integers among numbers
        return replace(first, values=self.values.merge(other.values))


@dataclass(frozen=True)
class TableSurvey:
    """The columns of a table, or of some of its rows."""

    library: str
    labels: Any
    asked: Mapping[Any, Asked]
    columns: tuple[ColumnSurvey, ...]

    @classmethod
    def of(cls, frame: Any, asked: Mapping[Any, Asked] | None = None) -> TableSurvey:
        """Look at all rows of a frame.

        Raises
        ------
        ValueError
            If two columns have the same name, a column cannot be of the kind asked for, or no
            network can learn from it.
        """
        labels = labels_of(frame)
        _check_distinct(list(labels))
        checked_columns(asked, list(labels))
        asked = {} if asked is None else asked
        columns = tuple(
            ColumnSurvey.of(
                column_of(frame, place), label, dtype_of(frame, place), asked.get(label)
            )
            for place, label in enumerate(labels)
        )
        return cls(library_of(frame), labels, asked, columns)

    def merge(self, other: TableSurvey) -> TableSurvey:
        """Return the survey of the rows of both.

        Raises
        ------
        ValueError
            If they have other columns, or another kind in one.
        """
        if list(self.labels) != list(other.labels):
            raise ValueError(
                f"All batches must have the same columns. Got {list(self.labels)!r} and "
                f"{list(other.labels)!r}."
            )
        pairs = zip(self.columns, other.columns, strict=True)
        return replace(self, columns=tuple(one.merge(another) for one, another in pairs))


def _check_distinct(labels: Sequence[Any]) -> None:
    seen = set()
    for label in labels:
        if label in seen:
            raise ValueError(f"X must have columns of different names. Got {label!r} twice.")
        seen.add(label)


def survey_of_all(frames: Any, asked: Mapping[Any, Asked] | None) -> TableSurvey:
    """Return the survey of all rows of several frames."""
    return reduce(TableSurvey.merge, (TableSurvey.of(frame, asked) for frame in frames))
