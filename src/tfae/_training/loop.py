"""The epoch loop: chunks go through a program until it is time to stop.

The program owns the live weights. The loop owns the history, the best weights and the reasons to
stop. Observers only watch, and may ask the loop to end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from tfae._support.tensorflow import as_arrays, tf
from tfae._support.typed_records import made, values_of
from tfae._support.typing import Array, Weights
from tfae._training.callbacks import Logs, Observer
from tfae._training.checkpoints import (
    NO_CHECKPOINTS,
    Checkpoints,
    Values,
    continue_from,
    drawn_so_far,
)
from tfae._training.chunks import AtOnce, one_at_once
from tfae._training.state import TrainingState
from tfae._training.step.chunk import Chunk
from tfae._training.step.optimizers import learning_rates
from tfae._training.step.program import Program

Chunks = Generator[Chunk, None, None]

# A loss is still falling if the last tenth of the epochs lowers it by more than this share.
_CLEARLY = 0.02


class Batches(Protocol):
    """The rows that a training runs over, such as :class:`tfae._training.chunks.Rows`."""

    def epochs(
        self, rng: np.random.Generator | None = None, at_once: AtOnce = one_at_once
    ) -> Chunks:
        """Yield the chunks of epoch after epoch, in an order drawn from `rng` if there is one.

        ``at_once(epoch)`` is how many epochs a chunk may hold, from that epoch on.
        """


@dataclass(frozen=True)
class Stopping:
    """When a training ends, in the terms of scikit-learn's ``MLPRegressor``."""

    max_iter: int
    tol: float
    n_iter_no_change: int


@dataclass(frozen=True)
class ScalarSchedule:
    """The scalars that a compiled step takes. One of them may change over the first epochs."""

    final: Array
    ramped: int = 0  # the position of the one that changes
    n_epochs: int = 0  # how many epochs it takes from `first` times its final value to that value
    first: float = 0.0
    first_epoch: int = 0  # the epochs of the earlier trainings that this one continues

    def of_epoch(self, epoch: int) -> Array:
        """Return the scalars of an epoch of this training."""
        if self.settled(epoch):
            return self.final
        scalars = self.final.copy()
        progress = (self.first_epoch + epoch) / self.n_epochs
        scalars[self.ramped] *= self.first + (1 - self.first) * progress
        return scalars

    def settled(self, epoch: int) -> bool:
        """Whether no scalar changes any more, so that losses can be compared."""
        return self.first_epoch + epoch >= self.n_epochs


@dataclass
class Outcome:
    """The result of a training: the weights to keep and a record of what happened."""

    history: dict[str, list[float]]
    weights: Weights = field(default_factory=list)
    diverged_at: int | None = None  # the epoch, counted from 1, whose loss was not finite
    interrupted: bool = False
    best_epoch: int = 0  # the one with the lowest validation loss, counted from 1
    still_falling: bool = False  # whether the loss was when the last epoch was over
    went_together: bool = False  # whether a call of the program went through several epochs

    @property
    def values(self) -> Values:
        """The outcome as plain values and arrays."""
        history = {name: np.array(of_epochs) for name, of_epochs in self.history.items()}
        return {**values_of(self), "history": history}

    @classmethod
    def of_values(cls, values: Mapping[str, Any]) -> Outcome:
        """Return the outcome with these :attr:`values`."""
        history = {name: of_epochs.tolist() for name, of_epochs in values["history"].items()}
        return made(cls, {**values, "history": history})

    @property
    def ended_well(self) -> bool:
        """Whether training reached its end."""
        return not self.interrupted and self.diverged_at is None


@dataclass(frozen=True)
class Course:
    """How a training proceeds, whatever rows it runs on.

    Attributes
    ----------
    rate : float or callable
        The learning rate, or a schedule that depends on the step.
    scalars : ScalarSchedule
        The scalars of the program's key, in its order. Validation takes their final values.
    stopping : Stopping
    shuffle : bool
        Whether the rows are shuffled before every epoch.
    unit : float
        A reported loss is the loss of the scaled data times this factor.
    keep_start : bool
        Whether the weights at the start may be the best ones on the held-out rows.
    most_epochs_a_call : int or None
        The most epochs in one call of the program, if nobody watches them and only the last can end
        the training; None for as many as fit. It changes nothing unless the training diverges. Then
        the last weights known to be good are those from before the call.
    """

    rate: float | Callable[[Any], Any]
    scalars: ScalarSchedule
    stopping: Stopping
    shuffle: bool = True
    unit: float = 1.0
    keep_start: bool = False
    most_epochs_a_call: int | None = None


class EpochLoop:
    """One training: a program, loaded with weights and optimizer state, goes over some rows.

    Parameters
    ----------
    program : Program
    rows, held_out : Batches
        The rows to train on, and the rows of the validation loss (or None). If there are held-out
        rows, the weights with the lowest validation loss are kept, otherwise the last weights.
    course : Course
    observers : sequence of Observer
    checkpoints : Checkpoints
        Those of the fit that this training is a part of.
    """

    def __init__(
        self,
        program: Program,
        rows: Batches,
        held_out: Batches | None,
        course: Course,
        observers: Sequence[Observer] = (),
        checkpoints: Checkpoints = NO_CHECKPOINTS,
    ) -> None:
        self._program, self._rows, self._held_out = program, rows, held_out
        self._course, self._observers, self._checkpoints = course, observers, checkpoints
        self._stopping, self._scalars, self._unit = course.stopping, course.scalars, course.unit
        self._rate = course.rate  # which an observer may change
        self._outcome = Outcome({name: [] for name in self._recorded()})
        self._good = program.snapshot()
        self._best = np.inf
        self._watched: list[float] = []  # the losses that can be compared
        self._epoch = self._stale_epochs = self._first_epoch = 0
        self._drawn: tuple[Any, ...] = (None, None)  # up to the last epoch
        self._keep_start = course.keep_start and held_out is not None
        alone = held_out is not None or bool(observers)
        self._most_a_call = 1 if alone else course.most_epochs_a_call

    def _recorded(self) -> list[str]:
        """Return the names of the values in the history."""
        terms = self._program.terms
        held_out = [] if self._held_out is None else [f"val_{term}" for term in terms]
        return [*terms, *held_out, "seconds"]

    def run(self, state: TrainingState) -> Outcome:
        """Train until there is a reason to stop, and update the state.

        A training that was over in an earlier call of the fit is not run again, and one that was
        not continues.
        """
        result, place = self._checkpoints.next_training()
        if result is not None:
            return self._replayed(result, state)
        self._step = state.step
        if place is not None:
            self._continue_from(place, state)
        outcome = self._trained(state)
        if outcome.interrupted:
            self._checkpoints.interrupt()
        else:
            self._checkpoints.finish(lambda: self._result(state))
        return outcome

    def _trained(self, state: TrainingState) -> Outcome:
        outcome = self._outcome
        rng = state.order_rng if self._course.shuffle else None
        tests = nullcontext() if self._held_out is None else closing(self._held_out.epochs())
        try:
            with closing(self._rows.epochs(rng, self._at_once)) as chunks, tests as held_out:
                self._loop(chunks, held_out)
        except KeyboardInterrupt:
            outcome.interrupted = True
        finally:
            for observer in self._observers:
                observer.close()
        has_best = self._held_out is not None and np.isfinite(self._best)
        if outcome.diverged_at is None and not has_best:
            if self._step:  # before the first step averages are 0
                self._program.finish()
            outcome.weights = self._program.weights()
            if not _finite(outcome.weights):  # no loss was computed after the last step
                outcome.diverged_at = self._epoch + outcome.interrupted
        if outcome.diverged_at is not None or has_best:
            outcome.weights = as_arrays(self._good)
        slots = self._program.slots()
        # After a divergence the optimizer's state is as bad as the weights were, or worse.
        state.slots = slots if outcome.diverged_at is None and _finite(slots) else None
        state.step = self._step
        return outcome

    def _loop(self, chunks: Chunks, held_out: Chunks | None) -> None:
        logs: Logs = {}
        terms = self._program.terms
        for observer in self._observers:
            observer.on_train_begin()
        if self._keep_start and held_out is not None and not self._epoch:
            self._best = self._test_epoch(held_out)[0]
        for epoch, (losses, before, seconds) in enumerate(self._epochs(chunks), self._epoch):
            start = time.perf_counter()
            logs = dict(zip(terms, losses, strict=True))
            with self._program.averaged():
                if held_out is not None:
                    losses = self._test_epoch(held_out)
                    logs |= {f"val_{t}": v for t, v in zip(terms, losses, strict=True)}
                if not np.isfinite(list(logs.values())).all():
                    self._outcome.diverged_at = epoch + 1
                    break
                over = self._watch(epoch, logs, before)
            logs = {name: loss * self._unit for name, loss in logs.items()}
            seconds += time.perf_counter() - start
            for name, value in {**logs, "seconds": seconds}.items():
                self._outcome.history[name].append(value)
            self._epoch = epoch + 1
            if any([over, *(observer.on_epoch_end(epoch, logs) for observer in self._observers)]):
                break
        else:
            self._outcome.still_falling = still_falls(self._watched)
        for observer in self._observers:
            observer.on_train_end(logs)

    def _epochs(self, chunks: Chunks) -> Iterator[tuple[list[float], list[Any], float]]:
        """Train epoch after epoch; yield its losses, the weights from before, and the seconds."""
        while self._epoch < self._stopping.max_iter:
            # Not after the last epoch: rows after it are drawn, too, and then the result is kept.
            if self._epoch > self._first_epoch:
                self._checkpoints.save_if_due(self._place)
            start = time.perf_counter()
            self._begin_epoch(self._epoch)
            means, before = self._train_chunks(chunks, self._scalars.of_epoch(self._epoch))
            seconds = (time.perf_counter() - start) / len(means)
            self._outcome.went_together |= len(means) > 1
            for losses in means:
                yield losses, before, seconds

    def _begin_epoch(self, epoch: int) -> None:
        for observer in self._observers:
            rate = observer.on_epoch_begin(epoch)
            self._rate = self._rate if rate is None else rate

    def _at_once(self, epoch: int) -> int:
        """Return how many epochs may be in one chunk, from `epoch` of this run on.

        Only the last of them may end the training.
        Another thread may ask while earlier epochs are trained. At that time, each of these epochs
        may still turn out to be one without progress.
        """
        epoch += self._first_epoch
        under_way = epoch - self._epoch  # read first, because stale epochs change before it does
        if not self._scalars.settled(epoch):
            return 1
        left = self._stopping.max_iter - epoch
        before_end = self._stopping.n_iter_no_change + 1 - self._stale_epochs - under_way
        return max(1, min(left, before_end, self._most_a_call or left))

    def _train_chunks(self, chunks: Chunks, scalars: Array) -> tuple[list[list[float]], list[Any]]:
        """Train on an epoch's chunks, or on a chunk of several epochs.

        Return the means of the terms for every epoch, and the weights from before the first epoch.
        """
        terms, dtype = self._program.terms, self._program.shape.dtype
        totals, weight = np.zeros((1, len(terms))), np.zeros((1, 1))
        before: list[Any] = []
        for chunk in chunks:
            n_steps = chunk.n_steps // chunk.n_epochs
            # Keras schedules give other last bits if they are asked for several epochs at once.
            rates = np.concatenate(
                [
                    learning_rates(self._rate, self._step + epoch * n_steps, n_steps, dtype)
                    for epoch in range(chunk.n_epochs)
                ]
            )
            # If Ctrl-C is noticed when a call returns, its epochs are not recorded.
            several = chunk.n_epochs > 1
            with self._program.undone_by_interrupt() if several else nullcontext():
                sums, weights = self._program.train(chunk, rates, scalars)
            before = before or weights
            del weights  # as large as the network
            self._step += chunk.n_steps
            rows = chunk.counted[: chunk.n_steps].sum(axis=1, dtype=np.float64)
            totals = totals + sums.reshape(chunk.n_epochs, -1, len(terms)).sum(axis=1)
            weight = weight + rows.reshape(chunk.n_epochs, -1).sum(axis=1, keepdims=True)
            means = self._unit * sums.sum(axis=0) / rows.sum()
            logs = dict(zip(terms, means.tolist(), strict=True))
            for observer in self._observers:
                observer.on_chunk_end(self._step, logs)
            self._drawn = chunk.drawn
            if chunk.last or not np.isfinite(totals).all():
                break
        return (totals / weight).tolist(), before

    def _test_epoch(self, chunks: Chunks) -> list[float]:
        totals, weight = np.zeros(len(self._program.terms)), 0.0
        for chunk in chunks:
            totals += self._program.test(chunk, self._scalars.final)
            weight += float(chunk.counted.sum())
            if chunk.last:
                break
        return (totals / weight).tolist()

    def _watch(self, epoch: int, logs: Logs, before: list[Any]) -> bool:
        """Record the loss that decides, with its weights; return whether to stop.

        A validation loss belongs to the weights at the epoch's end. A training loss was summed up
        during the epoch, so only the weights at the start of the epoch are known to be good. These
        are kept if the training diverges later.
        """
        if not self._scalars.settled(epoch):
            self._good = before
            return False
        watched = logs.get("val_loss", logs["loss"])
        self._watched.append(watched)
        stale = watched > self._best - self._stopping.tol
        self._stale_epochs = self._stale_epochs + 1 if stale else 0
        if watched < self._best:
            self._best = watched
            self._good = before if self._held_out is None else self._program.snapshot()
            self._outcome.best_epoch = epoch + 1
        return self._stale_epochs > self._stopping.n_iter_no_change

    def _place(self) -> Values:
        """Return where the training stands between two epochs."""
        return {
            "program": self._program.state(),
            "drawn": self._drawn,
            "step": self._step,
            "epoch": self._epoch,
            "stale_epochs": self._stale_epochs,
            "best": float(self._best),
            "good": as_arrays(self._good),
            "watched": np.array(self._watched),
            "outcome": self._outcome.values,
        }

    def _continue_from(self, place: Values, state: TrainingState) -> None:
        """Continue from a :meth:`_place` of another loop like this one."""
        self._program.restore(place["program"])
        continue_from(place["drawn"], state.order_rng, state.noise_rng)
        self._epoch = self._first_epoch = place["epoch"]
        self._step, self._stale_epochs = place["step"], place["stale_epochs"]
        self._best, self._watched = place["best"], place["watched"].tolist()
        self._good = list(map(tf.constant, place["good"]))
        self._outcome = Outcome.of_values(place["outcome"])

    def _result(self, state: TrainingState) -> Values:
        """Return what comes out of the training; nothing in a fit continues with its slots."""
        return {
            "outcome": self._outcome.values,
            "drawn": drawn_so_far(state.order_rng, state.noise_rng),
            "step": self._step,
            "execution": self._program.execution,
        }

    def _replayed(self, result: Values, state: TrainingState) -> Outcome:
        """Return the outcome in a :meth:`_result` of another loop like this one."""
        for observer in self._observers:
            observer.close()
        self._program.run_as(result["execution"])
        continue_from(result["drawn"], state.order_rng, state.noise_rng)
        state.slots, state.step = None, result["step"]
        return Outcome.of_values(result["outcome"])


def still_falls(losses: Sequence[float]) -> bool:
    """Whether the last tenth of some losses, at least one, lowers the best one clearly.

    A share of a loss says little if that is a logarithm and may be 0. So the share is of the loss
    or of all that it has fallen, whichever is larger.
    """
    n_last = max(1, len(losses) // 10)
    if len(losses) <= n_last:
        return False
    before = min(losses[:-n_last])
    return before - min(losses) > _CLEARLY * max(abs(before), losses[0] - before)


def _finite(arrays: Weights) -> bool:
    return all(np.isfinite(array).all() for array in arrays)
