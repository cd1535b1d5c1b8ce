"""What every published result has in common: MNIST, and how figures are printed and kept."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from tfae import _datasets


def parser(description: str | None) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    made.add_argument("--json", type=Path, help="a file to write the figures to")
    return made


def mnist() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training rows and labels, test rows and labels; pixels in [0, 1]."""
    data = _datasets.mnist()
    X = data.X / np.float32(255)
    return X[:60_000], data.y[:60_000], X[60_000:], data.y[60_000:]


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
