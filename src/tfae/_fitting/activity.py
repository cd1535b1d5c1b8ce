"""The facts about a code after training: how active its units are, and which are dead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tfae._data.holes import has_holes, observed_means
from tfae._data.rows import dense_blocks
from tfae._data.source import weights_of
from tfae._data.statistics import Survey, quantiles
from tfae._fitting.recipe import Recipe
from tfae._inference.fitted import Fitted
from tfae._inference.likelihood import posterior
from tfae._networks.codes import LargestOfUnit
from tfae._networks.filling import table_of
from tfae._objective.penalties import Penalty
from tfae._support.typing import Array
from tfae._support.warn import warn

# A unit is dead if all its values stay below this share of the largest value of any unit.
_DEAD = 0.01
# A unit of a random code is active if the variance of its mean over the rows is above this (Burda
# et al., 2016).
_ACTIVE = 0.01
# Rounding may move codes out of [0, 1] by this much.
_SLACK = 1e-6
# Thresholds are quantiles, so values must be kept: those of at most this many rows.
_MAX_ROWS = 10_000


def describe_activity(recipe: Recipe, fitted: Fitted, X: Any, rows: Array | None) -> dict[str, Any]:
    """Return how active a sparse code is on training rows; an empty dict for other codes.

    Returns
    -------
    dict
        ``mean_activation``, ``n_dead_units``, and for a lifetime sparsity ``thresholds``.

    Warns
    -----
    UserWarning
        If more than half of the units are dead, or if codes are outside the interval that the
        penalty needs.
    """
    penalty, code = recipe.objective.penalty, recipe.objective.code
    if not penalty.sparse:
        return {}
    kept: list[Array] = []
    weights = weights_of(X, rows)
    kept_weights: list[Array] = []
    stride = -(-(X.shape[0] if rows is None else len(rows)) // _MAX_ROWS)

    def blocks() -> Iterator[Array]:
        for places, block in dense_blocks(X, rows):
            codes = fitted.codec.encode(block, np.float32)
            kept.append(codes[::stride])
            if weights is not None:
                kept_weights.append(weights[places][::stride])
            yield codes

    of = Survey(blocks(), weights=weights)
    largest = np.maximum(np.abs(of.low), np.abs(of.high))
    n_dead = int(np.sum(largest <= _DEAD * np.max(largest)))
    facts: dict[str, Any] = {"mean_activation": of.mean, "n_dead_units": n_dead}
    if isinstance(code, LargestOfUnit):
        of_kept = np.concatenate(kept_weights) if kept_weights else None
        facts["thresholds"] = quantiles(np.concatenate(kept), 1 - code.fraction, of_kept)
    _warn_of_dead(n_dead, len(largest), penalty)
    low, high = of.low.min(), of.high.max()
    if penalty.in_unit_interval and not (low >= -_SLACK and high <= 1 + _SLACK):
        warn(
            f"penalty={recipe.asked['penalty']!r} compares the mean of every unit with a fraction "
            f"and needs codes in [0, 1]. They go from {low:.6g} to {high:.6g}: the architecture "
            "must end its encoder with 'spec.code_activation', or with a sigmoid of its own."
        )
    return facts


def _warn_of_dead(n_dead: int, n_units: int, penalty: Penalty) -> None:
    if 2 * n_dead <= n_units:
        return
    mends = [
        *(["lower 'penalty_weight'"] if penalty.cost is not None else []),
        *(["raise 'sparsity'"] if penalty.sparsity is not None else []),
        "lower 'learning_rate_init'",
        "use fewer components",
    ]
    warn(
        f"{n_dead} of the {n_units} units of the code are dead: they hardly respond to any "
        f"training row. Try to {', '.join(mends[:-1])} or {mends[-1]}."
    )


def describe_gaussian_code(
    recipe: Recipe, fitted: Fitted, X: Any, rows: Array | None
) -> dict[str, Any]:
    """Measure which units of a random code are active, and the noise of its reconstruction.

    Returns
    -------
    dict
        ``active_units``, and with a Gaussian likelihood ``noise_variance``. For a table with
        categories it has a value for every column, NaN for those of categories.

    Warns
    -----
    UserWarning
        If no unit is active.
    """
    rng, table = np.random.default_rng(0), table_of(fitted.scaling)
    n_numbers = X.shape[1] if table is None else max(1, len(table.layout.numbers))
    squares: list[float] = []
    weights = weights_of(X, rows)

    def means() -> Iterator[Array]:
        for places, block in dense_blocks(X, rows):
            mean, log_variance = posterior(fitted, block, np.float32)
            code = mean + np.exp(0.5 * log_variance) * rng.standard_normal(
                mean.shape, dtype=np.float32
            )
            output = fitted.decoder(fitted.decoder_weights, code)
            error = output - fitted.scaling.forward(block, np.float32)
            squared = np.square(error, dtype=np.float64)
            if table is not None:
                numbers = table.layout.numbers
                squared, block = squared[:, numbers], block[:, numbers]
            if has_holes(block):
                squared = np.repeat(observed_means(squared, block)[:, None], block.shape[1], 1)
            if weights is not None:
                squared *= weights[places, None]
            squares.append(float(squared.sum()))
            yield mean

    survey = Survey(means(), weights=weights)
    total = survey.n_rows if weights is None else float(weights.sum())
    active = survey.variance > _ACTIVE
    facts: dict[str, Any] = {"active_units": active}
    if recipe.objective.loss.is_likelihood:
        variance = max(sum(squares) / (total * n_numbers), np.finfo(np.float32).tiny)
        of_places = variance * np.square(fitted.scaling.scale)
        facts["noise_variance"] = of_places if table is None else table.of_numbers(of_places)
    if not active.any():
        warn(
            f"None of the {len(active)} components of the code is active: the "
            "decoder makes no use of it. Lower 'beta', raise 'kl_warm_up' or train longer."
        )
    return facts
