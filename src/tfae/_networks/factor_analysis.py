"""Factor analysis of rows with holes: the linear model of tables with missing entries.

Rows are ``x = mean + z @ loadings + e`` with factors ``z ~ N(0, I)`` and errors of every place on
their own, ``e_j ~ N(0, noise_j)``. So the entries of a row are independent given its factors, and a
missing entry just leaves the likelihood (Rubin and Thayer, 1982, EM algorithms for ML factor
analysis, Psychometrika 47, 69-76; Ghahramani and Hinton, 1996, The EM algorithm for mixtures of
factor analyzers, Toronto CRG-TR-96-1). The factors are made free in every step and are then scaled
back (parameter expansion: Liu, Rubin and Wu, 1998, Biometrika 85, 755-770), which takes fewer
steps.

Rows are scaled: no place has a standard deviation far above 1. They may have any pattern of NaN. A
step costs O(rows × places × factors²) in products of matrices, and one small system for every
pattern.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from sklearn.utils import gen_batches
from threadpoolctl import threadpool_limits

from tfae._data.layout import Layout
from tfae._data.rows import evenly_spaced
from tfae._support.typing import Array

# The least variance of an error. Columns that are copies of each other would have none, and the
# systems of equations would lose their digits.
_LEAST_NOISE = 1e-4
# EM ends when a step gains less than this, in nats per observed entry.
_TOLERANCE, _MOST_STEPS = 1e-4, 100
# Of more rows, evenly spaced ones are enough for a linear model, and fewer for its size.
_MOST_ROWS, _MOST_SEARCHED = 5_000, 1_500
_SEARCH_TOLERANCE, _SEARCH_STEPS = 3e-4, 25
_SIZES = (0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32)
# A larger model must lower the error of hidden entries by this share: time grows with its square.
_CLEARLY = 0.01
# The share of the observed entries that are hidden to compare numbers of factors.
_HIDDEN = 0.15
# Rows of a block: all numbers of a block, of which there are factors² a row, stay below this.
_BLOCK_NUMBERS = 1 << 22


class Posterior(NamedTuple):
    """What is known of the factors of some rows."""

    means: Array  # [rows, factors]
    covariances: Array  # [patterns, factors, factors]
    pattern: Array  # [rows], the pattern of missing entries of every row


@dataclass(frozen=True, eq=False)
class FactorAnalysis:
    """A fitted model of scaled rows.

    Attributes
    ----------
    mean : ndarray of shape (places,)
    loadings : ndarray of shape (factors, places)
    noise : ndarray of shape (places,)
        The variances of the errors.
    """

    mean: Array
    loadings: Array
    noise: Array

    @property
    def n_factors(self) -> int:
        return len(self.loadings)

    @property
    def covariance(self) -> Array:
        """The covariance of the places."""
        return np.asarray(self.loadings.T @ self.loadings + np.diag(self.noise))

    def factors(self, rows: Array) -> Array:
        """Return the posterior means of the factors of rows, whichever entries are missing.

        They are 0, the prior's mean, if all entries are. Shape [rows, factors].
        """
        return np.concatenate([self._posterior(rows[b]).means for b in self._blocks(len(rows))])

    def filled(self, rows: Array) -> Array:
        """Return rows whose missing entries are the conditional means given the observed ones."""
        missing = np.isnan(rows)
        if not missing.any():
            return rows
        return np.where(missing, self.mean + self.factors(rows) @ self.loadings, rows)

    def deviations(self, rows: Array) -> Array:
        """Return the standard deviation of every place, were it missing, given the observed ones.

        Shape [rows, places].
        """
        parts = [self._deviations(self._posterior(rows[b])) for b in self._blocks(len(rows))]
        return np.concatenate(parts)

    def deviates(self, rows: Array, normal: Array) -> Array:
        """Return standard normal numbers correlated as the errors of missing entries of a row are.

        Parameters
        ----------
        rows : ndarray of shape (n, places)
        normal : ndarray of shape (n, factors + places)
            Independent standard normal numbers.

        Returns
        -------
        ndarray of shape (n, places)
            The errors of a draw from the posterior, over their :meth:`deviations`.
        """
        parts = [self._deviates(rows[b], normal[b]) for b in self._blocks(len(rows))]
        return np.concatenate(parts)

    def _deviations(self, of: Posterior) -> Array:
        left, right = np.triu_indices(self.n_factors)
        pairs = of.covariances[:, left, right] * np.where(left == right, 1, 2)
        explained = pairs @ self._products.T * self.noise
        return np.asarray(np.sqrt(explained + self.noise)[of.pattern])

    def _deviates(self, rows: Array, normal: Array) -> Array:
        of, n = self._posterior(rows), self.n_factors
        roots = np.linalg.cholesky(of.covariances)[of.pattern]
        factors = np.matmul(roots, normal[:, :n, None])[:, :, 0]
        errors = factors @ self.loadings + np.sqrt(self.noise) * normal[:, n:]
        return np.asarray(errors / self._deviations(of))

    def log_likelihoods(self, rows: Array) -> Array:
        """Return the log-density of the observed entries of every row."""
        parts = [self._log_densities(rows[b])[0] for b in self._blocks(len(rows))]
        return np.concatenate(parts)

    def _blocks(self, n_rows: int) -> Iterator[slice]:
        size = max(1, _BLOCK_NUMBERS // max(self.n_factors**2, len(self.mean)))
        return iter(gen_batches(n_rows, size)) if n_rows else iter([slice(0, 0)])

    @cached_property
    def _products(self) -> Array:
        """The products of the loadings of every place, over its noise: [places, pairs]."""
        left, right = np.triu_indices(self.n_factors)
        return np.asarray((self.loadings[left] * self.loadings[right] / self.noise).T)

    def _precisions(self, observed: Array) -> Array:
        """Return the precisions of the factors: I plus the sum of what observed places tell."""
        found = _squares(observed.astype(np.float64) @ self._products, self.n_factors)
        return np.asarray(found + np.eye(self.n_factors))

    def _posterior(self, rows: Array) -> Posterior:
        missing = np.isnan(rows)
        patterns, pattern = _patterns(~missing)
        covariances = np.linalg.inv(self._precisions(patterns))
        seen = np.where(missing, 0.0, rows - self.mean) / self.noise @ self.loadings.T
        means = np.matmul(covariances[pattern], seen[:, :, None])[:, :, 0]
        return Posterior(means, covariances, pattern)

    def _log_densities(self, rows: Array) -> tuple[Array, Posterior]:
        """Return the log-densities of rows, and their factors."""
        of, observed = self._posterior(rows), ~np.isnan(rows)
        residual = np.where(observed, rows - self.mean, 0.0)
        explained = np.einsum("ij,ij->i", residual / self.noise @ self.loadings.T, of.means)
        distance = np.square(residual) @ (1 / self.noise) - explained
        # The determinant of the observed places' covariance is that of their noise times that of
        # the factors' precision.
        volume = observed @ np.log(2 * math.pi * self.noise)
        roots = np.diagonal(np.linalg.cholesky(of.covariances), axis1=1, axis2=2)
        volume -= 2 * np.log(roots).sum(axis=1)[of.pattern]
        return -0.5 * (distance + volume), of


def factor_analysis(
    rows: Array,
    n_factors: int,
    most_steps: int = _MOST_STEPS,
    tolerance: float = _TOLERANCE,
    weights: Array | None = None,
) -> FactorAnalysis:
    """Fit a model to the observed entries of scaled rows by expectation maximisation.

    Parameters
    ----------
    rows : ndarray of shape (n, places), float64
        Of very many, evenly spaced ones are taken. A place may be constant, or missing in all rows:
        then it has the mean 0.
    n_factors : int
    most_steps : int
    tolerance : float
        The gain of a step, in nats per observed entry, below which EM ends.
    weights : ndarray of shape (n,) or None
        Positive weights of rows; None weighs all alike.
    """
    some = evenly_spaced(rows, None, _MOST_ROWS)
    rows, weights = rows[some], None if weights is None else weights[some, None]
    model = _start(rows, n_factors, weights)
    n_observed = max(1.0, float(_weighted(~np.isnan(rows), weights).sum()))
    before = -np.inf
    # Products this small wait for their threads: with two, a busy machine takes four times as long.
    with threadpool_limits(1, user_api="blas"):
        for _ in range(most_steps if n_factors else 0):
            sums = _Sums(model)
            for block in model._blocks(len(rows)):
                sums.add(rows[block], None if weights is None else weights[block])
            model = sums.maximised()
            # The likelihood is that of the model before the step.
            if sums.log_likelihood - before < tolerance * n_observed:
                break
            before = sums.log_likelihood
    return model


def chosen_factor_analysis(
    rows: Array, layout: Layout, rng: np.random.Generator, weights: Array | None = None
) -> FactorAnalysis:
    """Fit a model whose number of factors is chosen by hidden entries.

    Models of growing size are tried on rows with further entries hidden, whole columns of the
    layout, until two in turn rebuild these hardly better.
    """
    chosen = evenly_spaced(rows, None, _MOST_SEARCHED)
    some, of_some = rows[chosen], None if weights is None else weights[chosen]
    hidden = (rng.random((len(some), layout.n_columns)) < _HIDDEN) & ~layout.missing(some)
    places = layout.spread(hidden)
    seen = np.where(places, np.nan, some)
    most = min(layout.width, len(some)) - 1
    best, least, n_stale = 0, np.inf, 0
    for n_factors in (size for size in _SIZES if size <= max(most, 0)):
        model = factor_analysis(seen, n_factors, _SEARCH_STEPS, _SEARCH_TOLERANCE, of_some)
        squares = np.square(model.filled(seen)[places] - some[places])
        if of_some is not None:
            squares *= of_some[np.nonzero(places)[0]]
        error = float(squares.sum())
        if error < (1 - _CLEARLY) * least:
            best, least, n_stale = n_factors, error, 0
        else:
            n_stale += 1
        if n_stale == 2:
            break
    return factor_analysis(rows, best, weights=weights)


class _Sums:
    """The expectations that a step of EM needs, summed up over blocks of rows."""

    def __init__(self, model: FactorAnalysis) -> None:
        n_places, n = len(model.mean), model.n_factors + 1
        self._model, self._total, self.log_likelihood = model, 0.0, 0.0
        self._counts, self._squared = np.zeros((2, n_places))
        self._products = np.zeros((n_places, n * (n + 1) // 2))  # of the factors and 1, observed
        self._with_rows = np.zeros((n_places, n))
        self._of_all = np.zeros((n, n))

    def add(self, rows: Array, weights: Array | None) -> None:
        """Add some rows with their weights, of shape [rows, 1]."""
        densities, of = self._model._log_densities(rows)
        of_rows = densities if weights is None else densities * weights[:, 0]
        self.log_likelihood += float(of_rows.sum())
        self._total += len(rows) if weights is None else float(weights.sum())
        observed = ~np.isnan(rows)
        values = np.where(observed, rows, 0.0)
        weight = _weighted(observed.astype(np.float64), weights)
        extended = np.hstack([of.means, np.ones((len(rows), 1))])
        products = extended[:, :, None] * extended[:, None, :]
        products[:, :-1, :-1] += of.covariances[of.pattern]
        left, right = np.triu_indices(extended.shape[1])
        self._counts += weight.sum(axis=0)
        weighted = _weighted(values, weights)
        self._squared += np.einsum("ij,ij->j", weighted, values)
        self._products += weight.T @ products[:, left, right]
        self._with_rows += weighted.T @ extended
        if weights is not None:
            products *= weights[:, :, None]
        self._of_all += products.sum(axis=0)

    def maximised(self) -> FactorAnalysis:
        """Return the model of the regressions of observed places on the factors."""
        unseen = self._counts == 0
        systems = _squares(self._products, self._with_rows.shape[1])
        systems[unseen] = np.eye(systems.shape[1])
        maps = np.linalg.solve(systems, self._with_rows[:, :, None])[:, :, 0]
        explained = np.einsum("ij,ij->i", maps, self._with_rows)
        noise = (self._squared - explained) / np.where(unseen, 1.0, self._counts)
        # The factors need not have kept mean 0 and covariance I, which they get back here.
        moments = self._of_all / self._total
        mean = moments[-1, :-1]
        root = np.linalg.cholesky(moments[:-1, :-1] - np.outer(mean, mean))
        return FactorAnalysis(
            maps[:, -1] + maps[:, :-1] @ mean,
            root.T @ maps[:, :-1].T,
            np.where(unseen, 1.0, np.maximum(noise, _LEAST_NOISE)),
        )


def _start(rows: Array, n_factors: int, weights: Array | None) -> FactorAnalysis:
    """Return principal components of the covariance of what is observed in pairs of places."""
    observed = ~np.isnan(rows)
    there = observed.astype(np.float64)
    weight = _weighted(there, weights)
    counts = weight.sum(axis=0)
    tiny = np.finfo(np.float64).tiny
    mean = _weighted(np.where(observed, rows, 0.0), weights).sum(axis=0) / np.maximum(counts, tiny)
    centred = np.where(observed, rows - mean, 0.0)
    covariance = _weighted(centred, weights).T @ centred / np.maximum(weight.T @ there, tiny)
    variance = np.diag(covariance)
    values, vectors = np.linalg.eigh(covariance)
    axes = vectors.T[::-1][:n_factors]
    loadings = axes * np.sqrt(np.maximum(values[::-1][:n_factors], 0))[:, None]
    noise = variance - np.square(loadings).sum(axis=0)
    least = np.maximum(_LEAST_NOISE, 0.05 * variance if n_factors else 0.0)
    return FactorAnalysis(mean, loadings, np.where(counts, np.maximum(noise, least), 1.0))


def _weighted(values: Array, weights: Array | None) -> Array:
    """Return values of rows times their weights, of shape [rows, 1]."""
    return values if weights is None else values * weights


def _patterns(observed: Array) -> tuple[Array, Array]:
    """Return the different rows of a mask, and which of them every row is."""
    packed = np.packbits(observed, axis=1)
    keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, pattern = np.unique(keys, return_index=True, return_inverse=True)
    return observed[first], pattern


def _squares(pairs: Array, n: int) -> Array:
    """Return symmetric matrices from their upper triangles, of shape [matrices, n, n]."""
    left, right = np.triu_indices(n)
    found = np.empty((len(pairs), n, n))
    found[:, left, right] = found[:, right, left] = pairs
    return found
