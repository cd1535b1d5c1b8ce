"""Keras models as graphs of layers: their layers, their calls, and copies with other layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tfae._support.tensorflow import keras


def is_graph(model: Any) -> bool:
    """Whether a model is Keras's own Sequential or functional one, which calls layers as listed."""
    kind = type(model)
    functional = kind.__name__ == "Functional" and kind.__module__.startswith("keras.")
    return functional or kind is keras.Sequential


def inbound_nodes(model: Any) -> list[Any] | None:
    """Return for every layer of a functional model the calls of it, None if it cannot be told.

    Keras has no public place where they can be read.
    """
    try:
        return [layer["inbound_nodes"] for layer in model.get_config()["layers"]]
    except Exception:  # a layer of the user's own that cannot say what it is
        return None


def with_stand_ins(model: Any, stand_in: Callable[[Any], Any]) -> Any:
    """Return a model that has ``stand_in(layer)`` for every layer, those of models within it too.

    A function that returns layers as they are makes a model on the same weights. Models of a class
    of the user's own, which may call their layers in any way, are kept as they are.
    """

    def of(layer: Any) -> Any:
        return with_stand_ins(layer, stand_in) if hasattr(layer, "layers") else stand_in(layer)

    return keras.models.clone_model(model, clone_function=of) if is_graph(model) else model


def flat_layers(model: Any) -> Iterator[Any]:
    """Yield a Keras model's layers, instead of a model within it the layers of that."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from flat_layers(layer)
        else:
            yield layer
