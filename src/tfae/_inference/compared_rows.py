"""The training rows that others are compared with: which, and in which units."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tfae._data.layout import Layout
from tfae._data.observed import standard_scaling
from tfae._data.row_keys import keys_of
from tfae._data.trimming import given_categories, rows_kept, without_small_clusters
from tfae._support.typing import Array

# No scaled deviation counts for more than this; squares of larger numbers would lose the others.
_FURTHEST = 1e9
# A value that differs from the only one of its column counts as this many deviations.
_OF_A_CONSTANT = 10.0


@dataclass(frozen=True, eq=False)
class Compared:
    """Which training rows others are compared with, and in which units."""

    places: Array  # [m], their positions among the training rows
    center: Array  # [places]
    scale: Array  # [places]
    limit: Array  # [places], the largest scaled deviation that counts

    def scaled(self, rows: Array) -> Array:
        """Return rows in units of these rows' deviations; NaN stays."""
        with np.errstate(over="ignore"):
            return np.clip((rows - self.center) / self.scale, -self.limit, self.limit)


def compared_rows(rows: Array, layout: Layout, trims: bool, among: Array) -> Compared:
    """Return which of some rows others are compared with, and the units of the columns.

    Parameters
    ----------
    rows : ndarray of shape (n, places)
    layout : Layout
    trims : bool
        Whether there may be outliers among them. The most remote rows are then dropped, and small
        clusters; and of equal rows only one counts, because a cluster of equal outliers would be
        its own neighbourhood. Both go by the numbers given the categories: a rare category is a
        usual place.
    among : ndarray of int
        The positions of the rows to choose from.
    """
    if not trims:
        return _in_units(rows, layout, among, among)
    is_number = layout.is_number
    if not is_number.any():
        return _in_units(rows, layout, among, _distinct(rows, among), among)
    numbers = _filled(rows[among][:, is_number])
    categories = _categories(rows[among], layout) if layout.has_categories else None
    kept = rows_kept(numbers, categories=categories)
    compared = _in_units(rows, layout, among, _distinct(rows, among[kept]), among[kept])
    if categories is None:
        scaled = compared.scaled(_filled(rows[compared.places]))
    else:
        given = np.clip(given_categories(numbers, categories, kept), -_FURTHEST, _FURTHEST)
        scaled = given[np.searchsorted(among, compared.places)]
    return replace(compared, places=compared.places[without_small_clusters(scaled)])


def _categories(rows: Array, layout: Layout) -> Array:
    """Return the positions of categories; -1 stands for missing ones."""
    codes = layout.decoded(rows)[:, np.not_equal(layout.levels, 0)]
    return np.nan_to_num(codes, nan=-1).astype(np.int64)


def _distinct(rows: Array, places: Array) -> Array:
    """Return the first of equal rows, in order."""
    _, first = np.unique(keys_of(rows[places]), return_index=True)
    return places[np.sort(first)]


def _in_units(
    rows: Array, layout: Layout, among: Array, chosen: Array, kept: Array | None = None
) -> Compared:
    """Return the chosen rows, with the units of the rows kept."""
    kept = chosen if kept is None else kept
    center, scale = _center_and_units(rows[kept], layout)
    limit = np.full(layout.width, _FURTHEST)
    varies, varies_at_all = _varies(rows[kept]), _varies(rows[among])
    if (other := ~varies & varies_at_all).any():
        # By the deviation: the rows in which they differ may all be outliers.
        scale = np.where(other, np.asarray(standard_scaling(rows[among], layout).scale), scale)
    constant = ~varies & ~varies_at_all
    rounding = len(among) * np.finfo(np.float64).eps * np.abs(center) / _OF_A_CONSTANT
    scale = np.where(constant, np.maximum(rounding, np.finfo(np.float64).tiny), scale)
    limit[constant] = _OF_A_CONSTANT
    # A column of categories counts like one of numbers, however many places it takes.
    scale = scale * np.sqrt(layout.spread(np.maximum(layout.levels, 1)))
    return Compared(chosen, center, scale, limit)


def _center_and_units(rows: Array, layout: Layout) -> tuple[Array, Array]:
    """Return the means of places, and their units, which are the deviations of most places.

    A number that is the same in more than half of the rows counts by its other values: by the root
    mean square of their differences from it. Its deviation is small because it seldom differs, so
    that a pixel of the margin, or a capital gain, would outweigh all other columns where it does.
    """
    scaling = standard_scaling(rows, layout)
    scale = np.asarray(scaling.scale)
    n_there = np.count_nonzero(~np.isnan(rows), axis=0)
    rows = _filled(rows)
    median = np.median(rows, axis=0)  # the value of more than half, if there is one
    n_others = np.count_nonzero(rows != median, axis=0)
    squares = np.square((rows - median) / scale).sum(axis=0)
    units = scale * np.sqrt(squares / np.maximum(n_others, 1))
    has_one = layout.is_number & (n_others > 0) & (2 * n_others < n_there)
    return scaling.center, np.where(has_one, np.maximum(units, scale), scale)


def _filled(rows: Array) -> Array:
    """Return rows in which the median of a place stands where an entry is missing."""
    missing = np.isnan(rows)
    if not missing.any():
        return rows
    empty = missing.all(axis=0)
    medians = np.nanmedian(np.where(empty, 0.0, rows), axis=0)
    return np.where(missing, medians, rows)


def _varies(rows: Array) -> Array:
    """Return whether the observed entries of a place differ by more than rounding errors."""
    missing = np.isnan(rows)
    low = np.where(missing, np.inf, rows).min(axis=0)
    high = np.where(missing, -np.inf, rows).max(axis=0)
    with np.errstate(over="ignore"):
        return np.asarray(
            high - low > len(rows) * np.finfo(np.float64).eps * np.maximum(abs(low), abs(high))
        )
