"""Streams of pairs: noisy and clean rows from two streams, which are read in step.

A pair is one row of twice the width, so that :class:`.streams.Opened` shuffles, keeps and holds
out both of its halves together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from functools import partial
from typing import Any, Self

import numpy as np

from tfae._data.source import Statistics
from tfae._data.streams import Opened, Piece, Stream, Streamed
from tfae._support.typing import Array


def pairs_of(first: Opened, second: Opened) -> Opened:
    """Return a stream of the rows of two streams side by side; their batches may differ in size.

    It raises a ValueError when it is read and one of the streams ends before the other.
    """
    ones, others = first.stream.pieces, second.stream.pieces
    if len(ones) != len(others):  # their rows match only as a whole
        ones, others = (first.stream.whole,), (second.stream.whole,)
    pieces = [
        Piece(one.label, partial(_side_by_side, first, one, second, other))
        for one, other in zip(ones, others, strict=True)
    ]
    once = first.stream.once or second.stream.once
    stream = Stream(pieces, first.stream.window, once)
    return Opened(stream, lambda rows, *_: rows, digests=first.digest is not None)


def _side_by_side(first: Opened, one: Piece, second: Opened, other: Piece) -> Iterator[Array]:
    # The first batch of `first` is checked first, because it says what rows of both must be like.
    sides = first.batches(one), _of_clean(second.batches(other))
    waiting: list[Array | None] = [next(side, None) for side in sides]
    while waiting[0] is not None and waiting[1] is not None:
        n_rows = min(len(waiting[0]), len(waiting[1]))
        yield np.hstack([waiting[0][:n_rows], waiting[1][:n_rows]])
        for place, rows in enumerate(waiting):
            assert rows is not None
            waiting[place] = rows[n_rows:] if len(rows) > n_rows else next(sides[place], None)
    if waiting[0] is not None or waiting[1] is not None:
        more = "X" if waiting[1] is None else "'X_clean'"
        raise ValueError(
            "The streams X and 'X_clean' must have a clean row for every noisy one. Got more rows "
            f"of {more} from {one.label}."
        )


def _of_clean(batches: Iterator[Array]) -> Iterator[Array]:
    """Yield batches; errors say that they are about clean rows."""
    try:
        yield from batches
    except (TypeError, ValueError) as error:
        raise ValueError(f"'X_clean': {error}") from error


@dataclass(frozen=True)
class _StatisticsOfColumns:
    """The statistics of some columns."""

    n_rows: int
    mean: Array
    variance: Array
    deviation: Array
    constant: Array
    low: Array
    high: Array
    n_observed: Array
    observed: Array
    sample: Array
    sample_weights: None = None
    covariance: None = None

    @classmethod
    def of(cls, of_all: Statistics, columns: slice) -> Self:
        of_columns = [field.name for field in fields(cls) if field.default is MISSING][1:]
        return cls(of_all.n_rows, *(getattr(of_all, name)[..., columns] for name in of_columns))


class Half(Streamed):
    """One half of the columns of a stream of pairs.

    Parameters
    ----------
    pairs : Opened
        The stream; it has begun.
    second : bool
        Whether it is the second half.
    """

    def __init__(self, pairs: Opened, second: bool) -> None:
        n_features = pairs.shape[1] // 2
        self._pairs, self._second = pairs, second
        self._columns = slice(second * n_features, (1 + second) * n_features)
        self.dtype = pairs.dtype

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return (self._pairs.shape[0], self._pairs.shape[1] // 2)

    @property
    def once(self) -> bool:
        return self._pairs.once

    @property
    def digest(self) -> str | None:
        return self._pairs.digest

    @property
    def is_surveyed(self) -> bool:
        return self._pairs.is_surveyed

    def prepare(self, covariance: bool, once: bool = False) -> None:
        # Denoisers of pairs are learned from a sample of them.
        self._pairs.prepare(False, once)

    def __getitem__(self, rows: Any) -> Any:
        part = self._pairs[rows]
        return part[:, self._columns] if isinstance(part, np.ndarray) else Half(part, self._second)

    def blocks(self, rows: Any = None) -> Iterator[Array]:
        return (block[:, self._columns] for block in self._pairs.blocks(rows))

    def take(self, index: Any) -> Array:
        return self._pairs.take(index)[:, self._columns]

    def some(self, rows: Any) -> Array:
        return self._pairs.some(rows)[:, self._columns]

    def split(self, fraction: float) -> Any:
        return self._pairs.split(fraction)

    def statistics(self, rows: Any) -> Statistics:
        return _StatisticsOfColumns.of(self._pairs.statistics(rows), self._columns)

    def epoch(self, size: int, rng: np.random.Generator | None) -> Iterator[Array]:
        return (rows[:, self._columns] for rows in self._pairs.epoch(size, rng))

    def epoch_of_pairs(
        self, size: int, rng: np.random.Generator | None
    ) -> Iterator[tuple[Array, Array]]:
        """Yield the rows of one pass as :meth:`epoch` does, each with the other half."""
        own, other = self._columns, Half(self._pairs, not self._second)._columns
        return ((rows[:, own], rows[:, other]) for rows in self._pairs.epoch(size, rng))


def halves(pairs: Any) -> tuple[Any, Any]:
    """Return both halves of a stream of pairs that has begun, or of an array of them."""
    if isinstance(pairs, Opened):
        return Half(pairs, second=False), Half(pairs, second=True)
    first, second = np.hsplit(pairs, 2)
    return np.ascontiguousarray(first), np.ascontiguousarray(second)
