"""The networks as Keras models, for Keras's own `fit` and for the hand-written loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks import data
from benchmarks.contenders import CHECKED, sigmoid, squared_error
from benchmarks.contenders._tensorflow import keras, tf
from benchmarks.tasks import Network, Training

layers = keras.layers


def build(task: Training, X: np.ndarray) -> Any:
    """Build the network of a task, with its noise and in its precision."""
    policy = keras.DTypePolicy(task.precision)
    noise = [layers.GaussianNoise(task.noise * data.spread(X), dtype=policy)] if task.noise else []
    parts = {"dense": _dense, "convolutional": _convolutional, "variational": _variational}
    return keras.Sequential(
        [
            keras.Input((X.shape[1],)),
            *noise,
            *parts[task.network.kind](task.network, X.shape[1], policy),
            layers.Activation("linear", dtype="float32"),  # the loss is computed in float32
        ]
    )


def loss_of(network: Network) -> Any:
    variational = network.kind == "variational"
    return keras.losses.BinaryCrossentropy(from_logits=True) if variational else "mse"


def final_loss(network: Network, model: Any, X: np.ndarray) -> float:
    output = np.asarray(model(X[:CHECKED], training=False))
    return squared_error(X, sigmoid(output) if network.kind == "variational" else output)


def redraw(model: Any, optimizer: Any, seed: int) -> None:
    """Start a compiled model anew: new kernels, no biases, an optimizer that has seen nothing."""
    keras.utils.set_random_seed(seed)
    optimizer.build(model.trainable_variables)
    for variable in model.trainable_variables:
        initializer = "glorot_uniform" if len(variable.shape) > 1 else "zeros"
        variable.assign(keras.initializers.get(initializer)(variable.shape))
    for variable in optimizer.variables:
        if variable is not optimizer.learning_rate:
            variable.assign(np.zeros(variable.shape))


def _dense(network: Network, n_features: int, policy: Any) -> Iterator[Any]:
    for units in (*network.hidden, network.code, *reversed(network.hidden)):
        yield layers.Dense(units, "relu", dtype=policy)
    yield layers.Dense(n_features, dtype=policy)


def _convolutional(network: Network, n_features: int, policy: Any) -> Iterator[Any]:
    def convolution(kind: Any, filters: int, activation: str | None = "relu") -> Any:
        return kind(filters, 3, strides=2, padding="same", activation=activation, dtype=policy)

    first, *others = reversed(network.hidden)
    yield layers.Reshape((28, 28, 1))
    for filters in network.hidden:
        yield convolution(layers.Conv2D, filters)
    yield layers.Flatten()
    yield layers.Dense(network.code, dtype=policy)
    side = 28 >> len(network.hidden)
    yield layers.Dense(side * side * first, "relu", dtype=policy)
    yield layers.Reshape((side, side, first))
    for filters in others:
        yield convolution(layers.Conv2DTranspose, filters)
    yield convolution(layers.Conv2DTranspose, 1, None)
    yield layers.Flatten()


def _variational(network: Network, n_features: int, policy: Any) -> Iterator[Any]:
    for units in network.hidden:
        yield layers.Dense(units, "relu", dtype=policy)
        yield layers.Dropout(network.dropout)
    yield layers.Dense(2 * network.code, dtype=policy)
    yield Sampling(n_features)
    for units in reversed(network.hidden):
        yield layers.Dense(units, "relu", dtype=policy)
        yield layers.Dropout(network.dropout)
    yield layers.Dense(n_features, dtype=policy)


class Sampling(layers.Layer):
    """Draws a code from its mean and the logarithm of its variance; adds the divergence."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self._n_features = n_features
        self._seed = keras.random.SeedGenerator()

    def call(self, inputs: Any, training: bool = False) -> Any:
        mean, log_variance = tf.split(inputs, 2, axis=-1)
        divergence = tf.square(mean) + tf.exp(log_variance) - 1 - log_variance
        rows = 0.5 * tf.reduce_sum(divergence, axis=-1)
        self.add_loss(tf.reduce_mean(rows) / self._n_features)
        if not training:
            return mean
        return mean + tf.exp(0.5 * log_variance) * keras.random.normal(
            tf.shape(mean), seed=self._seed
        )
