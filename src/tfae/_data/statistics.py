"""The statistics that a training needs before it starts, from one pass over rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from tfae._data.holes import ObservedStatistics
from tfae._data.rows import dense_blocks, dense_rows, evenly_spaced
from tfae._data.source import Source, Statistics
from tfae._support.typing import Array

# Up to this many features, the pass sums up the matrix of their covariances.
MAX_COVARIANCE = 2048
# This many rows are kept, for statistics that need values rather than sums.
_MAX_KEPT = 10_000
_KEPT_BYTES = 32 << 20
# Rows that are summed up at once: with 784 features, half a millisecond's work in the cache.
_IN_CACHE = 256


def n_kept(n_features: int, itemsize: int) -> int:
    """Return how many rows of a large table can be kept in memory."""
    return int(np.clip(_KEPT_BYTES // (itemsize * n_features), 2, _MAX_KEPT))


class Survey:
    """Sums over rows that come block by block, in double precision, and a sample of the rows.

    All sums are of differences from the first block's mean, so that a large offset costs no digits.

    Parameters
    ----------
    blocks : iterable of ndarray of shape (n, n_features)
        At least one, with at least one row.
    sample : callable or None
        Returns some of the rows, when they are asked for.
    every : int
        The covariance, which costs more than all else, takes one row in every `every` rows. There
        is no covariance if `every` is 0, or if there are too many features.
    """

    def __init__(
        self, blocks: Iterable[Array], sample: Callable[[], Array] | None = None, every: int = 0
    ) -> None:
        self._find_sample = sample
        self.n_rows = self._n_joint = 0
        for block in blocks:
            with np.errstate(over="ignore", invalid="ignore"):  # it shows in the variance
                self._add_block(block, every)

    def _add_block(self, block: Array, every: int) -> None:
        if self.n_rows == 0:
            self._begin(block, every)
        for part in gen_batches(len(block), _IN_CACHE):
            self._add(block[part])
        if self._every:
            self._add_products(block[:: self._every])

    def _begin(self, block: Array, every: int) -> None:
        n_features = block.shape[1]
        self._every = every if n_features <= MAX_COVARIANCE else 0
        self._about = block.mean(axis=0, dtype=np.float64)
        self.low, self.high = block.min(axis=0), block.max(axis=0)
        self._sum, self._squares, self._joint_sum = np.zeros((3, n_features))
        self._products = np.zeros((n_features, n_features)) if self._every else None

    def _add(self, block: Array) -> None:
        centred = block - self._about
        self.n_rows += len(block)
        self._sum += centred.sum(axis=0)
        self._squares += np.einsum("ij,ij->j", centred, centred)
        np.minimum(self.low, block.min(axis=0), out=self.low)
        np.maximum(self.high, block.max(axis=0), out=self.high)

    def _add_products(self, block: Array) -> None:
        centred = block - self._about
        self._n_joint += len(block)
        self._joint_sum += centred.sum(axis=0)
        self._products += centred.T @ centred

    @property
    def mean(self) -> Array:
        """The mean of every feature."""
        return np.asarray(self._about + self._sum / self.n_rows)

    @property
    def variance(self) -> Array:
        """The variance of every feature, 0 where all values are the same, infinite if too large."""
        with np.errstate(over="ignore", invalid="ignore"):
            variance = self._squares / self.n_rows - np.square(self._sum / self.n_rows)
        variance = np.where(np.isfinite(variance), np.maximum(variance, 0.0), np.inf)
        return np.where(self.low == self.high, 0.0, variance)

    @property
    def deviation(self) -> Array:
        """The standard deviation, 1 where all values are the same, except for rounding errors."""
        return np.where(self.constant, 1.0, np.sqrt(self.variance))

    @property
    def constant(self) -> Array:
        """Whether all values of a feature are the same, except for rounding errors.

        The bound is that of scikit-learn's ``StandardScaler``.
        """
        rounding = self.n_rows * np.finfo(np.float64).eps * np.abs(self.mean)
        return np.asarray(self.variance <= np.square(rounding))

    @cached_property
    def covariance(self) -> Array | None:
        """The covariance of the features, or None."""
        if self._products is None:
            return None
        mean = self._joint_sum / self._n_joint
        return np.asarray(self._products / self._n_joint - np.outer(mean, mean))

    @cached_property
    def sample(self) -> Array:
        """Some of the rows."""
        assert self._find_sample is not None
        return self._find_sample()


# Statistics of sorted columns are learned from at most this many rows, evenly spaced.
_MAX_SORTED = 10_000


def statistics(X: Any, rows: Array | None = None) -> Statistics:
    """Return the statistics of some rows of `X`; missing entries count for nothing."""
    if isinstance(X, Source):
        return X.statistics(rows)
    of = survey(X, rows)
    return ObservedStatistics(dense_rows(X, _all(rows))) if np.isnan(of.mean).any() else of


def _all(rows: Array | None) -> Any:
    return slice(None) if rows is None else rows


def survey(X: Any, rows: Array | None = None) -> Survey:
    """Return the statistics of some rows of `X` from a pass, also of a source."""

    def sample() -> Array:
        return dense_rows(X, evenly_spaced(X, rows, _MAX_SORTED))

    return Survey((block for _, block in dense_blocks(X, rows)), sample)
