"""The linear denoiser of rows: where a denoising network starts, and what it must improve on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tfae._data.landmarks import Landmarks
from tfae._data.rows import dense_blocks, dense_rows, evenly_spaced
from tfae._data.scaling import Affine, Scaling
from tfae._data.source import Source, mean_of_rows, weights_of
from tfae._data.statistics import MAX_COVARIANCE, Survey
from tfae._networks.linear_denoiser import LinearDenoiser, Moments
from tfae._networks.principal_components import Components, principal_components, unit_of
from tfae._objective.corruptions import Corrupter, Pairs
from tfae._objective.views import Views
from tfae._support.typing import Array

# Rows from which the largest values are learned, and moments that have no formula.
_MAX_ROWS = 10_000
# The number of corrupted rows per feature, where moments have no formula. They are drawn from the
# same clean rows again and again, but with other noise.
_ROWS_A_FEATURE, _MAX_DRAWS = 20, 40
_MAX_ENTRIES = 1 << 25


@dataclass(frozen=True)
class NoisyRows:
    """Some rows of `X`, scaled, and what the encoder sees in their place.

    `marks` are None for pairs, which need none.
    """

    noise: Corrupter | Views | Pairs
    X: Any
    scaling: Scaling
    rows: Any
    marks: Landmarks | None
    seed: int

    def denoiser(self) -> LinearDenoiser | None:
        """Return the linear denoisers of all ranks; None if rows are too wide for a covariance."""
        if self.X.shape[1] > MAX_COVARIANCE:
            return None
        moments = None
        if not isinstance(self.noise, Pairs) and self.marks is not None:
            found = self._mean_and_covariance()
            moments = self.noise.moments(self.scaling, self.marks, *found)
        return LinearDenoiser(Moments.of_rows(*self._drawn()) if moments is None else moments)

    def components(self, n_components: int) -> Components:
        """Return the linear denoiser of a rank as a linear code.

        Rows that are too wide for a covariance are denoised within their principal components.
        """
        denoiser = self.denoiser()
        clean, corrupted, weights = self._drawn(n_draws=1)
        if denoiser is not None:
            return denoiser.components(n_components, corrupted)
        found = principal_components(self.X, self.scaling, self.rows, n_components, self.seed)
        return _within(found, clean, corrupted, weights)

    def _mean_and_covariance(self) -> tuple[Array, Array]:
        """Return the moments of the clean rows."""
        if isinstance(self.X, Source):
            of = self.X.statistics(self.rows)
            if of.covariance is not None and isinstance(self.scaling, Affine):
                scale = np.broadcast_to(self.scaling.scale, of.mean.shape)
                mean = self.scaling.forward(of.mean[None], np.float64)[0]
                return mean, of.covariance / np.outer(scale, scale)
            blocks, weights = iter([of.sample]), of.sample_weights
        else:
            weights = None
            blocks = (block for _, block in dense_blocks(self.X, self.rows))
        survey = Survey(
            (self.scaling.forward(b, np.float64) for b in blocks), every=1, weights=weights
        )
        assert survey.covariance is not None
        return survey.mean, survey.covariance

    def _drawn(self, n_draws: int | None = None) -> tuple[Array, Array, Array | None]:
        """Return rows to rebuild, corrupted copies and weights; several of each if rows are few."""
        if isinstance(self.noise, Pairs) or self.marks is None:
            return self._paired()
        some, weights = self._some(self.X, _MAX_ROWS)
        n_rows, n_features = some.shape
        if n_draws is None:
            wanted = -(-_ROWS_A_FEATURE * n_features // n_rows)
            n_draws = max(1, min(wanted, _MAX_DRAWS, _MAX_ENTRIES // some.size))
        clean = np.tile(some, (n_draws, 1))
        corrupted = np.empty_like(clean)
        rng = np.random.default_rng(self.seed)
        self.noise.bind(self.scaling, self.marks)(clean, corrupted, rng)
        return clean, corrupted, None if weights is None else np.tile(weights, n_draws)

    def _paired(self) -> tuple[Array, Array, Array | None]:
        assert isinstance(self.noise, Pairs)
        n_most = max(_MAX_ROWS, _MAX_ENTRIES // self.X.shape[1])
        clean, weights = self._some(self.X, n_most)
        return clean, self._some(self.noise.noisy, n_most)[0], weights

    def _some(self, X: Any, n_most: int) -> tuple[Array, Array | None]:
        return some_scaled(X, self.scaling, self.rows, n_most)


def some_scaled(X: Any, scaling: Scaling, rows: Any, n_most: int) -> tuple[Array, Array | None]:
    """Return evenly spaced rows, scaled, in double precision, and their weights.

    Of a stream they are those that it keeps.
    """
    if isinstance(X, Source) and weights_of(X) is None:
        return scaling.forward(X.some(rows), np.float64), None
    some = evenly_spaced(X, rows, n_most)
    return scaling.forward(dense_rows(X, some), np.float64), weights_of(X, some)


def _within(found: Components, clean: Array, corrupted: Array, weights: Array | None) -> Components:
    """Return a denoiser of the codes of principal components."""
    mean_seen = mean_of_rows(corrupted, weights)
    codes = (clean - found.mean) @ found.axes.T, (corrupted - mean_seen) @ found.axes.T
    inner = LinearDenoiser(Moments.of_rows(*codes, weights)).components(len(found.axes), codes[1])
    encoding, axes = inner.encoding @ found.axes, inner.axes @ found.axes
    error = clean - found.mean - (corrupted - mean_seen) @ encoding.T @ axes
    largest = np.abs(corrupted - mean_seen).max(axis=0)
    return replace(
        inner,
        mean=found.mean,
        axes=axes,
        mean_seen=mean_seen,
        encoding=encoding,
        deviation_seen=unit_of(_deviation(corrupted, weights), largest),
        residual=np.sqrt(mean_of_rows(np.square(error), weights)),
    )


def _deviation(rows: Array, weights: Array | None) -> Array:
    if weights is None:
        return np.asarray(rows.std(axis=0))
    return Survey(iter([rows]), weights=weights).variance ** 0.5
