"""The best linear map from corrupted to clean rows: the start of a denoiser, and its floor.

Of all linear maps, the regression of clean on corrupted rows has the smallest error; of those of a
given rank, its projection on the leading components of what it predicts (reduced-rank regression:
Izenman, 1975, Journal of Multivariate Analysis 5, 248-264). Both follow from first and second
moments. For many corruptions these follow from the moments of clean rows alone (Chen, Xu,
Weinberger and Sha, 2012, Marginalized denoising autoencoders for domain adaptation, ICML).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh

from tfae._data.source import mean_of_rows
from tfae._networks.principal_components import Components, unit_of, with_signs
from tfae._support.typing import Array

# What is added to every variance before the covariance is inverted, because columns may be the
# same: a share of that variance, so that units do not matter.
_RIDGE = 1e-10
# A column that varies by less than this share of its mean is constant except for rounding errors.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Moments:
    """Means and covariances of clean rows and of the same rows after a corruption."""

    mean: Array  # [features]
    covariance: Array  # [features, features]
    mean_seen: Array  # [features], of corrupted rows
    covariance_seen: Array  # [features, features]
    cross: Array  # [features, features]: of clean with corrupted features

    @classmethod
    def of_rows(cls, clean: Array, corrupted: Array, weights: Array | None = None) -> Moments:
        """Measure the moments of pairs of rows, which may have weights."""
        means = mean_of_rows(clean, weights), mean_of_rows(corrupted, weights)
        one, other = clean - means[0], corrupted - means[1]
        n = len(clean)
        if weights is not None:
            root, n = np.sqrt(weights)[:, None], weights.sum()
            one, other = one * root, other * root
        return cls(means[0], one.T @ one / n, means[1], other.T @ other / n, one.T @ other / n)

    def correlation_seen(self) -> tuple[Array, Array, Array]:
        """Return the correlation of corrupted features, their deviations, and whether they vary."""
        variance = np.diag(self.covariance_seen)
        varies = variance > np.square(_ROUNDING * self.mean_seen)
        deviation = np.sqrt(np.where(varies, variance, 1.0))
        correlation = self.covariance_seen / np.outer(deviation, deviation)
        np.fill_diagonal(correlation, 1 + _RIDGE)
        return correlation, deviation, varies


def without_noise(covariance: Array, variance: Array) -> Array:
    """Return the covariance of rows without noise whose entries are independent.

    `variance` has shape [features]. Of few rows the difference may have negative eigenvalues, in
    directions that hold nothing but noise. They become 0.
    """
    if not variance.any():
        return covariance
    values, vectors = eigh(covariance - np.diag(variance))
    return np.asarray((vectors * np.maximum(values, 0)) @ vectors.T)


def from_others(of: Moments) -> Moments:
    """Return moments whose regression predicts every feature from the others alone.

    Of all linear maps with a diagonal of 0, it has the smallest error (Batson and Royer, 2019,
    Noise2Self: such a map is invariant to the entry that it predicts).
    """
    correlation, deviation, varies = of.correlation_seen()
    factor = cho_factor(correlation)
    precision = cho_solve(factor, np.eye(len(deviation)))
    cross = np.where(varies, of.cross, 0.0) / deviation
    best = cho_solve(factor, cross.T).T
    best -= (np.diag(best) / np.diag(precision))[:, None] * precision
    return replace(of, cross=(best / deviation) @ of.covariance_seen)


@dataclass(frozen=True)
class LinearDenoiser:
    """The linear denoisers of all ranks for rows with the given moments."""

    moments: Moments

    @cached_property
    def regression(self) -> Array:
        """The map of full rank from centred corrupted rows to centred clean rows, as a matrix."""
        correlation, deviation, varies = self.moments.correlation_seen()
        cross = np.where(varies, self.moments.cross, 0.0) / deviation
        return np.asarray(cho_solve(cho_factor(correlation), cross.T).T / deviation)

    def axes(self, rank: int) -> tuple[Array, Array]:
        """Return the leading components of what the regression predicts, with their variances.

        Shapes [rank, features] and [rank]; fewer if there are fewer features.
        """
        predicted = self.regression @ self.moments.cross.T
        n_features = len(predicted)
        first = max(0, n_features - rank)
        values, vectors = eigh(predicted, subset_by_index=(first, n_features - 1))
        return with_signs(vectors.T[::-1]), np.maximum(values[::-1], 0)

    def components(self, n_components: int, corrupted: Array) -> Components:
        """Return the denoiser of that rank as a linear code.

        Only the largest values of the code and of features come from a sample of corrupted rows.
        """
        of = self.moments
        axes, values = self.axes(n_components)
        encoding, spread = axes @ self.regression, np.sqrt(values)
        variance = np.diag(of.covariance)
        residual = np.maximum(variance - values @ np.square(axes), 0)
        if residual.mean() < 10 * _RIDGE * variance.mean():
            residual[:] = 0.0  # lossless except for the ridge and rounding errors
        centred = corrupted - of.mean_seen
        missing = (0, n_components - len(axes))
        return Components(
            mean=of.mean,
            axes=np.pad(axes, (missing, (0, 0))),
            mean_seen=of.mean_seen,
            encoding=np.pad(encoding, (missing, (0, 0))),
            spread=np.pad(spread, missing),
            spread_seen=np.pad(unit_of(spread, np.abs(centred @ encoding.T).max(axis=0)), missing),
            deviation_seen=unit_of(
                np.sqrt(np.diag(of.covariance_seen)), np.abs(centred).max(axis=0)
            ),
            residual=np.sqrt(residual),
        )

    def reconstruct(self, corrupted: Array, rank: int | None = None) -> Array:
        """Return clean rows from corrupted ones, by the map of that rank or of full rank."""
        regression = self.regression
        if rank is not None:
            axes, _ = self.axes(rank)
            regression = axes.T @ (axes @ regression)
        of = self.moments
        return np.asarray((corrupted - of.mean_seen) @ regression.T + of.mean)
