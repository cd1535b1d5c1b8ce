"""A fitted detector of outliers: how odd rows are, against which rows, and for which columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from tfae._data.layout import Layout
from tfae._data.row_keys import keys_of
from tfae._inference.blocks import of_every_block
from tfae._inference.compared_rows import Compared, compared_rows
from tfae._inference.neighbours import Distances, Neighbours
from tfae._inference.surprise import Surprise, shares_of_columns, surprise_of_rows
from tfae._support.typing import Array

_DECIMALS = 9


@dataclass(frozen=True)
class Part:
    """A part of the score: its weight, and its location and spread among the training rows."""

    weight: float
    location: float
    spread: float

    def term(self, values: Array) -> Array:
        """Return what the part adds to the oddness of rows; NaN stands for unknown ones.

        They count as one spread above the middle, because a row of which nothing is known must not
        look usual.
        """
        terms = self.weight * (values - self.location) / self.spread
        return np.where(np.isnan(values), self.weight, terms)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Rows that nothing was learned from: their scores, and their groups."""

    scores: Array  # [n]
    groups: Array  # [n] of int, positions among the names
    names: tuple[Any, ...]  # of the groups; empty without groups


class Evidence(NamedTuple):
    """What speaks against some rows."""

    distances: Distances | None
    surprises: Array | None  # [rows, columns], beyond the usual ones; NaN where missing


@dataclass(frozen=True, eq=False)
class OutlierModel:
    """A fitted detector; it never changes.

    Rows are float64 numbers in the user's units, with NaN in the places of missing entries.
    """

    layout: Layout
    rows: Array  # [n, places], the training rows
    folds: Array  # [n] of int; equal rows are in one fold
    compared: Compared
    trims: bool  # whether there may be outliers among them
    n_neighbors: int
    surprise: Surprise | None
    distance_part: Part | None
    surprise_part: Part | None
    calibration: Calibration
    offset: float
    facts: Mapping[str, Any]

    def with_facts(self, facts: Mapping[str, Any]) -> OutlierModel:
        """Return a copy with more facts."""
        return replace(self, facts={**self.facts, **facts})

    @cached_property
    def neighbours(self) -> Neighbours:
        """The rows that new rows are compared with."""
        return self._neighbours(self.compared)

    def scores(self, X: Any) -> Array:
        """Return the scores of rows of an array, a CSR matrix or a source; lower ones are odder."""
        return self._of_every_block(X, lambda rows: _rounded(-self.oddness(self.evidence(rows))))

    def contributions(self, X: Any) -> Array:
        """Return what every column adds to the oddness of rows, and the rest in one more column.

        Shape [rows, columns + 1]. The sums of rows are the negative scores.
        """

        def of_rows(rows: Array) -> Array:
            evidence = self.evidence(rows)
            found = self._shares(rows, evidence)
            rest = self.oddness(evidence) - found.sum(axis=1)
            return np.hstack([found, rest[:, None]])

        return self._of_every_block(X, of_rows)

    def evidence(self, rows: Array) -> Evidence:
        """Return what speaks against rows, by members that have not seen them."""
        distances = surprises = None
        if self.distance_part is not None:
            distances = self.neighbours.distances(rows)
        if self.surprise is not None:
            surprises = self.surprise.excess(rows, self._left_out(rows))
        return Evidence(distances, surprises)

    def oddness(self, evidence: Evidence) -> Array:
        """Return the negative scores of rows."""
        total: Any = 0.0
        if self.distance_part is not None and evidence.distances is not None:
            total = total + self.distance_part.term(evidence.distances.values)
        if self.surprise_part is not None and evidence.surprises is not None:
            values = surprise_of_rows(evidence.surprises)
            total = total + self.surprise_part.term(values)
        return np.asarray(total)

    def expected(self, X: Any) -> Array:
        """Return what every column was expected to hold, as rows of numbers.

        By the surprise it is the value given the other columns, by distances alone the mean of the
        neighbours without the column, or the commonest category among them.
        """
        if self.surprise is None:
            return self._of_every_block(X, lambda rows: self.neighbours.expected(rows))
        surprise = self.surprise

        def of_rows(rows: Array) -> Array:
            return self.layout.encoded(surprise.expected(rows, self._left_out(rows)))

        return self._of_every_block(X, of_rows)

    def nearest_normal(self, X: Any) -> Array:
        """Return the nearest training row of every row that is not an outlier itself."""
        return self._of_every_block(
            X, lambda rows: self.rows[self._normal.distances(rows).places[:, 0]]
        )

    def cross_scores(self, X: Any) -> Array:
        """Return the scores of rows by what has not seen a fold, of shape [rows, folds]."""
        return self._of_every_block(X, self._scores_by_fold)

    @cached_property
    def left_out_scores(self) -> Array:
        """The score of every training row by what has not seen its fold."""
        by_fold = self.cross_scores(self.rows)
        return by_fold[np.arange(len(self.rows)), self.folds]

    def _scores_by_fold(self, rows: Array) -> Array:
        surprises = None if self.surprise is None else self._surprises_by_fold(self.surprise, rows)
        scores = np.empty((len(rows), len(self._neighbours_by_fold)))
        for fold, neighbours in enumerate(self._neighbours_by_fold):
            distances = None if self.distance_part is None else neighbours.distances(rows)
            of_fold = None if surprises is None else surprises[:, fold]
            scores[:, fold] = _rounded(-self.oddness(Evidence(distances, of_fold)))
        return scores

    def _surprises_by_fold(self, surprise: Surprise, rows: Array) -> Array:
        """Return surprises of shape [rows, folds, columns]; all members judge unseen folds."""
        found = np.maximum(surprise.by_fold(rows) - surprise.usual, 0.0)
        n_unseen = int(self.folds.max()) + 1 - found.shape[1]
        if n_unseen < 1:
            return found
        of_all = surprise.excess(rows)[:, None]
        return np.concatenate([found, *[of_all] * n_unseen], axis=1)

    def _shares(self, rows: Array, evidence: Evidence) -> Array:
        """Return what columns add to the oddness, without the constant."""
        found: Any = 0.0
        if self.distance_part is not None and evidence.distances is not None:
            part, distances = self.distance_part, evidence.distances
            unit = part.weight / part.spread
            values = np.nan_to_num(distances.values)[:, None]
            found = found + unit * values * self.neighbours.shares(rows)
        if self.surprise_part is not None and evidence.surprises is not None:
            part, surprises = self.surprise_part, evidence.surprises
            values = np.nan_to_num(surprise_of_rows(surprises))[:, None]
            found = found + part.weight / part.spread * values * shares_of_columns(surprises)
        return np.asarray(found)

    def _left_out(self, rows: Array) -> Array:
        """Return the fold of every row that members have seen; -1 for others."""
        keys, known = self._keys_of_seen
        found = np.minimum(np.searchsorted(keys, wanted := keys_of(rows)), len(keys) - 1)
        return np.where(keys[found] == wanted, known[found], -1)

    @cached_property
    def _keys_of_seen(self) -> tuple[Array, Array]:
        """The keys of the rows that members have learned from, in order, and their folds."""
        places = self.compared.places
        keys = keys_of(self.rows[places])
        order = np.argsort(keys)
        return keys[order], self.folds[places][order]

    @cached_property
    def _normal(self) -> Neighbours:
        """The rows that others are compared with, as far as they are no outliers themselves."""
        places = self.compared.places
        scores = self.scores(self.rows[places])
        chosen = scores >= self.offset
        if not chosen.any():
            chosen = scores == scores.max()
        compared = Compared(
            places[chosen], self.compared.center, self.compared.scale, self.compared.limit
        )
        return Neighbours(self.layout, compared, self.rows, 1)

    @cached_property
    def _neighbours_by_fold(self) -> list[Neighbours]:
        """What rows are compared with if one fold is left out; trimmed and scaled anew."""
        found = []
        for fold in range(int(self.folds.max()) + 1):
            among = np.flatnonzero(self.folds != fold)
            among = among if len(among) else np.arange(len(self.folds))
            compared = compared_rows(self.rows, self.layout, self.trims, among)
            found.append(self._neighbours(compared))
        return found

    def _neighbours(self, compared: Compared) -> Neighbours:
        return Neighbours(self.layout, compared, self.rows, self.n_neighbors)

    def _of_every_block(self, X: Any, function: Any) -> Array:
        width = (self.n_neighbors + 1) * self.layout.width
        return of_every_block(
            X, lambda rows, space: function(rows.astype(np.float64, copy=False)), 0, width
        )

    def __getstate__(self) -> dict[str, Any]:
        # What is made of the fields is made anew.
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _rounded(scores: Array) -> Array:
    """Return scores that are equal for equal rows: products differ in the last bits by their place.

    Otherwise ties with calibration rows, and so p-values, would depend on the rows of a call.
    """
    return np.round(scores, _DECIMALS)
