"""Principal components of scaled rows, the start of a network's linear path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.decomposition import PCA

from tfae._data.rows import dense_rows, evenly_spaced
from tfae._data.scaling import Affine, Scaling
from tfae._data.source import Source, Statistics
from tfae._data.statistics import Sample, Survey
from tfae._support.sklearn import fitted_within
from tfae._support.typing import Array

# The decomposition copies the rows. Beyond this many entries (1 GB in double precision) it takes
# evenly spaced rows: their components differ by less than a network learns.
_MAX_ENTRIES = 1 << 27
# A network sees no value beyond this many deviations. A pixel that is set in one of 10,000 images
# has a tiny standard deviation, and a network would learn from that image alone.
_MAX_SEEN = 8.0
# If rows vary less than this in a direction, compared with the largest variation, it is a rounding
# error. A network must not see it as large as the others.
_NOISE = 1e-6


@dataclass(frozen=True)
class Components:
    """A linear code of some rows: principal components, or a denoiser's; and the residual.

    All arrays are float64. If there are too few rows or features for all components, the missing
    ones are 0. The encoder sees rows that may be corrupted; those of principal components are not.
    """

    mean: Array  # [features], of the rows to rebuild
    axes: Array  # [components, features]: from the code to the rows; orthonormal at first
    mean_seen: Array  # [features], of the rows that the encoder sees
    encoding: Array  # [components, features]: from the rows to the code
    spread: Array  # [components], the standard deviation of every component of the code
    spread_seen: Array  # [components], the divisor of a network's codes
    deviation_seen: Array  # [features], the divisor of a network's centred rows
    residual: Array  # [features], the root mean square of the unexplained part

    @classmethod
    def of_axes(cls, mean: Array, axes: Array, *measured: Array) -> Components:
        """Return principal components, whose code is a projection."""
        return cls(mean, axes, mean, axes, *measured)

    @classmethod
    def nothing(cls, mean: Array, n_components: int) -> Components:
        """Return the components of identical rows."""
        none, empty = np.zeros(len(mean)), np.zeros(n_components)
        return cls.of_axes(mean, np.zeros((n_components, len(mean))), empty, empty, none, none)


def principal_components(
    X: Any, scaling: Scaling, rows: Array | None, n_components: int, seed: int
) -> Components:
    """Decompose some rows of `X`; scikit-learn chooses the solver by their shape.

    The rows of a source are decomposed by the covariance from its pass, or else by its sample.
    """
    if isinstance(X, Source):
        of = X.statistics(rows)
        if of.covariance is not None and isinstance(scaling, Affine):
            return _of_covariance(of, scaling, n_components)
        if of.sample_weights is not None:
            return _of_weighted_sample(of, scaling, n_components)
        found = of.sample
    else:
        most = max(n_components, _MAX_ENTRIES // X.shape[1])
        found = dense_rows(X, evenly_spaced(X, rows, most))
    scaled = scaling.forward(found, np.float64)
    n_found = min(n_components, *scaled.shape)
    variance = scaled.var(axis=0)
    if n_found == 0 or not variance.any():
        return Components.nothing(scaled.mean(axis=0), n_components)
    pca = fitted_within(PCA(n_found, random_state=seed), scaled)
    residual = scaled - pca.mean_
    code = residual @ pca.components_.T
    seen = _unit(residual), np.pad(_unit(code), (0, n_components - n_found))
    residual -= code @ pca.components_
    if np.square(residual).mean() < np.square(_NOISE) * variance.mean():
        residual[:] = 0.0  # lossless except for rounding errors
    n_missing = n_components - n_found
    return Components.of_axes(
        pca.mean_.astype(np.float64),
        np.pad(pca.components_.astype(np.float64), ((0, n_missing), (0, 0))),
        np.pad(np.sqrt(pca.explained_variance_), (0, n_missing)),
        seen[1],
        seen[0],
        np.sqrt(np.square(residual).mean(axis=0)),
    )


def _of_covariance(of: Statistics, scaling: Affine, n_components: int) -> Components:
    """Decompose a covariance; only the largest values of the code come from a sample."""
    assert of.covariance is not None
    scale = np.broadcast_to(scaling.scale, of.mean.shape)
    covariance = of.covariance / np.outer(scale, scale)
    variance = np.diag(covariance)
    mean = scaling.forward(of.mean[None], np.float64)[0]
    n_found = min(n_components, of.n_rows, len(mean))
    if not variance.any():
        return Components.nothing(mean, n_components)
    values, vectors = np.linalg.eigh(covariance)
    values, axes = np.maximum(values[::-1][:n_found], 0), vectors.T[::-1][:n_found]
    return _of_axes(of, scaling, n_components, mean, variance, values, axes)


def _of_weighted_sample(of: Statistics, scaling: Scaling, n_components: int) -> Components:
    """Decompose a weighted sample; all rows, where these are few."""
    rows, weights = scaling.forward(of.sample, np.float64), of.sample_weights
    scaled = Survey(iter([rows]), lambda: Sample(rows, weights), every=1, weights=weights)
    as_it_is = Affine(np.zeros(rows.shape[1]), 1.0)
    if scaled.covariance is not None:
        return _of_covariance(scaled, as_it_is, n_components)
    if not scaled.variance.any():
        return Components.nothing(scaled.mean, n_components)
    values, axes = weighted_axes(rows, weights)
    n_found = min(n_components, len(rows))
    parts = scaled.mean, scaled.variance, values[:n_found], axes[:n_found]
    return _of_axes(scaled, as_it_is, n_components, *parts)


def weighted_axes(rows: Array, weights: Array | None) -> tuple[Array, Array]:
    """Return the variances of weighted rows along their principal axes, and the axes."""
    share = np.full(len(rows), 1 / len(rows)) if weights is None else weights / weights.sum()
    centred = rows - share @ rows
    _, values, axes = np.linalg.svd(np.sqrt(share)[:, None] * centred, full_matrices=False)
    return np.square(values), axes


def _of_axes(
    of: Statistics,
    scaling: Affine,
    n_components: int,
    mean: Array,
    variance: Array,
    values: Array,
    axes: Array,
) -> Components:
    """Return the components with these axes, and the variances along them."""
    axes, n_found = with_signs(axes), len(axes)
    residual = np.maximum(variance - values @ np.square(axes), 0)
    if residual.mean() < np.square(_NOISE) * variance.mean():
        residual[:] = 0.0
    low, high = scaling.forward(np.stack([of.low, of.high]), np.float64) - mean
    code = (scaling.forward(of.sample, np.float64) - mean) @ axes.T
    seen = unit_of(np.sqrt(values), np.abs(code).max(axis=0))
    missing = (0, n_components - n_found)
    return Components.of_axes(
        mean,
        np.pad(axes, (missing, (0, 0))),
        np.pad(np.sqrt(values * of.n_rows / max(1, of.n_rows - 1)), missing),
        np.pad(seen, missing),
        unit_of(np.sqrt(variance), np.maximum(high, -low)),
        np.sqrt(residual),
    )


def with_signs(axes: Array) -> Array:
    """Return axes whose largest entry is positive, as scikit-learn does."""
    largest = np.abs(axes).argmax(axis=1)
    return np.asarray(axes * np.sign(axes[np.arange(len(axes)), largest])[:, None])


def _unit(values: Array) -> Array:
    """Return the divisors of centred columns; 0 for a column without variation."""
    return unit_of(np.sqrt(np.square(values).mean(axis=0)), np.abs(values).max(axis=0))


def unit_of(deviation: Array, largest: Array) -> Array:
    """Return the divisors of columns by their deviations and largest values; 0 where none vary."""
    unit = np.maximum(deviation, largest / _MAX_SEEN)
    return np.where(deviation > _NOISE * deviation.max(), unit, 0.0)
