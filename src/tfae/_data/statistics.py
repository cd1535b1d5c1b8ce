"""The statistics that a training needs before it starts, from one pass over rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import gen_batches

from tfae._data.holes import has_holes
from tfae._data.rows import dense_blocks, dense_rows, evenly_spaced
from tfae._data.source import Source, Statistics, weights_of
from tfae._data.sums import Cells, FeatureSums, PairSums
from tfae._support.typing import Array

# Up to this many features, the pass sums up the matrix of their covariances.
MAX_COVARIANCE = 2048
# Beyond this many entries, evenly spaced rows stand for all rows in the covariance, as in
# `_networks/principal_components.py`.
MAX_ENTRIES = 1 << 27
# This many rows are kept, for statistics that need values rather than sums.
_MAX_KEPT = 10_000
_KEPT_BYTES = 32 << 20
# Rows that are summed up at once: with 784 features, half a millisecond's work in the cache.
_IN_CACHE = 256


def n_kept(n_features: int, itemsize: int) -> int:
    """Return how many rows of a large table can be kept in memory."""
    return int(np.clip(_KEPT_BYTES // (itemsize * n_features), 2, _MAX_KEPT))


class Sample(NamedTuple):
    """Some rows, and their weights if rows have weights."""

    rows: Array
    weights: Array | None = None
    rate: float | None = None  # the chance of a row to be in it; None if that follows from counts


class Survey:
    """Sums over rows that come block by block, in double precision, and a sample of the rows.

    All sums are of differences from the first block's mean, so that a large offset costs no digits.
    A weight counts its row that many times. Missing cells (NaN) count nowhere; a feature without
    any other cell has the mean, the extremes and the variance 0. Surveys can be merged and pickled.

    Parameters
    ----------
    blocks : iterable of ndarray of shape (n, n_features)
        At least one, with at least one row.
    sample : callable or None
        Returns some of the rows, when they are asked for.
    every : int
        The covariance, which costs more than all else, takes one row in every `every` rows. There
        is no covariance if `every` is 0, or if there are too many features.
    weights : ndarray or None
        A positive weight for every row, in the order of the rows; None weighs all alike.
    holes : bool or None
        Whether cells may be missing. If so, a pass takes about three times as long, and the
        covariance of two features is that of the rows where neither is missing. None finds out:
        from the first block on in which one is.
    """

    def __init__(
        self,
        blocks: Iterable[Array],
        sample: Callable[[], Sample] | None = None,
        every: int = 0,
        *,
        weights: Array | None = None,
        holes: bool | None = False,
    ) -> None:
        self._find_sample, self._holes, self._finds_out = sample, bool(holes), holes is None
        self.n_rows = 0
        self._pairs: PairSums | None = None
        for block in blocks:
            with np.errstate(over="ignore", invalid="ignore"):  # it shows in the variance
                here = slice(self.n_rows, self.n_rows + len(block))
                self._add_block(block, every, None if weights is None else weights[here, None])

    def _add_block(self, block: Array, every: int, weights: Array | None) -> None:
        if self._finds_out and not self._holes and has_holes(block):
            self._holes = True
            if self.n_rows and self._pairs is not None:
                self._pairs = self._pairs.of_every_pair()
        if self.n_rows == 0:
            self._begin(block, every)
        if self._holes:
            self._move_to_new(block)
        for part in gen_batches(len(block), _IN_CACHE):
            self._add(block[part], None if weights is None else weights[part])
        if self._pairs is not None:
            some = slice(None, None, self._every)
            weights = None if weights is None else weights[some]
            self._pairs.add(Cells.of(block[some], self._about, weights, self._holes))

    def _begin(self, block: Array, every: int) -> None:
        n_features = block.shape[1]
        self._every = every if n_features <= MAX_COVARIANCE else 0
        self._about = np.zeros(n_features) if self._holes else block.mean(axis=0, dtype=np.float64)
        self._low, self._high = self._ends(block)
        self._sums = FeatureSums.zeros(n_features)
        self._pairs = PairSums.zeros(n_features, self._holes) if self._every else None

    def _move_to_new(self, block: Array) -> None:
        """Move the reference of features without any cell so far, whose sums are still 0."""
        new = np.broadcast_to(self._sums.n == 0, self._about.shape)
        if new.any():
            there = ~np.isnan(block)
            count = np.maximum(there.sum(axis=0), 1)
            means = np.where(there, block, 0.0).sum(axis=0, dtype=np.float64) / count
            self._about = np.where(new, means, self._about)

    def _add(self, block: Array, weights: Array | None) -> None:
        self.n_rows += len(block)
        self._sums.add(Cells.of(block, self._about, weights, self._holes))
        low, high = self._ends(block)
        lower, higher = (np.fmin, np.fmax) if self._holes else (np.minimum, np.maximum)
        lower(self._low, low, out=self._low)
        higher(self._high, high, out=self._high)

    def _ends(self, block: Array) -> tuple[Array, Array]:
        """Return the smallest and the largest cells of a block; NaN where all are missing."""
        if self._holes:
            return np.fmin.reduce(block, axis=0), np.fmax.reduce(block, axis=0)
        return block.min(axis=0), block.max(axis=0)

    def merge(self, other: Survey) -> Survey:
        """Return the survey of the rows of both, as one pass over all of them would make it.

        Means, variances, covariances, extremes and counts differ by rounding errors only. The
        sample is that of one pass if both hold all their rows and these are few enough; otherwise
        every row is in it with the same probability.

        Raises
        ------
        ValueError
            If the rows of the two have other numbers of features.
        """
        if not (self.n_rows and other.n_rows):
            return self if self.n_rows else other
        if len(self._about) != len(other._about):
            raise ValueError(
                "Only surveys of rows with the same features can be merged. Got rows of "
                f"{len(self._about)} and of {len(other._about)} features."
            )
        merged = Survey((), holes=self._holes or other._holes)
        if self._find_sample is not None and other._find_sample is not None:
            sample = _merged_sample(self, other)  # now, so that the two surveys are set free
            merged._find_sample = lambda: sample
        merged.n_rows = self.n_rows + other.n_rows
        merged._low = np.fmin(self._low, other._low)
        merged._high = np.fmax(self._high, other._high)
        with np.errstate(over="ignore", invalid="ignore"):
            merged._take_sums(self, other)
        return merged

    def _take_sums(self, one: Survey, other: Survey) -> None:
        """Add up the sums of two surveys about the mean of both, which costs no digits."""
        total = np.maximum(one._sums.total + other._sums.total, np.finfo(np.float64).tiny)
        share = other._sums.total / total
        self._about = (1 - share) * one.mean + share * other.mean
        by = one._about - self._about, other._about - self._about
        self._sums = one._sums.moved(by[0]) + other._sums.moved(by[1])
        self._every, self._pairs = 0, None
        if one._pairs is not None and other._pairs is not None:
            self._every = 1  # each row taken stands for all that it was taken from
            of_one = one._pairs.moved(by[0]).times(one._every)
            self._pairs = of_one + other._pairs.moved(by[1]).times(other._every)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the way to rows: the sample is kept instead."""
        if self._find_sample is None:
            return vars(self)
        return {**vars(self), "_sample": self._sample, "_find_sample": _none}

    @property
    def low(self) -> Array:
        """The smallest value of every feature."""
        return np.where(np.isnan(self._low), 0, self._low) if self._holes else self._low

    @property
    def high(self) -> Array:
        """The largest value of every feature."""
        return np.where(np.isnan(self._high), 0, self._high) if self._holes else self._high

    @property
    def n_observed(self) -> Array:
        """The number of cells of every feature that are not missing."""
        return np.broadcast_to(self._sums.n, self._about.shape)

    @property
    def observed(self) -> Array:
        """The weight of the cells of every feature that are not missing."""
        return np.broadcast_to(self._sums.total, self._about.shape)

    @property
    def _divisor(self) -> Any:
        """The weight of the cells, 1 where there are none."""
        total = self._sums.total
        return np.where(total > 0, total, 1.0) if self._holes else total

    @property
    def mean(self) -> Array:
        """The mean of every feature."""
        return np.asarray(self._about + self._sums.sum / self._divisor)

    @property
    def variance(self) -> Array:
        """The variance of every feature, 0 where all values are the same, infinite if too large."""
        sums, n = self._sums, self._divisor
        with np.errstate(over="ignore", invalid="ignore"):
            variance = sums.squares / n - np.square(sums.sum / n)
        variance = np.where(np.isfinite(variance), np.maximum(variance, 0.0), np.inf)
        return np.where(self.low == self.high, 0.0, variance)

    @property
    def deviation(self) -> Array:
        """The standard deviation, 1 where all values are the same, except for rounding errors."""
        return np.where(self.constant, 1.0, np.sqrt(self.variance))

    @property
    def constant(self) -> Array:
        """Whether all values of a feature are the same, except for rounding errors.

        The bound is that of scikit-learn's ``StandardScaler``.
        """
        rounding = self.n_rows * np.finfo(np.float64).eps * np.abs(self.mean)
        return np.asarray(self.variance <= np.square(rounding))

    @cached_property
    def covariance(self) -> Array | None:
        """The covariance of the features, or None.

        With holes it is that of every pair of features in the rows where both are there, so it may
        have negative eigenvalues.
        """
        return None if self._pairs is None else self._pairs.covariance

    @property
    def n_joint(self) -> Array | None:
        """The weight of the rows behind every covariance, of shape [features, features]."""
        if self._pairs is None:
            return None
        return np.broadcast_to(self._pairs.total, self._pairs.products.shape)

    @property
    def sample(self) -> Array:
        """Some of the rows."""
        return self._sample.rows

    @property
    def sample_weights(self) -> Array | None:
        """The weights of the rows in the sample, if rows have weights."""
        return self._sample.weights

    @cached_property
    def _sample(self) -> Sample:
        assert self._find_sample is not None
        return self._find_sample()


def _none() -> Sample:
    """Stand for the way to rows that another process cannot go."""
    raise RuntimeError("the sample was kept")


def _merged_sample(one: Survey, other: Survey) -> Sample:
    """Return the samples of two surveys as one in which no row had a better chance to be.

    Of the sample with the higher rate, evenly spaced rows are taken. Their number is rounded up or
    down at random, so that many small surveys one after another leave as many rows as they should.
    """
    samples, counts = (one._sample, other._sample), (one.n_rows, other.n_rows)
    rates = [
        len(of.rows) / n if of.rate is None else of.rate
        for of, n in zip(samples, counts, strict=True)
    ]
    n_features, itemsize = samples[0].rows.shape[1], samples[0].rows.itemsize
    n_most = max(n_kept(n_features, itemsize), *(len(of.rows) for of in samples))
    rate = min(*rates, n_most / sum(counts))
    rng = np.random.default_rng(counts)
    parts = [_thinned(of, rate / its, rng) for of, its in zip(samples, rates, strict=True)]
    weights = None
    if any(of.weights is not None for of in parts):
        ones = (np.ones(len(of.rows)) if of.weights is None else of.weights for of in parts)
        weights = np.concatenate(list(ones))
    return Sample(np.concatenate([of.rows for of in parts]), weights, rate)


def _thinned(sample: Sample, share: float, rng: np.random.Generator) -> Sample:
    """Return about that share of a sample."""
    if share >= 1:
        return sample
    n = int(share * len(sample.rows) + rng.random())
    chosen = ((np.arange(n) + 0.5) * (len(sample.rows) / max(n, 1))).astype(np.intp)
    weights = None if sample.weights is None else sample.weights[chosen]
    return Sample(sample.rows[chosen], weights)


def quantiles(rows: Array, ranks: Any, weights: Array | None = None) -> Array:
    """Return quantiles of the cells of every column that are not missing, interpolated linearly.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
    ranks : float or array-like of shape (n_ranks,)
        From 0 to 1.
    weights : ndarray of shape (n,) or None
        Positive weights. The rank of a value is then the weight of the smaller ones and half of its
        own, moved so that the ends have the ranks 0 and 1. So only ratios of weights matter, and
        equal weights change nothing.

    Returns
    -------
    ndarray of shape (n_ranks, n_features), or (n_features,) for a single rank
        0 for a column without any cell.
    """
    if weights is not None:
        return np.stack([_quantiles_of(column, ranks, weights) for column in rows.T], axis=-1)
    found = np.asarray(np.quantile(rows, ranks, axis=0))
    for column in np.flatnonzero(np.isnan(np.atleast_2d(found)).any(axis=0)):
        found[..., column] = _quantiles_of(rows[:, column], ranks, None)
    return found


def _quantiles_of(column: Array, ranks: Any, weights: Array | None) -> Any:
    there = ~np.isnan(column)
    cells = column[there]
    if not len(cells):
        return np.zeros(np.shape(ranks))
    if weights is None or len(cells) == 1:
        return np.quantile(cells, ranks)
    order = np.argsort(cells, kind="stable")
    weights = weights[there][order]
    middle = np.cumsum(weights) - 0.5 * weights
    return np.interp(ranks, (middle - middle[0]) / (middle[-1] - middle[0]), cells[order])


# Statistics of sorted columns are learned from at most this many rows, evenly spaced.
_MAX_SORTED = 10_000


def statistics(X: Any, rows: Array | None = None, *, holes: bool = False) -> Statistics:
    """Return the statistics of some rows of `X`; missing entries count for nothing.

    `holes` says that cells are missing. If that is found out, it costs one more pass.
    """
    if isinstance(X, Source):
        return X.statistics(rows)
    of = survey(X, rows, holes=holes)
    return survey(X, rows, holes=True) if np.isnan(of.mean).any() else of


def survey(X: Any, rows: Array | None = None, *, every: int = 0, holes: bool = False) -> Survey:
    """Return the statistics of some rows of `X` from a pass, also of a source."""

    def sample() -> Sample:
        some = evenly_spaced(X, rows, _n_sampled(X))
        return Sample(dense_rows(X, some), weights_of(X, some))

    blocks = (block for _, block in dense_blocks(X, rows))
    return Survey(blocks, sample, every, weights=weights_of(X, rows), holes=holes)


def _n_sampled(X: Any) -> int:
    """Return how many rows a sample may have: fewer where they must be read, or are very wide."""
    if isinstance(X, Source) and not (X.in_memory and X.shape[1] <= MAX_COVARIANCE):
        return n_kept(X.shape[1], X.dtype.itemsize)
    return _MAX_SORTED
