"""One fit: from a recipe and rows to a fitted value.

A training within another fit (of a stage, of codes of all lengths, of all rows) uses the same
functions with another recipe. They change nothing but the state that is passed in, and a
``RandomState`` that the user gave.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from tfae._data.holes import has_holes
from tfae._data.reading import rows_to_fill_by
from tfae._data.scaling import (
    Scaling,
    check_held_out,
    check_learned,
    fit_scaling,
    scaled_range,
)
from tfae._data.source import ends
from tfae._data.statistics import statistics
from tfae._data.streams import Streamed
from tfae._data.table_scaling import TableScaling
from tfae._fitting.from_parameters import another_network
from tfae._fitting.network_training import Watch, train_network
from tfae._fitting.noise_parameters import LARGEST
from tfae._fitting.recipe import Recipe, Split
from tfae._inference.fitted import Fitted
from tfae._networks.activations import get_activation
from tfae._networks.architectures.registry import ARCHITECTURES
from tfae._networks.filling import learned_filling
from tfae._objective.corruptions import Corrupter, Pairs
from tfae._objective.penalties import NO_PENALTY
from tfae._support.warn import warn
from tfae._training.loop import Outcome
from tfae._training.state import TrainingState

# Rows that fill a smaller part of their range hardly differ once they are scaled by it, and float32
# would round what differs.
_LEAST_SHARE = 1e-4
# Digits that fill a tenth of the range have ten times the error without a linear path.
_SMALL_SHARE = 0.5


def fit_network(
    recipe: Recipe,
    X: Any,
    state: TrainingState,
    start: Fitted | None = None,
    watch: Watch | None = None,
) -> Fitted:
    """Train a network on rows, from new weights or from those of an earlier fit.

    Parameters
    ----------
    recipe : Recipe
    X : ndarray, CSR matrix or Source of shape (n_rows, n_features)
    state : TrainingState
        The random streams and the optimizer's slots; the training updates it.
    start : Fitted or None
        The earlier fit.
    watch : callable or None
        Takes the largest number of epochs and a function that returns the fitted value so far;
        returns one more observer of the training.

    Raises
    ------
    ValueError
        If the data cannot be used, or `start` has another network.
    KeyboardInterrupt
        If the training of an inner recipe is interrupted.

    Warns
    -----
    ConvergenceWarning, UserWarning
        If a training ends badly or too early, if the code is too wide, or if the network could not
        improve on PCA.
    """
    if start is not None and recipe.structure != start.structure:
        raise another_network(*recipe.structure.changed(start.structure))
    if start is None and not recipe.inner:
        _tell_of_a_wide_code(recipe)
    split = split_rows(recipe, X, state.split_rng)
    fitted, outcome = fit_split(recipe, split, state, start, watch)
    may_refit = start is None and split.held_out is not None and outcome.ended_well
    return _refitted(recipe, X, fitted, outcome) if recipe.refit and may_refit else fitted


def fit_split(
    recipe: Recipe,
    split: Split,
    state: TrainingState,
    start: Fitted | None = None,
    watch: Watch | None = None,
) -> tuple[Fitted, Outcome]:
    """Train a network on rows that are divided already, once; see :func:`fit_network`."""
    assert recipe.length is None, "the length of the code must be found first"
    if start is None:
        scaling = learned_scaling(recipe, split)
    else:
        start = start.filling(split.X) if has_holes(split.X) else start
        scaling = start.scaling
        check_learned(split.X, scaling, recipe.dtype)
    if isinstance(recipe.corruption, Pairs):
        check_learned(recipe.corruption.noisy, scaling, recipe.dtype)
    _check_range(recipe, split, scaling, start is None)
    _check_noise(recipe, split, scaling)
    fitted, outcome = train_network(recipe, split, scaling, state, start, watch)
    _tell_end(outcome, recipe)
    return fitted, outcome


def split_rows(recipe: Recipe, X: Any, rng: np.random.Generator) -> Split:
    """Choose the rows to train on and those to hold out."""
    if not recipe.early_stopping:
        return Split(X)
    fraction, n_rows = recipe.validation_fraction, X.shape[0]
    if isinstance(X, Streamed):
        return Split(X, *X.split(fraction))
    n_held_out = min(max(1, round(fraction * n_rows)), n_rows - 1)
    order = rng.permutation(n_rows)
    return Split(X, np.sort(order[n_held_out:]), np.sort(order[:n_held_out]))


def learned_scaling(recipe: Recipe, split: Split) -> Scaling:
    """Learn the scaling from the training rows, and how their holes are filled if there are any."""
    kind = recipe.scaling if recipe.output_range is None else recipe.output_range
    scaling = fit_scaling(kind, split.X, split.train, recipe.dtype)
    if recipe.has_categories:
        assert recipe.layout is not None
        frequencies = statistics(split.X, split.train).mean
        scaling = TableScaling(scaling, recipe.layout, frequencies)
    check_held_out(split.X, split.train, split.held_out, scaling)
    if not has_holes(split.X):
        return scaling
    rows, weights = rows_to_fill_by(split.X, split.train)
    return learned_filling(scaling, rows, recipe.layout, weights)


def _refitted(recipe: Recipe, X: Any, first: Fitted, outcome: Outcome) -> Fitted:
    """Train anew for the best number of epochs on all rows, including the held-out ones."""
    n_epochs = outcome.best_epoch
    if not (n_epochs or recipe.structure.linear_path):
        n_epochs = len(outcome.history["loss"])  # no epoch is best before the loss has settled
    if recipe.verbose:
        print(f"Again on all {X.shape[0]} rows")
    reason = "interrupted"
    # Ctrl-C before or after the epochs; other workers cannot go on without this one.
    interrupts = () if recipe.workers.count > 1 else (KeyboardInterrupt,)
    with contextlib.suppress(*interrupts):
        again, split = recipe.on_all_rows(n_epochs), Split(X)
        state = TrainingState.new(recipe.random_state)
        second, ended = train_network(again, split, learned_scaling(again, split), state)
        if ended.ended_well:
            kept = {k: v for k, v in first.facts.items() if k == "baseline"}
            # What held-out rows showed is not to be learned again from rows that were trained on.
            second = replace(second, history=first.history, from_others=first.from_others)
            return second.with_facts(kept)
        if not ended.interrupted:
            reason = "stopped by an infinite or NaN loss"
    if reason == "interrupted":
        recipe.checkpoints.interrupt()
    warn(
        f"The second training, on all rows, was {reason}. The network of the first training, "
        "without the held-out rows, was kept."
    )
    return first


def _check_range(recipe: Recipe, split: Split, scaling: Scaling, begins: bool) -> None:
    """Check whether the output can reach the data."""
    if recipe.output_range is not None:
        found = ends(statistics(split.X))
        _check_rows_in_range(recipe, *found)
        if begins and not recipe.inner:
            _check_width_of_range(recipe, *found)
        return
    bounds = get_activation(recipe.structure.output_activation)
    if np.isinf(bounds.low) and np.isinf(bounds.high):
        return
    # Without a learned scaling the check must hold for all rows, whichever are held out.
    rows = None if recipe.scaling is None else split.train
    low, high = scaled_range(split.X, scaling, rows)
    slack = 1e-6 * max(1.0, high - low)
    if bounds.low - slack <= low and high <= bounds.high + slack:
        return
    if recipe.objective.loss.from_logits:
        raise ValueError(
            f"With loss={recipe.asked['loss']!r} the data must lie in "
            f"[{bounds.low:g}, {bounds.high:g}]. Got values from {low:.6g} to {high:.6g}; use "
            "scaling='minmax' or another loss."
        )
    warn(
        f"output_activation={recipe.asked['output_activation']!r} gives values in "
        f"[{bounds.low:g}, {bounds.high:g}] and cannot reach the scaled data, which go from "
        f"{low:.6g} to {high:.6g}. Use output_activation='identity', or choose 'scaling' to suit "
        "it."
    )


def _check_rows_in_range(recipe: Recipe, low: float, high: float) -> None:
    """Check whether all rows lie in the range of rebuilt ones."""
    assert recipe.output_range is not None
    (least, most), noise = recipe.output_range, recipe.corruption
    if isinstance(noise, Corrupter) and noise.clip == recipe.output_range:
        return  # _check_noise tells of rows beyond it
    if min(low - least, most - high) < -1e-6 * (most - least):
        raise ValueError(
            f"output_range=({least:g}, {most:g}) must be a range that all rows lie in. Got rows "
            f"from {low:.6g} to {high:.6g}."
        )


def _check_width_of_range(recipe: Recipe, low: float, high: float) -> None:
    """Check whether the range of rebuilt rows is much wider than the rows, which it scales."""
    assert recipe.output_range is not None
    least, most = recipe.output_range
    of_sensor = "output_range" in recipe.settings
    said = f"{'corruption' if of_sensor else 'output'}_range=({least:g}, {most:g})"
    if 0 < high - low < _LEAST_SHARE * (most - least):
        instead = ", or set scaling='global'" if of_sensor else ""
        raise ValueError(
            f"{said} must be the range of the data, because rows are scaled by it. Got rows from "
            f"{low:.6g} to {high:.6g}, too small a part of it to be learned. Give the range that "
            f"values can have{instead}."
        )
    if high - low < _SMALL_SHARE * (most - least) and not recipe.structure.linear_path:
        warn(
            f"{said} is much wider than the rows, which go from {low:.6g} to {high:.6g}, so that "
            "a network without a linear path learns them slowly. A narrower range is better, or "
            "none."
        )


def _check_noise(recipe: Recipe, split: Split, scaling: Scaling) -> None:
    """Check whether clean rows lie in the range of corrupted ones, and the fill value is finite."""
    noise = recipe.corruption
    if not isinstance(noise, Corrupter):
        return
    if np.abs(noise.scaled_fill(scaling)).max() > LARGEST:
        raise ValueError(
            f"'fill_value' must be at most {LARGEST:g} times as large as the scale of the "
            f"data. Got {noise.fill_value!r}."
        )
    if noise.clip is None:
        return
    (low, high), (least, most) = ends(statistics(split.X, split.train)), noise.clip
    said = f"corruption_range=({least:g}, {most:g})"
    if most <= low or high <= least:
        raise ValueError(
            f"{said} must be the range that rows lie in. Got rows from {low:.6g} to {high:.6g}, "
            "all of which it would clip."
        )
    if min(low - least, most - high) < -0.01 * (most - least) and not recipe.inner:
        warn(
            f"{said} clips clean rows, too, which go from {low:.6g} to {high:.6g}. It should be "
            "the range that a sensor gives, in the units of the data."
        )


def _tell_of_a_wide_code(recipe: Recipe) -> None:
    """Warn if the code is so wide that a layer before it, or nothing, limits what it holds."""
    objective, structure = recipe.objective, recipe.structure
    spec, penalty = structure.spec, objective.penalty
    is_free = penalty is NO_PENALTY and recipe.corruption is None
    if is_free and spec.n_components > spec.n_features:
        warn(
            f"The code has {spec.n_components} components and the data {spec.n_features} features, "
            "so nothing keeps the network from copying. Lower 'n_components', or use a penalty or "
            "a corruption, as SparseAutoencoder and DenoisingAutoencoder do."
        )
    *_, before = spec.hidden_layer_sizes or [spec.n_components]
    is_dense = structure.builder is ARCHITECTURES["dense"]  # others may count filters
    if is_dense and not (structure.linear_path or penalty.sparse) and before < spec.n_components:
        warn(
            f"The code has {spec.n_components} components and the hidden layer before it {before} "
            "units, so it holds no more than they do. Lower 'n_components' or raise the last of "
            "the 'hidden_layer_sizes'."
        )


def _tell_end(outcome: Outcome, recipe: Recipe) -> None:
    """Warn if a training ended badly; interrupt the whole fit if an inner one was interrupted."""
    if outcome.interrupted and recipe.inner:
        raise KeyboardInterrupt
    if outcome.diverged_at is not None:
        warn(
            "The loss or a weight became infinite or NaN in epoch "
            f"{outcome.diverged_at}. Training was stopped and the last good weights were kept. "
            "Lower 'learning_rate_init', or look for extreme values in the data.",
            ConvergenceWarning,
        )
    elif outcome.interrupted:
        warn(
            f"Training was interrupted after {len(outcome.history['loss'])} epochs. The "
            f"{'best' if 'val_loss' in outcome.history else 'last'} weights so far were kept "
            "and the estimator can be used."
        )
    elif outcome.still_falling and not recipe.inner:
        warn(
            f"Training stopped at max_iter={recipe.stopping.max_iter} while the loss was still "
            "falling. Raise 'max_iter' or 'learning_rate_init', or lower 'batch_size'.",
            ConvergenceWarning,
        )
