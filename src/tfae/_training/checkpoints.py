"""The trainings of one fit as plain values: those that are over, and where the present one stands.

A fit goes through its trainings (the search for a length, stages, the training itself, the second
one) in an order that follows from its recipe and rows, and so does everything between them. A fit
that is called again computes all that lies between once more, takes the results of the trainings
that were over, and continues the one that was not. So a fit needs no other state than this.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Values = dict[str, Any]

# A checkpoint is written this often, but takes at most this share of the time.
SECONDS, _MOST_OF_TIME = 5.0, 0.02


class Checkpoints:
    """The checkpoints of a fit that keeps none."""

    def next_training(self) -> tuple[Values | None, Values | None]:
        """Begin with the next training of the fit.

        Return its result if it was over before, or else where it was; None for what is not known.
        """
        return None, None

    def save_if_due(self, place: Callable[[], Values]) -> None:
        """Save where the training stands, if the last time is long enough ago."""

    def finish(self, result: Callable[[], Values]) -> None:
        """Keep the result of the training that is over."""

    def interrupt(self) -> None:
        """Note that Ctrl-C has ended a training, which another call may continue."""


NO_CHECKPOINTS = Checkpoints()


class KeptCheckpoints(Checkpoints):
    """The checkpoints of a fit, which are saved as a whole.

    Parameters
    ----------
    saved : mapping or None
        What an earlier call has saved.
    save : callable
        Takes the values to save: dicts, lists and tuples of numbers, text and arrays.
    """

    def __init__(self, saved: Mapping[str, Any] | None, save: Callable[[Values], None]) -> None:
        self._results: list[Values] = [] if saved is None else list(saved["results"])
        self._place: Values | None = None if saved is None else saved["place"]
        self._save, self._number = save, 0
        self._due = time.monotonic() + SECONDS
        self.interrupted = False

    @property
    def values(self) -> Values:
        """What is known of the fit when it begins, as it is saved."""
        return {"results": self._results, "place": self._place}

    def next_training(self) -> tuple[Values | None, Values | None]:
        number, self._number = self._number, self._number + 1
        if number < len(self._results):
            return self._results[number], None
        place, self._place = self._place, None
        return None, place

    def save_if_due(self, place: Callable[[], Values]) -> None:
        if time.monotonic() >= self._due:
            self._write(place)

    def finish(self, result: Callable[[], Values]) -> None:
        self._results.append(result())
        if time.monotonic() >= self._due:
            self._write(lambda: None)

    def interrupt(self) -> None:
        self.interrupted = True

    def _write(self, place: Callable[[], Values | None]) -> None:
        began = time.monotonic()
        self._save({"results": self._results, "place": place()})
        now = time.monotonic()
        self._due = now + max(SECONDS, (now - began) / _MOST_OF_TIME)


def drawn_so_far(*generators: np.random.Generator | None) -> tuple[Any, ...]:
    """Return the states of generators of random numbers."""
    return tuple(None if rng is None else rng.bit_generator.state for rng in generators)


def continue_from(states: Sequence[Any], *generators: np.random.Generator) -> None:
    """Put generators into the states of :func:`drawn_so_far`; None leaves one as it is."""
    for state, rng in zip(states, generators, strict=True):
        if state is not None:
            rng.bit_generator.state = state
