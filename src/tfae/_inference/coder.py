"""Encoders and decoders after training: plain layers in NumPy, others as compiled Keras models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tfae._inference.numpy_layers import run_layers
from tfae._inference.workspace import NEW, Workspace
from tfae._networks.activations import get_activation
from tfae._networks.plain_layers import PlainLayer, plain_layers
from tfae._networks.structure import Structure
from tfae._support.pool import Pool
from tfae._support.tensorflow import tf, write
from tfae._support.typing import Array, Weights

# A compiled model takes this many rows at a time; the last batch is filled up.
_BATCH = 256


@dataclass(frozen=True)
class Coder:
    """The encoder or the decoder of a trained network, without its weights."""

    structure: Structure
    side: Literal["encoder", "decoder"]
    dtype: str  # of the training; TensorFlow runs the model in it
    layers: tuple[PlainLayer, ...] | None  # None if NumPy cannot run it
    floats_per_row: int  # the row's own and those NumPy computes; 0 if NumPy cannot run it

    @classmethod
    def of(
        cls, structure: Structure, side: Literal["encoder", "decoder"], dtype: str, model: Any
    ) -> Coder:
        """Describe one side of a built network."""
        shapes = [tuple(weight.shape) for weight in model.weights]
        return cls.of_layers(structure, side, dtype, plain_layers(model), shapes)

    @classmethod
    def of_layers(
        cls,
        structure: Structure,
        side: Literal["encoder", "decoder"],
        dtype: str,
        layers: tuple[PlainLayer, ...] | None,
        shapes: Sequence[tuple[int, ...]],
    ) -> Coder:
        """Describe one side by its plain layers and the shapes of its weights."""
        spec = structure.spec
        n_inputs = spec.n_inputs if side == "encoder" else spec.n_components
        n_outputs = sum(shape[1] for shape in shapes if len(shape) == 2)
        floats_per_row = 0 if layers is None else n_inputs + n_outputs
        return cls(structure, side, dtype, layers, floats_per_row)

    def __call__(self, weights: Weights, x: Array, space: Workspace = NEW) -> Array:
        """Return the codes of scaled rows, or the scaled rows of codes, in the dtype of `x`."""
        output = self.run(weights, x, space)
        if self.side == "encoder":
            return self.structure.code.in_numpy(output)
        activation = get_activation(self.structure.output_activation)
        return activation.numpy(output, space.empty(output.shape, output.dtype))

    def run(self, weights: Weights, x: Array, space: Workspace = NEW) -> Array:
        """Return the output of the Keras model, before it becomes a code or a row."""
        if self.layers is not None:
            return run_layers(self.layers, weights, x, space)
        with _MODELS.lease(self) as model:
            return model.run(weights, x)


class _CompiledModel:
    """One side of a network as a compiled function of batches of a fixed size."""

    def __init__(self, coder: Coder) -> None:
        self._model = getattr(coder.structure.build(coder.dtype), coder.side)
        spec, self._dtype = coder.structure.spec, coder.dtype
        width = spec.n_inputs if coder.side == "encoder" else spec.n_components
        self._call = tf.function(
            lambda x: self._model(x, training=False),
            input_signature=[tf.TensorSpec((_BATCH, width), coder.dtype)],
            autograph=False,
        ).get_concrete_function()

    def run(self, weights: Weights, x: Array) -> Array:
        write([variable.value for variable in self._model.weights], weights)
        parts = [self._batch(x[start : start + _BATCH]) for start in range(0, len(x), _BATCH)]
        return np.concatenate(parts).astype(x.dtype, copy=False)

    def _batch(self, rows: Array) -> Array:
        filled = np.zeros((_BATCH, rows.shape[1]), self._dtype)
        filled[: len(rows)] = rows
        return np.asarray(self._call(tf.constant(filled))[: len(rows)])


_MODELS: Pool[Coder, _CompiledModel] = Pool(_CompiledModel, capacity=8)
