"""The data of these benchmarks: each a name, training rows and test rows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from tfae._cli import demo_data

Split = tuple[np.ndarray, np.ndarray]

# Of larger sets, the denoising benchmark takes this many rows.
_MOST_ROWS, _N_IMAGES = 2000, 20_000


def mnist_seed_split() -> Split:
    """The first 42,000 rows of MNIST's training file, 70/30 in their order, pixels in [0, 1]."""
    X = (demo_data.mnist().X[:42_000] / np.float32(255)).astype(np.float32)
    return X[:29_400], X[29_400:]


def tables(seed: int) -> Iterator[tuple[str, Split]]:
    """All that is smaller, split 70/30 at random by the seed."""
    yield "digits", _split(load_digits().data, seed)
    folder = Path(os.environ.get("TFAE_DATA", "../shared/data"))
    for path in sorted((folder / "adbench").glob("*.npz")):
        with np.load(path, allow_pickle=False) as file:
            yield path.stem.partition("_")[2], _split(file["X"].astype(np.float64), seed)
    logarithms = np.log1p(single_cell_counts(folder).toarray().astype(np.float32))
    yield "single-cell", _split(logarithms, seed)


def denoising_sets(seed: int) -> Iterator[tuple[str, bool, Split]]:
    """Rows to denoise, and whether they are images with pixels in [0, 1]; tables standardised."""
    for name, (train, test) in tables(seed):
        if name == "digits":
            yield name, True, (train / 16, test / 16)
        elif name == "single-cell":
            yield name, False, (train, test)
        else:
            train, test = train[: _MOST_ROWS * 7 // 10], test[: _MOST_ROWS * 3 // 10]
            scaler = StandardScaler().fit(train)
            yield name, False, (scaler.transform(train), scaler.transform(test))
    X = demo_data.mnist().X[:_N_IMAGES] / np.float32(255)
    yield "MNIST", True, _split(X, seed)


def single_cell_counts(folder: Path) -> sparse.csr_array:
    """The molecules of every gene in 2,100 cells of a mouse bladder."""
    with np.load(folder / "single_cell" / "mouse_bladder_2100_counts_csr.npz") as parts:
        return sparse.csr_array(
            (parts["data"], parts["indices"], parts["indptr"]), shape=parts["shape"]
        )


def _split(X: np.ndarray, seed: int) -> Split:
    return train_test_split(X, train_size=0.7, random_state=seed)
