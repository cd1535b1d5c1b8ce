"""Few changed cells after which a row is no outlier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfae._inference.outliers import OutlierModel
from tfae._support.typing import Array

# At first only this many columns are tried, those that add most to the oddness of a row.
_N_TRIED = 20


def counterfactuals(
    model: OutlierModel, rows: Array, targets: Sequence[Array]
) -> tuple[Array, Array]:
    """Return rows that are no outliers, and which of their columns have changed.

    Cells are changed one by one to those of the targets: each time the one after which the row is
    the least odd. At the end every change that is not needed is taken back.

    Parameters
    ----------
    model : OutlierModel
    rows : ndarray of shape (n, places)
    targets : sequence of ndarray of shape (n, places)
        Values to change to, NaN where there is none. The rows of the first ones should be no
        outliers.

    Returns
    -------
    rows : ndarray of shape (n, places)
        An outlier stays as it is if no change to the targets helps.
    changed : ndarray of bool of shape (n, columns)
    """
    found, changed = rows.copy(), np.zeros((len(rows), model.layout.n_columns), bool)
    odd = np.flatnonzero(model.scores(rows) < model.offset)
    if not len(odd):
        return found, changed
    order = np.argsort(-model.contributions(rows[odd])[:, :-1], axis=1, kind="stable")
    for place, columns in zip(odd, order, strict=True):
        search = _Search(model, rows[place], [target[place] for target in targets])
        found[place], changed[place] = search.result(columns)
    return found, changed


class _Search:
    """The search for the changes of one row."""

    def __init__(self, model: OutlierModel, row: Array, targets: list[Array]) -> None:
        self._model, self._row, self._targets = model, row, targets

    def result(self, columns: Array) -> tuple[Array, Array]:
        """Return the changed row and its changed columns, from those that add most at first."""
        none = np.zeros(len(columns), bool)
        row, changed = self._greedily(self._row, none, columns[:_N_TRIED])
        if self._is_odd(row):
            row, changed = self._greedily(row, changed, columns[_N_TRIED:])
        if self._is_odd(row):
            row, changed = self._first_target()
        return (self._row, none) if self._is_odd(row) else self._without_needless(row, changed)

    def _greedily(self, row: Array, changed: Array, columns: Array) -> tuple[Array, Array]:
        """Change columns, the best one each time, until the row is no outlier."""
        changed = changed.copy()
        while self._is_odd(row):
            places, rows = self._changes(row, [c for c in columns if not changed[c]])
            if not places:
                break
            best = int(np.argmax(self._model.scores(rows)))
            row, changed[places[best]] = rows[best], True
        return row, changed

    def _changes(self, row: Array, columns: list[int]) -> tuple[list[int], Array]:
        """Return the columns that can change, and the rows after each change."""
        of_place = self._model.layout.column_of
        places, rows = [], []
        for column in columns:
            of_column = of_place == column
            if np.isnan(row[of_column]).any():
                continue
            for target in self._targets:
                value = target[of_column]
                if not np.isnan(value).any() and (value != row[of_column]).any():
                    places.append(column)
                    rows.append(np.where(of_column, target, row))
        return places, np.array(rows)

    def _first_target(self) -> tuple[Array, Array]:
        """Return the first target as far as it has values."""
        target = np.where(np.isnan(self._targets[0]), self._row, self._targets[0])
        same = (target == self._row) | (np.isnan(target) & np.isnan(self._row))
        starts = self._model.layout.starts
        return target, np.asarray(~np.logical_and.reduceat(same, starts))

    def _without_needless(self, row: Array, changed: Array) -> tuple[Array, Array]:
        """Take back every change without which the row is no outlier either."""
        for column in np.flatnonzero(changed):
            again = np.where(self._model.layout.column_of == column, self._row, row)
            if not self._is_odd(again):
                row, changed[column] = again, False
        return row, changed

    def _is_odd(self, row: Array) -> bool:
        return bool(self._model.scores(row[None])[0] < self._model.offset)
