"""Dropout that gets its random numbers together with the rows of a step.

Random numbers made inside an XLA program on the CPU cost more than the step that needs them, on
some machines three times as much. NumPy draws 16 bits for every unit in less than a hundredth of
that time, and draws the same bits however the step runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from tfae._networks.spec import Network
from tfae._support.keras_graphs import flat_layers, with_stand_ins
from tfae._support.random_bits import N_VALUES, sixteen_bits
from tfae._support.tensorflow import keras, private_keras, tf
from tfae._support.typing import Array
from tfae._training.step.chunk import ChunkShape, aligned


def given_dropout(network: Network, shape: ChunkShape, precision: str) -> GivenDropout | None:
    """Return the dropout of a network of dense layers; None if it has none."""
    drops = any(_drops(layer) for model in network for layer in flat_layers(model))
    return GivenDropout(network, shape, precision) if drops else None


class GivenDropout:
    """The dropout of a network as a part of its programs.

    ``network`` has the layers of the given network, on the same weights. Its dropout layers are
    replaced by layers that take their random numbers from here.
    """

    def __init__(self, network: Network, shape: ChunkShape, precision: str) -> None:
        self._layers: list[Any] = []
        with private_keras(precision):
            encoder, decoder = (with_stand_ins(model, self._in_place_of) for model in network)
        self.network = Network(encoder, decoder)
        width = sum(layer.width for layer in self._layers)
        self._buffer = aligned((shape.steps, shape.batch, width), np.uint16)
        self._rng = np.random.default_rng(0)

    def _in_place_of(self, layer: Any) -> Any:
        if not _drops(layer):
            return layer
        self._layers.append(_layer_class()(layer.rate, name=layer.name, dtype=layer.dtype_policy))
        return self._layers[-1]

    @property
    def signature(self) -> Any:
        """The signature of a chunk's random numbers in a compiled function."""
        return tf.TensorSpec(self._buffer.shape, tf.uint16)

    def load(self, rng: np.random.Generator) -> None:
        """Draw from a new stream from now on."""
        (self._rng,) = rng.spawn(1)

    @property
    def state(self) -> Any:
        """The state of the stream of random numbers."""
        return self._rng.bit_generator.state

    @state.setter
    def state(self, state: Any) -> None:
        self._rng.bit_generator.state = state

    def draw(self, n_steps: int, n_epochs: int = 1) -> Array:
        """Return new numbers for the first steps of a chunk, in a buffer that is reused.

        They are drawn epoch by epoch, so they do not depend on the number of epochs in a chunk.
        """
        for draws in np.split(self._buffer[:n_steps], n_epochs):
            draws[...] = sixteen_bits(draws.shape, self._rng)
        return self._buffer

    @contextmanager
    def drawing_from(self, draws: Any) -> Iterator[None]:
        """Let the layers use these numbers of one step, of shape [batch, units]."""
        parts = tf.split(draws, [layer.width for layer in self._layers], axis=1)
        for layer, part in zip(self._layers, parts, strict=True):
            layer.draws = part
        try:
            yield
        finally:
            for layer in self._layers:
                layer.draws = None


def _drops(layer: Any) -> bool:
    return type(layer) is keras.layers.Dropout and layer.rate > 0


@cache
def _layer_class() -> Any:
    class Given(keras.layers.Layer):
        """Keras's ``Dropout`` on 16-bit numbers; the rate is rounded to 16 bits."""

        def __init__(self, rate: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.rate = rate
            self.draws: Any = None

        def build(self, shape: Any) -> None:
            self.width = math.prod(shape[1:])

        def call(self, inputs: Any, training: bool = False) -> Any:
            if not training:
                return inputs
            dropped = min(round(self.rate * N_VALUES), N_VALUES - 1)
            kept = tf.reshape(self.draws >= dropped, tf.shape(inputs))
            return inputs * tf.cast(kept, inputs.dtype) / (1 - dropped / N_VALUES)

    return Given
