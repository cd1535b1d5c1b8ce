"""One fit: from a recipe and rows to a fitted value.

A training within another fit (of a stage, of codes of all lengths, of all rows) is a call of the
same functions with another recipe. Nothing is changed on the way but the state that is handed in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from tfae._data.landmarks import find_landmarks
from tfae._data.reading import described
from tfae._data.scaling import Scaling, check_held_out, fit_scaling, scaled_range
from tfae._data.streams import Opened
from tfae._fitting.baseline import better_of
from tfae._fitting.parameters import another_network
from tfae._fitting.recipe import Recipe, Split
from tfae._inference.fitted import Fitted
from tfae._networks.activations import get_activation
from tfae._networks.linear_path import fixed_places, residual_variance
from tfae._support.typing import History, Weights
from tfae._support.warn import warn
from tfae._training.callbacks import KerasCallbacks, Observer, PrintedLines
from tfae._training.chunks import Noise
from tfae._training.loop import Numbers, Outcome, Training
from tfae._training.state import TrainingState
from tfae._training.step.optimizers import Optimizer
from tfae._training.step.program import PROGRAMS, Program

# Makes an observer, who is told what is fitted at any time of the training.
Watch: TypeAlias = Callable[[int, Callable[[], Fitted]], Observer]


def fit_network(
    recipe: Recipe,
    X: Any,
    state: TrainingState,
    start: Fitted | None = None,
    watch: Watch | None = None,
) -> Fitted:
    """Train a network on rows, from new weights or on from those of an earlier fit.

    Parameters
    ----------
    recipe : Recipe
    X : ndarray, CSR matrix or Source of shape (n_rows, n_features)
    state : TrainingState
        Random streams and the optimizer's slots; brought up to date.
    start : Fitted or None
    watch : callable or None
        Makes one more observer of the training, from the largest number of epochs and a function
        that returns what is fitted so far.

    Raises
    ------
    ValueError
        If the data cannot be used, or `start` has another network.
    KeyboardInterrupt
        If the training of an inner recipe is interrupted.

    Warns
    -----
    ConvergenceWarning, UserWarning
        If a training ends badly, or if the network could not improve on PCA.
    """
    if start is not None and recipe.structure != start.structure:
        raise another_network(*recipe.structure.changed(start.structure))
    split = split_rows(recipe, X, state.split_rng)
    scaling = learned_scaling(recipe, split) if start is None else start.scaling
    _check_range(recipe, split, scaling)
    fitted, outcome = train(recipe, split, scaling, state, start, watch)
    _tell_end(outcome, recipe.inner)
    first = start is None and split.held_out is not None
    if recipe.refit and first and outcome.ended_well:
        return _trained_on_all(recipe, X, fitted, outcome)
    return fitted


def split_rows(recipe: Recipe, X: Any, rng: np.random.Generator) -> Split:
    """Choose the rows to train on and those to hold out."""
    if not recipe.early_stopping:
        return Split(X)
    fraction, n_rows = recipe.validation_fraction, X.shape[0]
    if isinstance(X, Opened):
        return Split(X, *X.split(fraction))
    n_held_out = min(max(1, round(fraction * n_rows)), n_rows - 1)
    order = rng.permutation(n_rows)
    return Split(X, np.sort(order[n_held_out:]), np.sort(order[:n_held_out]))


def learned_scaling(recipe: Recipe, split: Split) -> Scaling:
    """Learn the scaling from the rows that are trained on."""
    check_held_out(split.X, split.train, split.held_out)
    return fit_scaling(recipe.scaling, split.X, split.train)


def train(
    recipe: Recipe,
    split: Split,
    scaling: Scaling,
    state: TrainingState,
    start: Fitted | None = None,
    watch: Watch | None = None,
) -> tuple[Fitted, Outcome]:
    """Train a network and keep the better of it and of PCA, and say what it is like."""
    optimizer = recipe.optimizer_for(split.n_train)
    if state.rule != optimizer.rule:
        state.slots, state.rule = None, optimizer.rule
    linear_path, network_stays = recipe.structure.linear_path, True
    with PROGRAMS.lease(recipe.plan(optimizer.rule)) as program:
        network = program.network
        if start is None:
            begun = recipe.first_weights(recipe, network, split, scaling, state.weights_rng)
            begun = begun.with_facts(recipe.facts)
        else:
            begun = start
        if recipe.corruption is not None and begun.landmarks is None:
            begun = replace(begun, landmarks=find_landmarks(split.X, scaling, split.train))
        # What the linear path leaves over is the unit of the network's errors.
        left = residual_variance(network, begun.weights) if linear_path else 1.0
        run = _Run(recipe, split, begun, program, optimizer, left)
        outcome = run.trained(state, watch)
        fitted = run.kept(outcome)
        if linear_path and split.held_out is not None:
            rows = split.X[split.held_out]
            fitted, network_stays = better_of(fitted, network, recipe, rows, left)
    if not network_stays:
        outcome = replace(outcome, best_epoch=0)
    facts = recipe.describe(recipe, fitted, *described(split.X, split.train))
    return fitted.with_facts(facts), outcome


class _Run:
    """One training of a leased program, from weights that are there to those that are kept."""

    def __init__(
        self,
        recipe: Recipe,
        split: Split,
        begun: Fitted,
        program: Program,
        optimizer: Optimizer,
        left: float,
    ) -> None:
        self._recipe, self._split, self._begun = recipe, split, begun
        self._program, self._optimizer, self._left = program, optimizer, left

    def trained(self, state: TrainingState, watch: Watch | None) -> Outcome:
        """Train, and again epoch by epoch if that went wrong in a call of several epochs.

        What is kept must not depend on whether somebody watched the epochs.
        """
        start = state.copy()
        outcome = self._training(state, watch, together=True).run(state, self._recipe.shuffle)
        diverged = outcome.diverged_at is not None and not outcome.interrupted
        if diverged and outcome.went_together:
            state.become(start)
            again = self._training(state, watch, together=False)
            outcome = again.run(state, self._recipe.shuffle)
        return outcome

    def _training(self, state: TrainingState, watch: Watch | None, together: bool) -> Training:
        recipe, split, program = self._recipe, self._split, self._program
        scaling, stopping = self._begun.scaling, recipe.stopping
        program.load(self._begun.weights, state.slots, state.weights_rng)
        noise = self._noise(state.noise_rng)
        fixed = replace(noise, rng=state.noise_rng.spawn(1)[0], fresh=False)

        def batches(rows: Any, noise: Noise) -> Any:
            return recipe.batches(split.X, scaling, program.shape, rows, noise)

        return Training(
            program,
            batches(split.train, noise),
            None if split.held_out is None else batches(split.held_out, fixed),
            self._optimizer,
            self._numbers(),
            replace(stopping, tol=stopping.tol * self._left),
            self._observers(watch),
            unit=scaling.unit(recipe.objective.power),
            keep_start=recipe.structure.linear_path,
            together=together,
        )

    def _noise(self, rng: np.random.Generator) -> Noise:
        """Say what is random in the training besides the order of rows."""
        recipe, begun = self._recipe, self._begun
        width = recipe.objective.noise_width(recipe.structure.spec.n_components)
        if recipe.corruption is None:
            return Noise(rng, None, width)
        assert begun.landmarks is not None
        corrupt = recipe.corruption.bind(recipe.corruption_level, begun.scaling, begun.landmarks)
        return Noise(rng, corrupt, width)

    def _numbers(self) -> Numbers:
        """Return the numbers that the compiled functions take."""
        recipe, names = self._recipe, self._program.plan.numbers
        scale = 1 / self._left if self._left > 0 else 1.0
        named = {**self._optimizer.numbers, **recipe.numbers, "loss_scale": scale}
        final = np.array([named[name] for name in names], self._program.shape.dtype)
        growth = recipe.growth
        if growth is None:
            return Numbers(final)
        return Numbers(
            final,
            growing=names.index(growth.name),
            warm_up=growth.n_epochs,
            epoch=self._begun.n_epochs,
            start=growth.start,
        )

    def _observers(self, watch: Watch | None) -> list[Observer]:
        """Return those who watch the training."""
        recipe, program = self._recipe, self._program
        n_epochs = recipe.stopping.max_iter
        observers: list[Observer] = []
        if watch is not None:
            observers.append(watch(n_epochs, lambda: self._begun.with_weights(program.weights())))
        if len(recipe.callbacks):
            rate = self._optimizer.learning_rate
            rate = float(rate(0)) if callable(rate) else rate
            observers.append(
                KerasCallbacks(recipe.callbacks, program, rate, epochs=n_epochs, verbose=0)
            )
        if recipe.verbose:
            observers.append(PrintedLines(n_epochs))
        return observers

    def kept(self, outcome: Outcome) -> Fitted:
        """Return what a training leaves: a network that nobody has compared with anything yet."""
        before, weights = self._begun, list(outcome.weights)
        if self._recipe.structure.linear_path:
            old: Weights = before.weights
            for place in fixed_places(self._program.network):
                weights[place] = old[place]  # which may be of a higher precision
        facts = {name: fact for name, fact in before.facts.items() if name != "baseline"}
        return replace(
            before.with_weights(weights),
            history=_joined(before.history, outcome.history),
            settings=self._recipe.settings,
            facts=facts,
        )


def _joined(before: History, after: History) -> History:
    """Return the history of two trainings; what one of them did not record is NaN."""
    n_before, n_after = len(before.get("loss", [])), len(after["loss"])
    return {
        name: [*before.get(name, [np.nan] * n_before), *after.get(name, [np.nan] * n_after)]
        for name in {**after, **before}
    }


def _trained_on_all(recipe: Recipe, X: Any, first: Fitted, outcome: Outcome) -> Fitted:
    """Train anew, as long as was best, on the rows that were held out too."""
    n_epochs = outcome.best_epoch
    if not (n_epochs or recipe.structure.linear_path):
        n_epochs = len(outcome.history["loss"])  # none counts before the loss has settled
    if recipe.verbose:
        print(f"Again on all {X.shape[0]} rows")
    reason = "interrupted"
    with contextlib.suppress(KeyboardInterrupt):  # before or after its epochs
        again, split = recipe.on_all_rows(n_epochs), Split(X)
        state = TrainingState.new(recipe.random_state)
        second, ended = train(again, split, learned_scaling(again, split), state)
        if ended.ended_well:
            kept = {k: v for k, v in first.facts.items() if k == "baseline"}
            return replace(second, history=first.history).with_facts(kept)
        if not ended.interrupted:
            reason = "stopped by an infinite or NaN loss"
    warn(
        f"The second training, on all rows, was {reason}. The network of the first one, which "
        "the held-out rows had no part in, was kept."
    )
    return first


def _check_range(recipe: Recipe, split: Split, scaling: Scaling) -> None:
    """See whether the output can reach the data."""
    bounds = get_activation(recipe.structure.output_activation)
    if np.isinf(bounds.low) and np.isinf(bounds.high):
        return
    # What the scaling does not learn must hold for all rows, whichever are held out.
    rows = None if recipe.scaling is None else split.train
    low, high = scaled_range(split.X, scaling, rows)
    slack = 1e-6 * max(1.0, high - low)
    if bounds.low - slack <= low and high <= bounds.high + slack:
        return
    if recipe.objective.loss.from_logits:
        raise ValueError(
            f"With loss={recipe.asked['loss']!r} the data must lie in [0, 1]. Got values from "
            f"{low:.6g} to {high:.6g}; use scaling='minmax' or another loss."
        )
    warn(
        f"output_activation={recipe.asked['output_activation']!r} gives values in "
        f"[{bounds.low:g}, {bounds.high:g}] and cannot reach the scaled data, which go from "
        f"{low:.6g} to {high:.6g}. Use output_activation='identity', or choose 'scaling' to suit "
        "it."
    )


def _tell_end(outcome: Outcome, inner: bool) -> None:
    """Tell if a training ended badly; one within another fit ends that if interrupted."""
    if outcome.interrupted and inner:
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
