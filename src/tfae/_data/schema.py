"""The schema of a table: from frames with typed columns to rows of numbers, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tfae._data.columns import name_of
from tfae._data.frames import column_of, index_of, labels_of
from tfae._data.kinds import ERROR, Asked
from tfae._data.layout import Layout
from tfae._data.table_columns import CategoryColumn, Column, constant_column, learned_column
from tfae._data.table_survey import TableSurvey
from tfae._data.writing import Writer, library_of, writer_of
from tfae._support.typing import Array
from tfae._support.warn import warn


@dataclass(frozen=True)
class Dropped:
    """A column that nothing can be learned from."""

    label: Any
    dtype: Any
    reason: str
    constant: Column | None = None  # if all its values are the same

    def filled(self, n_rows: int, write: Writer) -> Any:
        """Return a column of nothing but the value of a constant one."""
        assert self.constant is not None
        return self.constant.decode(np.full(n_rows, getattr(self.constant, "low", 0.0)), write)


@dataclass(frozen=True, eq=False)
class Schema:
    """How the columns of a frame become rows of numbers, learned from a frame; it never changes.

    Attributes
    ----------
    library : {"pandas", "polars", "pyarrow"}
        The library of the frame.
    labels : Index or list of str
        The names of all columns.
    columns : tuple of Column
        The columns that are learned from, in the order of the frame.
    dropped : tuple of Dropped
        The others.
    """

    library: str
    labels: Any
    columns: tuple[Column, ...]
    dropped: tuple[Dropped, ...]

    @classmethod
    def learned(cls, survey: TableSurvey) -> Schema:
        """Learn the schema from the survey of a table; warn once of columns that are left out.

        Raises
        ------
        ValueError
            If no column is left, or one is left out that must not be.
        """
        columns: list[Column] = []
        dropped: list[Dropped] = []
        for each in survey.columns:
            asked = survey.asked.get(each.label)
            found = learned_column(each, asked)
            if isinstance(found, Column):
                columns.append(found)
                continue
            if asked == ERROR:
                raise ValueError(
                    f"Column {name_of(0, [each.label])} cannot be learned from: {found}. Drop it, "
                    "or give its kind in 'columns'."
                )
            dropped.append(Dropped(each.label, each.dtype, found, constant_column(each)))
        _tell_of_dropped(dropped, any_left=bool(columns))
        return cls(survey.library, survey.labels, tuple(columns), tuple(dropped))

    @classmethod
    def of(cls, frame: Any, asked: Mapping[Any, Asked] | None = None) -> Schema:
        """Learn the schema from all rows of a frame."""
        return cls.learned(TableSurvey.of(frame, asked))

    @cached_property
    def layout(self) -> Layout:
        """The places of the columns in rows of numbers."""
        return Layout(tuple(len(column.places) for column in self.columns))

    @property
    def place_labels(self) -> list[Any]:
        """The label of the column of every place."""
        return [self.columns[column].label for column in self.layout.column_of]

    @property
    def reasons(self) -> dict[Any, str]:
        """Why nothing is learned from the columns that are left out, by their labels."""
        return {each.label: each.reason for each in self.dropped}

    def in_order(self, frame: Any) -> Any:
        """Return a frame with its columns in the order of the schema, found by their names.

        Raises
        ------
        ValueError
            If it has other columns.
        """
        labels, wanted = list(labels_of(frame)), list(self.labels)
        if labels == wanted:
            return frame
        absent = [label for label in wanted if label not in labels]
        unknown = [label for label in labels if label not in wanted]
        if absent or unknown or len(labels) != len(wanted):
            raise ValueError(
                "X must have the columns that it had in fit, each once, in any order."
                f"{_listed('Missing', absent)}{_listed('Not there in fit', unknown)}"
                f"{_listed('Twice', sorted({str(x) for x in labels if labels.count(x) > 1}))}"
            )
        return frame[wanted] if library_of(frame) == "pandas" else frame.select(wanted)

    def encode(self, frame: Any, *, learning: bool = False) -> Array:
        """Return the rows of a frame, with NaN in every place of a missing value.

        Parameters
        ----------
        frame : DataFrame
            Of any library, with the columns of the schema in any order.
        learning : bool
            Whether a network learns from the rows. An unknown category is then an error; otherwise
            there is a warning, and it counts as missing.

        Returns
        -------
        ndarray of float64 of shape (n_rows, layout.width)

        Raises
        ------
        ValueError
            If the frame has other columns, or a column is of another kind.
        """
        frame = self.in_order(frame)
        values = np.empty((frame.shape[0], len(self.columns)))
        places = {label: place for place, label in enumerate(self.labels)}
        for number, column in enumerate(self.columns):
            values[:, number] = column.encode(column_of(frame, places[column.label]), learning)
        return self.layout.encoded(values)

    def decode(self, rows: Array, like: Any = None, index: Any = None) -> Any:
        """Return rows as a frame of the library and with the types of the schema.

        Integers are rounded, categories are the likeliest, and both stay among the values of `fit`.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, layout.width)
            NaN marks missing values.
        like : DataFrame or None
            A frame of the same rows. Columns that are not learned from are carried over from it;
            without it, they are missing.
        index : Index or None
            That of the frame, if it is one of pandas; by default that of `like`.
        """
        write = writer_of(self.library)
        values = self.layout.decoded(self._without_other(rows))
        made: dict[Any, Any] = {
            column.label: column.decode(values[:, number], write)
            for number, column in enumerate(self.columns)
        }
        like = None if like is None else self.in_order(like)
        for each in self.dropped:
            made[each.label] = self._carried(each, like, len(rows), write)
        index = index_of(like) if index is None else index
        return write.frame(self.labels, [made[label] for label in self.labels], index)

    def complete(self, rows: Array, like: Any) -> dict[Any, Any]:
        """Return the columns that can be filled, by their labels: those learned, and constants.

        Parameters are those of :meth:`decode`; `like` must be given.
        """
        frame, write = self.decode(rows, like), writer_of(self.library)
        places = {label: place for place, label in enumerate(self.labels)}
        found = {c.label: column_of(frame, places[c.label]) for c in self.columns}
        for each in self.dropped:
            if each.constant is not None:
                made = write.frame([each.label], [each.filled(len(rows), write)], index_of(like))
                found[each.label] = column_of(made, 0)
        return found

    def without_rare(self, rows: Array) -> Array:
        """Return rows in which rare categories, which have one place, are missing."""
        found = rows.copy()
        for number, places in self.layout.categories():
            if self._has_other(number):
                found[rows[:, places.stop - 1] == 1, places] = np.nan
        return found

    def _without_other(self, rows: Array) -> Array:
        """Return rows in which no rare categories, which have one place, are the likeliest."""
        others = [
            places.stop - 1
            for column, places in self.layout.categories()
            if self._has_other(column)
        ]
        if not others:
            return rows
        rows = rows.copy()
        rows[:, others] = np.where(np.isnan(rows[:, others]), np.nan, -np.inf)
        return rows

    def _has_other(self, number: int) -> bool:
        column = self.columns[number]
        return isinstance(column, CategoryColumn) and column.has_other

    def _carried(self, dropped: Dropped, like: Any, n_rows: int, write: Writer) -> Any:
        """Return a column that is not learned from."""
        if like is None:
            return write.missing(n_rows, dropped.dtype)
        values = column_of(like, list(self.labels).index(dropped.label))
        if library_of(like) == self.library:
            return values.to_native()
        return write.objects(values.to_list(), dropped.dtype)


def _listed(title: str, labels: list[Any]) -> str:
    return f" {title}: {', '.join(map(repr, labels))}." if labels else ""


def _tell_of_dropped(dropped: list[Dropped], any_left: bool) -> None:
    if not dropped:
        return
    listed = "; ".join(f"{name_of(0, [each.label])}: {each.reason}" for each in dropped)
    if not any_left:
        raise ValueError(f"X must have a column that can be learned from. Got {listed}.")
    warn(
        f"Nothing can be learned from some columns, which are left out: {listed}. Drop them to "
        "avoid this warning, or give a kind in 'columns' to keep one. Convert dates that are text "
        "by pandas.to_datetime."
    )
