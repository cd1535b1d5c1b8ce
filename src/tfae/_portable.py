"""A trained stack of plain layers, run in NumPy.

An autoencoder is used far more often than trained, and on few rows at a time; there NumPy is tens
of times faster than a call into TensorFlow, and needs no TensorFlow in the process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tfae._activations import KNOWN, get_activation
from tfae._tensorflow import keras
from tfae._types import Array, Weights


class PlainLayer(Protocol):
    """A layer without its weights, which are told by their positions in the model's list."""

    def run(self, weights: Weights, x: Array) -> Array:
        """Send rows through the layer, in the dtype of `x`, which is left as it is."""


@dataclass(frozen=True)
class Dense:
    """A fully connected layer."""

    kernel: int
    bias: int | None
    activation: str

    def run(self, weights: Weights, x: Array) -> Array:
        x = x @ weights[self.kernel].astype(x.dtype, copy=False)
        if self.bias is not None:
            x += weights[self.bias].astype(x.dtype, copy=False)
        return get_activation(self.activation).numpy(x)


@dataclass(frozen=True)
class Activation:
    """An activation on its own."""

    activation: str

    def run(self, weights: Weights, x: Array) -> Array:
        return get_activation(self.activation).numpy(x)


@dataclass(frozen=True)
class BatchNormalization:
    """Normalisation by the moving moments."""

    gamma: int | None
    beta: int | None
    mean: int
    variance: int
    epsilon: float

    def run(self, weights: Weights, x: Array) -> Array:
        def weight(position: int) -> Array:
            return weights[position].astype(x.dtype, copy=False)

        factor = 1 / np.sqrt(weight(self.variance) + x.dtype.type(self.epsilon))
        if self.gamma is not None:
            factor = factor * weight(self.gamma)
        x = (x - weight(self.mean)) * factor
        return x if self.beta is None else x + weight(self.beta)


def plain_layers(model: Any) -> tuple[PlainLayer, ...] | None:
    """Read a Keras model as plain layers; None if it holds any other kind.

    Only a plain stack can be read: layers one after the other, as in ``keras.Sequential``.
    """
    if not isinstance(model, keras.Sequential):
        return None
    positions = {id(weight): position for position, weight in enumerate(model.weights)}
    try:
        return tuple(plain for layer in model.layers for plain in _plain(layer, positions))
    except NotImplementedError:
        return None


def _plain(layer: Any, positions: dict[int, int]) -> Iterator[PlainLayer]:
    """Yield what a Keras layer is in NumPy, which may be nothing; raise if it cannot be told."""
    kind, layers = type(layer), keras.layers
    if kind is layers.Dense:
        bias = positions[id(layer.bias)] if layer.use_bias else None
        yield Dense(positions[id(layer.kernel)], bias, _activation(layer))
    elif kind is layers.Activation:
        yield Activation(_activation(layer))
    elif kind is layers.BatchNormalization and layer.axis == -1:
        yield BatchNormalization(
            positions[id(layer.gamma)] if layer.scale else None,
            positions[id(layer.beta)] if layer.center else None,
            positions[id(layer.moving_mean)],
            positions[id(layer.moving_variance)],
            layer.epsilon,
        )
    elif kind not in (layers.Dropout, layers.GaussianNoise):  # which rest after training
        raise NotImplementedError(kind)


def _activation(layer: Any) -> str:
    name = getattr(layer.activation, "__name__", "")
    # The same name is not enough: a user's own function may be called "relu" too.
    if name not in KNOWN or layer.activation is not keras.activations.get(name):
        raise NotImplementedError(name)
    return name


def run_layers(layers: Sequence[PlainLayer], weights: Weights, x: Array) -> Array:
    """Send rows through the layers, in the dtype of `x`."""
    for layer in layers:
        x = layer.run(weights, x)
    return np.asarray(x)
