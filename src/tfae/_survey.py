"""One pass over rows that are not held in memory: what a training must know before it starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

import numpy as np

from tfae._types import Array

# Up to so many features a matrix of their covariances is summed up in the pass.
_MAX_COVARIANCE = 2048
# Rows that are kept: what needs values rather than sums is learned from them.
_MAX_KEPT = 10_000
_KEPT_BYTES = 32 << 20


def n_kept(n_features: int, itemsize: int) -> int:
    """Return how many rows of a large table can be kept in memory."""
    return int(np.clip(_KEPT_BYTES // (itemsize * n_features), 2, _MAX_KEPT))


class Survey:
    """Sums over rows that come block by block, in double precision, and a sample of the rows.

    Everything is summed about the first block's mean, so that a large offset costs no digits.

    Parameters
    ----------
    blocks : iterable of ndarray of shape (n, n_features)
        At least one, with at least one row.
    sample : callable
        Returns some of the rows, when they are asked for.
    covariance : bool
        Whether to sum up the covariance, unless there are too many features.
    """

    def __init__(
        self, blocks: Iterable[Array], sample: Callable[[], Array], covariance: bool
    ) -> None:
        self._find_sample = sample
        self.n_rows = 0
        for block in blocks:
            if self.n_rows == 0:
                self._begin(block, covariance)
            self._add(block)

    def _begin(self, block: Array, covariance: bool) -> None:
        n_features = block.shape[1]
        self._about = block.mean(axis=0, dtype=np.float64)
        self._sum = np.zeros(n_features)
        self.low, self.high = block.min(axis=0), block.max(axis=0)
        self._joint = covariance and n_features <= _MAX_COVARIANCE
        self._products = np.zeros((n_features, n_features) if self._joint else n_features)

    def _add(self, block: Array) -> None:
        left = block - self._about
        self.n_rows += len(block)
        self._sum += left.sum(axis=0)
        self._products += left.T @ left if self._joint else np.einsum("ij,ij->j", left, left)
        np.minimum(self.low, block.min(axis=0), out=self.low)
        np.maximum(self.high, block.max(axis=0), out=self.high)

    @property
    def mean(self) -> Array:
        """The mean of every feature."""
        return np.asarray(self._about + self._sum / self.n_rows)

    @property
    def variance(self) -> Array:
        """The variance of every feature, 0 where all values are the same."""
        squares = np.diag(self._products) if self._joint else self._products
        variance = squares / self.n_rows - np.square(self._sum / self.n_rows)
        return np.where(self.low == self.high, 0.0, np.maximum(variance, 0.0))

    @property
    def deviation(self) -> Array:
        """The standard deviation, 1 where all values are the same."""
        deviation = np.sqrt(self.variance)
        return np.where(deviation > 0, deviation, 1.0)

    @cached_property
    def covariance(self) -> Array | None:
        """The covariance of the features, or None."""
        if not self._joint:
            return None
        mean = self._sum / self.n_rows
        return np.asarray(self._products / self.n_rows - np.outer(mean, mean))

    @cached_property
    def sample(self) -> Array:
        """Some of the rows."""
        return self._find_sample()
