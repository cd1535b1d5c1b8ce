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
from tfae._networks.densities import Mixture, density_outputs
from tfae._networks.visible_columns import VisibleColumns
from tfae._support.typing import Array

# Rows are judged so many at a time, so that what all members compute of them stays in the cache.
_ROWS = 64


@dataclass(frozen=True, eq=False)
class Surprise:
    """A fitted ensemble of networks, each of which predicts hidden columns; it never changes."""

    layout: Layout
    scaling: Affine
    mixture: Mixture
    members: Members
    left_out: Array  # [members, folds], whether a member has not seen a fold
    groups: Array  # [columns], a number for each: columns with the same number are hidden together
    low: Array  # the smallest observed number of every place, scaled
    high: Array
    facts: Mapping[str, Any]

    @property
    def n_folds(self) -> int:
        return int(self.left_out.shape[1])

    @property
    def _floats_per_row(self) -> int:
        """How many numbers NumPy computes for a row; 0 if TensorFlow has a part in it."""
        return (int(self.groups.max()) + 1) * self.members.floats_per_row

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
        return self._judged(rows, left_out, self._surprises)

    def by_fold(self, rows: Array) -> Array:
        """Return the surprise of every entry for the members that have not seen a fold.

        Shape (n, folds, columns).
        """
        share = self.left_out / self.left_out.sum(axis=0)

        def of_block(block: Array, space: Workspace) -> Array:
            return np.einsum("mnc,mf->nfc", self._surprises(block, space), share)

        return of_every_block(rows, of_block, self._floats_per_row)

    def expected(self, rows: Array, left_out: Array | None = None) -> Array:
        """Return what is expected of every entry, missing ones too, given the others of its row.

        See :meth:`columns`. The values are means in the user's units, within the range of the
        training rows, or the positions of the likeliest categories.
        """
        found = self._judged(rows, left_out, self._expectations)
        numbers = self.scaling.backward(np.clip(found, self.low, self.high))
        is_number = np.equal(self.layout.levels, 0)[self.layout.column_of]
        return self.layout.decoded(np.where(is_number, numbers, found))

    def _judged(
        self,
        rows: Array,
        left_out: Array | None,
        of_members: Callable[[Array, Workspace], Array],
    ) -> Array:
        """Return means of what `of_members` returns, over the members that may judge a row."""
        floats_per_row = self._floats_per_row
        if left_out is None:
            return of_every_block(
                rows, lambda block, space: of_members(block, space).mean(axis=0), floats_per_row
            )
        # The last one is for -1.
        judges = np.vstack([self.left_out.T, np.ones((1, self.members.n_members))])
        share = judges / judges.sum(axis=1, keepdims=True)

        def of_block(block: Array, space: Workspace) -> Array:
            of = share[block[:, -1].astype(np.intp)]
            return np.einsum("mnc,nm->nc", of_members(block[:, :-1], space), of)

        return of_every_block(np.column_stack([rows, left_out]), of_block, floats_per_row)

    def _surprises(self, rows: Array, space: Workspace) -> Array:
        """Return the surprise of every entry for every member, of shape [members, rows, columns].

        The parts of a row's surprise are computed in the dtype of the training.
        """

        def of_part(scaled: Array, outputs: Array) -> Array:
            layout, n_numbers = self.layout, len(self.layout.numbers)
            of_numbers, logits = np.split(outputs, [n_numbers * self.mixture.n_outputs], axis=-1)
            found = np.empty((*outputs.shape[:-1], layout.n_columns))
            is_number = np.equal(layout.levels, 0)
            with np.errstate(invalid="ignore"):
                found[..., is_number] = self.mixture.surprise(scaled[:, layout.numbers], of_numbers)
            if layout.has_categories:
                places = ~is_number[layout.column_of]
                logs = self._log_probabilities(logits) * scaled[:, places]
                starts = Layout(tuple(n for n in layout.levels if n)).starts
                found[..., ~is_number] = -np.add.reduceat(logs, starts, axis=-1)
            return found

        return self._by_parts(rows, of_part, space)

    def _expectations(self, rows: Array, space: Workspace) -> Array:
        """Return scaled means and probabilities, of shape [members, rows, places]."""

        def of_part(scaled: Array, outputs: Array) -> Array:
            layout, n_numbers = self.layout, len(self.layout.numbers)
            of_numbers, logits = np.split(outputs, [n_numbers * self.mixture.n_outputs], axis=-1)
            found = np.empty((*outputs.shape[:-1], layout.width))
            found[..., layout.numbers] = self.mixture.mean(of_numbers)
            if layout.has_categories:
                places = np.not_equal(layout.levels, 0)[layout.column_of]
                found[..., places] = np.exp(self._log_probabilities(logits))
            return found

        return self._by_parts(rows, of_part, space)

    def _log_probabilities(self, logits: Array) -> Array:
        of = Layout(tuple(n for n in self.layout.levels if n))
        return of.log_probabilities(logits.reshape(-1, of.width)).reshape(logits.shape)

    def _by_parts(
        self, rows: Array, of_part: Callable[[Array, Array], Array], space: Workspace
    ) -> Array:
        """Return what a function of scaled rows and the members' outputs returns for all rows."""
        view, groups = VisibleColumns(self.layout), np.unique(self.groups)
        hidden = self.layout.spread(groups[:, None] == self.groups)
        outputs = density_outputs(self.layout, self.mixture)
        wanted = [np.flatnonzero(self.groups[outputs] == group) for group in groups]
        # In float32 the surprise of a row would differ in its seventh digit with the rows that come
        # with it.
        dtype = np.result_type(rows, self.members.encoder.dtype)
        parts = []
        for start in range(0, len(rows), _ROWS):
            part = view.scaled(rows[start : start + _ROWS], self.scaling).astype(dtype, copy=False)
            shown = np.where(hidden[:, None], part.dtype.type(np.nan), part)
            inputs = view.seen(shown.reshape(-1, shown.shape[-1])).inputs
            inputs = inputs.reshape(*shown.shape[:2], -1)
            parts.append(of_part(part, self.members.outputs(inputs, wanted, space)))
            space.clear()
        return np.concatenate(parts, axis=1)
