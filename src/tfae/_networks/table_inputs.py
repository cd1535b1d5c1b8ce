"""What a network sees of a table's rows with holes, and the linear guess that it corrects.

Missing entries are first filled by the linear model. The network then sees the filled row, the
ranks of its numbers as normal deviates, and which columns are missing. Without the ranks or without
the masks it fills holes clearly worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np

from tfae._data.layout import Layout
from tfae._data.observed import observed_range, rank_map, standard_scaling
from tfae._data.scaling import Affine, Quantiles
from tfae._networks.factor_analysis import FactorAnalysis, chosen_factor_analysis, factor_analysis
from tfae._support.typing import Array

# A network sees no scaled number beyond this.
_MOST_SEEN = 5.0
# A category that the linear model rules out keeps this probability, so that it can be corrected.
_LEAST_PROBABILITY = 0.01


class Seen(NamedTuple):
    """Rows as a network takes them."""

    inputs: Array  # [rows, inputs]
    offset: Array  # [rows, places]: the linear guess, a scaled number or the logit of a category


@dataclass(frozen=True, eq=False)
class TableInputs:
    """The linear model of a table's rows and the maps of a network's inputs.

    Rows are in the user's units, with NaN in the places of missing entries.
    """

    layout: Layout
    scaling: Affine
    model: FactorAnalysis
    ranks: Quantiles  # of scaled numbers
    low: Array  # the smallest observed number of every place, scaled
    high: Array
    has_offset: ClassVar[bool] = True

    @classmethod
    def learned(
        cls,
        rows: Array,
        layout: Layout,
        rng: np.random.Generator,
        n_factors: int | None = None,
    ) -> TableInputs:
        """Learn them from rows; without a number of factors it is chosen by hidden entries."""
        scaling = standard_scaling(rows, layout)
        scaled = scaling.forward(rows, np.float64)
        if n_factors is None:
            model = chosen_factor_analysis(scaled, layout, rng)
        else:
            model = factor_analysis(scaled, n_factors)
        ranks = rank_map(scaled[:, layout.numbers])
        return cls(layout, scaling, model, ranks, *observed_range(scaled))

    @property
    def n_inputs(self) -> int:
        return self.layout.width + len(self.layout.numbers) + self.layout.n_columns

    def target(self, rows: Array) -> Array:
        """Return what a network rebuilds: scaled numbers, and 0 or 1 for categories; 0 for NaN."""
        scaled = self.scaling.forward(rows, np.float64)
        return np.where(np.isnan(rows), 0.0, np.where(self.is_number, scaled, rows))

    def guess(self, rows: Array) -> Array:
        """Return scaled rows whose missing entries are the linear model's guess.

        The guess stays in the range of the observed entries.
        """
        scaled = self.scaling.forward(rows, np.float64)
        filled = self.model.filled(scaled)
        return np.where(np.isnan(scaled), np.clip(filled, self.low, self.high), scaled)

    def seen(self, rows: Array) -> Seen:
        """Return what a network sees of rows."""
        guess, missing = self.guess(rows), self.layout.missing(rows)
        deviates = self.ranks.forward(guess[:, self.layout.numbers], np.float64)
        inputs = [np.clip(guess, -_MOST_SEEN, _MOST_SEEN), deviates, missing.astype(np.float64)]
        return Seen(np.hstack(inputs), self._offset(guess))

    def _offset(self, guess: Array) -> Array:
        if not self.layout.has_categories:
            return guess
        probability = np.clip(self.scaling.backward(guess), _LEAST_PROBABILITY, 1.0)
        return np.where(self.is_number, guess, np.log(probability))

    @cached_property
    def is_number(self) -> Array:
        """Whether a place is that of a number."""
        return np.equal(self.layout.levels, 0)[self.layout.column_of]
