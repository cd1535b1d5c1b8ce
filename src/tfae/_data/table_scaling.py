"""From the rows of a table with categories to what a network sees, and from its output to rows.

Numbers are scaled as in any rows. A category is a deviation from its frequency p, in units of
sqrt(p), as in correspondence analysis: squared distances are then the second-order part of the
cross-entropies that are minimised. The places of a column share one more factor, so that each
column of categories varies as much as a standardised number (Pagès, 2004, Analyse factorielle de
données mixtes, Revue de statistique appliquée 52, 93-111). The network's output for categories are
logits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tfae._data.cell_losses import column_weights, entropies, losses_of_columns
from tfae._data.holes import observed_means
from tfae._data.layout import Layout
from tfae._data.scaling import Affine, Scaling
from tfae._data.source import Statistics
from tfae._support.typing import Array

# Rarer categories are scaled as if they were as frequent as this: one row in 400.
_LEAST_FREQUENCY = 0.0025


@dataclass(frozen=True, eq=False)
class TableScaling:
    """The scaling of rows of a table that has categories; see :class:`.scaling.Scaling`.

    Attributes
    ----------
    numbers : Scaling
        Of all places; only those of numbers are used.
    layout : Layout
    frequencies : ndarray of shape (places,)
        Those of the categories; the places of numbers do not matter.
    """

    numbers: Scaling
    layout: Layout
    frequencies: Array

    @cached_property
    def _categories(self) -> Affine:
        """The scaling of categories, for all places."""
        unit = np.ones(self.layout.width)
        for _, places in self.layout.categories():
            share = self.frequencies[places]
            roots = np.sqrt(np.maximum(share, _LEAST_FREQUENCY))
            inertia = float((share * (1 - share) / np.square(roots)).sum())
            unit[places] = roots * (np.sqrt(inertia) if inertia > 0 else 1.0)
        return Affine(self.frequencies, unit)

    @cached_property
    def _is_category(self) -> Array:
        return ~self.layout.is_number

    @cached_property
    def weights(self) -> Array:
        """The factors of the columns' losses, of shape [columns]."""
        return column_weights(self.layout, self.frequencies)

    @property
    def center(self) -> Array:
        return self._merged(self.numbers.center, self._categories.center)

    @property
    def scale(self) -> Array:
        return self._merged(np.asarray(self.numbers.scale), np.asarray(self._categories.scale))

    @property
    def is_identity(self) -> bool:
        return False

    @property
    def is_affine(self) -> bool:
        return self.numbers.is_affine

    def unit(self, power: int) -> float:
        return 1.0

    def forward(self, X: Array, dtype: Any, out: Array | None = None) -> Array:
        """Scale rows in the user's units."""
        out = self.numbers.forward(X, dtype, out)
        of = self._is_category
        out[:, of] = self._categories.forward(X, dtype)[:, of]
        return out

    def backward(self, X: Array) -> Array:
        """Return rows with numbers in the user's units and probabilities of categories.

        `X` are outputs of the network: scaled numbers, and logits of categories.
        """
        chance = np.exp(self.layout.log_probabilities(X))
        return self._merged(self.numbers.backward(X), chance).astype(X.dtype, copy=False)

    def losses(self, target: Array, output: Array) -> Array:
        """Return the weighted losses of cells, [rows, columns], of scaled rows and outputs."""
        return np.asarray(losses_of_columns(self.layout, target, output) * self.weights)

    def mean_losses(self, rows: Array, target: Array, output: Array) -> Array:
        """Return the mean losses of the observed cells of `rows`; 0 where there are none."""
        return observed_means(self.losses(target, output), rows[:, self.layout.starts])

    def losses_of_means(self, of: Statistics) -> Array:
        """Return the weighted loss of every column for the guess of its mean or frequencies.

        `of` are statistics of scaled rows, to which these means and frequencies belong.
        """
        frequencies = self._categories.backward(of.mean)
        found = entropies(self.layout, frequencies) * self.weights
        return np.where(np.equal(self.layout.levels, 0), of.variance[self.layout.starts], found)

    def of_numbers(self, of_places: Array) -> Array:
        """Return the values of columns from those of places, NaN for columns of categories."""
        return np.where(self.layout.is_number, of_places, np.nan)[self.layout.starts]

    def linear_output(self, scaled: Array) -> Array:
        """Return scaled rows, as a linear model rebuilds them, as the output of a network."""
        with np.errstate(invalid="ignore"):
            logits = self.layout.as_logits(self._categories.backward(scaled))
        return self._merged(scaled, logits)

    def _merged(self, of_numbers: Array, of_categories: Array) -> Array:
        return np.where(self.layout.is_number, of_numbers, of_categories)
