"""Plain layers: a stack of layers as pure data, read from a Keras model.

They have several interpreters: XLA in training (``_training/step/plain_stack``) and NumPy after it
(``_inference/numpy_layers``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfae._data.layout import Layout
from tfae._networks.activations import KNOWN
from tfae._networks.linear_path import linear_path_parts, logits_layer
from tfae._support.keras_graphs import inbound_nodes, is_graph
from tfae._support.tensorflow import keras


class PlainLayer:
    """A layer without its weights; it holds their positions in the model's list of weights."""


@dataclass(frozen=True)
class Dense(PlainLayer):
    """A fully connected layer."""

    kernel: int
    bias: int | None
    activation: str


@dataclass(frozen=True)
class Activation(PlainLayer):
    """An activation on its own."""

    activation: str


@dataclass(frozen=True)
class BatchNormalization(PlainLayer):
    """Normalisation by the moving moments."""

    gamma: int | None
    beta: int | None
    mean: int
    variance: int
    epsilon: float


@dataclass(frozen=True)
class Rescaling(PlainLayer):
    """A factor and an offset, one for each feature or one for all."""

    scale: float | tuple[float, ...]
    offset: float | tuple[float, ...]


@dataclass(frozen=True)
class EachFeature(PlainLayer):
    """A factor and an offset for each feature, which are weights."""

    kernel: int
    bias: int


@dataclass(frozen=True)
class Logits(PlainLayer):
    """Probabilities that a linear model guesses become logits; numbers stay."""

    layout: Layout


@dataclass(frozen=True)
class Sum(PlainLayer):
    """Two stacks of layers side by side."""

    paths: tuple[tuple[PlainLayer, ...], tuple[PlainLayer, ...]]


def plain_layers(model: Any) -> tuple[PlainLayer, ...] | None:
    """Read a Keras model as plain layers; None if it has other layers or is not a chain."""
    positions = {id(weight): position for position, weight in enumerate(model.weights)}
    try:
        return _all_plain([model], positions)
    except (NotImplementedError, KeyError):  # a kernel that is made of several weights
        return None


def _all_plain(layers: Sequence[Any], positions: dict[int, int]) -> tuple[PlainLayer, ...]:
    return tuple(plain for layer in layers for plain in _plain_model(layer, positions))


def _plain_model(model: Any, positions: dict[int, int]) -> tuple[PlainLayer, ...]:
    """Read a layer, or a model that may be a chain or have a linear path."""
    if not hasattr(model, "layers"):
        return tuple(_plain(model, positions))
    parts = linear_path_parts(model)
    if parts is None:
        layers = chain(model)
        if layers is None:
            raise NotImplementedError(model)
        return _all_plain(layers, positions)
    path, before, network, after = (
        _plain_model(part, positions)
        for part in (parts.path, parts.standardised, parts.network, parts.scaled)
    )
    if parts.correction is not None:
        network = (Sum((network, _plain_model(parts.correction, positions))),)
    if parts.logits is not None:
        path = (*path, *_plain_model(parts.logits, positions))
    return (Sum(((*before, *network, *after), path)),)


def chain(model: Any) -> list[Any] | None:
    """Return the layers of a model and of models within it, if each feeds only the next."""
    if type(model) is not keras.Sequential and not _is_linear(model):
        return None
    parts = [chain(layer) if hasattr(layer, "layers") else [layer] for layer in model.layers]
    if any(part is None for part in parts):
        return None
    return [layer for part in parts for layer in part or ()]


def _is_linear(model: Any) -> bool:
    """Whether a functional model calls each of its layers once, one after the other.

    All its layers lead to the output, and their list is in a possible order of calls. So it is
    enough that each layer takes one tensor and nothing else.
    """
    if not is_graph(model):
        return False  # a user's class may call its layers in any way
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return False
    calls = inbound_nodes(model)
    return calls is not None and all(map(_takes_one_tensor, calls[1:]))


def _takes_one_tensor(nodes: list[Any]) -> bool:
    if len(nodes) != 1 or any(value is not None for value in nodes[0]["kwargs"].values()):
        return False
    args = nodes[0]["args"]
    return len(args) == 1 and isinstance(args[0], dict) and "keras_history" in args[0]["config"]


def _plain(layer: Any, positions: dict[int, int]) -> Iterator[PlainLayer]:
    """Yield the plain layers of a Keras layer, if any; raise an error for an unknown one."""
    kind, layers = type(layer), keras.layers
    if kind is layers.Dense:
        bias = positions[id(layer.bias)] if layer.use_bias else None
        yield Dense(positions[id(layer.kernel)], bias, _activation(layer))
    elif kind is layers.Activation:
        yield Activation(_activation(layer))
    elif kind is layers.EinsumDense and layer.equation == "bi,i->bi" and layer.bias is not None:
        yield EachFeature(positions[id(layer.kernel)], positions[id(layer.bias)])
        if _activation(layer) != "linear":
            yield Activation(_activation(layer))
    elif kind is layers.BatchNormalization and layer.axis == -1:
        yield BatchNormalization(
            positions[id(layer.gamma)] if layer.scale else None,
            positions[id(layer.beta)] if layer.center else None,
            positions[id(layer.moving_mean)],
            positions[id(layer.moving_variance)],
            layer.epsilon,
        )
    elif kind is logits_layer():
        yield Logits(layer.layout)
    elif kind is layers.Rescaling:
        yield Rescaling(_floats(layer.scale), _floats(layer.offset))
    elif kind not in (
        layers.InputLayer,
        layers.Dropout,
        layers.GaussianNoise,
    ):  # these do nothing after training
        raise NotImplementedError(kind)


def _floats(values: Any) -> float | tuple[float, ...]:
    if np.ndim(values) > 1:
        raise NotImplementedError(values)
    return tuple(map(float, values)) if np.ndim(values) else float(values)


def _activation(layer: Any) -> str:
    name = getattr(layer.activation, "__name__", "")
    # The same name is not enough: a user's own function may be called "relu" too.
    if name not in KNOWN or layer.activation is not keras.activations.get(name):
        raise NotImplementedError(name)
    return name
