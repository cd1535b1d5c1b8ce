"""Sums over the cells of rows, and over pairs of cells, that blocks and other sums are added to.

All sums are of differences from a reference value of every feature. Sums about two references are
added after one of them has moved (Chan, Golub and LeVeque, 1983, Algorithms for computing the
sample variance, The American Statistician 37, 242-247).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np

from tfae._support.typing import Array


class Cells(NamedTuple):
    """The cells of some rows, as differences from a reference; arrays have shape [rows, features].

    Missing cells are 0 and have no weight.
    """

    values: Array
    weighted: Array  # the values times their weights
    weights: Array | None  # shape [rows, 1] if no cell is missing; None weighs all cells as 1
    there: Array | None  # which cells are not missing; None for all

    @classmethod
    def of(cls, block: Array, about: Array, weights: Array | None, holes: bool) -> Cells:
        """Return the cells of a block; `weights` has shape [rows, 1]."""
        values = block - about
        if not holes:
            return cls(values, values if weights is None else values * weights, weights, None)
        there = ~np.isnan(block)
        values = np.where(there, values, 0.0)
        if weights is None:
            return cls(values, values, there, there)
        weights = there * weights
        return cls(values, values * weights, weights, there)

    @property
    def total(self) -> Any:
        """The sum of the weights; a number, or one for every feature."""
        return len(self.values) if self.weights is None else self.weights.sum(axis=0)


@dataclass
class FeatureSums:
    """Sums over the cells of every feature."""

    sum: Array
    squares: Array
    n: Any = 0  # the number of cells; with holes one for every feature
    total: Any = 0  # the sum of the weights, alike

    @classmethod
    def zeros(cls, n_features: int) -> Self:
        """Return sums of nothing."""
        return cls(np.zeros(n_features), np.zeros(n_features))

    def add(self, cells: Cells) -> None:
        """Add some cells."""
        self.n = self.n + (len(cells.values) if cells.there is None else cells.there.sum(axis=0))
        self.total = self.total + cells.total
        self.sum += cells.weighted.sum(axis=0)
        self.squares += np.einsum("ij,ij->j", cells.weighted, cells.values)

    def moved(self, by: Array) -> FeatureSums:
        """Return the sums of values that are larger by a number for every feature."""
        squares = self.squares + by * (2 * self.sum + self.total * by)
        return FeatureSums(self.sum + self.total * by, squares, self.n, self.total)

    def __add__(self, other: FeatureSums) -> FeatureSums:
        return FeatureSums(
            self.sum + other.sum,
            self.squares + other.squares,
            self.n + other.n,
            self.total + other.total,
        )


@dataclass
class PairSums:
    """Sums over all pairs of features, of the rows where neither cell is missing."""

    products: Array  # [features, features]
    sum: Array  # of the first feature of a pair: [features, 1], with holes [features, features]
    total: Any = field(default=0)  # the sum of the weights; with holes [features, features]

    @classmethod
    def zeros(cls, n_features: int, holes: bool) -> Self:
        """Return sums of nothing."""
        width = n_features if holes else 1
        return cls(np.zeros((n_features, n_features)), np.zeros((n_features, width)))

    def add(self, cells: Cells) -> None:
        """Add the pairs of some cells."""
        self.products += cells.weighted.T @ cells.values
        if cells.there is None or cells.weights is None:
            self.sum += cells.weighted.sum(axis=0)[:, None]
            self.total = self.total + cells.total
        else:
            there = cells.there.astype(np.float64)
            self.sum += cells.weighted.T @ there
            self.total = self.total + cells.weights.T @ there

    def of_every_pair(self) -> PairSums:
        """Return the same sums in the shape that they have with holes."""
        shape = self.products.shape
        return PairSums(
            self.products,
            np.broadcast_to(self.sum, shape).copy(),
            np.full(shape, self.total, np.float64),
        )

    def moved(self, by: Array) -> PairSums:
        """Return the sums of values that are larger by a number for every feature."""
        one, other = by[:, None], by[None, :]
        crossed = self.sum * other + (self.sum * other).T
        products = self.products + crossed + self.total * one * other
        return PairSums(products, self.sum + self.total * one, self.total)

    def times(self, number: int) -> PairSums:
        """Return the sums of cells that weigh more."""
        return PairSums(number * self.products, number * self.sum, number * self.total)

    def __add__(self, other: PairSums) -> PairSums:
        return PairSums(
            self.products + other.products, self.sum + other.sum, self.total + other.total
        )

    @property
    def covariance(self) -> Array:
        """The covariance; 0 for two features that are never there together."""
        total = np.maximum(self.total, np.finfo(np.float64).tiny)
        mean = self.sum / total
        return np.asarray(self.products / total - mean * mean.T)
