"""Compiled programs: a network, its optimizer's slots, and the functions that train and test it.

A program depends on structure alone (:class:`Plan`). It is kept when a fit ends and leased to the
next fit of the same structure, which writes its own weights into it; so nothing is traced or
compiled twice, and two fits never share one at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tfae._optimizers import Rule
from tfae._pool import Pool
from tfae._structure import Structure
from tfae._tensorflow import as_arrays, keras, private_keras, read, tf, write
from tfae._types import Array, Chunk, ChunkShape, Weights
from tfae.losses import Loss

_n_traces = 0


def trace_count() -> int:
    """Return how many functions this process has traced, for tests and benchmarks."""
    return _n_traces


@dataclass(frozen=True)
class Plan:
    """Everything that the structure of a program depends on."""

    structure: Structure
    loss: Loss
    rule: Rule
    shape: ChunkShape


class Program:
    """A network with an optimizer, and its two compiled functions.

    ``model`` is the network as one Keras model on scaled data, its weights the live ones.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan, self.shape = plan, plan.shape
        shape = plan.shape
        self.network = plan.structure.build(shape.dtype)
        with private_keras(shape.dtype):
            x = keras.Input((shape.features,))
            activation = keras.layers.Activation(
                plan.structure.output_activation, name="reconstruction"
            )
            output = activation(self.network.decoder(self.network.encoder(x)))
            self.model = keras.Model(x, output, name="autoencoder")
            variables = self.model.trainable_variables
            decayed = [len(variable.shape) > 1 for variable in variables]
            self._update = plan.rule.build(variables, decayed)
        weights = [*self.network.encoder.weights, *self.network.decoder.weights]
        self._variables = [variable.value for variable in weights]
        # Variables that are no weights are the states of layers that draw random numbers.
        known = {id(variable) for variable in weights}
        self._seeds = [v.value for v in self.model.variables if id(v) not in known]
        self._activation = keras.activations.get(
            "linear" if plan.loss.from_logits else plan.structure.output_activation
        )

    @cached_property
    def _train(self) -> Any:
        rule, (steps, _, _, dtype) = self._plan.rule, self.shape
        rates, numbers = tf.TensorSpec((steps,), dtype), tf.TensorSpec((len(rule.numbers),), dtype)
        return self._compiled(self._train_steps, rates, numbers)

    @cached_property
    def _test(self) -> Any:
        return self._compiled(self._test_steps)

    def _compiled(self, function: Callable[..., Any], *more_inputs: Any) -> Any:
        """Compile a function of a chunk; calling the concrete one saves 1 ms of checks a call."""
        steps, batch, features, dtype = self.shape
        chunk = (
            tf.TensorSpec((steps * batch, features), dtype),
            tf.TensorSpec((steps, batch), tf.int32),
            tf.TensorSpec((steps, batch), dtype),
            tf.TensorSpec((), tf.int32),
        )
        return tf.function(
            function,
            input_signature=[*chunk, *more_inputs],
            jit_compile=_prefers_xla(self),
            autograph=False,
        ).get_concrete_function()

    def load(self, weights: Weights, slots: Weights | None, rng: np.random.Generator) -> None:
        """Start from these weights and optimizer slots (None: new ones) and from new seeds."""
        write(self._variables, weights)
        self._update.load(slots)
        write(self._seeds, [rng.integers(2**31, size=seed.shape) for seed in self._seeds])

    def weights(self) -> Weights:
        """Return the encoder's and then the decoder's weights as NumPy arrays."""
        return as_arrays(self.snapshot())

    def snapshot(self) -> list[Any]:
        """Return the weights as tensors, which costs no copy until the next step changes them."""
        return read(self._variables)

    def slots(self) -> Weights:
        """Return the optimizer's state as NumPy arrays."""
        return self._update.state()

    def finish(self) -> None:
        """Let the optimizer write its final values, where it keeps averages of the weights."""
        self._update.finish()

    def train(self, chunk: Chunk, rates: Array, numbers: Array) -> float:
        """Take a step for every batch of a chunk; return the sum of its rows' losses."""
        inputs = *_tensors(chunk), tf.constant(rates), tf.constant(numbers)
        return float(self._train(*inputs))

    def test(self, chunk: Chunk) -> float:
        """Return the sum of the losses of a chunk's rows."""
        return float(self._test(*_tensors(chunk)))

    def _train_steps(
        self, x: Any, order: Any, weight: Any, n_steps: Any, rates: Any, numbers: Any
    ) -> Any:
        named = dict(zip(self._plan.rule.numbers, tf.unstack(numbers), strict=True))
        variables = [variable.value for variable in self.model.trainable_variables]

        def step(i: Any) -> Any:
            w = weight[i]
            with tf.GradientTape() as tape:
                total = tf.reduce_sum(w * self._row_losses(tf.gather(x, order[i]), training=True))
                # What layers ask for themselves: regularizers of weights and of activities.
                penalties = [*self.network.encoder.losses, *self.network.decoder.losses]
                objective = tf.add_n([total / tf.reduce_sum(w), *penalties])
            gradients = tape.gradient(
                objective, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
            self._update.apply(gradients, rates[i], named)
            return total

        return _sum_over_steps(step, n_steps, x.dtype)

    def _test_steps(self, x: Any, order: Any, weight: Any, n_steps: Any) -> Any:
        def step(i: Any) -> Any:
            losses = self._row_losses(tf.gather(x, order[i]), training=False)
            return tf.reduce_sum(weight[i] * losses)

        return _sum_over_steps(step, n_steps, x.dtype)

    def _row_losses(self, x: Any, training: bool) -> Any:
        code = self.network.encoder(x, training=training)
        output = self._activation(self.network.decoder(code, training=training))
        return self._plan.loss.per_row(x, output)


def _sum_over_steps(step: Callable[[Any], Any], n_steps: Any, dtype: Any) -> Any:
    """Run `step` for 0, 1, … in the program; a loss that is not finite ends it at once."""
    global _n_traces
    _n_traces += 1

    def more(i: Any, total: Any) -> Any:
        return tf.logical_and(i < n_steps, tf.math.is_finite(total))

    def body(i: Any, total: Any) -> Any:
        return i + 1, total + step(i)

    start = tf.constant(0), tf.constant(0, dtype)
    return tf.while_loop(more, body, start, parallel_iterations=1)[1]


def _tensors(chunk: Chunk) -> tuple[Any, ...]:
    """Hand a chunk over without copying it."""
    arrays = chunk.x, chunk.order, chunk.weight
    tensors = (tf.experimental.dlpack.from_dlpack(array.__dlpack__()) for array in arrays)
    return *tensors, tf.constant(chunk.n_steps, tf.int32)


def _prefers_xla(program: Program) -> bool:
    """Choose how the step runs, by what was measured (``docs/benchmarks.md``).

    For dense networks one XLA program is 1.4 times as fast as TensorFlow's executor or more. On the
    CPU, XLA is 7 times slower for convolutions, and between somewhat faster and 3 times slower, by
    the processor, where the step draws random numbers. On a
    GPU XLA is taken throughout, which nobody has measured yet.
    """
    if tf.config.list_logical_devices("GPU"):
        return True
    layers = [*program.network.encoder.layers, *program.network.decoder.layers]
    convolutional = any("Conv" in type(layer).__name__ for layer in layers)
    return not (program._seeds or convolutional)


PROGRAMS: Pool[Plan, Program] = Pool(Program, capacity=24)
