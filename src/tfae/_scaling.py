"""From the units given to what the network sees, and back: ``(x - center) / scale``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import gen_batches

from tfae._registry import Registry
from tfae._types import Array

# Rows are visited in blocks of at most this size, so that no pass over the data copies it and a
# wide hidden layer after few features stays small too.
_BLOCK_BYTES = 8 << 20
_BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Scaling:
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
def _global(blocks: Blocks) -> Scaling:
    """Centre every feature; divide all by one number, the root of their mean variance."""
    moments = _moments(blocks)
    scale = float(np.sqrt(moments.var_.mean()))
    return Scaling(moments.mean_, scale if scale > 0 else 1.0)


@SCALINGS.register("standard")
def _standard(blocks: Blocks) -> Scaling:
    """Centre every feature and divide it by its standard deviation."""
    moments = _moments(blocks)
    return Scaling(moments.mean_, moments.scale_)


@SCALINGS.register("minmax")
def _minmax(blocks: Blocks) -> Scaling:
    """Map the range of every feature to [0, 1]."""
    scaler = MinMaxScaler()
    for block in blocks:
        scaler.partial_fit(block)
    return Scaling(scaler.data_min_.astype(np.float64), 1.0 / scaler.scale_)


def _moments(blocks: Blocks) -> StandardScaler:
    scaler = StandardScaler()
    for block in blocks:
        scaler.partial_fit(block)
    return scaler


def fit_scaling(kind: str | None, X: Any, rows: Array | None = None) -> Scaling:
    """Learn the scaling called `kind` from some rows of `X`, in one pass; None scales nothing."""
    if kind is None:
        return Scaling(np.zeros(X.shape[1]), 1.0)
    learn = SCALINGS[kind]
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
