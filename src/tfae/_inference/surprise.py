"""How surprising the columns of rows are, each given the others, for an ensemble of networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfae._data.layout import Layout
from tfae._data.scaling import Affine
from tfae._inference.blocks import of_every_block
from tfae._inference.members import Members
from tfae._inference.workspace import Workspace
from tfae._networks.densities import Densities
from tfae._networks.visible_columns import VisibleColumns
from tfae._support.typing import Array

# Rows are judged so many at a time, so that what all members compute of them stays in the cache.
_ROWS = 64


@dataclass(frozen=True, eq=False)
class Surprise:
    """A fitted ensemble of networks, each of which predicts hidden columns; it never changes."""

    scaling: Affine
    densities: Densities
    members: Members
    left_out: Array  # [members, folds], whether a member has not seen a fold
    groups: Array  # [columns], a number for each: columns with the same number are hidden together
    low: Array  # the smallest observed number of every place, scaled
    high: Array
    usual: Array  # [columns], the median surprise of training rows
    facts: Mapping[str, Any]

    @property
    def layout(self) -> Layout:
        return self.densities.layout

    @property
    def n_folds(self) -> int:
        return int(self.left_out.shape[1])

    def columns(self, rows: Array, left_out: Array | None = None) -> Array:
        """Return how surprising every observed entry is, given the others of its row.

        Parameters
        ----------
        rows : ndarray of shape (n, places)
            In the user's units, with NaN in the places of missing entries.
        left_out : ndarray of int of shape (n,) or None
            The fold of every row, which only members that have not seen it are to judge; -1 for all
            members, as None for all rows.

        Returns
        -------
        ndarray of shape (n, columns), float64
            Negative logarithms of densities in nats, means over the members: of scaled numbers, and
            of categories. NaN for missing entries.
        """
        return self._judged(rows, left_out, self.densities.surprise)

    def excess(self, rows: Array, left_out: Array | None = None) -> Array:
        """Return by how much the surprise of every entry is above the usual one of its column.

        It is 0 where it is below, so that no number of dull entries makes up for an impossible one.
        See :meth:`columns`, and :func:`surprise_of_rows`.
        """
        return np.maximum(self.columns(rows, left_out) - self.usual, 0.0)

    def by_fold(self, rows: Array) -> Array:
        """Return the surprise of every entry for the members that have not seen a fold.

        Shape (n, folds, columns).
        """
        share = self.left_out / self.left_out.sum(axis=0)

        def of_folds(of_members: Array) -> Array:
            return np.einsum("mnc,mf->nfc", of_members, share)

        return self._found(rows, self.members, self.densities.surprise, of_folds)

    def expected(self, rows: Array, left_out: Array | None = None) -> Array:
        """Return what is expected of every entry, missing ones too, given the others of its row.

        See :meth:`columns`. The values are means in the user's units, within the range of the
        training rows, or the positions of the likeliest categories.
        """
        densities, layout = self.densities, self.layout
        found = self._judged(rows, left_out, lambda scaled, outputs: densities.expected(outputs))
        numbers = self.scaling.backward(np.clip(found, self.low, self.high))
        found[:, layout.numbers] = numbers[:, layout.numbers]
        return layout.decoded(found)

    def _judged(
        self, rows: Array, left_out: Array | None, of_outputs: Callable[[Array, Array], Array]
    ) -> Array:
        """Return what a function of scaled rows and outputs returns, as means over the judges."""
        if left_out is None:
            return self._found(rows, self.members, of_outputs, _mean)
        parts = []
        for fold in np.unique(left_out):
            judges = self.members if fold < 0 else self.members.some(self.left_out[:, fold])
            here = np.flatnonzero(left_out == fold)
            parts.append((here, self._found(rows[here], judges, of_outputs, _mean)))
        order = np.argsort(np.concatenate([here for here, _ in parts]))
        return np.concatenate([found for _, found in parts])[order]

    def _found(
        self,
        rows: Array,
        members: Members,
        of_outputs: Callable[[Array, Array], Array],
        joined: Callable[[Array], Array],
    ) -> Array:
        """Return what a function of scaled rows and outputs returns, joined over the members."""
        # In float32 the surprise of a row would differ in its seventh digit with the rows that come
        # with it.
        dtype = np.result_type(rows, members.encoder.dtype)
        members = members.of_dtype(dtype)

        def of_block(block: Array, space: Workspace) -> Array:
            parts = []
            for start in range(0, len(block), _ROWS):
                scaled = self._view.scaled(block[start : start + _ROWS], self.scaling)
                scaled = scaled.astype(dtype, copy=False)
                outputs = members.outputs(self._versions(scaled), self._wanted, space)
                parts.append(joined(of_outputs(scaled, outputs)))
                space.clear()
            return np.concatenate(parts)

        floats_per_row = len(self._wanted) * members.floats_per_row
        return of_every_block(rows, of_block, floats_per_row, width=max(1, floats_per_row))

    @property
    def _view(self) -> VisibleColumns:
        return VisibleColumns(self.layout)

    @property
    def _wanted(self) -> list[Array]:
        """The outputs for the columns of every group."""
        of = self.groups[self.densities.columns]
        return [np.flatnonzero(of == group) for group in range(self.groups.max() + 1)]

    def _versions(self, scaled: Array) -> Array:
        """Return a network's inputs with one group of columns hidden after the other.

        Shape [groups, rows, inputs].
        """
        groups = np.arange(self.groups.max() + 1)
        hidden = self.layout.spread(groups[:, None] == self.groups)
        shown = np.where(hidden[:, None], scaled.dtype.type(np.nan), scaled)
        inputs = self._view.seen(shown.reshape(-1, scaled.shape[1])).inputs
        return inputs.reshape(len(groups), len(scaled), -1)


def surprise_of_rows(excess: Array) -> Array:
    """Return the surprise of rows from the excess of their entries; NaN if nothing is observed.

    It is between the mean of the entries, which hides a single odd one among many, and the largest,
    which does not add up several: ``2 log(mean(exp(excess / 2)))``.

    Parameters
    ----------
    excess : ndarray of shape (n, columns)
        As of :meth:`Surprise.excess`.

    Returns
    -------
    ndarray of shape (n,)
    """
    largest, relative, counts = _relative(excess)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(2 * np.log(np.exp(relative).sum(axis=1) / counts) + largest[:, 0])


def shares_of_columns(excess: Array) -> Array:
    """Return the share of every entry in the surprise of its row.

    They add up to 1, or are all 0 if no entry has an excess. Missing entries have none.
    """
    largest, relative, _ = _relative(excess)
    # In proportion to exp(excess / 2) - 1, which is 0 without an excess.
    of = np.exp(relative) - np.exp(-0.5 * largest)
    of = np.where(np.isnan(excess), 0.0, of)
    total = of.sum(axis=1, keepdims=True)
    return np.divide(of, total, out=np.zeros_like(of), where=total > 0)


def _relative(excess: Array) -> tuple[Array, Array, Array]:
    """Return the largest excess of rows, half of the others beside it, and how many there are."""
    observed = ~np.isnan(excess)
    known = np.where(observed, excess, -np.inf)
    largest = np.maximum(known.max(axis=1, keepdims=True), 0.0)
    return largest, 0.5 * (known - largest), observed.sum(axis=1)


def _mean(of_members: Array) -> Array:
    return np.asarray(of_members.mean(axis=0))
