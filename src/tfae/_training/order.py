"""The order in which an epoch visits rows: stored for few rows, computed for many."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from tfae._support.typing import Array

_STORED = 1 << 19  # numbers: 4 MB
# Five rounds make the order as good as random for as many places as a table has entries (Patarin,
# 2004, "Security of random Feistel schemes with 5 or more rounds"). One round costs 0.1 ms for
# 16,000 rows.
_ROUNDS = 6


class Order(Protocol):
    """The positions of rows; any stretch of them can be read."""

    def __getitem__(self, stretch: slice) -> Array:
        """Return the positions from one place to another."""


def epoch_order(n_rows: int, rng: np.random.Generator | None) -> Order:
    """Return the positions from 0 to `n_rows` in an order drawn from `rng`, if there is one."""
    if n_rows > _STORED:
        return Computed(n_rows, rng)
    order = np.arange(n_rows)
    if rng is not None:
        rng.shuffle(order)
    return order


class Computed:
    """A random order whose memory grows only with the square root of its length.

    A Feistel network, with tables of random numbers as its functions, permutes a square that is
    hardly larger than `n_rows`. A position outside goes through the Feistel network again until it
    is inside (Black and Rogaway, 2002, "Ciphers with arbitrary finite domains").
    """

    def __init__(self, n_rows: int, rng: np.random.Generator | None) -> None:
        self._n_rows = n_rows
        self._side = math.isqrt(n_rows - 1) + 1
        shape = (_ROUNDS, self._side)
        self._tables = None if rng is None else rng.integers(self._side, size=shape)

    def __getitem__(self, stretch: slice) -> Array:
        positions = np.arange(*stretch.indices(self._n_rows))
        if self._tables is None:
            return positions
        positions = self._permuted(positions)
        while (outside := positions >= self._n_rows).any():
            positions[outside] = self._permuted(positions[outside])
        return positions

    def _permuted(self, positions: Array) -> Array:
        assert self._tables is not None
        left, right = np.divmod(positions, self._side)
        for table in self._tables:
            left, right = right, left + table[right]
            right -= self._side * (right >= self._side)
        return left * self._side + right
