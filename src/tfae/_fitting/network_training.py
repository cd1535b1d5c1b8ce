"""One training of one network: from its first weights to the better of the network and PCA."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from tfae._data.cell_losses import CellWeights
from tfae._data.holes import has_holes
from tfae._data.reading import rows_to_describe
from tfae._data.scaling import Scaling
from tfae._fitting.baseline import better_of, with_linear_denoiser
from tfae._fitting.first_weights import landmarks_of
from tfae._fitting.held_out import HeldOut
from tfae._fitting.noisy_rows import predicting_from_others
from tfae._fitting.recipe import Recipe, Split
from tfae._fitting.several_workers import agreed
from tfae._inference.fitted import Fitted
from tfae._networks.linear_path import fixed_places, residual_variance
from tfae._objective.corruptions import Pairs
from tfae._objective.views import MaskedViews, Views
from tfae._support.typing import History
from tfae._training.callbacks import KerasCallbacks, Observer, PrintedLines
from tfae._training.chunks import Noise
from tfae._training.loop import Batches, Course, EpochLoop, Outcome, ScalarSchedule
from tfae._training.state import TrainingState
from tfae._training.step.optimizers import Optimizer
from tfae._training.step.program import PROGRAMS, Program

# Takes the largest number of epochs and a function that returns the fitted value at any time of the
# training; returns an observer.
Watch: TypeAlias = Callable[[int, Callable[[], Fitted]], Observer]


def train_network(
    recipe: Recipe,
    split: Split,
    scaling: Scaling,
    state: TrainingState,
    start: Fitted | None = None,
    watch: Watch | None = None,
) -> tuple[Fitted, Outcome]:
    """Train a network, keep the better of it and PCA, and add the facts about it."""
    cells = recipe.cell_weights(scaling)
    if has_holes(split.X) or cells is not None:
        recipe = replace(recipe, objective=replace(recipe.objective, masked=True))
    optimizer = recipe.optimizer_for(split.n_train)
    if state.rule != optimizer.rule:
        state.slots, state.rule = None, optimizer.rule
    has_linear_path, network_stays = recipe.structure.linear_path, True
    with PROGRAMS.lease(recipe.program_key(optimizer.rule)) as program:
        network = program.network
        begun = first_fitted(recipe, program, split, scaling, state) if start is None else start
        begun = agreed(recipe.workers, begun)
        if begun.landmarks is None:
            begun = replace(begun, landmarks=landmarks_of(recipe.corruption, split, scaling))
        seen_as = recipe.corruption.seen_as if isinstance(recipe.corruption, Views) else None
        begun = replace(begun, seen_as=seen_as, from_others=None)
        # The error of the linear path alone is the unit of the network's errors.
        residual = residual_variance(network, begun.weights) if has_linear_path else 1.0
        training = Training(recipe, split, program, optimizer, begun, residual, cells)
        outcome = training.run(state, watch)
        if outcome.interrupted and recipe.workers.count > 1:
            raise KeyboardInterrupt  # the others cannot go on without this process
        fitted = training.kept(outcome)
        is_compared = has_linear_path or recipe.corruption is not None
        if is_compared and split.held_out is not None:
            held_out = HeldOut.of(recipe, split, fitted, state.noise_rng.spawn(1)[0])
            if has_linear_path:
                fitted, network_stays = better_of(fitted, network, recipe, held_out, residual)
            if recipe.corruption is not None:
                anchored = has_linear_path and start is None
                fitted = with_linear_denoiser(fitted, recipe, split, held_out, anchored)
    if isinstance(recipe.corruption, MaskedViews):
        groups_rng = state.noise_rng.spawn(1)[0]
        fitted = predicting_from_others(fitted, recipe.corruption, split, groups_rng)
    if not network_stays:
        outcome = replace(outcome, best_epoch=0)
    seen = recipe.corruption.noisy if isinstance(recipe.corruption, Pairs) else split.X
    facts = recipe.describe(recipe, fitted, *rows_to_describe(seen, split.train))
    outcome = replace(outcome, best_epoch=recipe.workers.agreed(outcome.best_epoch))
    return agreed(recipe.workers, fitted.with_facts(facts)), outcome


def first_fitted(
    recipe: Recipe, program: Program, split: Split, scaling: Scaling, state: TrainingState
) -> Fitted:
    """Return the network of a program with its first weights."""
    first = recipe.first_weights(recipe, program.network, split, scaling, state.weights_rng)
    return replace(first.with_facts(recipe.facts), schema=recipe.schema, layout=recipe.layout)


@dataclass(frozen=True)
class Training:
    """The training of a leased program, from its first weights."""

    recipe: Recipe
    split: Split
    program: Program
    optimizer: Optimizer
    begun: Fitted
    residual: float  # the error of the linear path alone, 1 without one
    cells: CellWeights | None  # how much the cells of a table count

    def run(self, state: TrainingState, watch: Watch | None) -> Outcome:
        """Train; if a call of several epochs diverged, train again epoch by epoch.

        The weights to keep must not depend on whether somebody watched the epochs.
        """
        before = state.copy()
        outcome = self._loop(state, watch, None).run(state)
        diverged = outcome.diverged_at is not None and not outcome.interrupted
        if diverged and outcome.went_together:
            state.become(before)
            outcome = self._loop(state, watch, 1).run(state)
        return outcome

    def kept(self, outcome: Outcome) -> Fitted:
        """Return the trained network as a fitted value, not yet compared with PCA."""
        begun, weights = self.begun, list(outcome.weights)
        if self.recipe.structure.linear_path:
            old = begun.weights
            for place in fixed_places(self.program.network):
                weights[place] = old[place]  # may be of a higher precision
        facts = {name: fact for name, fact in begun.facts.items() if name != "baseline"}
        return replace(
            begun.with_weights(weights),
            history=_joined(begun.history, outcome.history),
            settings=self.recipe.settings,
            facts=facts,
        )

    def _loop(
        self, state: TrainingState, watch: Watch | None, most_epochs_a_call: int | None
    ) -> EpochLoop:
        """Load the program, and return the epoch loop that runs it."""
        recipe, split = self.recipe, self.split
        self.program.load(self.begun.weights, state.slots, state.weights_rng)
        noise = self._noise(state.noise_rng)
        fixed = replace(noise, rng=state.noise_rng.spawn(1)[0], fresh=False)
        if recipe.workers.strategy is not None:
            most_epochs_a_call = 1  # how many go together depends on threads
        course = Course(
            self.optimizer.learning_rate,
            self._scalars(),
            replace(recipe.stopping, tol=recipe.stopping.tol * self.residual),
            recipe.shuffle,
            unit=self.begun.scaling.unit(recipe.objective.power),
            keep_start=recipe.structure.linear_path,
            most_epochs_a_call=most_epochs_a_call,
        )
        return EpochLoop(
            self.program,
            self._batches(split.train, noise),
            None if split.held_out is None else self._batches(split.held_out, fixed),
            course,
            self._observers(watch),
            recipe.checkpoints,
        )

    def _batches(self, rows: Any, noise: Noise) -> Batches:
        shape, scaling = self.program.key.shape, self.begun.scaling
        cells = {} if self.cells is None else {"cells": self.cells}
        return self.recipe.batches(self.split.X, scaling, shape, rows, noise, **cells)

    def _noise(self, rng: np.random.Generator) -> Noise:
        """Return the noise: all that is random in the training besides the order of rows."""
        recipe, begun = self.recipe, self.begun
        width = recipe.objective.noise_width(recipe.structure.spec.n_components)
        if isinstance(recipe.corruption, Pairs):
            return Noise(rng, None, width, noisy=recipe.corruption.noisy)
        if recipe.corruption is None:
            return Noise(rng, None, width)
        assert begun.landmarks is not None
        corrupt = recipe.corruption.bind(begun.scaling, begun.landmarks)
        return Noise(rng, corrupt, width)

    def _scalars(self) -> ScalarSchedule:
        """Return the scalars that the compiled functions take."""
        recipe, names = self.recipe, self.program.key.scalars
        scale = 1 / self.residual if self.residual > 0 else 1.0
        named = {**self.optimizer.scalars, **recipe.scalars, "loss_scale": scale}
        final = np.array([named[name] for name in names], self.program.shape.dtype)
        ramp = recipe.ramp
        if ramp is None:
            return ScalarSchedule(final)
        return ScalarSchedule(
            final,
            ramped=names.index(ramp.name),
            n_epochs=ramp.n_epochs,
            first_epoch=self.begun.n_epochs,
            first=ramp.first,
        )

    def _observers(self, watch: Watch | None) -> list[Observer]:
        """Return the observers of the training."""
        recipe, program = self.recipe, self.program
        n_epochs = recipe.stopping.max_iter
        observers: list[Observer] = []
        if watch is not None:
            observers.append(watch(n_epochs, lambda: self.begun.with_weights(program.weights())))
        if len(recipe.callbacks):
            rate = self.optimizer.learning_rate
            rate = float(rate(0)) if callable(rate) else rate
            observers.append(
                KerasCallbacks(recipe.callbacks, program, rate, epochs=n_epochs, verbose=0)
            )
        if recipe.verbose:
            observers.append(PrintedLines(n_epochs))
        return observers


def _joined(before: History, after: History) -> History:
    """Join the histories of two trainings; values that one of them did not record are NaN."""
    n_before, n_after = len(before.get("loss", [])), len(after["loss"])
    return {
        name: [*before.get(name, [np.nan] * n_before), *after.get(name, [np.nan] * n_after)]
        for name in {**after, **before}
    }
