"""What every published result has in common: MNIST, and how figures are printed and kept."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from tfae._cli import demo_data
from tfae._fitting.defaults import annealed


def parser(description: str | None) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    made.add_argument("--json", type=Path, help="a file to write the figures to")
    return made


def parser_of_training(description: str | None, epochs: int) -> argparse.ArgumentParser:
    """The options of a script that trains one network, whose settings were chosen by validation."""
    made = parser(description)
    made.add_argument("--epochs", type=int, default=epochs)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--validate", action="store_true", help="on 10,000 of the training images")
    return made


def mnist(validate: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training rows and labels, test rows and labels; pixels in [0, 1].

    To choose settings, the last training images take the place of the test images.
    """
    data = demo_data.mnist()
    n_train, n_test = (50_000, 60_000) if validate else (60_000, 70_000)
    X, y = data.X[:n_test] / np.float32(255), data.y[:n_test]
    return X[:n_train], y[:n_train], X[n_train:], y[n_train:]


def annealed_over(epochs: int, batch: int, n_rows: int, rate: float) -> dict[str, Any]:
    """Parameters of a training whose learning rate falls to 0 over all of its epochs."""
    return {
        "batch_size": batch,
        "learning_rate_init": annealed(rate, epochs * -(-n_rows // batch)),
        "max_iter": epochs,
        "n_iter_no_change": epochs,
    }


class Report:
    """Prints figures as they come and writes them at the end."""

    def __init__(self, path: Path | None, **about: Any) -> None:
        self._path, self._start = path, time.perf_counter()
        self._figures: dict[str, Any] = dict(about)
        for name, value in about.items():
            print(f"{name}: {value}")

    def add(self, name: str, value: Any) -> None:
        self._figures[name] = value
        print(f"{name}: {value}", flush=True)

    def end(self) -> None:
        self.add("wall time, minutes", round((time.perf_counter() - self._start) / 60, 1))
        if self._path is not None:
            self._path.write_text(json.dumps(self._figures, indent=2) + "\n")
