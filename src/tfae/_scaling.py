"""From the units given to what the network sees, and back: mostly ``(x - center) / scale``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy import sparse
from scipy.stats import norm
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import gen_batches

from tfae._registry import Registry
from tfae._types import Array

# What needs sorted columns is learned from at most so many rows, evenly spaced.
_MAX_SORTED = 10_000
_MAX_QUANTILES = 1000
# Where rank-Gauss puts the smallest and the largest value, as QuantileTransformer does.
_FURTHEST = float(-norm.ppf(1e-7 - np.spacing(1)))
# Rows are visited in blocks of at most this size, so that no pass over the data copies it and a
# wide hidden layer after few features stays small too.
_BLOCK_BYTES = 8 << 20
_BLOCK_ROWS = 4096


class Scaling(Protocol):
    """A map of rows that can be undone."""

    def forward(self, X: Array, dtype: Any, out: Array | None = None) -> Array:
        """Scale rows given in the user's units."""

    def backward(self, X: Array) -> Array:
        """Turn rows of the network into the user's units."""


@dataclass(frozen=True)
class Affine:
    """An affine map of every feature.

    ``center`` has shape [features]; ``scale`` is one float for all features or has that shape.
    """

    center: Array
    scale: float | Array

    def forward(self, X: Array, dtype: Any, out: Array | None = None) -> Array:
        """Scale rows given in the user's units, in their dtype, and then cast."""
        out = np.empty(X.shape, dtype) if out is None else out
        center, scale = self.center.astype(X.dtype, copy=False), np.asarray(self.scale, X.dtype)
        difference = np.subtract(X, center, out=out if out.dtype == X.dtype else None)
        return np.divide(difference, scale, out=out, casting="same_kind")

    def backward(self, X: Array) -> Array:
        """Turn rows of the network into the user's units."""
        rows = X * np.asarray(self.scale, X.dtype)
        rows += self.center.astype(X.dtype, copy=False)
        return rows


@dataclass(frozen=True)
class Quantiles:
    """The map of every feature to normal deviates by its ranks ("rank-Gauss").

    ``quantiles`` has shape [n_quantiles, features]. Values between two of them are interpolated,
    those beyond the last are cut off.
    """

    quantiles: Array

    @property
    def _deviates(self) -> Array:
        ranks = np.linspace(0, 1, len(self.quantiles))
        return np.clip(norm.ppf(ranks), -_FURTHEST, _FURTHEST)

    def forward(self, X: Array, dtype: Any, out: Array | None = None) -> Array:
        """Map rows given in the user's units; a value that is many quantiles gets their middle."""
        out = np.empty(X.shape, dtype) if out is None else out
        z = self._deviates
        for j, q in enumerate(self.quantiles.T):
            low, high = np.interp(X[:, j], q, z), np.interp(-X[:, j], -q[::-1], -z[::-1])
            out[:, j] = 0.5 * (low - high)
        return out

    def backward(self, X: Array) -> Array:
        """Turn rows of the network into the user's units."""
        z, rows = self._deviates, np.empty_like(X)
        for j, q in enumerate(self.quantiles.T):
            rows[:, j] = np.interp(X[:, j], z, q)
        return rows


def dense_blocks(X: Any, rows: Array | None = None) -> Iterator[tuple[slice, Array]]:
    """Yield positions and rows of `X` as dense float blocks of bounded size."""
    n_rows = X.shape[0] if rows is None else len(rows)
    size = int(np.clip(_BLOCK_BYTES // (8 * X.shape[1]), 1, _BLOCK_ROWS))
    for block in gen_batches(n_rows, size):
        yield block, dense_rows(X, block if rows is None else rows[block])


def dense_rows(X: Any, index: slice | Array) -> Array:
    """Return some rows of an array or sparse matrix as a dense float array."""
    rows = X[index]
    if sparse.issparse(rows):
        rows = rows.toarray()
    return rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float64)


Blocks = Iterator[Array]
SCALINGS: Registry[Callable[[Blocks], Scaling]] = Registry("scaling", or_else="None")


@SCALINGS.register("global")
def _global(blocks: Blocks) -> Affine:
    """Centre every feature; divide all by one number, the root of their mean variance."""
    moments = _moments(blocks)
    scale = float(np.sqrt(moments.var_.mean()))
    return Affine(moments.mean_, scale if scale > 0 else 1.0)


@SCALINGS.register("standard")
def _standard(blocks: Blocks) -> Affine:
    """Centre every feature and divide it by its standard deviation."""
    moments = _moments(blocks)
    return Affine(moments.mean_, moments.scale_)


@SCALINGS.register("minmax")
def _minmax(blocks: Blocks) -> Affine:
    """Map the range of every feature to [0, 1]."""
    scaler = MinMaxScaler()
    for block in blocks:
        scaler.partial_fit(block)
    return Affine(scaler.data_min_.astype(np.float64), 1.0 / scaler.scale_)


@SCALINGS.register("robust")
def _robust(blocks: Blocks) -> Affine:
    """Subtract the median of every feature and divide by its interquartile range.

    Where half of the values are the same, by the standard deviation.
    """
    rows = np.concatenate(list(blocks)).astype(np.float64)
    low, median, high = np.quantile(rows, [0.25, 0.5, 0.75], axis=0)
    spread = high - low
    deviation = _moments(iter([rows])).scale_
    return Affine(median, np.where(spread > 0, spread, deviation))


@SCALINGS.register("quantile")
def _quantile(blocks: Blocks) -> Quantiles:
    """Map every feature to normal deviates by its ranks."""
    rows = np.concatenate(list(blocks)).astype(np.float64)
    n_quantiles = max(2, min(_MAX_QUANTILES, len(rows)))
    # Rounding must not make them fall, which interpolation needs.
    quantiles = np.quantile(rows, np.linspace(0, 1, n_quantiles), axis=0)
    return Quantiles(np.maximum.accumulate(quantiles, axis=0))


# What needs sorted columns, and so rows in memory.
_SORTING = ("robust", "quantile")


def _moments(blocks: Blocks) -> StandardScaler:
    scaler = StandardScaler()
    for block in blocks:
        scaler.partial_fit(block)
    return scaler


def fit_scaling(kind: str | None, X: Any, rows: Array | None = None) -> Scaling:
    """Learn the scaling called `kind` from some rows of `X`, in one pass; None scales nothing."""
    if kind is None:
        return Affine(np.zeros(X.shape[1]), 1.0)
    learn = SCALINGS[kind]
    n_rows = X.shape[0] if rows is None else len(rows)
    if kind in _SORTING and n_rows > _MAX_SORTED:
        places = np.linspace(0, n_rows - 1, _MAX_SORTED).astype(np.intp)
        rows = places if rows is None else rows[places]
    return learn(block for _, block in dense_blocks(X, rows))


def scaled_range(X: Any, scaling: Scaling, rows: Array | None = None) -> tuple[float, float]:
    """Return the smallest and the largest entry of scaled rows."""
    low, high = np.inf, -np.inf
    for _, block in dense_blocks(X, rows):
        scaled = scaling.forward(block, block.dtype)
        low, high = min(low, scaled.min()), max(high, scaled.max())
    return float(low), float(high)


def mean_variance(X: Any) -> float:
    """Return the mean over the features of their variances in `X`."""
    return float(_moments(block for _, block in dense_blocks(X)).var_.mean())
