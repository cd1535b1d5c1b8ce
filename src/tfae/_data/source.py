"""Rows that are read block by block: what every kind of them can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Protocol

from tfae._support.typing import Array


class Statistics(Protocol):
    """What is learned of rows before training; arrays are of shape [features]."""

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
        """Whether all values of a feature are the same but for rounding errors."""

    @property
    def low(self) -> Array: ...

    @property
    def high(self) -> Array: ...

    @property
    def sample(self) -> Array:
        """Some of the rows, all of them if they are few."""

    @property
    def covariance(self) -> Array | None:
        """Of shape [features, features], if it was asked for."""


class Source(ABC):
    """Rows that are read block by block, from wherever they are, and never held all at once.

    Where functions take ``X`` and ``rows``, it takes the place of an array. `rows` may be what only
    this source understands; None stands for all.
    """

    shape: tuple[int, ...]  # empty where the number of rows is not known
    dtype: Any

    @abstractmethod
    def prepare(self, covariance: bool, once: bool = False) -> None:
        """Get ready for a training.

        `covariance` says whether :meth:`statistics` must have it; `once` that the rows can be read
        once more only, by the training.
        """

    @abstractmethod
    def blocks(self, rows: Any = None) -> Iterator[Array]:
        """Yield rows in their order, as dense float blocks of bounded size, all finite."""

    @abstractmethod
    def take(self, index: Any) -> Array:
        """Return rows by their positions as a dense float array, all finite."""

    @abstractmethod
    def __getitem__(self, rows: Any) -> Any:
        """Return some of the rows as a source or an array."""

    @abstractmethod
    def some(self, rows: Any) -> Array:
        """Return an even sample of some rows, all of them if they are few."""

    @abstractmethod
    def statistics(self, rows: Any) -> Statistics:
        """Return what one pass tells of some rows."""
