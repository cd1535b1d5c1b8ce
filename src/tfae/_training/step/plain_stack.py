"""Plain layers as the operations that XLA compiles fastest.

TensorFlow hands most operations to XLA by a rule. Some have no rule: TensorFlow runs a pipeline of
MLIR passes over every single one, which takes 7 ms. These are Relu and its gradient, the gradient
of BiasAdd, IsFinite, Abs, Exp, Sigmoid, Sqrt and Tanh (TensorFlow 2.21). A dense layer of Keras has
up to three of them. This file computes the same from other operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

from tfae._networks.plain_layers import (
    Activation,
    Dense,
    EachFeature,
    PlainLayer,
    Rescaling,
    Sum,
    plain_layers,
)
from tfae._networks.spec import Network
from tfae._support.keras_graphs import flat_layers
from tfae._support.tensorflow import keras, tf


class Stack:
    """A Keras model of plain layers, called in another way."""

    def __init__(self, model: Any, layers: Sequence[PlainLayer]) -> None:
        self._model, self._layers = model, layers

    def __call__(self, x: Any, training: bool) -> Any:
        """Send a tensor of rows through the layers, which do the same in training as after it."""
        weights = [tf.convert_to_tensor(weight) for weight in self._model.weights]
        return run_plain_layers(self._layers, weights, x)

    @property
    def layers(self) -> list[Any]:
        """The layers of the Keras model."""
        return list(self._model.layers)

    @property
    def losses(self) -> list[Any]:
        """The losses of the weight regularizers."""
        return list(self._model.losses)

    @property
    def non_trainable_variables(self) -> list[Any]:
        """The non-trainable variables of the model."""
        return list(self._model.non_trainable_variables)


def as_stacks(network: Network, dtype: str) -> Network | None:
    """Return stacks on the weights of a network; None if a side is not a stack."""
    layers = layers_of_stacks(network, dtype)
    return None if layers is None else Network(*map(Stack, network, layers))


def layers_of_stacks(network: Network, dtype: str) -> tuple[Sequence[PlainLayer], ...] | None:
    """Return the layers of both sides of a network; None if a side is not a stack."""
    sides = tuple(_layers(model, dtype) for model in network)
    return None if any(layers is None for layers in sides) else sides  # type: ignore[return-value]


def _layers(model: Any, dtype: str) -> Sequence[PlainLayer] | None:
    """Return a model's plain layers if they do the same in training as after it, all in `dtype`."""
    kinds = keras.layers
    others = kinds.Dropout, kinds.GaussianNoise, kinds.BatchNormalization
    for layer in flat_layers(model):
        alike = not isinstance(layer, others) and layer.activity_regularizer is None
        if not alike or layer.compute_dtype != dtype:
            return None
    return plain_layers(model)


def run_plain_layers(layers: Sequence[PlainLayer], weights: list[Any], x: Any) -> Any:
    """Send a tensor of rows through the layers."""
    for layer in layers:
        x = _apply(layer, weights, x)
    return x


@singledispatch
def _apply(layer: PlainLayer, weights: list[Any], x: Any) -> Any:
    """Send a tensor of rows through a layer."""
    raise NotImplementedError(layer)


@_apply.register
def _(layer: Dense, weights: list[Any], x: Any) -> Any:
    x = tf.matmul(x, weights[layer.kernel])
    return _activated(layer.activation, x if layer.bias is None else x + weights[layer.bias])


@_apply.register
def _(layer: Activation, weights: list[Any], x: Any) -> Any:
    return _activated(layer.activation, x)


@_apply.register
def _(layer: EachFeature, weights: list[Any], x: Any) -> Any:
    return x * weights[layer.kernel] + weights[layer.bias]


@_apply.register
def _(layer: Rescaling, weights: list[Any], x: Any) -> Any:
    return x * tf.constant(layer.scale, x.dtype) + tf.constant(layer.offset, x.dtype)


@_apply.register
def _(layer: Sum, weights: list[Any], x: Any) -> Any:
    one, other = (run_plain_layers(path, weights, x) for path in layer.paths)
    return one + other


def _activated(name: str, x: Any) -> Any:
    return _relu(x) if name == "relu" else keras.activations.get(name)(x)


def _relu(x: Any) -> Any:
    def with_gradient(x: Any) -> Any:
        y = tf.maximum(x, tf.zeros([], x.dtype))
        return y, lambda dy: tf.where(y > 0, dy, tf.zeros([], dy.dtype))

    return tf.custom_gradient(with_gradient)(x)
