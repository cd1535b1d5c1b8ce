"""Denoising: DenoisingAutoencoder beside linear denoisers of its rank and of full rank, and PCA.

Rows are split 70/30 at random; MNIST in order. Training rows are clean. Test rows are corrupted
once, by the same corruption at the same level, and every method sees the same ones. Images have
values in [0, 1] (gaussian noise is clipped there, in training too) and are compared by the PSNR of
the pooled error, 10 log10(1 / mean squared error); tables are standardised and compared by
10 log10 of the ratio of errors. The linear denoisers are ridge regressions of clean on corrupted
training rows, three draws of each, solved apart from the library. Nothing of the estimator is set
but the corruption, its level, the range of pixels, the length of the code and the seed.

Lines already in the file of ``--json`` are not computed again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from benchmarks.published._report import parser
from benchmarks.quality._data import denoising_sets
from benchmarks.quality._lines import measured_lines
from tfae import DenoisingAutoencoder

Rows = np.ndarray
LEVELS = {
    "gaussian": (0.25, 0.5, 1.0),
    "masking": (0.1, 0.25, 0.5),
    "salt_and_pepper": (0.1, 0.25, 0.5),
    "swap": (0.1, 0.25, 0.5),
}
# Of images, in units of the range of pixels.
IMAGE_LEVELS = {**LEVELS, "gaussian": (0.1, 0.3, 0.5)}
_N_DRAWS = 3


class Noise(NamedTuple):
    """A corruption of rows, as the benchmark draws it and as the estimator is told of it."""

    kind: str
    level: float
    is_image: bool
    train: Rows

    def __call__(self, X: Rows, rng: np.random.Generator) -> Rows:
        """Return corrupted rows."""
        if self.kind == "gaussian":
            noisy = X + self.level * self._unit * rng.standard_normal(X.shape)
            return np.clip(noisy, 0, 1) if self.is_image else noisy
        changed = rng.random(X.shape) < self.level
        return np.where(changed, self._values(X, rng), X)

    def _values(self, X: Rows, rng: np.random.Generator) -> Rows | float:
        if self.kind == "masking":
            return 0.0
        if self.kind == "salt_and_pepper":
            low, high = self.train.min(axis=0), self.train.max(axis=0)
            return np.where(rng.random(X.shape) < 0.5, low, high)
        return self.train[rng.integers(len(self.train), size=X.shape), np.arange(X.shape[1])]

    @property
    def _unit(self) -> float:
        return 1.0 if self.is_image else float(np.sqrt(self.train.var(axis=0).mean()))

    @property
    def params(self) -> dict:
        """The parameters of the estimator."""
        given = {"corruption": self.kind, "corruption_level": self.level}
        if self.is_image:
            given["output_range"] = (0, 1)
        if self.is_image and self.kind == "gaussian":
            given |= {"corruption_unit": "data", "corruption_range": (0, 1)}
        return given


# They tell a line from others.
_NAMES = ("data", "corruption", "level", "code", "seed")


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--only", nargs="+", help="parts of the names of the sets to take")
    arguments.add_argument("--codes", type=int, nargs="+", help="lengths of codes to take")
    arguments.add_argument("--kinds", nargs="+", default=list(LEVELS), choices=list(LEVELS))
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments.add_argument("--table", type=Path, help="print this JSON file, and end")
    asked = arguments.parse_args()
    if asked.table:
        print(summary(pd.read_json(asked.table)).to_string(float_format="%.2f"))
        return
    of_seeds = (cases(seed, asked.only, asked.kinds, asked.codes) for seed in asked.seeds)
    lines = measured_lines(chain.from_iterable(of_seeds), _NAMES, asked.json)
    print(summary(pd.DataFrame(lines)).to_string(float_format="%.2f"))


def cases(
    seed: int, only: list[str] | None, kinds: list[str], codes: list[int] | None
) -> Iterator[tuple[dict, Callable[[], dict]]]:
    for name, is_image, (train, test) in denoising_sets(seed):
        if only and not any(part in name for part in only):
            continue
        for kind in kinds:
            for level in (IMAGE_LEVELS if is_image else LEVELS)[kind]:
                noise = Noise(kind, level, is_image, train)
                for code in codes or sorted({8, 32, train.shape[1]}):
                    if code > train.shape[1]:
                        continue
                    line = {"data": name, "corruption": kind, "level": level, "code": code}
                    line["seed"] = seed
                    yield line, lambda noise=noise, test=test, k=code: compare(noise, test, k, seed)


def compare(noise: Noise, test: Rows, code: int, seed: int) -> dict[str, float]:
    """Return the errors of all methods in decibels, and seconds."""
    rng = np.random.default_rng(1000 + seed)
    noisy = noise(test, rng)
    full, low = linear(noise, code, rng)
    pca = PCA(min(code, *noise.train.shape), random_state=seed).fit(noise.train)
    start = time.perf_counter()
    model = DenoisingAutoencoder(code, random_state=seed, **noise.params).fit(noise.train)
    seconds = time.perf_counter() - start
    rebuilt = {
        "noisy": noisy,
        "pca": pca.inverse_transform(pca.transform(noisy)),
        "linear": low(noisy),
        "full rank": full(noisy),
        "tfae": model.reconstruct(noisy),
    }
    clip = (lambda X: np.clip(X, 0, 1)) if noise.is_image else lambda X: X
    errors = {k: np.square(clip(v) - test, dtype=np.float64).mean() for k, v in rebuilt.items()}
    unit = 1.0 if noise.is_image else test.var(axis=0).mean()
    return {k: float(-10 * np.log10(e / unit)) for k, e in errors.items()} | {"seconds": seconds}


def linear(noise: Noise, code: int, rng: np.random.Generator) -> tuple[Callable, Callable]:
    """Return the ridge regression of clean on corrupted rows, and its best map of lower rank."""
    clean = np.tile(noise.train, (_N_DRAWS, 1)).astype(np.float64)
    corrupted = noise(clean, rng)
    mean, seen = clean.mean(axis=0), corrupted.mean(axis=0)
    x, y = corrupted - seen, clean - mean
    gram = x.T @ x
    matrix = np.linalg.solve(gram + 1e-6 * np.trace(gram) / len(gram) * np.eye(len(gram)), x.T @ y)
    axes = np.linalg.svd(x @ matrix, full_matrices=False)[2][:code]
    return (
        lambda X: (X - seen) @ matrix + mean,
        lambda X: (X - seen) @ matrix @ axes.T @ axes + mean,
    )


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """One line for every set and code: medians of the gain in decibels, and the worst."""
    frame = frame.assign(
        gain=frame["tfae"] - frame["linear"], over_full=frame["tfae"] - frame["full rank"]
    )
    grouped = frame.groupby(["data", "code"], sort=False)
    worse = (frame["gain"] < -0.05).sum()
    print(f"{len(frame)} cases; more than .05 dB below the linear denoiser of its rank: {worse}")
    return pd.DataFrame(
        {
            "median gain over linear": grouped["gain"].median(),
            "worst": grouped["gain"].min(),
            "median over full rank": grouped["over_full"].median(),
            "seconds": grouped["seconds"].median(),
        }
    )


if __name__ == "__main__":
    main()
