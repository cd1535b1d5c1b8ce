"""What a checkpoint every 5 seconds costs a fit: the same fit with and without, in turns.

Given are the seconds of both and, as their ratio minus 1 in percent, the cost in seconds and in
those that processors were busy. Other work on the machine disturbs both. What it does not change is
the share of a fit's time that is spent on checkpoints: fingerprints of its rows, and writing. A fit
lasts about as long as is asked for, and compiles nothing.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import numpy as np

from benchmarks.published._report import Report, parser
from tfae import Autoencoder
from tfae._estimators import surviving
from tfae._training.checkpoints import KeptCheckpoints

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
    without: list[tuple[float, float, float]] = []
    with_it: list[tuple[float, float, float]] = []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            turns = [(without, None), (with_it, folder)]
            for times, checkpoint in turns if number % 2 else reversed(turns):
                times.append(fitted(X, params, checkpoint))
    ratios = np.array(with_it)[:, :2] / np.array(without)[:, :2]
    return {
        "epochs": params["max_iter"],
        "seconds without": round(median(seconds for seconds, _, _ in without), 1),
        "seconds with": round(median(seconds for seconds, _, _ in with_it), 1),
        "cost, %": round(100 * (float(np.median(ratios[:, 0])) - 1), 2),
        "cost of processors, %": round(100 * (float(np.median(ratios[:, 1])) - 1), 2),
        "share of checkpoints, %": round(
            100 * median(spent / whole for whole, _, spent in with_it), 2
        ),
    }


def fitted(
    X: np.ndarray, params: dict[str, Any], checkpoint: str | None
) -> tuple[float, float, float]:
    """Return the seconds of a fit, those that processors were busy, and those of checkpoints."""
    with (
        seconds_within(surviving, "of_rows") as read,
        seconds_within(surviving, "fingerprint") as named,
        seconds_within(KeptCheckpoints, "_write") as written,
    ):
        start, busy = time.perf_counter(), time.process_time()
        Autoencoder(**params, checkpoint=checkpoint).fit(X)
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
    return seconds, busy, sum([*read, *named, *written])


@contextmanager
def seconds_within(place: Any, name: str) -> Iterator[list[float]]:
    """Collect the seconds of every call of a function of a module or a class."""
    function, seconds = getattr(place, name), list[float]()

    def timed(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            seconds.append(time.perf_counter() - start)

    setattr(place, name, timed)
    try:
        yield seconds
    finally:
        setattr(place, name, function)


if __name__ == "__main__":
    main()
