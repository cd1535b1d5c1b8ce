"""Trained encoders in the formats of other programs: their size, and the time that one row takes.

All run in one process and take turns: `transform`, which is NumPy, onnxruntime, the SavedModel, and
Keras' `predict` and call. Given are kB, and medians in µs. Needs what ``make test-interop`` does.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
import tensorflow as tf

from benchmarks.published._report import Report, parser
from tfae import Autoencoder, ConvolutionalAutoencoder, export

MODELS = {
    "30 -> 8, as it comes": (30, Autoencoder(8)),
    "784 -> 32, as it comes": (784, Autoencoder(32)),
    "784-392-196-98, ReLU": (
        784,
        Autoencoder(
            98, hidden_layer_sizes=(392, 196), activation="relu", linear_path=False, scaling=None
        ),
    ),
    "28 x 28 images -> 32": (784, ConvolutionalAutoencoder(32, image_shape=(28, 28))),
}
_SECONDS = 0.02  # of one way before the next takes its turn


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=int, default=50)
    asked = arguments.parse_args()
    report = Report(asked.json, rounds=asked.rounds, load=os.getloadavg()[0])
    for name, (n_features, model) in MODELS.items():
        X = np.random.default_rng(0).random((2000, n_features), np.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one epoch is not enough, but as fast to use
            model.set_params(max_iter=1, random_state=0).fit(X)
        with tempfile.TemporaryDirectory() as folder:
            report.add(f"{name}, kB", write_all(model, X, Path(folder)))
            report.add(f"{name}, µs", in_turns(ways(model, Path(folder)), X[:1], asked.rounds))
    report.end()


def write_all(model: Autoencoder, X: np.ndarray, folder: Path) -> dict[str, float]:
    """Write an encoder in all formats; return their sizes in kB."""
    model.save(folder / "tfae")
    export.to_onnx(model, folder / "onnx", X_sample=X)
    export.to_saved_model(model, folder / "SavedModel", X_sample=X)
    for name, quantize in {
        "LiteRT": None,
        "LiteRT float16": "float16",
        "LiteRT int8": "int8",
    }.items():
        export.to_litert(model, folder / name, X_sample=X, quantize=quantize, tolerance=np.inf)
    return {path.name: round(size(path) / 1000, 1) for path in sorted(folder.iterdir())}


def size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def ways(model: Autoencoder, folder: Path) -> dict[str, Callable[[np.ndarray], object]]:
    """Return functions that encode rows."""
    session = onnxruntime.InferenceSession(folder / "onnx")
    saved, encoder = tf.saved_model.load(folder / "SavedModel"), model.to_keras().encoder
    return {
        "transform": model.transform,
        "onnxruntime": lambda row: session.run(None, {"X": row}),
        "SavedModel": lambda row: saved.serve(row).numpy(),
        "Keras' call": lambda row: encoder(row).numpy(),
        "Keras' predict": lambda row: encoder.predict(row, verbose=0),
    }


def in_turns(
    ways: dict[str, Callable[[np.ndarray], object]], row: np.ndarray, rounds: int
) -> dict[str, float]:
    """Return the median of the times of one call, in µs."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way(row)  # compiles
    for _ in range(rounds):
        for name, way in ways.items():
            n_calls, start = 0, time.perf_counter()
            while (taken := time.perf_counter() - start) < _SECONDS:
                way(row)
                n_calls += 1
            times[name].append(taken / n_calls)
    return {name: round(1e6 * median(found), 1) for name, found in times.items()}


if __name__ == "__main__":
    main()
