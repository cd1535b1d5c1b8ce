"""What hidden layers of every built-in architecture have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tfae._networks.spec import Spec
from tfae._support.tensorflow import keras


def row_input(n_features: int) -> Any:
    """Return the input layer; Keras would make it float32 whatever the thread's policy is."""
    return keras.Input((n_features,), dtype=keras.config.dtype_policy().compute_dtype)


def hidden(make: Callable[..., Any], name: str, spec: Spec) -> Iterator[Any]:
    """Yield a layer that `make` builds and what follows it.

    Batch normalisation stands between the layer and its activation, dropout after that.
    """
    activation = "linear" if spec.batch_normalization else spec.activation
    yield make(activation=activation, kernel_initializer=spec.kernel_initializer, name=name)
    if spec.batch_normalization:
        yield keras.layers.BatchNormalization(name=f"{name}_normalization")
        yield keras.layers.Activation(spec.activation, name=f"{name}_activation")
    if spec.dropout:
        yield keras.layers.Dropout(spec.dropout, name=f"{name}_dropout")
