"""Training speed of tfae beside Keras, PyTorch and scikit-learn, in one run.

``python -m benchmarks.first_look`` trains the same networks on the same rows with the same batch
size, optimizer and number of epochs, every contender in turn, several times over. It prints the
median of rows a second and the ratio of tfae to each of the others, and fails if a contender did
not reach the same loss. Our side is a whole ``fit``: checking the data, scaling, reading the
weights back. Compiling is outside the timing on all sides (one fit before).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from tfae import Autoencoder, _datasets

LEARNING_RATE = 1e-3
# Losses of other random numbers differ; more than this is another task.
SAME_LOSS = 0.15


@dataclass(frozen=True)
class Case:
    """A network, its rows and how long it is trained."""

    name: str
    X: np.ndarray
    sizes: tuple[int, ...]  # from the first hidden layer to the last
    code: int  # which of them is the code
    batch: int
    epochs: int

    @property
    def rows(self) -> int:
        return len(self.X) * self.epochs


Fit = Callable[
    [int], float
]  # trains for some epochs from the start and returns the mean squared error


def tfae_fit(case: Case) -> Fit:
    def fit(epochs: int) -> Callable[[], float]:
        model = Autoencoder(
            case.sizes[case.code],
            hidden_layer_sizes=case.sizes[: case.code],
            decoder_layer_sizes=case.sizes[case.code + 1 :],
            scaling=None,
            learning_rate_init=LEARNING_RATE,
            batch_size=case.batch,
            max_iter=epochs,
            tol=0.0,
            n_iter_no_change=epochs,
            random_state=0,
        ).fit(case.X)
        assert model.n_iter_ == epochs
        return lambda: -float(model.score_samples(case.X).mean())

    return fit


def keras_fit(case: Case) -> Fit:
    import keras

    n_features = case.X.shape[1]

    def build() -> keras.Model:
        layers = [
            keras.layers.Dense(units, None if number == case.code else "relu")
            for number, units in enumerate(case.sizes)
        ]
        model = keras.Sequential(
            [keras.Input((n_features,)), *layers, keras.layers.Dense(n_features)]
        )
        model.compile(keras.optimizers.Adam(LEARNING_RATE), "mse")
        return model

    model = build()
    start = model.get_weights()

    def fit(epochs: int) -> Callable[[], float]:
        # The same compiled model again, its optimizer reset: building anew would compile anew.
        model.set_weights(start)
        for variable in model.optimizer.variables[2:]:
            variable.assign(np.zeros(variable.shape))
        model.optimizer.iterations.assign(0)
        model.fit(case.X, case.X, batch_size=case.batch, epochs=epochs, verbose=0)
        return lambda: float(np.square(np.asarray(model(case.X)) - case.X).mean())

    return fit


def torch_fit(case: Case) -> Fit:
    import torch

    X = torch.from_numpy(case.X)

    def fit(epochs: int) -> Callable[[], float]:
        layers, width = [], X.shape[1]
        for number, units in enumerate(case.sizes):
            layers.append(torch.nn.Linear(width, units))
            if number != case.code:
                layers.append(torch.nn.ReLU())
            width = units
        model = torch.nn.Sequential(*layers, torch.nn.Linear(width, X.shape[1]))
        optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
        loss = torch.nn.MSELoss()
        for _ in range(epochs):
            for index in torch.randperm(len(X)).split(case.batch):
                batch = X[index]
                optimizer.zero_grad()
                loss(model(batch), batch).backward()
                optimizer.step()
        return lambda: float(loss(model(X), X))

    return fit


def sklearn_fit(case: Case) -> Fit:
    def fit(epochs: int) -> Callable[[], float]:
        model = MLPRegressor(  # its code is a ReLU layer too: one choice serves all layers
            hidden_layer_sizes=case.sizes,
            alpha=0.0,
            batch_size=case.batch,
            learning_rate_init=LEARNING_RATE,
            max_iter=epochs,
            tol=0.0,
            n_iter_no_change=epochs,
            random_state=0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(case.X, case.X)
        return lambda: float(np.square(model.predict(case.X) - case.X).mean())

    return fit


CONTENDERS = {
    "tfae": tfae_fit,
    "Keras fit": keras_fit,
    "PyTorch, fused Adam": torch_fit,
    "MLPRegressor": sklearn_fit,
}


def mnist_rows(n_rows: int) -> tuple[np.ndarray, str]:
    """MNIST in [0, 1] where it can be had, otherwise random rows: the work is the same."""
    try:
        return _datasets.mnist().X[:n_rows] / np.float32(255), "MNIST"
    except FileNotFoundError:
        return np.random.default_rng(0).random((n_rows, 784), np.float32), "random rows"


def cases(quick: bool) -> list[Case]:
    digits = (load_digits().data / 16).astype(np.float32)
    mnist, source = mnist_rows(4096 if quick else 29_400)
    seed_net = (392, 196, 98, 196, 392)
    return [
        Case("digits 64-32-16-32-64, batch 32", digits, (32, 16, 32), 1, 32, 2 if quick else 30),
        Case(
            f"{source} 784-392-196-98-196-392-784, batch 256",
            mnist,
            seed_net,
            2,
            256,
            1 if quick else 2,
        ),
    ]


def measure(case: Case, repeats: int) -> dict[str, list[float]]:
    """Time every contender in turn, `repeats` times over; return rows a second."""
    fits, speeds, losses = {}, {}, {}
    for name, make in CONTENDERS.items():
        try:
            fits[name] = make(case)
        except ImportError as error:
            print(f"  {name}: skipped, {error}")
            continue
        fits[name](1)
        speeds[name] = []
    for _ in range(repeats):
        for name, fit in fits.items():
            start = time.perf_counter()
            loss = fit(case.epochs)
            speeds[name].append(case.rows / (time.perf_counter() - start))
            losses[name] = loss()
    check_losses(losses)
    return speeds


def check_losses(losses: dict[str, float]) -> None:
    """See that all trained for the same: a case must not be faster by doing less."""
    ours = losses["tfae"]
    for name, loss in losses.items():
        print(f"  {name}: final loss {loss:.5f}")
    others = [loss for name, loss in losses.items() if name != "tfae"]
    if others and ours > (1 + SAME_LOSS) * statistics.median(others):
        raise SystemExit(f"tfae did not reach the loss of the others: {losses}")


def table(speeds: dict[str, list[float]]) -> list[dict[str, float | str]]:
    ours = speeds["tfae"]
    return [
        {
            "contender": name,
            "rows_per_second": round(statistics.median(values)),
            "lowest": round(min(values)),
            "highest": round(max(values)),
            "tfae_is_faster_by": round(
                statistics.median(a / b for a, b in zip(ours, values, strict=True)), 2
            ),
        }
        for name, values in speeds.items()
    ]


def machine() -> dict[str, str | int | None]:
    import tensorflow as tf

    return {
        "python": sys.version.split()[0],
        "tensorflow": tf.__version__,
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a smoke test on few rows")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    options = parser.parse_args()
    results = {}
    for case in cases(options.quick):
        print(case.name)
        results[case.name] = table(measure(case, 1 if options.quick else options.repeats))
        print("  | contender | rows/s (lowest-highest) | tfae is faster by |\n  |---|---|---|")
        for row in results[case.name]:
            print(
                f"  | {row['contender']} | {row['rows_per_second']:,} ({row['lowest']:,}-"
                f"{row['highest']:,}) | {row['tfae_is_faster_by']} |"
            )
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "results": results}, indent=2))


if __name__ == "__main__":
    main()
