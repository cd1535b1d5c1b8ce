"""The nearest of some rows, found without losing digits, also where entries are missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from tfae._data.layout import Layout
from tfae._support.sklearn import fitted_within, searches_by_products
from tfae._support.typing import Array

# Differences and products take this many entries at a time.
_ENTRIES = 1 << 22
# A squared distance below this fraction of the squared norm has lost more than a third of its
# digits to rounding errors of the products.
_LOST = 2.0**-20
# The rounding errors of products are below this fraction of the squared norms.
_ROUNDING = 2.0**-36


class Near(NamedTuple):
    """The nearest rows of some rows, the nearest first."""

    places: Array  # [rows, k], their positions
    totals: Array  # [rows, k], squared distances; inf where no column can be compared
    squares: Array  # [rows, k, columns], of the differences; NaN where one is missing


class Candidates(NamedTuple):
    """The rows among which the nearest ones of a row are, whichever one column is left out."""

    places: Array  # [m], their positions
    totals: Array  # [m], squared distances
    without: Array  # [columns, m], the same if a column differs by nothing


class NearestRows:
    """Finds the nearest of some rows by Euclidean distances over the columns that both rows have.

    A sum over some of the columns counts as if it were over all: it is multiplied by their number
    over that of the columns compared (Dixon, 1979, Pattern recognition with partly missing data,
    IEEE Transactions on Systems, Man, and Cybernetics 9, 617-621).

    Parameters
    ----------
    rows : ndarray of shape (n, places), float64
        With NaN in the places of missing entries. Numbers should be near 0.
    layout : Layout
    """

    def __init__(self, rows: Array, layout: Layout) -> None:
        self._rows, self._layout = rows, layout
        self._holed = bool(np.isnan(rows).any())
        self._search = None if self._holed else fitted_within(NearestNeighbors(), rows)

    def find(self, rows: Array, k: int) -> Near:
        """Return the `k` nearest rows of every row; `k` is at most their number."""
        places = np.empty((len(rows), k), np.intp)
        holed = np.isnan(rows).any(axis=1) | self._holed
        whole = np.flatnonzero(~holed)
        if len(whole):
            assert self._search is not None
            places[whole] = self._search.kneighbors(rows[whole], k, return_distance=False)
        for some in _parts(np.flatnonzero(holed), len(self._rows)):
            places[some] = _smallest(self._by_products(rows[some]), k)
        found = self._sorted(rows, places)
        self._mend(rows, found)
        return found

    def candidates(self, rows: Array, k: int, known: Array) -> Iterator[Candidates]:
        """Yield for every row those that may be among its `k` nearest if a column is left out.

        A squared distance is a sum over columns, so that it gives those without each of them.

        Parameters
        ----------
        rows : ndarray of shape (n, places)
        k : int
            At most the number of rows to choose from.
        known : ndarray of bool of shape (n,)
            Whether an equal row does not count, because it is the row itself.
        """
        for some in _parts(np.arange(len(rows)), len(self._rows)):
            may_be_near = self._may_be_near(rows[some], k)
            for row, near in zip(some, may_be_near, strict=True):
                yield self._candidates(rows[row], np.flatnonzero(near), bool(known[row]))

    def _may_be_near(self, rows: Array, k: int) -> Array:
        """Return which rows are not too far even without the column of their largest difference.

        To take the differences from all rows would take several times as long. There is room for
        rounding errors, and for one row more, because the row itself may be among them.
        """
        known, others = np.nan_to_num(rows), np.nan_to_num(self._rows)
        numbers = self._layout.numbers
        most = np.square(cdist(known[:, numbers], others[:, numbers], "chebyshev"))
        for _, places in self._layout.categories():
            of_column = cdist(known[:, places], others[:, places], "sqeuclidean")
            np.maximum(most, of_column, out=most)
        norms = np.square(known).sum(axis=1)[:, None] + np.square(others).sum(axis=1)
        totals = self._by_products(rows)
        factor = self._layout.n_columns / np.maximum(self._n_compared(rows), 1)
        room = (most + _ROUNDING * norms) * factor
        k = min(k, len(others) - 1)
        limit = np.partition(totals, k, axis=1)[:, [k]]
        return np.asarray(totals - room <= limit)

    def _candidates(self, row: Array, places: Array, is_known: bool) -> Candidates:
        """Return the distances from the rows at some positions by differences."""
        squares = _of_columns(np.square(row - self._rows[places]), self._layout)
        missing = np.isnan(squares)
        n_compared = squares.shape[1] - missing.sum(axis=1)
        squares[missing] = 0.0
        squares *= (squares.shape[1] / np.maximum(n_compared, 1))[:, None]
        largest, order = squares.argmax(axis=1), np.arange(len(squares))
        most = squares[order, largest]
        # Beside the largest difference the others would lose their digits.
        squares[order, largest] = 0.0
        least = np.where(n_compared > 0, squares.sum(axis=1), np.inf)
        totals = least + most
        if is_known and totals[own := int(totals.argmin())] == 0:
            least[own] = totals[own] = np.inf
        without = np.maximum(totals - squares.T, least)
        without[largest, order] = least
        return Candidates(places, totals, without)

    def _n_compared(self, rows: Array) -> Array:
        """Return how many columns two rows both have, of shape [rows, others]."""
        starts = self._layout.starts
        there, others_there = ~np.isnan(rows[:, starts]), ~np.isnan(self._rows[:, starts])
        return there.astype(np.float64) @ others_there.T

    def _by_products(self, rows: Array) -> Array:
        """Return the squared distances to all rows; where both have entries, products tell."""
        there, others_there = ~np.isnan(rows), ~np.isnan(self._rows)
        known, others = np.where(there, rows, 0.0), np.where(others_there, self._rows, 0.0)
        squares = np.square(known) @ others_there.T - 2 * known @ others.T
        squares += there.astype(np.float64) @ np.square(others).T
        compared = self._n_compared(rows)
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = squares * self._layout.n_columns / compared
            return np.where(compared > 0, scaled, np.inf)

    def _sorted(self, rows: Array, places: Array) -> Near:
        """Return rows at some positions, the nearest first, with distances from differences."""
        n_rows, k = places.shape
        squares = np.empty((n_rows, k, self._layout.n_columns))
        for some in _parts(np.arange(n_rows), k * rows.shape[1]):
            difference = np.square(rows[some, None] - self._rows[places[some]])
            squares[some] = _of_columns(difference, self._layout)
        totals = self._totals(squares)
        order = np.argsort(totals, axis=1, kind="stable")
        return Near(
            np.take_along_axis(places, order, axis=1),
            np.take_along_axis(totals, order, axis=1),
            np.take_along_axis(squares, order[:, :, None], axis=1),
        )

    def _totals(self, squares: Array) -> Array:
        compared = (~np.isnan(squares)).sum(axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            totals = np.nansum(squares, axis=-1) * (squares.shape[-1] / compared)
        return np.where(compared > 0, totals, np.inf)

    def _mend(self, rows: Array, found: Near) -> None:
        """Search again by differences where products have lost so many digits that others may win.

        This happens within one of two clusters that are very far from each other.
        """
        if self._search is not None and not searches_by_products(self._search):
            return
        norms, last = np.nansum(np.square(rows), axis=1), found.totals[:, -1]
        for row in np.flatnonzero((last > 0) & (last < _LOST * norms)):
            difference = np.square(rows[row] - self._rows)
            totals = self._totals(_of_columns(difference, self._layout))
            places = _smallest(totals[None], found.places.shape[1])
            for array, value in zip(found, self._sorted(rows[[row]], places), strict=True):
                array[row] = value[0]


def _of_columns(of_places: Array, layout: Layout) -> Array:
    """Return the sums over the places of every column, in the last axis."""
    if not layout.has_categories:
        return of_places
    return np.asarray(np.add.reduceat(of_places, layout.starts, axis=-1))


def _smallest(values: Array, k: int) -> Array:
    return np.argpartition(values, k - 1, axis=1)[:, :k]


def _parts(places: Array, n_each: int) -> list[Array]:
    """Return positions in parts, each of which takes a bounded number of entries."""
    size = max(1, _ENTRIES // max(1, n_each))
    return [places[start : start + size] for start in range(0, len(places), size)]
