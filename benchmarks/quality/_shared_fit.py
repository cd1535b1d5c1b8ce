"""One worker of a shared fit: it fits what it is told and writes down what it found.

    python -m benchmarks.quality._shared_fit '{"of": "seed network", ...}' OUT.npz

Its place among the workers is in ``TF_CONFIG``; without it, it is alone. Nothing may use TensorFlow
before the fit.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import tfae
from benchmarks.quality._data import mnist_seed_split
from benchmarks.quality.tables import labelled
from tfae._training import checkpoints
from tfae._training.step.program import Program
from tfae.streams import read_parquet

_SEED_NETWORK = {"hidden_layer_sizes": (392, 196), "linear_path": False, "n_components": 98}
_LOOPBACK = "lo:"


def mnist_slice(n_rows: int) -> tuple[Any, Any]:
    train, unseen = mnist_seed_split()
    return train[:n_rows], unseen[:n_rows]


def adult_slice(n_rows: int) -> tuple[Any, Any]:
    data = labelled("adult", 0)
    return data.rows[:n_rows], data.unseen[:n_rows]


# What is fitted: parameters that are not the defaults, and the rows.
FITS: dict[str, tuple[dict[str, Any], Callable[[int], tuple[Any, Any]]]] = {
    "seed network": (_SEED_NETWORK, mnist_slice),
    "default": ({"n_components": 32}, mnist_slice),
    "adult": ({"n_components": 8}, adult_slice),
}


def estimator(of: str, **params: Any) -> tfae.Autoencoder:
    strategy = "multi_worker" if "TF_CONFIG" in os.environ else None
    return tfae.Autoencoder(**{**FITS[of][0], "strategy": strategy, "random_state": 0, **params})


def one_epoch(of: str, rows: int, batch: int, seeds: list[int]) -> dict[str, Any]:
    """Fit for an epoch in both precisions, and again with seeds, for the time and the spread."""
    train, unseen = FITS[of][1](rows)
    given = {"max_iter": 1, "batch_size": batch, "refit": False}
    double = estimator(of, precision="float64", **given)
    found = {f"double {k}": v for k, v in steps_of(double, train).items()}
    weights = double._fitted.weights
    found |= {f"double weight {i}": weight for i, weight in enumerate(weights)}
    losses = []
    for seed in seeds:  # all but the first find their program compiled
        single = estimator(of, random_state=seed, **given)
        steps = steps_of(single, train)
        found = {f"single {k}": v for k, v in steps.items()} | found | {"epoch": steps["epoch"]}
        losses.append(-single.score_samples(unseen).mean())
    return {**found, "held out": np.array(losses), "parameters": sum(w.size for w in weights)}


def steps_of(model: Any, rows: Any) -> dict[str, Any]:
    """Fit; return the losses of steps, the seconds of the fit and of its epochs, and the bytes."""
    losses: list[np.ndarray] = []
    began, sent = time.perf_counter(), bytes_sent()
    with recorded(losses):
        model.fit(rows)
    return {
        "losses": np.concatenate(losses),
        "seconds": time.perf_counter() - began,
        "epoch": np.sum(model.history_["seconds"]),
        "sent": bytes_sent() - sent,
    }


@contextmanager
def recorded(losses: list[np.ndarray]) -> Iterator[None]:
    """Append the mean losses of the steps of every call of a program to a list."""
    train = Program.train

    def noted(self: Program, chunk: Any, *args: Any) -> Any:
        sums, before = train(self, chunk, *args)
        losses.append(sums[:, 0] / chunk.counted[: chunk.n_steps].sum(axis=1))
        return sums, before

    Program.train = noted  # type: ignore[method-assign]
    try:
        yield
    finally:
        Program.train = train  # type: ignore[method-assign]


def bytes_sent() -> int:
    """Return how many bytes went over loopback, those of other programs included."""
    lines = Path("/proc/net/dev").read_text().splitlines()
    (line,) = (line.split() for line in lines if line.split()[:1] == [_LOOPBACK])
    return int(line[9])


def survivor(folder: str, epochs: int, rows: int, batch: int) -> dict[str, Any]:
    """Fit for a while, with a checkpoint in every quarter of a second."""
    checkpoints.SECONDS, checkpoints._MOST_OF_TIME = 0.25, 0.5
    train, unseen = mnist_slice(rows)
    given = {"max_iter": epochs, "batch_size": batch, "tol": 0.0, "n_iter_no_change": epochs}
    model = tfae.Autoencoder(
        8,
        hidden_layer_sizes=(32,),
        linear_path=False,
        precision="float64",
        random_state=0,
        strategy="multi_worker" if "TF_CONFIG" in os.environ else None,
        checkpoint=folder,
        **given,
    ).fit(train)
    weights = {f"weight {i}": weight for i, weight in enumerate(model._fitted.weights)}
    return {**weights, "held out": -model.score_samples(unseen).mean()}


def large(folder: str, batch: int) -> dict[str, Any]:
    """Fit for an epoch to a set of Parquet files, and return the memory that it took."""
    for name in ("tensorflow", "keras", "pyarrow.parquet"):
        importlib.import_module(name)
    before = peak_memory()
    stream = read_parquet(sorted(Path(folder).glob("*.parquet")))
    model = estimator("default", n_components=8, max_iter=1, batch_size=batch)
    found = steps_of(model, stream)
    weights = {f"weight {i}": weight for i, weight in enumerate(model._fitted.weights)}
    return {**found, **weights, "center": model.center_, "memory": peak_memory() - before}


def peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


PLANS = {"epoch": one_epoch, "survivor": survivor, "large": large}


def main() -> None:
    plan, given, out = sys.argv[1:]
    warnings.simplefilter("ignore")
    np.savez(out, **PLANS[plan](**json.loads(given)))


if __name__ == "__main__":
    main()
