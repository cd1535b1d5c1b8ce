"""The landmarks of scaled rows, which corruptions need."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tfae._data.rows import dense_blocks
from tfae._data.scaling import Scaling
from tfae._data.source import Source, Statistics
from tfae._data.statistics import Survey
from tfae._support.typing import Array


class Landmarks(NamedTuple):
    """The values of scaled data that corruptions need; all but `spread` have shape [features]."""

    zero: Array  # where the user's 0 lies
    low: Array
    high: Array
    spread: float  # the root of the features' mean variance


def find_landmarks(X: Any, scaling: Scaling, rows: Array | None) -> Landmarks:
    """Find the landmarks of some rows of `X` in one pass."""
    if isinstance(X, Source):
        return _landmarks_of(X.statistics(rows), scaling)
    scaled = (scaling.forward(block, block.dtype) for _, block in dense_blocks(X, rows))
    of = Survey(scaled)
    zero = scaling.forward(np.zeros((1, X.shape[1])), np.float64)[0]
    return Landmarks(zero, of.low, of.high, float(np.sqrt(of.variance.mean())))


def _landmarks_of(of: Statistics, scaling: Scaling) -> Landmarks:
    """Derive the landmarks from statistics; the spread is that of the sample."""
    ends = np.stack([np.zeros_like(of.mean), of.low, of.high])
    zero, low, high = scaling.forward(ends, np.float64)
    variance = scaling.forward(of.sample, np.float64).var(axis=0)
    return Landmarks(zero, low, high, float(np.sqrt(variance.mean())))
