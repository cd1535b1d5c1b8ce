"""Keras models as graphs of layers: their layers, their calls, and copies with other layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tfae._support.tensorflow import keras


def is_graph(model: Any) -> bool:
    """Whether a model is a Keras Sequential or functional model, which calls layers as listed."""
    kind = type(model)
    functional = kind.__name__ == "Functional" and kind.__module__.startswith("keras.")
    return functional or kind is keras.Sequential


def inbound_nodes(model: Any) -> list[Any] | None:
    """Return the calls of every layer of a functional model; None if they cannot be found out.

    Keras has no public way to read them.
    """
    try:
        return [layer["inbound_nodes"] for layer in model.get_config()["layers"]]
    except Exception:  # a user's own layer that cannot return its configuration
        return None


def with_stand_ins(model: Any, stand_in: Callable[[Any], Any]) -> Any:
    """Return a model with ``stand_in(layer)`` for every layer, also for those of models within it.

    A function that returns layers unchanged makes a model on the same weights. A model of the
    user's own class is kept unchanged, because it may call its layers in any way.
    """

    def of(layer: Any) -> Any:
        return with_stand_ins(layer, stand_in) if hasattr(layer, "layers") else stand_in(layer)

    return keras.models.clone_model(model, clone_function=of) if is_graph(model) else model


def flat_layers(model: Any) -> Iterator[Any]:
    """Yield a Keras model's layers; a model within it is replaced by its layers."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from flat_layers(layer)
        else:
            yield layer


def shapes_of_weights(build: Callable[[], Any]) -> list[tuple[int, ...]]:
    """Return the shapes of the weights of a model that a function builds, without making them.

    A description that is not trusted may ask for more memory than there is.
    """

    def shapes() -> list[tuple[int, ...]]:
        with keras.StatelessScope(initialize_variables=False):
            return [tuple(weight.shape) for weight in build().weights]

    # Keras would make the weights in its next scope of this thread, so the thread is a new one.
    with ThreadPoolExecutor(1, thread_name_prefix="tfae-shapes") as thread:
        return thread.submit(shapes).result()
