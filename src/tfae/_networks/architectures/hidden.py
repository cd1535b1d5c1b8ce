"""The parts that all built-in architectures share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tfae._networks.spec import Spec
from tfae._support.tensorflow import keras


def row_input(width: int) -> Any:
    """Return the input layer in the dtype of the thread's policy; Keras would use float32."""
    return keras.Input((width,), dtype=keras.config.dtype_policy().compute_dtype)


def hidden(make: Callable[..., Any], name: str, spec: Spec) -> Iterator[Any]:
    """Yield the layer that `make` builds and the layers that follow it.

    Batch normalisation comes between the layer and its activation, dropout after the activation.
    """
    activation = "linear" if spec.batch_normalization else spec.activation
    yield make(activation=activation, kernel_initializer=spec.kernel_initializer, name=name)
    if spec.batch_normalization:
        yield keras.layers.BatchNormalization(name=f"{name}_normalization")
        yield keras.layers.Activation(spec.activation, name=f"{name}_activation")
    if spec.dropout:
        yield keras.layers.Dropout(spec.dropout, name=f"{name}_dropout")
