"""How the columns of a table lie in the rows that a network sees: numbers, and categories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tfae._support.typing import Array

# A category that a linear model rules out keeps this probability.
LEAST_PROBABILITY = 0.01


@dataclass(frozen=True)
class Layout:
    """The places of the columns of a table in its rows of numbers.

    A column of numbers takes one place. A column of K categories takes K places, with 1 in that of
    its category and 0 in the others. NaN stands in every place of a missing entry.

    Attributes
    ----------
    levels : tuple of int
        For every column its number of categories; 0 for a column of numbers.
    """

    levels: tuple[int, ...]

    @classmethod
    def of_numbers(cls, n_columns: int) -> Layout:
        """Return the layout of a table that holds numbers only."""
        return cls((0,) * n_columns)

    @property
    def n_columns(self) -> int:
        return len(self.levels)

    @cached_property
    def starts(self) -> Array:
        """The first place of every column."""
        widths = np.maximum(self.levels, 1)
        return np.cumsum(widths) - widths

    @cached_property
    def width(self) -> int:
        """The number of places."""
        return int(np.maximum(self.levels, 1).sum())

    @cached_property
    def column_of(self) -> Array:
        """The column of every place."""
        return np.repeat(np.arange(self.n_columns), np.maximum(self.levels, 1))

    @cached_property
    def is_number(self) -> Array:
        """Whether a place is that of a number."""
        return np.equal(self.levels, 0)[self.column_of]

    @property
    def has_categories(self) -> bool:
        return any(self.levels)

    @property
    def numbers(self) -> Array:
        """The places of the columns of numbers."""
        return self.starts[np.equal(self.levels, 0)]

    def categories(self) -> Iterator[tuple[int, slice]]:
        """Yield every column of categories with its places."""
        for column, (start, n_levels) in enumerate(zip(self.starts, self.levels, strict=True)):
            if n_levels:
                yield column, slice(int(start), int(start) + n_levels)

    def missing(self, rows: Array) -> Array:
        """Return which entries of rows are missing, of shape [rows, columns]."""
        return np.asarray(np.isnan(rows[:, self.starts]))

    def spread(self, of_columns: Array) -> Array:
        """Repeat the values of columns, in the last axis, in every place of a column."""
        return of_columns if not self.has_categories else of_columns[..., self.column_of]

    def log_probabilities(self, logits: Array) -> Array:
        """Return the logarithms of the probabilities of categories from rows of logits.

        Places of numbers get 0.
        """
        shifted = logits - self.spread(np.maximum.reduceat(logits, self.starts, axis=1))
        sums = np.add.reduceat(np.exp(shifted), self.starts, axis=1)
        return np.asarray(shifted - self.spread(np.log(sums)))

    def as_logits(self, rows: Array) -> Array:
        """Return rows with logits in place of probabilities that a linear model guesses.

        Those that it rules out keep a little, so that they can be corrected.
        """
        logits = np.log(np.clip(rows, LEAST_PROBABILITY, 1.0))
        return np.where(self.is_number, rows, logits)

    def encoded(self, values: Array) -> Array:
        """Return rows from a value a column: a number, or the position of a category; NaN stays.

        Shapes [rows, columns] and [rows, places].
        """
        # To set the ones alone takes a tenth of the time of comparing with every category.
        rows = np.zeros((len(values), self.width), values.dtype)
        rows[:, self.numbers] = values[:, np.equal(self.levels, 0)]
        for column, places in self.categories():
            of = values[:, column]
            there = ~np.isnan(of)
            rows[there, places.start + of[there].astype(np.intp)] = 1
            rows[~there, places] = np.nan
        return rows

    def decoded(self, rows: Array) -> Array:
        """Return a value a column: a number, or the position of the likeliest category.

        This reverses :meth:`encoded`.
        """
        values = rows[:, self.starts].copy()
        for column, places in self.categories():
            likeliest = np.argmax(rows[:, places], axis=1)
            values[:, column] = np.where(np.isnan(values[:, column]), np.nan, likeliest)
        return values
