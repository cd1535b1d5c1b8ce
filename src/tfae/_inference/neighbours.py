"""How far rows are from the training rows around them, and in which columns."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from tfae._data.layout import Layout
from tfae._data.nearest_rows import NearestRows
from tfae._data.row_keys import keys_of
from tfae._inference.compared_rows import Compared
from tfae._support.typing import Array


class Distances(NamedTuple):
    """The distances of some rows from their neighbours."""

    values: Array  # [rows], to the last of the neighbours; NaN for rows that are all missing
    shares: Array  # [rows, columns], of the squared distances to all neighbours; the sum is 1 or 0
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
        squares = np.where(used[:, :, None], np.nan_to_num(near.squares), 0.0).sum(axis=1)
        total = squares.sum(axis=1, keepdims=True)
        shares = np.divide(squares, total, out=np.zeros_like(squares), where=total > 0)
        places = self.compared.places[near.places]
        first = np.take_along_axis(
            np.where(used, places, -1), np.argsort(~used, axis=1, kind="stable"), axis=1
        )
        return Distances(values, shares, first[:, : self.n_neighbors])

    def knows(self, keys: Array) -> Array:
        """Return which keys are those of rows that others are compared with."""
        found = np.searchsorted(self._keys, keys)
        return np.asarray(self._keys[np.minimum(found, len(self._keys) - 1)] == keys)

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
