"""A trained stack of plain layers, run in NumPy.

An autoencoder is used far more often than trained, and on few rows at a time; there NumPy is tens
of times faster than a call into TensorFlow, and needs no TensorFlow in the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfae._activations import get_activation
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
        activation = getattr(getattr(layer, "activation", None), "__name__", None)
        if type(layer) is not keras.layers.Dense or not _is_known(activation):
            return None
        bias = positions[id(layer.bias)] if layer.use_bias else None
        layers.append(PlainLayer(positions[id(layer.kernel)], bias, str(activation)))
    return tuple(layers)


def _is_known(activation: str | None) -> bool:
    try:
        get_activation(str(activation))
    except ValueError:
        return False
    return True


def run_layers(layers: Sequence[PlainLayer], weights: Sequence[Array], x: Array) -> Array:
    """Send rows through the layers, in the dtype of `x`."""
    for layer in layers:
        x = x @ weights[layer.kernel].astype(x.dtype, copy=False)
        if layer.bias is not None:
            x += weights[layer.bias].astype(x.dtype, copy=False)
        x = get_activation(layer.activation).numpy(x)
    return np.asarray(x)
