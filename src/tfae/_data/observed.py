"""What is learned from the observed entries of rows with holes: scaling, ranges, rates."""

from __future__ import annotations

import numpy as np

from tfae._data.layout import Layout
from tfae._data.scaling import Affine, Quantiles
from tfae._data.statistics import Survey, quantiles, survey
from tfae._support.typing import Array

# A category of very few rows would dominate all distances if it were scaled to unit variance.
_LEAST_DEVIATION_OF_A_CATEGORY = 0.05
_N_QUANTILES = 200


def standard_scaling(rows: Array, layout: Layout, weights: Array | None = None) -> Affine:
    """Return the scaling of places by the mean and the deviation of their observed entries.

    The scale is 1 where nothing varies, except for rounding errors, or nothing is observed.
    """
    center, scale = _moments(rows) if weights is None else _weighted_moments(rows, weights)
    for _, places in layout.categories():
        scale[places] = np.maximum(scale[places], _LEAST_DEVIATION_OF_A_CATEGORY)
    return Affine(center, scale)


def _weighted_moments(rows: Array, weights: Array) -> tuple[Array, Array]:
    of = Survey([rows], weights=weights, holes=True)
    return of.mean, np.array(of.deviation)


def _moments(rows: Array) -> tuple[Array, Array]:
    observed = ~np.isnan(rows)
    counts = np.maximum(observed.sum(axis=0), 1)
    # About an observed value, because a large offset would cost digits.
    about = np.where(
        observed.any(axis=0), rows[observed.argmax(axis=0), np.arange(rows.shape[1])], 0
    )
    centred = np.where(observed, rows - about, 0.0)
    shift = centred.sum(axis=0) / counts
    deviation = np.sqrt(np.square(np.where(observed, centred - shift, 0)).sum(axis=0) / counts)
    center = about + shift
    constant = deviation <= counts * np.finfo(np.float64).eps * np.abs(center)
    return center, np.where(constant, 1.0, deviation)


def observed_range(rows: Array) -> tuple[Array, Array]:
    """Return the smallest and the largest observed entry of every place; 0 where there is none."""
    of = survey(rows, holes=True)
    return of.low, of.high


def rank_map(rows: Array) -> Quantiles:
    """Return the map of columns to normal deviates by the ranks of their observed entries."""
    found = quantiles(rows, np.linspace(0, 1, min(_N_QUANTILES, max(2, len(rows)))))
    return Quantiles(np.maximum.accumulate(found, axis=0))
