"""How far rows are from the training rows around them, and in which columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from tfae._data.layout import Layout
from tfae._data.nearest_rows import Candidates, NearestRows
from tfae._data.row_keys import keys_of
from tfae._inference.compared_rows import Compared
from tfae._support.typing import Array


class Distances(NamedTuple):
    """The distances of some rows from their neighbours."""

    values: Array  # [rows], to the last of the neighbours; NaN for rows that are all missing
    places: Array  # [rows, k], the positions of the neighbours among the training rows; -1: none


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Training rows that others are compared with.

    A row that is equal to one of them is not its own neighbour.
    """

    layout: Layout
    compared: Compared
    rows: Array  # all training rows, in the user's units
    n_neighbors: int

    def distances(self, rows: Array) -> Distances:
        """Return the distances of rows of float64 numbers, which may have missing entries."""
        m, scaled = len(self.compared.places), self.compared.scaled(rows)
        near = self._nearest.find(scaled, min(self.n_neighbors + 1, m))
        # A row that is known is its own first neighbour; of other rows the last one is too much.
        known = self.knows(keys_of(rows)) & (near.totals[:, 0] == 0)
        n_used = np.minimum(self.n_neighbors, m - known)
        rank = np.arange(near.places.shape[1])
        used = (rank >= known[:, None]) & (rank < (known + n_used)[:, None])
        used &= np.isfinite(near.totals)
        last = np.maximum.accumulate(np.where(used, near.totals, 0.0), axis=1)[:, -1]
        values = np.where(self.layout.missing(rows).all(axis=1), np.nan, np.sqrt(last))
        places = self.compared.places[near.places]
        first = np.take_along_axis(
            np.where(used, places, -1), np.argsort(~used, axis=1, kind="stable"), axis=1
        )
        return Distances(values, first[:, : self.n_neighbors])

    def shares(self, rows: Array) -> Array:
        """Return the share of every column in the distances of rows, of shape [rows, columns].

        It is in proportion to the fall of the squared distances to the neighbours, if the column
        is left out, and the neighbours are those without it. With the neighbours that a row has, a
        wrong cell would be blamed on the others: they are the rows that agree with it. The shares
        add up to 1, or are all 0 for a row without a distance.
        """
        falls = np.zeros((len(rows), self.layout.n_columns))
        for row, near in enumerate(self._candidates(rows)):
            falls[row] = self._sum(near.totals) - self._sum(near.without)
        falls = np.maximum(falls, 0.0)  # rounding errors
        total = falls.sum(axis=1, keepdims=True)
        return np.divide(falls, total, out=np.zeros_like(falls), where=total > 0)

    def expected(self, rows: Array) -> Array:
        """Return rows of the means of every column among the neighbours without it.

        They are probabilities of categories. All rows as near as the last neighbour count.
        """
        found = np.empty((len(rows), self.layout.width))
        for row, near in enumerate(self._candidates(rows)):
            last = self._smallest(near.without).max(axis=-1, keepdims=True)
            is_near = (near.without <= last) & np.isfinite(near.without)
            values = self.rows[self.compared.places[near.places]]
            counts = self.layout.spread(is_near.T) & ~np.isnan(values)
            total, n = np.where(counts, values, 0.0).sum(axis=0), counts.sum(axis=0)
            found[row] = np.where(n > 0, total / np.maximum(n, 1), self.compared.center)
        return found

    def knows(self, keys: Array) -> Array:
        """Return which keys are those of rows that others are compared with."""
        found = np.searchsorted(self._keys, keys)
        return np.asarray(self._keys[np.minimum(found, len(self._keys) - 1)] == keys)

    def _candidates(self, rows: Array) -> Iterator[Candidates]:
        k = min(self.n_neighbors, len(self.compared.places))
        return self._nearest.candidates(self.compared.scaled(rows), k, self.knows(keys_of(rows)))

    def _smallest(self, totals: Array) -> Array:
        """Return the distances to the neighbours, the smallest in the last axis."""
        k = min(self.n_neighbors, totals.shape[-1])
        return np.partition(totals, k - 1)[..., :k]

    def _sum(self, totals: Array) -> Array:
        found = self._smallest(totals)
        return np.asarray(np.where(np.isfinite(found), found, 0.0).sum(axis=-1))

    @cached_property
    def _nearest(self) -> NearestRows:
        rows = self.compared.scaled(self.rows[self.compared.places])
        return NearestRows(rows, self.layout)

    @cached_property
    def _keys(self) -> Array:
        return np.sort(keys_of(self.rows[self.compared.places]))

    def __getstate__(self) -> dict[str, Any]:
        # What is made of the fields is made anew.
        return {field.name: getattr(self, field.name) for field in fields(self)}
