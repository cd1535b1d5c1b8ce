"""Networks of one structure, side by side in one program.

Every weight has a first axis for the members of the ensemble. A batch holds the rows of the first
member, then those of the second, and so on, as many of each. So the rest of the step takes it for
one batch of one network: only the layers know better. A product of all members is one operation,
which compiles in the time of a single product; XLA runs it member by member.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfae._networks.plain_layers import PlainLayer
from tfae._networks.spec import Network
from tfae._support.tensorflow import keras, tf
from tfae._training.step.plain_stack import layers_of_stacks, run_plain_layers


class SideBySide:
    """A Keras model of plain layers, once for every member, with weights of its own."""

    def __init__(self, model: Any, layers: Sequence[PlainLayer], n_members: int) -> None:
        self._layers, self._n_members = layers, n_members
        self._trained = [weight.trainable for weight in model.weights]
        self.weights = [_repeated(weight, n_members) for weight in model.weights]

    def __call__(self, x: Any, training: bool) -> Any:
        """Send a tensor through the layers; each member's rows are one part of it."""
        rows = tf.reshape(x, [self._n_members, -1, x.shape[-1]])
        # A vector of every member stands beside all of its rows.
        weights = [
            w.value[:, None] if len(w.shape) == 2 else tf.convert_to_tensor(w.value)
            for w in self.weights
        ]
        out = run_plain_layers(self._layers, weights, rows)
        return tf.reshape(out, [-1, out.shape[-1]])

    @property
    def trainable_variables(self) -> list[Any]:
        """The weights that training changes."""
        return [w for w, trained in zip(self.weights, self._trained, strict=True) if trained]

    @property
    def variables(self) -> list[Any]:
        """All variables: the weights."""
        return self.weights

    losses: tuple[Any, ...] = ()


def side_by_side(network: Network, dtype: str, n_members: int) -> Network:
    """Return members of a built network, whose weights are zeros.

    Raises
    ------
    ValueError
        If it is not :func:`can_stand_side_by_side`.
    """
    layers = layers_of_stacks(network, dtype)
    if layers is None:
        raise ValueError("Only stacks of plain layers can be trained side by side.")
    sides = zip(network, layers, strict=True)
    return Network(*(SideBySide(model, of_side, n_members) for model, of_side in sides))


def can_stand_side_by_side(network: Network, dtype: str) -> bool:
    """Whether a built network is a stack of plain layers, each of which is a member's own affair.

    Regularizers and constraints of the user's own could mix the members, and weights that encoder
    and decoder share would become two.
    """
    if layers_of_stacks(network, dtype) is None or any(model.losses for model in network):
        return False
    weights = [*network.encoder.weights, *network.decoder.weights]
    once = len({id(weight) for weight in weights}) == len(weights)
    return once and all(weight.constraint is None for weight in weights)


def _repeated(weight: Any, n_members: int) -> Any:
    shape = (n_members, *weight.shape)
    dtype = tf.as_dtype(weight.dtype).as_numpy_dtype
    return keras.Variable(np.zeros(shape, dtype), dtype=weight.dtype, name=weight.name)
