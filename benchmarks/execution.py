"""One XLA program or TensorFlow's executor: the evidence behind ``tfae._execution``.

``python -m benchmarks.execution`` trains the same networks both ways, in turn, and prints rows a
second of whole epochs after compiling.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tfae import Autoencoder, Spec, _program

layers = keras.layers
BATCH = 128


def dense(spec: Spec, between: Callable[[], list[Any]] = list) -> tuple[Any, Any]:
    """784-128-16-128-784 with other layers after the hidden ones."""
    encoder = [layers.Dense(128, "relu"), *between(), layers.Dense(spec.n_components)]
    decoder = [layers.Dense(128, "relu"), *between(), layers.Dense(spec.n_features)]
    return keras.Sequential(encoder), keras.Sequential(decoder)


def batch_normalization(spec: Spec) -> tuple[Any, Any]:
    return dense(spec, lambda: [layers.BatchNormalization()])


def dropout(spec: Spec) -> tuple[Any, Any]:
    return dense(spec, lambda: [layers.Dropout(0.1)])


def convolutional(spec: Spec) -> tuple[Any, Any]:
    encoder = [
        layers.Reshape((28, 28, 1)),
        layers.Conv2D(16, 3, 2, "same", activation="relu"),
        layers.Conv2D(32, 3, 2, "same", activation="relu"),
        layers.Flatten(),
        layers.Dense(spec.n_components),
    ]
    decoder = [
        layers.Dense(7 * 7 * 32, "relu"),
        layers.Reshape((7, 7, 32)),
        layers.Conv2DTranspose(16, 3, 2, "same", activation="relu"),
        layers.Conv2DTranspose(1, 3, 2, "same"),
        layers.Flatten(),
    ]
    return keras.Sequential(encoder), keras.Sequential(decoder)


NETWORKS = {
    "dense": (dense, 16_384),
    "with BatchNormalization": (batch_normalization, 16_384),
    "with Dropout(0.1)": (dropout, 16_384),
    "convolutional": (convolutional, 2_048),
}


def epochs(builder: Callable[..., Any], n_rows: int, xla: bool) -> list[float]:
    """Return the rows a second of some epochs."""
    _program.by_rule = lambda network: None
    _program.fastest = lambda plan, compiled, inputs: compiled(xla)
    _program.PROGRAMS._idle.clear()  # or the other kind would be lent again
    X = np.random.default_rng(0).random((n_rows, 784), np.float32)
    model = Autoencoder(16, architecture=builder, batch_size=BATCH, max_iter=6, tol=0.0)
    return [n_rows / seconds for seconds in model.fit(X).history_["seconds"][1:]]


def main() -> None:
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    print("| network | XLA, rows/s | executor, rows/s | XLA / executor |\n|---|---|---|---|")
    for name, (builder, n_rows) in NETWORKS.items():
        speeds: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(2):
            for xla in speeds:
                speeds[xla] += epochs(builder, n_rows, xla)
        xla_speed, executor = (statistics.median(speeds[xla]) for xla in (True, False))
        ratio = xla_speed / executor
        print(f"| {name} | {xla_speed:,.0f} | {executor:,.0f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
