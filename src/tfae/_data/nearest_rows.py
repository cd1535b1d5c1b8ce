"""The nearest of some rows, found without losing digits, also where entries are missing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.neighbors import NearestNeighbors

from tfae._data.layout import Layout
from tfae._support.sklearn import fitted_within, searches_by_products
from tfae._support.typing import Array

# Differences and products take this many entries at a time.
_ENTRIES = 1 << 22
# A squared distance below this fraction of the squared norm has lost more than a third of its
# digits to rounding errors of the products.
_LOST = 2.0**-20


class Near(NamedTuple):
    """The nearest rows of some rows, the nearest first."""

    places: Array  # [rows, k], their positions
    totals: Array  # [rows, k], squared distances; inf where no column can be compared
    squares: Array  # [rows, k, columns], of the differences; NaN where one is missing


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

    def _by_products(self, rows: Array) -> Array:
        """Return the squared distances to all rows; where both have entries, products tell."""
        there, others_there = ~np.isnan(rows), ~np.isnan(self._rows)
        known, others = np.where(there, rows, 0.0), np.where(others_there, self._rows, 0.0)
        squares = np.square(known) @ others_there.T - 2 * known @ others.T
        squares += there.astype(np.float64) @ np.square(others).T
        starts = self._layout.starts
        compared = there[:, starts].astype(np.float64) @ others_there[:, starts].T
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(compared > 0, squares * len(starts) / compared, np.inf)

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
