"""Rows with holes, in which NaN stands for missing entries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tfae._data.source import Source
from tfae._support.typing import Array

# Up to this many entries, guarding a product against overflow takes longer than it saves.
_SMALL = 4096


def has_holes(X: Any) -> bool:
    """Whether rows have missing entries; of an array a product of one pass tells."""
    if isinstance(X, Source):
        return X.has_holes
    if not isinstance(X, np.ndarray) or X.dtype.kind != "f":
        return False
    if X.size < _SMALL:
        return bool(np.isnan(X).any())
    flat = X.ravel(order="K")  # no copy, whichever way the array lies in memory
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isnan(np.vdot(flat, flat))  # a sum of squares is NaN only if one of them is


def observed_means(values: Array, rows: Array) -> Array:
    """Return the mean of the values of the observed entries of every row; 0 if there is none."""
    observed = ~np.isnan(rows)
    counts = np.maximum(observed.sum(axis=1), 1)
    return np.asarray(np.where(observed, values, 0.0).sum(axis=1) / counts)
