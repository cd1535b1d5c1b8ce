"""The tutorial's network, trained by tfae and by plain Keras, from the same weights.

``python -m benchmarks.tutorial_parity`` trains 784-392-196-98-196-392-784 for 5 epochs on the first
29,400 rows of MNIST, several times over, and prints the mean squared error of either on the next
12,600. One run differs from the next by some 5 % through the order of the rows alone, on either
side, so that a single pair of runs decides nothing.
"""

from __future__ import annotations

import argparse
from typing import Any

import keras
import numpy as np

from benchmarks.first_look import mnist_rows
from tfae import Autoencoder

HIDDEN, CODE, BATCH, EPOCHS = (392, 196), 98, 150, 5


class Start(keras.callbacks.Callback):
    """Keeps the weights that a training starts from."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.weights = self.model.get_weights()


def train_tfae(train: np.ndarray, seed: int) -> tuple[Autoencoder, list[np.ndarray]]:
    start = Start()
    model = Autoencoder(
        CODE,
        hidden_layer_sizes=HIDDEN,
        code_activation="relu",
        output_activation="relu",
        kernel_initializer="variance_scaling",
        scaling=None,
        batch_size=BATCH,
        max_iter=EPOCHS,
        tol=0.0,
        random_state=seed,
        callbacks=[start],
    ).fit(train)
    return model, start.weights


def train_keras(train: np.ndarray, weights: list[np.ndarray]) -> keras.Model:
    widths = (*HIDDEN, CODE, *HIDDEN[::-1], train.shape[1])
    layers = [keras.layers.Dense(width, activation="relu") for width in widths]
    model = keras.Sequential([keras.Input((train.shape[1],)), *layers])
    model.set_weights(weights)
    model.compile(keras.optimizers.Adam(1e-3), "mse")
    model.fit(train, train, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--raw", action="store_true", help="pixels from 0 to 255")
    options = parser.parse_args()
    X, source = mnist_rows(42_000)
    if options.raw:
        X = X * np.float32(255)
    train, test = X[:29_400], X[29_400:]
    errors = []
    for seed in range(options.runs):
        ours, weights = train_tfae(train, seed)
        theirs = train_keras(train, weights).predict(test, verbose=0)
        errors.append([-ours.score_samples(test).mean(), np.square(theirs - test).mean()])
        print(f"seed {seed}: tfae {errors[-1][0]:.6g}, Keras {errors[-1][1]:.6g}", flush=True)
    mean, spread = np.mean(errors, axis=0), np.std(errors, axis=0)
    print(f"{source}, test MSE over {options.runs} runs, mean (standard deviation):")
    print(f"  tfae {mean[0]:.6g} ({spread[0]:.2g}), Keras {mean[1]:.6g} ({spread[1]:.2g})")
    print(f"  tfae / Keras {mean[0] / mean[1]:.3f}")


if __name__ == "__main__":
    main()
