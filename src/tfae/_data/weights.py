"""Weights of rows: they travel with the rows, as one value.

Whoever takes rows of a source takes weighted rows, too. Only those who count, average or sum over
rows ask for the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.utils import check_array

from tfae._data.holes import has_holes
from tfae._data.rows import dense_blocks, dense_rows, evenly_spaced
from tfae._data.source import Source
from tfae._data.statistics import MAX_ENTRIES, Survey, n_kept, survey
from tfae._support.masks import check_unmasked
from tfae._support.typing import Array


class Weighted(Source):
    """Rows with weights.

    Parameters
    ----------
    X : ndarray, CSR matrix or memory map of shape (n, n_features)
    weights : ndarray of shape (n,)
        Positive, with a mean of 1.
    """

    def __init__(self, X: Any, weights: Array) -> None:
        self._X, self._weights = X, weights
        self.shape, self.dtype = X.shape, X.dtype
        self._with_covariance = False
        self._surveyed: tuple[Any, Survey] | None = None

    @cached_property
    def has_holes(self) -> bool:
        """Whether entries are missing."""
        return has_holes(self._X)

    @property
    def in_memory(self) -> bool:
        """Whether reading the rows costs next to nothing."""
        return not isinstance(self._X, Source)

    @property
    def is_surveyed(self) -> bool:
        """Whether the pass will be made in any case, or costs little."""
        return self._with_covariance or self.in_memory

    def prepare(self, covariance: bool, once: bool = False) -> None:
        """Note whether a pass must sum up the covariance; the pass is made when it is needed."""
        self._with_covariance = covariance

    def weights(self, rows: Any = None) -> Array:
        """Return the weights of some rows."""
        return self._weights if rows is None else self._weights[rows]

    def blocks(self, rows: Any = None) -> Iterator[Array]:
        """Yield rows in their order, as dense float blocks of bounded size."""
        for _, block in dense_blocks(self._X, rows):
            yield block

    def take(self, index: Any) -> Array:
        """Return rows by their positions."""
        return dense_rows(self._X, index)

    def __getitem__(self, rows: Any) -> Weighted:
        return Weighted(self._X[rows], self._weights[rows])

    def some(self, rows: Any) -> Array:
        """Return an even sample of some rows."""
        return self.take(evenly_spaced(self, rows, n_kept(self.shape[1], self.dtype.itemsize)))

    def statistics(self, rows: Any) -> Survey:
        """Return the statistics of some rows from one pass, and keep them for the next call."""
        if self._surveyed is None or self._surveyed[0] is not rows:
            n_rows = self.shape[0] if rows is None else len(rows)
            every = -(-n_rows * self.shape[1] // MAX_ENTRIES) if self._with_covariance else 0
            self._surveyed = rows, survey(self, rows, every=every, holes=self.has_holes)
        return self._surveyed[1]


def weighted(X: Any, sample_weight: Any, min_samples: int = 1) -> Any:
    """Return rows with the weights that a user gives them, scaled to a mean of 1.

    Rows of weight 0 are removed. Rows that all weigh the same are returned without weights, so that
    they train as if none had been given.

    Parameters
    ----------
    X : ndarray, CSR matrix or memory map of shape (n, n_features)
    sample_weight : array-like of shape (n,) or None
    min_samples : int
        The least number of rows with a positive weight.

    Raises
    ------
    ValueError
        If there is not one weight for every row; if a weight is negative, missing or infinite; or
        if too few are positive.
    """
    if sample_weight is None:
        return X
    weights = _checked(sample_weight, X.shape[0])
    positive = weights > 0
    n_positive = int(positive.sum())
    if n_positive < min_samples:
        raise ValueError(
            "'sample_weight' must be positive for at least "
            f"{min_samples} row{'s' * (min_samples > 1)}. Got {n_positive or 'zeros only'}."
        )
    if n_positive < len(weights):
        X, weights = X[np.flatnonzero(positive)], weights[positive]
    return with_weights(X, weights)


def with_weights(X: Any, weights: Array | None) -> Any:
    """Return rows with positive weights, scaled to a mean of 1, unless all weigh the same."""
    if weights is None or weights.min() == weights.max():
        return X
    weights = weights / weights.max()  # their sum must not overflow
    return Weighted(X, weights / weights.mean())


def _checked(sample_weight: Any, n_rows: int) -> Array:
    check_unmasked(sample_weight, "sample_weight")
    weights: Array = check_array(
        sample_weight,
        dtype=np.float64,
        ensure_2d=False,
        ensure_all_finite=False,
        ensure_min_samples=0,
        input_name="sample_weight",
    )
    if weights.shape != (n_rows,):
        raise ValueError(
            f"'sample_weight' must have a weight for each of the {n_rows} rows, shape ({n_rows},). "
            f"Got the shape {weights.shape}."
        )
    wrong = ~((weights >= 0) & np.isfinite(weights))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            "'sample_weight' must hold finite numbers of at least 0. Got "
            f"{weights[row]:g} for row {row}."
        )
    return weights
