"""From the user's units to those of the network, and back: mostly ``(x - center) / scale``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
from scipy import sparse
from scipy.stats import norm

from tfae._data.columns import ColumnError
from tfae._data.holes import has_holes
from tfae._data.rows import as_floats
from tfae._data.source import Source, Statistics
from tfae._data.statistics import quantiles, statistics, survey
from tfae._support.registry import Registry
from tfae._support.typing import Array

_MAX_QUANTILES = 1000
# Rank-Gauss maps the smallest and the largest value this far out, like QuantileTransformer.
_FURTHEST = float(-norm.ppf(1e-7 - np.spacing(1)))
# The squares of numbers between this and its inverse, and their sums, stay within float64.
_HUGE = 1e100


@runtime_checkable
class Forward(Protocol):
    """A map from rows in the user's units to what an encoder takes."""

    def forward(self, X: Array, dtype: Any, out: Array | None = None) -> Array:
        """Map rows given in the user's units."""


@runtime_checkable
class Scaling(Forward, Protocol):
    """A map of rows that has an inverse."""

    @property
    def center(self) -> Array:
        """The values subtracted first, of shape [features]; 0 if the map is not affine."""

    @property
    def scale(self) -> float | Array:
        """The divisor after that; 1 if the map is not affine."""

    @property
    def is_identity(self) -> bool:
        """Whether rows stay as they are."""

    @property
    def is_affine(self) -> bool:
        """Whether numbers are scaled by :attr:`center` and :attr:`scale` alone."""

    def unit(self, power: int) -> float:
        """Return the factor that turns a loss of scaled rows into the user's units, or 1 if none.

        `power` is the power of the user's unit in the loss.
        """

    def backward(self, X: Array) -> Array:
        """Turn scaled rows into the user's units."""


@dataclass(frozen=True)
class Affine:
    """An affine map of every feature.

    ``center`` has shape [features]; ``scale`` is one float for all features or has that shape.
    """

    center: Array
    scale: float | Array

    is_affine: ClassVar[bool] = True

    @property
    def is_identity(self) -> bool:
        return not self.center.any() and bool(np.all(self.scale == 1))

    def unit(self, power: int) -> float:
        return float(self.scale) ** power if np.ndim(self.scale) == 0 else 1.0

    def forward(self, X: Array, dtype: Any, out: Array | None = None) -> Array:
        """Scale rows in the user's units, in their own dtype, and then cast them."""
        out = np.empty(X.shape, dtype) if out is None else out
        center, scale = self.center.astype(X.dtype, copy=False), np.asarray(self.scale, X.dtype)
        difference = np.subtract(X, center, out=out if out.dtype == X.dtype else None)
        return np.divide(difference, scale, out=out, casting="same_kind")

    def backward(self, X: Array) -> Array:
        """Turn scaled rows into the user's units."""
        rows = X * np.asarray(self.scale, X.dtype)
        rows += self.center.astype(X.dtype, copy=False)
        return rows


@dataclass(frozen=True)
class Quantiles:
    """The map of every feature to normal deviates by its ranks ("rank-Gauss").

    ``quantiles`` has shape [n_quantiles, features]. Values between two of them are interpolated,
    values beyond the first or the last are clipped.
    """

    quantiles: Array

    is_affine: ClassVar[bool] = False

    @property
    def center(self) -> Array:
        return np.zeros(self.quantiles.shape[1])

    @property
    def scale(self) -> Array:
        return np.ones(self.quantiles.shape[1])

    @property
    def is_identity(self) -> bool:
        return False

    def unit(self, power: int) -> float:
        return 1.0

    @property
    def _deviates(self) -> Array:
        ranks = np.linspace(0, 1, len(self.quantiles))
        return np.clip(norm.ppf(ranks), -_FURTHEST, _FURTHEST)

    def forward(self, X: Array, dtype: Any, out: Array | None = None) -> Array:
        """Map rows in the user's units; a value that equals many quantiles gets their middle."""
        out = np.empty(X.shape, dtype) if out is None else out
        z = self._deviates
        for j, q in enumerate(self.quantiles.T):
            low, high = np.interp(X[:, j], q, z), np.interp(-X[:, j], -q[::-1], -z[::-1])
            out[:, j] = 0.5 * (low - high)
        return out

    def backward(self, X: Array) -> Array:
        """Turn scaled rows into the user's units."""
        z, rows = self._deviates, np.empty_like(X)
        for j, q in enumerate(self.quantiles.T):
            rows[:, j] = np.interp(X[:, j], z, q)
        return rows


@dataclass(frozen=True)
class Logarithms:
    """The logarithms of counts plus 1, as encoders take counts: they differ by their ratios."""

    def forward(self, X: Array, dtype: Any, out: Array | None = None) -> Array:
        """Map counts, or means of counts.

        Raises
        ------
        ValueError
            If a number is negative.
        """
        if X.size and X.min() < 0:
            raise ValueError(f"X must hold counts, which are not negative. Got {X.min():.6g}.")
        out = np.empty(X.shape, dtype) if out is None else out
        return np.asarray(np.log1p(X, out=out, casting="same_kind"))


LOGARITHMS = Logarithms()

SCALINGS: Registry[Callable[[Statistics], Scaling]] = Registry(
    "scaling", or_else="None", known_as={"zscore": "standard", "rank_gauss": "quantile"}
)


@SCALINGS.register("global")
def _global(of: Statistics) -> Affine:
    """Centre every feature; divide all by one number, the root of their mean variance."""
    there = of.n_observed > 0
    variance = of.variance if there.all() else of.variance[there]
    scale = float(np.sqrt(variance.mean())) if len(variance) else 0.0
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

    If half of the values are the same, divide by the standard deviation.
    """
    rows = of.sample.astype(np.float64)
    low, median, high = quantiles(rows, [0.25, 0.5, 0.75], of.sample_weights)
    spread = high - low
    return Affine(median, np.where((spread > 0) & ~of.constant, spread, of.deviation))


@SCALINGS.register("quantile")
def _quantile(of: Statistics) -> Quantiles:
    """Map every feature to normal deviates by its ranks."""
    rows = of.sample.astype(np.float64)
    n_quantiles = max(2, min(_MAX_QUANTILES, len(rows)))
    # Interpolation needs quantiles that do not fall, not even by rounding.
    found = quantiles(rows, np.linspace(0, 1, n_quantiles), of.sample_weights)
    return Quantiles(np.maximum.accumulate(found, axis=0))


def _of_range(low: float, high: float, n_features: int) -> Affine:
    """Return the map of a range, the same of all features, to [-1, 1]."""
    return Affine(np.full(n_features, low / 2 + high / 2), high / 2 - low / 2)


def _identity(n_features: int) -> Affine:
    return Affine(np.zeros(n_features), 1.0)


def fit_scaling(
    kind: str | tuple[float, float] | None,
    X: Any,
    rows: Array | None = None,
    dtype: Any = np.float64,
    *,
    holes: bool = False,
) -> Scaling:
    """Learn the scaling called `kind` from some rows of `X`, in one pass; None scales nothing.

    A pair (low, high) becomes (-1, 1), whatever the rows are.

    `dtype` is that of the training. With `holes` cells may be missing (NaN): the others are learned
    from, and a column that has no others has the centre 0 and, if every column has a scale of its
    own, the scale 1. Scaled, a missing cell is still missing.

    Raises
    ------
    ColumnError
        If squares overflow, or all vanish, or if scaled rows do not fit into the dtype of the rows.
    """
    if kind is None and (X.shape[0] == 0 or (isinstance(X, Source) and not X.is_surveyed)):
        return _identity(X.shape[1])  # not worth a pass over a file
    # Not worth a survey: without it a fit of 10,000 rows takes 0.84 to 0.95 of the time.
    if kind is None and rows is None and _are_moderate(X, dtype):
        return _identity(X.shape[1])
    of = statistics(X, rows, holes=holes)
    _check_squares(of, np.float64 if kind is not None else dtype)
    if kind is None:
        scaling: Scaling = _identity(X.shape[1])
    elif isinstance(kind, tuple):
        scaling = _of_range(*kind, X.shape[1])
    else:
        scaling = SCALINGS[kind](of)
    check_scaled(of, scaling)
    return scaling


def check_squares(X: Any) -> None:
    """Raise if squares of the rows of `X` overflow, or all vanish; this is one pass."""
    if not _are_moderate(X, np.float64):
        _check_squares(statistics(X), np.float64)


def _smallest_variance(dtype: Any) -> float:
    """Return the smallest variance in a dtype; what is smaller counts as 0 in TensorFlow."""
    return float(np.finfo(dtype).tiny) if np.dtype(dtype) == np.float32 else 0.0


def _are_moderate(X: Any, dtype: Any) -> bool:
    """Whether the extremes and two rows show that no variance overflows and not all are 0."""
    if not isinstance(X, np.ndarray) or not X.size:
        return False
    if not -_HUGE < float(X.min()) <= float(X.max()) < _HUGE:
        return False
    # Two rows that differ by this have a variance of at least this squared over the rows.
    least = max(1 / _HUGE, 2 * np.sqrt(_smallest_variance(dtype) * len(X)))
    return bool((np.abs(np.subtract(X[0], X[-1], dtype=np.float64)) > least).any())


def finite_variance(X: Any) -> float:
    """Return the mean of the variances of the features, in one pass; raise if one overflows.

    It is NaN if entries are missing.
    """
    of = survey(X)
    if np.isnan(of.mean).any() and np.isnan(of.low + of.high).any():
        return np.nan
    _check_variance(of)
    return float(of.variance.mean())


def check_held_out(
    X: Any,
    train: Array | None,
    held_out: Array | None,
    scaling: Scaling,
    *,
    holes: bool = False,
) -> None:
    """Raise if held-out rows, from which nothing is learned, overflow squared or scaled.

    One training row is added to them, because a single row has no variance.
    """
    if train is None or held_out is None or _is_file(X):
        return
    of = statistics(X, np.append(train[:1], held_out), holes=holes)
    _check_variance(of)
    check_scaled(of, scaling)


def check_learned(X: Any, scaling: Scaling, dtype: Any, *, holes: bool = False) -> None:
    """Raise if rows for a scaling that other rows taught overflow in the dtype of the training."""
    if _is_file(X) or X.shape[0] == 0:
        return
    holes = holes or has_holes(X)
    if holes or isinstance(X, Source):
        of = survey(X, holes=holes)
        check_scaled(Extremes(of.low, of.high), scaling, dtype)
        return
    low, high = X.min(axis=0), X.max(axis=0)
    if sparse.issparse(X):
        low, high = low.toarray().ravel(), high.toarray().ravel()
    check_scaled(Extremes(as_floats(low), as_floats(high)), scaling, dtype)


def _is_file(X: Any) -> bool:
    """Whether a check is not worth a pass over the rows, because these are not in memory."""
    return isinstance(X, Source) and not X.in_memory


class Extremes(NamedTuple):
    """The smallest and the largest values of the features."""

    low: Array
    high: Array


def check_scaled(of: Statistics | Extremes, scaling: Scaling, dtype: Any = None) -> None:
    """Raise if scaled rows overflow, or the scale vanishes, in the dtype of the rows or another."""
    ends = np.stack([of.low, of.high])
    with np.errstate(all="ignore"):
        scaled = scaling.forward(ends, ends.dtype).astype(dtype or ends.dtype)
    finite = np.isfinite(scaled).all(axis=0)
    if finite.all():
        return
    column = int(np.argmin(finite))
    wider = "pass float64, or " if ends.dtype == np.float32 else ""
    raise ColumnError(
        f"X must hold numbers that fit into {scaled.dtype} after scaling. Column {{column}} has "
        f"values from {of.low[column]:.6g} to {of.high[column]:.6g}, which do not. If one marks a "
        f"missing value, impute it; otherwise {wider}multiply the column by another unit.",
        column,
    )


def _check_squares(of: Statistics, dtype: Any) -> None:
    _check_variance(of)
    varies = of.low < of.high
    if varies.any() and of.variance.max() <= _smallest_variance(dtype):
        column = int(np.argmax(np.where(varies, _largest(of), -1.0)))
        single = np.dtype(dtype) == np.float32
        raise ColumnError(
            f"X must hold numbers whose squares are not all 0{' in float32' if single else ''}. "
            "Got columns that vary, but not by enough: column {column} has absolute values of at "
            f"most {_largest(of)[column]:.6g}. Multiply them by a large number"
            f"{', or choose a scaling' if single else ''}.",
            column,
        )


def _check_variance(of: Statistics) -> None:
    too_large = np.flatnonzero(~np.isfinite(of.variance))
    if len(too_large):
        column = int(too_large[0])
        raise ColumnError(
            "X must hold numbers whose squares are finite. Got a variance that overflows: "
            f"column {{column}} has {_largest(of)[column]:.6g}. If that marks a missing value, "
            "impute it; otherwise divide by a large number.",
            column,
        )


def _largest(of: Statistics) -> Array:
    return np.maximum(np.abs(of.low), np.abs(of.high))


def scaled_range(
    X: Any, scaling: Scaling, rows: Array | None = None, *, holes: bool = False
) -> tuple[float, float]:
    """Return the smallest and the largest entry of scaled rows."""
    of = statistics(X, rows, holes=holes)
    ends = scaling.forward(np.stack([of.low, of.high]), of.low.dtype)  # no scaling swaps them
    return float(ends.min()), float(ends.max())
