"""The interface of rows that are read block by block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from tfae._support.typing import Array


class Statistics(Protocol):
    """The statistics of rows that are learned before training; arrays have shape [features]."""

    @property
    def n_rows(self) -> int: ...

    @property
    def mean(self) -> Array: ...

    @property
    def variance(self) -> Array: ...

    @property
    def deviation(self) -> Array:
        """The standard deviation, 1 where a feature is constant."""

    @property
    def constant(self) -> Array:
        """Whether all values of a feature are the same, except for rounding errors."""

    @property
    def low(self) -> Array: ...

    @property
    def high(self) -> Array: ...

    @property
    def n_observed(self) -> Array:
        """The number of cells that are not missing."""

    @property
    def observed(self) -> Array:
        """The weight of the cells that are not missing."""

    @property
    def sample(self) -> Array:
        """Some of the rows; all of them if they are few."""

    @property
    def sample_weights(self) -> Array | None:
        """The weights of the rows in the sample; None if all weigh the same."""

    @property
    def covariance(self) -> Array | None:
        """The covariance, of shape [features, features], if it was asked for."""


def ends(of: Statistics) -> tuple[float, float]:
    """Return the smallest and the largest value of all features; NaN if all are missing."""
    known = of.n_observed > 0
    if not known.any():
        return np.nan, np.nan
    return float(of.low[known].min()), float(of.high[known].max())


class Source(ABC):
    """Rows that are read block by block, from any place, and are never all in memory.

    It takes the place of an array in functions of ``X`` and ``rows``. `rows` may be of a kind that
    only this source understands; None stands for all rows.
    """

    shape: tuple[int, ...]  # empty where the number of rows is not known
    dtype: Any

    @property
    def has_holes(self) -> bool:
        """Whether entries are missing; to find out may take a pass over the rows."""
        return False

    @property
    def in_memory(self) -> bool:
        """Whether reading the rows costs next to nothing."""
        return False

    def weights(self, rows: Any = None) -> Array | None:
        """Return the weights of some rows, a positive one each; None if all weigh the same."""
        return None

    @property
    @abstractmethod
    def is_surveyed(self) -> bool:
        """Whether a training has the pass made that :meth:`statistics` needs."""

    @abstractmethod
    def prepare(self, covariance: bool, once: bool = False) -> None:
        """Get ready for a training.

        `covariance` says whether :meth:`statistics` must have the covariance. `once` says that the
        rows can be read only once more: by the training.
        """

    @abstractmethod
    def blocks(self, rows: Any = None) -> Iterator[Array]:
        """Yield rows in their order, as dense float blocks of bounded size.

        They are finite, except for NaN in the place of missing entries.
        """

    @abstractmethod
    def take(self, index: Any) -> Array:
        """Return rows by their positions as a dense float array, like those of blocks."""

    @abstractmethod
    def __getitem__(self, rows: Any) -> Any:
        """Return some of the rows as a source or an array."""

    @abstractmethod
    def some(self, rows: Any) -> Array:
        """Return an even sample of some rows; all of them if they are few."""

    @abstractmethod
    def statistics(self, rows: Any) -> Statistics:
        """Return the statistics of some rows, from one pass."""


def weights_of(X: Any, rows: Any = None) -> Array | None:
    """Return the weights of some rows of `X`, whatever it is; None if all weigh the same."""
    return X.weights(rows) if isinstance(X, Source) else None


def mean_of_rows(values: Array, weights: Array | None) -> Array:
    """Return the mean of values of rows, over the first axis."""
    if weights is None:
        return np.asarray(values.mean(axis=0))
    return np.asarray(np.average(values, axis=0, weights=weights))


def mean_of_entries(values: Array, weights: Array | None) -> Any:
    """Return the mean of all entries of values of rows."""
    return values.mean() if weights is None else mean_of_rows(values.mean(axis=1), weights)
