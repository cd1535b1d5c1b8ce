"""How far guesses of numbers are from the truth: what draws of missing entries are made by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import ndtr

from tfae._data.layout import Layout
from tfae._data.statistics import quantiles
from tfae._support.typing import Array

# The standard normal deviates whose quantiles are kept; those beyond count as the ends.
N_DEVIATES = 61
_DEVIATES = np.linspace(-3, 3, N_DEVIATES)
# What every error may have besides what a model expects, in standard deviations of the column.
_FLOORS = np.array([0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 100])
# What is learned of a column is drawn towards that of all columns by this many entries.
_PRIOR_ENTRIES = 20


@dataclass(frozen=True, eq=False)
class ErrorQuantiles:
    """The law of the errors of scaled numbers, given the deviations that a model expects.

    The scale of an error is ``hypot(deviation, floor)``, with a floor for every column: a network's
    errors need not be small where those of a linear model are.

    Attributes
    ----------
    floor : ndarray of shape (places,)
    of_places : ndarray of shape (deviates, places)
        The quantiles of the errors over their scales.

    Values in the places of categories mean nothing.
    """

    floor: Array
    of_places: Array

    @classmethod
    def learned(cls, errors: Array, deviations: Array, layout: Layout) -> Self:
        """Learn the law from some errors.

        Parameters
        ----------
        errors : ndarray of shape (n, columns)
            Errors of hidden entries; NaN for entries that were not hidden, and for categories.
        deviations : ndarray of shape (n, columns)
        layout : Layout
        """
        there = ~np.isnan(errors)
        if not there.any():
            return cls.normal(layout)
        floor = _floors(errors, deviations)
        scaled, ranks = errors / np.hypot(deviations, floor), ndtr(_DEVIATES)
        share = there.sum(axis=0) / (there.sum(axis=0) + _PRIOR_ENTRIES)
        of_all = quantiles(scaled[there][:, None], ranks)
        of_columns = share * quantiles(scaled, ranks) + (1 - share) * of_all
        return cls(layout.spread(floor), layout.spread(of_columns))

    @classmethod
    def normal(cls, layout: Layout) -> Self:
        """Return the law of a model whose expectations are taken as they are."""
        return cls(np.zeros(layout.width), np.tile(_DEVIATES[:, None], (1, layout.width)))

    def errors(self, deviates: Array, deviations: Array) -> Array:
        """Turn standard normal deviates of errors, of shape [rows, places], into errors."""
        columns = zip(deviates.T, self.of_places.T, strict=True)
        found = [np.interp(of, _DEVIATES, values) for of, values in columns]
        return np.stack(found, axis=1) * np.hypot(deviations, self.floor)


def _floors(errors: Array, deviations: Array) -> Array:
    """Return the floor of every column under which its errors are the likeliest.

    The likelihood is that of Laplace's law, whose scale is the mean of absolute errors.
    """
    there = ~np.isnan(errors)
    n_entries = np.maximum(there.sum(axis=0), 1)
    costs = []
    for floor in _FLOORS:
        scale = np.hypot(deviations, floor)
        size = np.nansum(np.abs(errors) / scale, axis=0) / n_entries
        logarithms = np.where(there, np.log(scale), 0.0).sum(axis=0) / n_entries
        costs.append(logarithms + np.log(np.maximum(size, np.finfo(np.float64).tiny)))
    of_columns = np.array(costs)
    of_all = of_columns @ there.sum(axis=0) / there.sum()
    prior = _PRIOR_ENTRIES * of_all[:, None]
    return _FLOORS[np.argmin(n_entries * of_columns + prior, axis=0)]
