"""What is said of a sparse code after training: how active its units are, and which are dead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tfae._data.rows import dense_blocks
from tfae._data.statistics import Survey
from tfae._networks.codes import Code, LargestOfUnit
from tfae._objective.penalties import Penalty
from tfae._support.typing import Array
from tfae._support.warn import warn

# A unit is dead whose values all stay below this share of the largest value of any unit.
_DEAD = 0.01
# What rounding may add to codes in [0, 1].
_SLACK = 1e-6
# Thresholds are quantiles, for which values must be kept: of this many rows at most.
_MAX_ROWS = 10_000


def describe_activity(estimator: Any, X: Any, rows: Array | None, code: Code) -> None:
    """Encode training rows and set ``mean_activation_``, ``n_dead_units_`` and ``thresholds_``.

    Warns
    -----
    UserWarning
        If more than half of the units are dead, or if the codes leave an interval in which the
        penalty needs them.
    """
    kept: list[Array] = []
    stride = -(-(X.shape[0] if rows is None else len(rows)) // _MAX_ROWS)

    def blocks() -> Iterator[Array]:
        for _, block in dense_blocks(X, rows):
            codes = estimator._coding.encode(block, np.float32)
            kept.append(codes[::stride])
            yield codes

    of = Survey(blocks())
    largest = np.maximum(np.abs(of.low), np.abs(of.high))
    estimator.mean_activation_ = of.mean
    estimator.n_dead_units_ = int(np.sum(largest <= _DEAD * np.max(largest)))
    if isinstance(code, LargestOfUnit):
        estimator.thresholds_ = np.quantile(np.concatenate(kept), 1 - code.fraction, axis=0)
    penalty, _ = estimator._asked_penalty()
    _warn_of_dead(estimator.n_dead_units_, len(largest), penalty)
    low, high = of.low.min(), of.high.max()
    if penalty.in_unit_interval and not (low >= -_SLACK and high <= 1 + _SLACK):
        warn(
            f"penalty={estimator.penalty!r} compares the mean of every unit with a fraction and "
            f"needs codes in [0, 1]. They go from {low:.6g} to {high:.6g}: the architecture must "
            "end its encoder with 'spec.code_activation', or with a sigmoid of its own."
        )


def _warn_of_dead(n_dead: int, n_units: int, penalty: Penalty) -> None:
    if 2 * n_dead <= n_units:
        return
    mends = [
        *(["lower 'penalty_weight'"] if penalty.cost is not None else []),
        *(["raise 'sparsity'"] if penalty.sparsity is not None else []),
        *("lower 'learning_rate_init'", "use fewer components"),
    ]
    warn(
        f"{n_dead} of the {n_units} units of the code are dead: they hardly respond to any "
        f"training row. What helps is to {', '.join(mends[:-1])} or {mends[-1]}."
    )
