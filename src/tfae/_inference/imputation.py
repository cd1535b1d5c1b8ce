"""A fitted imputation: the linear guess of missing entries, and a network's correction of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtri

from tfae._data.layout import Layout
from tfae._data.rows import dense_blocks
from tfae._inference.blocks import of_every_block
from tfae._inference.error_quantiles import ErrorQuantiles
from tfae._inference.fitted import Fitted
from tfae._inference.workspace import NEW, Workspace
from tfae._networks.table_inputs import TableInputs
from tfae._support.typing import Array


class Guesses(NamedTuple):
    """The linear guesses of all places, and the network's corrections; shapes [rows, places].

    For numbers they are scaled, for categories logits.
    """

    linear: Array
    correction: Array

    def corrected(self, shrinkage: Array) -> Array:
        """Return the guesses with a share of the corrections, one for every place or for all."""
        return np.asarray(self.linear + shrinkage * self.correction)


@dataclass(frozen=True, eq=False)
class Imputation:
    """A fitted imputer of rows with NaN in the places of missing entries; it never changes."""

    tables: TableInputs
    network: Fitted | None  # None: the linear guess alone
    shrinkage: Array  # [columns], the share of the network's correction that is used
    law: ErrorQuantiles  # of the errors of the guesses
    facts: Mapping[str, Any]

    @property
    def layout(self) -> Layout:
        return self.tables.layout

    def with_facts(self, facts: Mapping[str, Any]) -> Imputation:
        """Return a copy with more facts."""
        return replace(self, facts={**self.facts, **facts})

    @property
    def _floats_per_row(self) -> int:
        """How many numbers NumPy computes for a row; 0 if TensorFlow has a part in it."""
        network, n_inputs = self.network, self.tables.n_inputs
        if network is None:
            return n_inputs
        return n_inputs + network.codec.floats_per_row if network.codec.floats_per_row else 0

    def guesses(self, rows: Array, space: Workspace = NEW) -> Guesses:
        """Return the guesses for rows; those of observed entries mean nothing."""
        seen = self.tables.seen(rows)
        if self.network is None:
            return Guesses(seen.offset, np.zeros((1, 1)))
        network = self.network
        codes = network.encoder(network.encoder_weights, seen.inputs, space)
        return Guesses(seen.offset, network.decoder.run(network.decoder_weights, codes, space))

    def filled(self, X: Array, *, probabilities: bool = False) -> Array:
        """Return rows without NaN; observed entries stay as they are.

        Numbers stay in the range of the observed ones. A category gets 1 in the place of the
        likeliest one, or the `probabilities` of all.
        """

        def of_rows(rows: Array, space: Workspace) -> Array:
            missing = np.isnan(rows)
            if not missing.any():
                return rows
            found = self._guessed(rows.astype(np.float64, copy=False), space)
            if not probabilities and self.layout.has_categories:
                found = self.layout.encoded(self.layout.decoded(found))
            return np.where(missing, found.astype(rows.dtype), rows)

        return of_every_block(X, of_rows, self._floats_per_row)

    def drawn(self, X: Array, seed: int, n_draws: int = 1, start: int = 0) -> Array:
        """Return rows whose missing entries are drawn given the observed entries of the row.

        A number is the guess and an error, in the range of the observed numbers. The errors of a
        row are correlated as those of the linear model are; their law is that of errors on held-out
        rows. In the places of a category stand keys, of which the largest is that of the category
        drawn (Gumbel, 1954, Statistical theory of extreme values and some practical applications),
        also among some of the categories. A draw of a row depends on the row, its position, the
        seed and the number of the draw, not on other rows.

        Parameters
        ----------
        X : ndarray of shape (n, places)
        seed : int
        n_draws : int
        start : int
            The position of the first row.

        Returns
        -------
        ndarray of shape (n_draws, n, places)
        """
        parts = [np.empty((n_draws, 0, self.layout.width), X.dtype)]
        for places, rows in dense_blocks(X):
            missing = np.isnan(rows)
            drawn = np.tile(rows, (n_draws, 1, 1))
            if missing.any():
                values = rows.astype(np.float64, copy=False)
                for number, found in enumerate(self._draws(values, seed, n_draws, start, places)):
                    drawn[number][missing] = found[missing]
            parts.append(drawn)
        return np.concatenate(parts, axis=1)

    def _draws(
        self, rows: Array, seed: int, n_draws: int, start: int, places: slice
    ) -> Iterator[Array]:
        tables, found = self.tables, self._corrected(rows)
        scaled = tables.scaling.forward(rows, np.float64)
        deviations = tables.model.deviations(scaled)
        for number in range(n_draws):
            uniform = self._uniform(start + places.start, len(rows), seed, number)
            deviates = tables.model.deviates(scaled, ndtri(uniform))
            numbers = tables.in_units(found + self.law.errors(deviates, deviations))
            keys = found - np.log(-np.log(uniform[:, tables.model.n_factors :]))
            yield np.where(tables.is_number, numbers, keys)

    def _uniform(self, start: int, n_rows: int, seed: int, number: int) -> Array:
        """Return random numbers above 0 and below 1, the same for a position in every block."""
        width = self.tables.model.n_factors + self.layout.width
        generator = np.random.PCG64([seed, number]).advance(start * width)
        drawn = np.random.Generator(generator).random((n_rows, width))
        return np.maximum(drawn, np.finfo(np.float64).tiny)

    def _guessed(self, rows: Array, space: Workspace) -> Array:
        """Return numbers in the user's units and probabilities for all places."""
        found = self._corrected(rows, space)
        if not self.layout.has_categories:
            return self.tables.in_units(found)
        probability = np.exp(self.layout.log_probabilities(found))
        return np.where(self.tables.is_number, self.tables.in_units(found), probability)

    def _corrected(self, rows: Array, space: Workspace = NEW) -> Array:
        return self.guesses(rows, space).corrected(self.layout.spread(self.shrinkage))
