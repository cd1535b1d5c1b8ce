"""Initial weights: a network's own initializers, drawn from the estimator's random state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tfae._registry import nearest_name
from tfae._tensorflow import keras, private_keras
from tfae._types import Network, Weights


def initial_weights(network: Network, rng: np.random.Generator) -> Weights:
    """Draw new weights for a network, the encoder's and then the decoder's.

    Keras has no call that initialises a layer again, but it names a weight's initializer after
    the weight (``kernel``, ``kernel_initializer``). Each is copied with a seed from `rng`. A weight
    without one keeps the value that the network was built with.
    """
    drawn: dict[int, Any] = {}
    for model in network:
        for layer in _layers(model):
            for variable in layer.weights:
                initializer = getattr(layer, f"{variable.name}_initializer", None)
                if initializer is not None:
                    seeded = _seeded(initializer, int(rng.integers(2**31)))
                    drawn[id(variable)] = seeded(variable.shape, dtype=variable.dtype)
    weights = [*network.encoder.weights, *network.decoder.weights]
    return [np.asarray(drawn.get(id(variable), variable.numpy())) for variable in weights]


def check_initializer(name: str) -> str:
    """Return the name of a Keras initializer, or raise a ValueError that names the nearest."""
    try:
        with private_keras("float32"):
            keras.initializers.get(name)
    except ValueError:
        names = [n for n in dir(keras.initializers) if n.islower() and not n.startswith("_")]
        raise ValueError(
            "The 'kernel_initializer' parameter must be the name of a Keras initializer. "
            f"Got {name!r}.{nearest_name(name, names)}"
        ) from None
    return name


def _layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        else:
            yield layer


def _seeded(initializer: Any, seed: int) -> Any:
    config = initializer.get_config()
    if "seed" not in config:
        return initializer
    return type(initializer).from_config({**config, "seed": seed})
