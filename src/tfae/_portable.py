"""A trained stack of plain layers, run in NumPy.

An autoencoder is used far more often than trained, and on few rows at a time; there NumPy is tens
of times faster than a call into TensorFlow, and needs no TensorFlow in the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfae._activations import KNOWN, get_activation
from tfae._tensorflow import keras
from tfae._types import Array


@dataclass(frozen=True)
class PlainLayer:
    """A dense layer; its weights are told by their positions in the model's list."""

    kernel: int
    bias: int | None
    activation: str


def plain_layers(model: Any) -> tuple[PlainLayer, ...] | None:
    """Read a Keras model as plain layers; None if it holds any other kind.

    Only a plain stack can be read: layers one after the other, as in ``keras.Sequential``.
    """
    if not isinstance(model, keras.Sequential):
        return None
    positions = {id(weight): position for position, weight in enumerate(model.weights)}
    layers = []
    for layer in model.layers:
        if type(layer) is not keras.layers.Dense:
            return None
        activation = getattr(layer.activation, "__name__", "")
        # The same name is not enough: a user's own function may be called "relu" too.
        if activation not in KNOWN or layer.activation is not keras.activations.get(activation):
            return None
        bias = positions[id(layer.bias)] if layer.use_bias else None
        layers.append(PlainLayer(positions[id(layer.kernel)], bias, activation))
    return tuple(layers)


def run_layers(layers: Sequence[PlainLayer], weights: Sequence[Array], x: Array) -> Array:
    """Send rows through the layers, in the dtype of `x`."""
    for layer in layers:
        x = x @ weights[layer.kernel].astype(x.dtype, copy=False)
        if layer.bias is not None:
            x += weights[layer.bias].astype(x.dtype, copy=False)
        x = get_activation(layer.activation).numpy(x)
    return np.asarray(x)
