"""The state that one training hands on to the next."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from tfae._support.typed_records import check_type, made, values_of
from tfae._support.typing import Weights
from tfae._training.step.optimizers import Rule, rule_of, values_of_rule


@dataclass
class TrainingState:
    """The state for the next training: streams of random numbers, the optimizer's slots."""

    split_rng: np.random.Generator
    weights_rng: np.random.Generator
    order_rng: np.random.Generator
    noise_rng: np.random.Generator
    slots: Weights | None = None
    rule: Rule | None = None  # the rule that the slots belong to
    step: int = 0

    def copy(self) -> TrainingState:
        """Return a state that draws the same numbers."""
        split, weights, order, noise = copy.deepcopy(
            (self.split_rng, self.weights_rng, self.order_rng, self.noise_rng)
        )
        return TrainingState(split, weights, order, noise, self.slots, self.rule, self.step)

    def become(self, other: TrainingState) -> None:
        """Continue as another state would."""
        vars(self).update(vars(other))

    @property
    def values(self) -> dict[str, Any]:
        """The state as plain values, arrays and generators of random numbers."""
        rule = None if self.rule is None else values_of_rule(self.rule)
        # TensorFlow returns a scalar as a number.
        slots = None if self.slots is None else [np.asarray(slot) for slot in self.slots]
        return {**values_of(self), "rule": rule, "slots": slots}

    @classmethod
    def of_values(cls, values: Mapping[str, Any]) -> TrainingState:
        """Return the state with these :attr:`values`.

        Raises
        ------
        ValueError
            If they are not those of a state.
        """
        given = values.get("rule")
        check_type(given, dict | None, "A rule")
        return made(cls, {**values, "rule": None if given is None else rule_of(given)})

    @classmethod
    def new(cls, random_state: Any) -> TrainingState:
        """Derive independent streams from scikit-learn's ``random_state``."""
        seed = check_random_state(random_state).randint(2**32, size=4, dtype=np.uint32)
        split, weights, order, noise = np.random.default_rng(seed).spawn(4)
        return cls(split, weights, order, noise)
