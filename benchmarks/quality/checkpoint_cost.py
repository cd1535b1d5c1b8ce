"""What a checkpoint every 5 seconds costs a fit: the same fit with and without, in turns.

Given are the seconds of both and, as their ratio minus 1 in percent, the cost in seconds and in
those that processors were busy, which other processes on the machine disturb less. A fit lasts at
least as long as is asked for, and compiles nothing.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from statistics import median
from typing import Any

import numpy as np

from benchmarks.published._report import Report, parser
from tfae import Autoencoder

CASES: dict[str, tuple[int, int, dict[str, Any]]] = {
    "30 -> 8, as it comes": (20_000, 30, {"n_components": 8}),
    "784 -> 32, as it comes": (10_000, 784, {"n_components": 32}),
}
FOR_EVER = {"tol": 0.0, "n_iter_no_change": 10**6, "random_state": 0}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, default=30.0, help="that a fit lasts")
    arguments.add_argument("--rounds", type=int, default=5)
    asked = arguments.parse_args()
    report = Report(asked.json, rounds=asked.rounds, load=os.getloadavg()[0])
    warnings.simplefilter("ignore")  # fits that end early
    for name, (n_rows, n_features, params) in CASES.items():
        rng = np.random.default_rng(0)
        X = np.tanh(rng.normal(size=(n_rows, 8)) @ rng.normal(size=(8, n_features)))
        X = X.astype(np.float32)
        params = {**FOR_EVER, **params, "max_iter": epochs_of(X, params, asked.seconds)}
        report.add(name, cost(X, params, asked.rounds))
    report.end()


def epochs_of(X: np.ndarray, params: dict[str, Any], seconds: float) -> int:
    """Return how many epochs last so long."""
    seconds_of = {n: fitted(X, {**FOR_EVER, **params, "max_iter": n}, None)[0] for n in (1, 2, 12)}
    each = (seconds_of[12] - seconds_of[2]) / 10  # the first one compiled
    return max(20, int(seconds / each) + 1)


def cost(X: np.ndarray, params: dict[str, Any], rounds: int) -> dict[str, float]:
    without, with_it = [], []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            turns = [(without, None), (with_it, folder)]
            for times, checkpoint in turns if number % 2 else reversed(turns):
                times.append(fitted(X, params, checkpoint))
    ratios = np.array(with_it) / np.array(without)
    return {
        "epochs": params["max_iter"],
        "seconds without": round(median(seconds for seconds, _ in without), 1),
        "seconds with": round(median(seconds for seconds, _ in with_it), 1),
        "cost, %": round(100 * (float(np.median(ratios[:, 0])) - 1), 2),
        "cost of processors, %": round(100 * (float(np.median(ratios[:, 1])) - 1), 2),
    }


def fitted(X: np.ndarray, params: dict[str, Any], checkpoint: str | None) -> tuple[float, float]:
    """Return the seconds of a fit, and those that processors were busy."""
    start, busy = time.perf_counter(), time.process_time()
    Autoencoder(**params, checkpoint=checkpoint).fit(X)
    return time.perf_counter() - start, time.process_time() - busy


if __name__ == "__main__":
    main()
