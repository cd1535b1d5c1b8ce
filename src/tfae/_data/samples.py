"""A sample of rows that are too many to learn from all of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfae._data.rows import dense_rows
from tfae._data.source import Source
from tfae._support.typing import Array

# A sample has at most this many rows and, in a wide table, about half a gigabyte.
_MOST_ROWS, _MOST_ENTRIES = 20_000, 1 << 26


def sample_of(X: Any, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return rows drawn at random, as a dense float64 array in their order, and their positions.

    All rows are returned unless there are more than 20,000. A stream is read once.

    Parameters
    ----------
    X : ndarray, CSR matrix or Source
    rng : numpy.random.Generator
    """
    if isinstance(X, Source) and not X.shape:
        return _sample_of_stream(X, rng)
    places, n_most = np.arange(X.shape[0]), _n_most(X.shape[1])
    if len(places) > n_most:
        places = np.sort(rng.choice(len(places), n_most, replace=False))
    return dense_rows(X, places).astype(np.float64, copy=False), places


def _n_most(n_features: int) -> int:
    return max(2, min(_MOST_ROWS, _MOST_ENTRIES // n_features))


def _sample_of_stream(X: Source, rng: np.random.Generator) -> tuple[Array, Array]:
    """Keep the rows with the smallest of random numbers."""
    rows: list[Array] = []
    keys: list[Array] = []
    places: list[Array] = []
    n_rows, n_most, kept_below = 0, _MOST_ROWS, 1.0
    for block in X.blocks():
        n_most = _n_most(block.shape[1])
        drawn = rng.random(len(block))
        chosen = drawn < kept_below
        rows.append(block[chosen].astype(np.float64))
        keys.append(drawn[chosen])
        places.append(n_rows + np.flatnonzero(chosen))
        n_rows += len(block)
        if sum(map(len, keys)) > 2 * n_most:
            rows, keys, places = _smallest(rows, keys, places, n_most)
            kept_below = float(keys[0].max())
    rows, _, places = _smallest(rows, keys, places, n_most)
    return rows[0], places[0]


def _smallest(
    rows: list[Array], keys: list[Array], places: list[Array], n_most: int
) -> tuple[list[Array], list[Array], list[Array]]:
    """Return the rows with the smallest keys, in their order, each as a list of one array."""
    together = np.concatenate(keys)
    chosen = np.sort(np.argsort(together, kind="stable")[:n_most])
    return [np.concatenate(rows)[chosen]], [together[chosen]], [np.concatenate(places)[chosen]]
