"""Rows with holes: arrays in memory in which NaN stands for missing entries."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np

from tfae._support.typing import Array


def has_holes(X: Any) -> bool:
    """Whether an array in memory has missing entries; a product of one pass tells."""
    if not isinstance(X, np.ndarray) or X.dtype.kind != "f":
        return False
    flat = X.ravel(order="K")  # no copy, whichever way the array lies in memory
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isnan(np.vdot(flat, flat))  # a sum of squares is NaN only if one of them is


class ObservedStatistics:
    """The statistics of the observed entries of rows; see :class:`.source.Statistics`.

    A feature without observed entries counts as constant, with the value 0.
    """

    covariance = None

    def __init__(self, rows: Array) -> None:
        self._rows, self._observed = rows, ~np.isnan(rows)
        self.n_rows = len(rows)

    @cached_property
    def _counts(self) -> Array:
        return np.maximum(self._observed.sum(axis=0), 1)

    @cached_property
    def _about(self) -> Array:
        """An observed value of every feature, from which sums are taken, as offsets cost digits."""
        first = self._rows[self._observed.argmax(axis=0), np.arange(self._rows.shape[1])]
        return np.where(self._observed.any(axis=0), first, 0.0).astype(np.float64)

    @cached_property
    def mean(self) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            centred = np.where(self._observed, self._rows - self._about, 0.0)
            return np.asarray(self._about + centred.sum(axis=0) / self._counts)

    @cached_property
    def variance(self) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            centred = np.where(self._observed, self._rows - self.mean, 0.0)
            variance = np.square(centred).sum(axis=0) / self._counts
        variance = np.where(np.isfinite(variance), variance, np.inf)
        return np.where(self.low == self.high, 0.0, variance)

    @property
    def deviation(self) -> Array:
        return np.where(self.constant, 1.0, np.sqrt(self.variance))

    @property
    def constant(self) -> Array:
        rounding = self._counts * np.finfo(np.float64).eps * np.abs(self.mean)
        return np.asarray(self.variance <= np.square(rounding))

    @cached_property
    def low(self) -> Array:
        return self._extreme(np.fmin)

    @cached_property
    def high(self) -> Array:
        return self._extreme(np.fmax)

    @cached_property
    def sample(self) -> Array:
        """The rows, with quantiles of the observed entries in the place of missing ones."""
        rows = self._rows.copy()
        for column, observed in zip(rows.T, self._observed.T, strict=True):
            n_missing = len(column) - int(observed.sum())
            ranks = (np.arange(n_missing) + 0.5) / max(1, n_missing)
            column[~observed] = np.quantile(column[observed], ranks) if observed.any() else 0
        return rows

    def _extreme(self, function: np.ufunc) -> Array:
        found = function.reduce(self._rows, axis=0)
        return np.asarray(np.where(np.isnan(found), 0, found), self._rows.dtype)


def observed_extremes(X: Array) -> tuple[Array, Array]:
    """Return the least and the largest observed entries of the features; 0 where there are none."""
    of = ObservedStatistics(X)
    return of.low, of.high


def observed_means(values: Array, rows: Array) -> Array:
    """Return the mean of the values of the observed entries of every row; 0 if there is none."""
    observed = ~np.isnan(rows)
    counts = np.maximum(observed.sum(axis=1), 1)
    return np.asarray(np.where(observed, values, 0.0).sum(axis=1) / counts)
