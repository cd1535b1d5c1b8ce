"""The rows that contenders are timed on, float32 in [0, 1], and how many an array takes."""

from __future__ import annotations

from functools import cache

import numpy as np
from sklearn.datasets import load_digits

from tfae._cli import demo_data

N_FEATURES = {"digits": 64, "uniform": 64, "mnist": 784}


def rows(name: str, n_rows: int) -> np.ndarray:
    """Return the first rows of a data set, and again from its start if it has fewer."""
    if name == "uniform":
        return np.random.default_rng(0).random((n_rows, N_FEATURES[name]), np.float32)
    X = _pixels(name)
    return np.ascontiguousarray(X[:n_rows] if n_rows <= len(X) else np.resize(X, (n_rows, 784)))


@cache
def _pixels(name: str) -> np.ndarray:
    if name == "digits":
        return (load_digits().data / 16).astype(np.float32)
    try:
        return demo_data.mnist().X / np.float32(255)
    except FileNotFoundError:  # the work is the same
        return np.random.default_rng(0).random((42_000, 784), np.float32)


def spread(X: np.ndarray) -> float:
    """Return the root of the features' mean variance, the unit of tfae's Gaussian corruption."""
    return float(np.sqrt(X.var(axis=0, dtype=np.float64).mean()))
