"""Euclidean distances that depend neither on the offset of the rows nor on their unit.

scikit-learn computes x² - 2xy + y², because a product of matrices is fast. That loses the distance
of two rows that are close together and far from 0: after an offset of 1e9 all digits are neighbours
of each other. So rows are moved near 0 first. Distances that are short even then, such as those
within one of two far clusters, are computed again from differences.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.neighbors import NearestNeighbors

from tfae._data.rows import block_size, dense_rows, evenly_spaced
from tfae._support.sklearn import fitted_within, searches_by_products
from tfae._support.typing import Array

# The names of the Euclidean distance. Checked rows have no NaN, so one more name means the same.
EUCLIDEAN = frozenset({"euclidean", "l2", "minkowski", "nan_euclidean"})
# Other distances that do not depend on an offset of the columns.
_OF_DIFFERENCES = EUCLIDEAN | {"sqeuclidean", "manhattan", "cityblock", "l1", "chebyshev"}
# Distances that do not even depend on the unit of a single column.
_OF_STANDARDISED = frozenset({"seuclidean", "mahalanobis"})

# The squares of numbers between this and its inverse, and their sums, stay within float64.
_HUGE = 1e100
# An offset costs digits if squares about 0 are this many times as large as those about the middle.
_LARGE_OFFSET = 100.0
# The middle is found among this many rows.
_N_SOME = 1001
# A squared distance below this fraction of the squared norms has lost more than a third of its
# digits to rounding errors of the products.
_LOST = 2.0**-20
# Differences take this many entries at a time.
_ENTRIES = 1 << 20
# If a larger fraction of a block is lost, differences of all its pairs are faster than of some.
_MANY = 1 / 8


def comparable(X: Any, metric: Any) -> Any:
    """Return rows whose distances have the same order, and can be computed without losing digits.

    Every column is moved near 0 and all are multiplied by a power of two, as far as the metric
    allows it. Sparse rows are not moved, because their zeros would be lost. Rows that need neither
    are returned as they are. Only dense arrays and CSR matrices of numbers are taken.
    """
    if not isinstance(metric, str) or metric not in _OF_DIFFERENCES | _OF_STANDARDISED:
        return X
    return near_zero(X, axis=0 if metric in _OF_STANDARDISED else None)


def near_zero(X: Any, axis: int | None = None) -> Any:
    """Return rows for differences: near 0, and of a size whose squares are in the range of float64.

    They are multiplied by one number for all columns, or with ``axis=0`` by one for each. Values
    below 1e-154 of the largest one may count as 0.
    """
    rows = _of_usual_size(X, axis)
    return rows if sparse.issparse(rows) else _of_usual_size(_moved(rows), axis)


def _moved(rows: Array) -> Array:
    """Return dense rows without an offset that costs digits."""
    some = rows[evenly_spaced(rows, None, _N_SOME)].astype(np.float64)
    place = len(some) // 2
    # It is a value of the column, so that whole numbers stay whole numbers.
    middle = np.partition(some, place, axis=0)[place]
    about_zero, about_middle = (np.median(_squared_norms(a)) for a in (some, some - middle))
    return rows - middle if about_zero > _LARGE_OFFSET * about_middle else rows


def _of_usual_size(rows: Any, axis: int | None) -> Any:
    """Return rows times a power of two, one for all or one for each column, if they need it."""
    values = rows.data if sparse.issparse(rows) else rows
    if values.dtype != np.float64 or not values.size:  # no others are so large or so small
        return rows
    largest = np.asarray(np.maximum(values.max(axis), -values.min(axis)))
    small = (largest < 1 / _HUGE) & (largest > 0)
    wanted = np.ones_like(largest)
    wanted[largest > _HUGE] = _HUGE / largest[largest > _HUGE]
    wanted[small] = 1 / np.maximum(largest[small], np.finfo(np.float64).tiny)
    factor = np.ldexp(1.0, np.frexp(wanted)[1] - 1)
    return rows if np.all(factor == 1) else rows * factor


def _squared_norms(rows: Any) -> Array:
    if sparse.issparse(rows):
        squares = np.square(rows.data, dtype=np.float64)
        squared = sparse.csr_array((squares, rows.indices, rows.indptr), rows.shape)
        return np.asarray(squared.sum(axis=1))
    return np.einsum("ij,ij->i", rows, rows, dtype=np.float64)


class EuclideanDistances:
    """The distances between all pairs of some rows.

    The unit is unknown if the rows have an unusual size, see :func:`near_zero`. The distance of
    equal rows is 0.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, features)
        Finite numbers.
    """

    def __init__(self, X: Any) -> None:
        self._rows = near_zero(X)
        self._norms = _squared_norms(self._rows)

    def from_block(self, block: slice) -> Array:
        """Return the distances from the rows of a block to all rows, in a writable array."""
        rows = self._rows.astype(np.float64, copy=False)  # the result has the dtype of the rows
        squares = euclidean_distances(rows[block], rows, squared=True)
        lost = squares < _LOST * (self._norms[block, None] + self._norms)
        if np.count_nonzero(lost) > _MANY * lost.size:
            squares = self._by_differences(np.arange(len(self._norms))[block])
        else:
            some, others = np.nonzero(lost)
            squares[some, others] = self._of_pairs(some + block.start, others)
        return np.sqrt(squares, out=squares)

    def nearest(self, n_neighbors: int) -> tuple[Array, Array]:
        """Return the distances and the positions of every row's nearest other rows, in no order."""
        search = fitted_within(NearestNeighbors(n_neighbors=n_neighbors), self._rows)
        distances, places = search.kneighbors()
        if not searches_by_products(search):
            return distances, places
        squares = np.square(distances, dtype=np.float64)
        lost = squares < _LOST * (self._norms[:, None] + self._norms[places])
        # If the last of the neighbours is as near as that, others may be nearer.
        unsure = squares.max(axis=1) < _LOST * self._norms
        rows, columns = np.nonzero(lost & ~unsure[:, None])
        distances[rows, columns] = np.sqrt(self._of_pairs(rows, places[rows, columns]))
        again = np.flatnonzero(unsure)
        for part in _slices(len(again), max(1, 4 * _ENTRIES // len(self._norms))):
            some = again[part]
            distances[some], places[some] = self._nearest_by_differences(some, n_neighbors)
        return distances, places

    def _nearest_by_differences(self, chosen: Array, n_neighbors: int) -> tuple[Array, Array]:
        squares = self._by_differences(chosen)
        squares[np.arange(len(chosen)), chosen] = np.inf
        places = np.argpartition(squares, n_neighbors - 1, axis=1)[:, :n_neighbors]
        return np.sqrt(np.take_along_axis(squares, places, axis=1)), places

    def _by_differences(self, chosen: Array) -> Array:
        """Return the squared distances from some rows to all; this is slower than products."""
        n_rows, n_features = self._rows.shape
        some = dense_rows(self._rows, chosen)
        squares = np.empty((len(chosen), n_rows))
        for block in _slices(n_rows, block_size(n_features)):
            squares[:, block] = cdist(some, dense_rows(self._rows, block), "sqeuclidean")
        return squares

    def _of_pairs(self, rows: Array, others: Array) -> Array:
        """Return the squared distances of pairs, from differences."""
        squares = np.empty(len(rows))
        for part in _slices(len(rows), max(1, _ENTRIES // self._rows.shape[1])):
            pair = (dense_rows(self._rows, places[part]) for places in (rows, others))
            squares[part] = _squared_norms(np.subtract(*pair, dtype=np.float64))
        return squares


def _slices(n: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]
