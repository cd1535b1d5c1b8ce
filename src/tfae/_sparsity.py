"""What is said of a sparse code after training: how active its units are, and which are dead."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tfae._codes import Code, LargestOfUnit
from tfae._scaling import dense_blocks
from tfae._types import Array

# A unit is dead whose values all stay below this share of the largest value of any unit.
_DEAD = 0.01
# Thresholds are quantiles, for which values must be kept: of this many rows at most.
_MAX_ROWS = 10_000


def describe_activity(estimator: Any, X: Any, rows: Array | None, code: Code) -> None:
    """Encode training rows and set ``mean_activation_``, ``n_dead_units_`` and ``thresholds_``.

    Warns
    -----
    UserWarning
        If more than half of the units are dead.
    """
    total, largest, n_rows, kept = 0.0, 0.0, 0, []
    stride = -(-(X.shape[0] if rows is None else len(rows)) // _MAX_ROWS)
    for _, block in dense_blocks(X, rows):
        codes = estimator._encode(block, np.float32)
        total = total + codes.sum(axis=0, dtype=np.float64)
        largest = np.maximum(largest, np.abs(codes).max(axis=0))
        n_rows += len(codes)
        kept.append(codes[::stride])
    estimator.mean_activation_ = total / n_rows
    estimator.n_dead_units_ = int(np.sum(largest <= _DEAD * np.max(largest)))
    if isinstance(code, LargestOfUnit):
        estimator.thresholds_ = np.quantile(np.concatenate(kept), 1 - code.fraction, axis=0)
    n_units = len(estimator.mean_activation_)
    if 2 * estimator.n_dead_units_ > n_units:
        warnings.warn(
            f"{estimator.n_dead_units_} of the {n_units} units of the code are dead: they hardly "
            "respond to any training row. Lower 'penalty_weight' or raise 'sparsity', lower "
            "'learning_rate_init', or use fewer components.",
            UserWarning,
            stacklevel=6,
        )
