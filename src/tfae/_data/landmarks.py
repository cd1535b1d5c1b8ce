"""The landmarks of scaled rows, which corruptions need."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tfae._data.rows import dense_blocks
from tfae._data.scaling import Scaling
from tfae._data.source import Source, weights_of
from tfae._data.statistics import Survey
from tfae._support.typing import Array


class Landmarks(NamedTuple):
    """The values of scaled data that corruptions need."""

    low: Array  # [features]
    high: Array  # [features]
    spread: float  # the root of the features' mean variance
    mean: Array  # [features]


def find_landmarks(X: Any, scaling: Scaling, rows: Array | None) -> Landmarks:
    """Find the landmarks of some rows of `X` in one pass."""
    weights = weights_of(X, rows)
    if isinstance(X, Source) and weights is None:
        of = X.statistics(rows)
        low, high = scaling.forward(np.stack([of.low, of.high]), np.float64)
        sample = scaling.forward(of.sample, np.float64)
        mean, variance = sample.mean(axis=0), sample.var(axis=0)
    else:
        blocks = (scaling.forward(block, block.dtype) for _, block in dense_blocks(X, rows))
        scaled = Survey(blocks, weights=weights)
        low, high, mean, variance = scaled.low, scaled.high, scaled.mean, scaled.variance
    return Landmarks(low, high, float(np.sqrt(variance.mean())), mean)
