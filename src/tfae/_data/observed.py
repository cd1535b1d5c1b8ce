"""What is learned from the observed entries of rows with holes: scaling, ranges, rates."""

from __future__ import annotations

import numpy as np

from tfae._data.layout import Layout
from tfae._data.scaling import Affine, Quantiles
from tfae._data.statistics import quantiles, survey
from tfae._support.typing import Array

# A category of very few rows would dominate all distances if it were scaled to unit variance.
_LEAST_DEVIATION_OF_A_CATEGORY = 0.05
_N_QUANTILES = 200


def standard_scaling(rows: Array, layout: Layout) -> Affine:
    """Return the scaling of places by the mean and the deviation of their observed entries.

    The scale is 1 where nothing varies, except for rounding errors, or nothing is observed.
    """
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
    scale = np.where(constant, 1.0, deviation)
    for _, places in layout.categories():
        scale[places] = np.maximum(deviation[places], _LEAST_DEVIATION_OF_A_CATEGORY)
    return Affine(center, scale)


def observed_range(rows: Array) -> tuple[Array, Array]:
    """Return the smallest and the largest observed entry of every place; 0 where there is none."""
    of = survey(rows, holes=True)
    return of.low, of.high


def rank_map(rows: Array) -> Quantiles:
    """Return the map of columns to normal deviates by the ranks of their observed entries."""
    found = quantiles(rows, np.linspace(0, 1, min(_N_QUANTILES, max(2, len(rows)))))
    return Quantiles(np.maximum.accumulate(found, axis=0))
