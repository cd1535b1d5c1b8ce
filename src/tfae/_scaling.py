"""From the units given to what the network sees, and back: mostly ``(x - center) / scale``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

import numpy as np
from scipy import sparse
from scipy.stats import norm

from tfae._cores import for_every_block
from tfae._registry import Registry
from tfae._survey import Survey
from tfae._types import Array, Source, Statistics
from tfae._workspace import NEW, Workspace

# What needs sorted columns is learned from at most so many rows, evenly spaced.
_MAX_SORTED = 10_000
_MAX_QUANTILES = 1000
# Where rank-Gauss puts the smallest and the largest value, as QuantileTransformer does.
_FURTHEST = float(-norm.ppf(1e-7 - np.spacing(1)))
# Rows are visited in blocks of at most this size, so that no pass over the data copies it and a
# wide hidden layer after few features stays small too.
_BLOCK_BYTES = 8 << 20
_BLOCK_ROWS = 4096
# So few need no block: it would cost a tenth of the time that the codes of a single row take.
_FEW_ROWS = 8
# Of numbers between this and its inverse, squares and their sums stay within float64.
_HUGE = 1e100


class Scaling(Protocol):
    """A map of rows that can be undone."""

    @property
    def is_identity(self) -> bool:
        """Whether rows stay as they are."""

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

    @property
    def is_identity(self) -> bool:
        return not self.center.any() and bool(np.all(self.scale == 1))

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
    def is_identity(self) -> bool:
        return False

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


def dense_blocks(
    X: Any, rows: Array | None = None, width: int | None = None
) -> Iterator[tuple[slice, Array]]:
    """Yield positions and rows of `X` as dense float blocks of bounded size.

    `width` is how many numbers of a row are bounded; by default those of `X`.
    """
    if isinstance(X, Source):
        yield from _placed(X.blocks(rows))
        return
    n_rows = X.shape[0] if rows is None else len(rows)
    size = block_size(X.shape[1] if width is None else width)
    # Not gen_batches, whose check of its arguments takes longer than the codes of a row.
    for start in range(0, n_rows, size):
        block = slice(start, min(start + size, n_rows))
        yield block, dense_rows(X, block if rows is None else rows[block])


def _placed(blocks: Iterator[Array]) -> Iterator[tuple[slice, Array]]:
    start = 0
    for block in blocks:
        yield slice(start, start + len(block)), block
        start += len(block)


def block_size(n_features: int) -> int:
    """Return how many rows a block has."""
    return min(max(_BLOCK_BYTES // (8 * n_features), 1), _BLOCK_ROWS)


def of_every_block(
    X: Any,
    function: Callable[[Array, Workspace], Array],
    n_numbers: int,
    width: int | None = None,
) -> Array:
    """Return what a function gives for all rows of `X`, whose number may be unknown.

    It is called with rows and with memory for what it makes of them, which it may return.
    `n_numbers` is how many it has NumPy make of a row, 0 if it waits for anything else: at many,
    threads take turns, and very many are shared out to several, so that it must not care about the
    order of the blocks. `width` bounds what a block has of a row, by default its features.
    """
    if isinstance(X, Source) and not X.shape:
        return np.concatenate([function(rows, NEW) for _, rows in dense_blocks(X)])
    if not isinstance(X, Source) and X.shape[0] <= _FEW_ROWS:
        return np.array(function(dense_rows(X, slice(None)), NEW), order="C")
    # No turn is taken while a source is read, which may need another thread that encodes rows.
    total = 0 if isinstance(X, Source) else X.shape[0] * n_numbers
    results: list[Array] = []
    lock = Lock()

    def put(block: tuple[slice, Array], space: Workspace) -> None:
        places, rows = block
        part = function(rows, space)
        with lock:
            if not results:
                results.append(np.empty((X.shape[0], *part.shape[1:]), part.dtype))
        results[0][places] = part

    for_every_block(dense_blocks(X, width=width), put, total)
    return results[0]


def dense_rows(X: Any, index: slice | Array) -> Array:
    """Return some rows of an array, sparse matrix or source as a dense float array."""
    if isinstance(X, Source):
        return X.take(index)
    rows = X[index]
    if sparse.issparse(rows):
        rows = rows.toarray()
    return as_floats(rows)


def as_floats(rows: Array) -> Array:
    """Return rows as they are if they are of a common kind of float, otherwise as float64."""
    return rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float64)


def evenly_spaced(X: Any, rows: Array | None, n_wanted: int) -> Array:
    """Return the positions of at most so many rows."""
    index = np.arange(X.shape[0]) if rows is None else rows
    if len(index) <= n_wanted:
        return index
    return index[np.linspace(0, len(index) - 1, n_wanted).astype(np.intp)]


def statistics(X: Any, rows: Array | None = None) -> Statistics:
    """Return the statistics of some rows of `X`."""
    return X.statistics(rows) if isinstance(X, Source) else _survey(X, rows)


def _survey(X: Any, rows: Array | None) -> Survey:
    def sample() -> Array:
        return dense_rows(X, evenly_spaced(X, rows, _MAX_SORTED))

    return Survey((block for _, block in dense_blocks(X, rows)), sample)


SCALINGS: Registry[Callable[[Statistics], Scaling]] = Registry("scaling", or_else="None")


@SCALINGS.register("global")
def _global(of: Statistics) -> Affine:
    """Centre every feature; divide all by one number, the root of their mean variance."""
    scale = float(np.sqrt(of.variance.mean()))
    return Affine(of.mean, scale if scale > 0 else 1.0)


@SCALINGS.register("standard")
def _standard(of: Statistics) -> Affine:
    """Centre every feature and divide it by its standard deviation."""
    return Affine(of.mean, of.deviation)


@SCALINGS.register("minmax")
def _minmax(of: Statistics) -> Affine:
    """Map the range of every feature to [0, 1]."""
    low, high = of.low.astype(np.float64), of.high.astype(np.float64)
    rounding = 4 * np.finfo(np.float64).eps * np.maximum(np.abs(low), np.abs(high))
    return Affine(low, np.where(high - low > rounding, high - low, 1.0))


@SCALINGS.register("robust")
def _robust(of: Statistics) -> Affine:
    """Subtract the median of every feature and divide by its interquartile range.

    Where half of the values are the same, by the standard deviation.
    """
    rows = of.sample.astype(np.float64)
    low, median, high = np.quantile(rows, [0.25, 0.5, 0.75], axis=0)
    spread = high - low
    return Affine(median, np.where((spread > 0) & ~of.constant, spread, of.deviation))


@SCALINGS.register("quantile")
def _quantile(of: Statistics) -> Quantiles:
    """Map every feature to normal deviates by its ranks."""
    rows = of.sample.astype(np.float64)
    n_quantiles = max(2, min(_MAX_QUANTILES, len(rows)))
    # Rounding must not make them fall, which interpolation needs.
    quantiles = np.quantile(rows, np.linspace(0, 1, n_quantiles), axis=0)
    return Quantiles(np.maximum.accumulate(quantiles, axis=0))


def _identity(n_features: int) -> Affine:
    return Affine(np.zeros(n_features), 1.0)


def fit_scaling(kind: str | None, X: Any, rows: Array | None = None) -> Scaling:
    """Learn the scaling called `kind` from some rows of `X`, in one pass; None scales nothing."""
    if kind is None and (isinstance(X, Source) or X.shape[0] == 0):  # not worth a pass over a file
        return _identity(X.shape[1])
    # Nor a survey: without it a fit of 10,000 rows takes 0.84 to 0.95 of the time.
    if kind is None and rows is None and _are_moderate(X):
        return _identity(X.shape[1])
    of = statistics(X, rows)
    _check_variance(of)
    if not of.variance.any() and (of.low < of.high).any():
        raise ValueError(
            "X must hold numbers whose squares are not all 0. Got none of a larger size than "
            f"{_largest(of).max():.6g}; multiply them by a large number."
        )
    return _identity(X.shape[1]) if kind is None else SCALINGS[kind](of)


def _are_moderate(X: Any) -> bool:
    """Whether the extremes and two rows tell that no variance overflows and not all are 0."""
    if not isinstance(X, np.ndarray) or not X.size:
        return False
    if not -_HUGE < float(X.min()) <= float(X.max()) < _HUGE:
        return False
    return bool((np.abs(np.subtract(X[0], X[-1], dtype=np.float64)) > 1 / _HUGE).any())


def check_held_out(X: Any, train: Array | None, held_out: Array | None) -> None:
    """Raise if the variance of rows that nothing is learned of overflows.

    With them goes one of the others, for a single row has no variance.
    """
    if train is None or held_out is None or isinstance(X, Source):  # not worth a pass over a file
        return
    _check_variance(statistics(X, np.append(train[:1], held_out)))


def _check_variance(of: Statistics) -> None:
    too_large = np.flatnonzero(~np.isfinite(of.variance))
    if len(too_large):
        column = too_large[0]
        raise ValueError(
            "X must hold numbers whose squares are finite. Got some whose variance overflows: "
            f"column {column} has {_largest(of)[column]:.6g}. Mark what is missing as such and "
            "fill it in, or divide by a large number."
        )


def _largest(of: Statistics) -> Array:
    return np.maximum(np.abs(of.low), np.abs(of.high))


def scaled_range(X: Any, scaling: Scaling, rows: Array | None = None) -> tuple[float, float]:
    """Return the smallest and the largest entry of scaled rows."""
    of = statistics(X, rows)
    ends = scaling.forward(np.stack([of.low, of.high]), of.low.dtype)  # no scaling turns them round
    return float(ends.min()), float(ends.max())


def mean_variance(X: Any) -> float:
    """Return the mean over the features of their variances in `X`, in one pass."""
    return float(_survey(X, None).variance.mean())
