"""The columns of a table that are learned from: to numbers and back, each by its kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from tfae._data.categories import frequent, in_order, rows_needed
from tfae._data.column_values import PER_SECOND, codes_in, instants_in, numbers_in
from tfae._data.columns import name_of
from tfae._data.kinds import (
    BOOLEAN,
    DATETIME,
    ERROR,
    INSTANTS,
    INTEGER,
    MISSING,
    NUMBERS,
    TEXT,
    VALUED,
    Asked,
    kind_of,
)
from tfae._data.table_survey import MOST_DISTINCT, ColumnSurvey, Counts, Instants
from tfae._data.writing import Writer
from tfae._support.typing import Array
from tfae._support.warn import warn

_NANO = 10**9


@dataclass(frozen=True)
class Column(ABC):
    """A column: how its values become numbers, one a row, and numbers become values."""

    label: Any
    kind: str
    dtype: Any  # as its library names it

    @property
    def places(self) -> tuple[Any, ...]:
        """What its places in a row of numbers stand for; empty for a column of numbers."""
        return ()

    @property
    def name(self) -> str:
        """The name as messages tell it."""
        return name_of(0, [self.label])

    def encode(self, values: nw.Series, learning: bool) -> Array:
        """Return a float64 number for every row, with NaN where the value is missing.

        `learning` says whether a network learns from the rows, so that none may be misunderstood.

        Raises
        ------
        ValueError
            If the values are of another kind, or a category is unknown and must not be.
        """
        kind = kind_of(values)
        if kind == MISSING:
            return np.full(len(values), np.nan)
        if kind not in self._kinds:
            raise ValueError(
                f"Column {self.name} must be of the kind that it had in fit, {self.kind}. Got "
                f"dtype {getattr(values.to_native(), 'dtype', values.dtype)}."
            )
        return self._numbers(values, learning)

    @property
    @abstractmethod
    def _kinds(self) -> frozenset[str]:
        """The kinds that it can read."""

    @abstractmethod
    def _numbers(self, values: nw.Series, learning: bool) -> Array:
        """Return a number for every row, NaN where one is missing."""

    @abstractmethod
    def decode(self, numbers: Array, write: Writer) -> Any:
        """Return the column of such numbers in the type of `fit`."""


@dataclass(frozen=True)
class NumberColumn(Column):
    """Numbers as they are; those that are integers are rounded and stay in their range."""

    low: float
    high: float

    @property
    def _kinds(self) -> frozenset[str]:
        return NUMBERS | {BOOLEAN}

    def _numbers(self, values: nw.Series, learning: bool) -> Array:
        return numbers_in(values)

    def decode(self, numbers: Array, write: Writer) -> Any:
        if self.kind == INTEGER:
            numbers = np.clip(np.rint(numbers), self.low, self.high)
        return write.numbers(numbers, self.dtype)


@dataclass(frozen=True)
class InstantColumn(Column):
    """Dates as seconds from about their mean, which is exact in any unit, and durations as seconds.

    Values come back as multiples of the coarsest unit that fits all values of `fit`: whole days
    stay whole days. They stay in the range of those values.
    """

    unit: str
    center: int  # in seconds
    low: float  # in seconds from the center
    high: float
    resolution: int  # in nanoseconds

    @classmethod
    def of(cls, survey: ColumnSurvey) -> InstantColumn:
        """Return the column of a survey with at least one value."""
        of: Instants = survey.values
        # The center is a multiple of the resolution, so that differences from it are, too.
        step = max(of.resolution, _NANO)
        mean = round(of.total / of.n / step) * step if survey.kind == DATETIME else 0
        low, high = ((end - mean) / _NANO for end in (of.low, of.high))
        names = survey.label, survey.kind, survey.dtype
        return cls(*names, of.unit, mean // _NANO, low, high, of.resolution)

    @property
    def _kinds(self) -> frozenset[str]:
        return frozenset({self.kind})

    def _numbers(self, values: nw.Series, learning: bool) -> Array:
        ticks, there, unit = instants_in(values)
        per_second = PER_SECOND[unit]
        seconds = (np.where(there, ticks, 0) - self.center * per_second) / per_second
        return np.where(there, seconds, np.nan)

    def decode(self, numbers: Array, write: Writer) -> Any:
        per_second, there = PER_SECOND[self.unit], ~np.isnan(numbers)
        seconds = np.clip(np.where(there, numbers, 0.0), self.low, self.high)
        # One of these is 1. A product with the other one, or a ratio, is rounded only once.
        steps_a_second, step = max(1, _NANO // self.resolution), max(1, self.resolution // _NANO)
        steps = np.rint(seconds * steps_a_second / step).astype(np.int64)
        ticks = steps * (self.resolution * per_second // _NANO) + self.center * per_second
        letter = "M" if self.kind == DATETIME else "m"
        instants = ticks.view(f"{letter}8[{self.unit}]")
        instants[~there] = "NaT"
        return write.instants(instants, self.dtype)


@dataclass(frozen=True)
class CategoryColumn(Column):
    """Categories as their positions; all that are rare have one position, after the others."""

    categories: tuple[Any, ...]
    has_other: bool
    asked: Asked | None

    @property
    def places(self) -> tuple[Any, ...]:
        return (*self.categories, *(["other"] * self.has_other))

    @property
    def _kinds(self) -> frozenset[str]:
        return VALUED | NUMBERS

    def _numbers(self, values: nw.Series, learning: bool) -> Array:
        codes, distinct = codes_in(values)
        place = {value: float(number) for number, value in enumerate(self.categories)}
        other = float(len(place)) if self.has_other else np.nan
        # The last entry is that of missing values, whose code is -1.
        places = np.array([*(place.get(value, other) for value in distinct), np.nan])
        found = places[codes]
        if not self.has_other and np.isnan(places[:-1]).any():
            unknown = distinct[int(np.argmax(np.isnan(places[:-1])))]
            self._tell_of_unknown(unknown, int((np.isnan(found) & (codes >= 0)).sum()), learning)
        return found

    def _tell_of_unknown(self, value: Any, n_rows: int, learning: bool) -> None:
        """Warn of a category that `fit` did not know, or raise."""
        if learning or self.asked == ERROR:
            raise ValueError(
                f"Column {self.name} has the category {value!r} in {n_rows} rows, which is not one "
                f"of the {len(self.categories)} that were known before. Name all of them, "
                f"columns={{{self.label!r}: [...]}}, or give fit all rows or a stream that it can "
                "read twice, so that it finds them in a first pass."
            )
        warn(
            f"Column {self.name} has categories that fit did not know, such as {value!r}, in "
            f"{n_rows} rows. They count as missing."
        )

    def decode(self, numbers: Array, write: Writer) -> Any:
        codes = np.where(np.isnan(numbers), -1, numbers).astype(np.intp)
        return write.choices(self.categories, codes, self._dtype)

    @property
    def _dtype(self) -> Any:
        """The type, with categories that it did not have."""
        if not isinstance(self.dtype, pd.CategoricalDtype):
            return self.dtype
        known = list(self.dtype.categories)
        more = [value for value in self.categories if value not in known]
        return pd.CategoricalDtype([*known, *more], self.dtype.ordered) if more else self.dtype


def learned_column(survey: ColumnSurvey, asked: Asked | None) -> Column | str:
    """Return the column of a survey, or the reason why nothing can be learned from it.

    A kind that is asked for keeps text that is nearly always another, and numbers of rows.
    """
    kind, values = survey.kind, survey.values
    listed = asked is not None and not isinstance(asked, str)
    if values is None or (values.n == 0 and not listed):
        return "all values are missing"
    if listed:
        assert asked is not None
        return CategoryColumn(survey.label, kind, survey.dtype, tuple(asked), False, asked)
    if values.is_constant:
        return "all values are the same"
    by_rule = asked is None or asked == ERROR
    if kind in NUMBERS:
        if by_rule and values.counts_rows:
            return "it counts the rows"
        return NumberColumn(survey.label, kind, survey.dtype, values.low, values.high)
    if kind in INSTANTS:
        return InstantColumn.of(survey)
    return _learned_categories(survey, asked, by_rule)


def constant_column(survey: ColumnSurvey) -> Column | None:
    """Return the column of a survey whose values are all the same; None for others."""
    kind, values = survey.kind, survey.values
    if values is None or values.n == 0 or not values.is_constant:
        return None
    if kind in NUMBERS:
        return NumberColumn(survey.label, kind, survey.dtype, values.low, values.high)
    if kind in INSTANTS:
        return InstantColumn.of(survey)
    return CategoryColumn(survey.label, kind, survey.dtype, tuple(values.of_values), False, None)


def _learned_categories(survey: ColumnSurvey, asked: Asked | None, by_rule: bool) -> Column | str:
    of: Counts = survey.values
    if of.of_values is None:
        return f"it has more than {MOST_DISTINCT:,} different values"
    n_distinct = len(of.of_values)
    if by_rule and survey.kind == TEXT and 2 * n_distinct > of.n:
        return f"its text is different in {n_distinct} of {of.n} rows"
    chosen = list(of.of_values) if survey.kind == BOOLEAN else frequent(of.of_values)
    if not chosen:
        return f"none of its {n_distinct} categories has {rows_needed(of.n)} rows"
    names = survey.label, survey.kind, survey.dtype
    return CategoryColumn(*names, in_order(chosen, survey.dtype), len(chosen) < n_distinct, asked)
