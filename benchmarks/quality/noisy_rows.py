"""Denoising without clean rows: DenoisingAutoencoder(training_rows="noisy") beside its rivals.

Images: MNIST, pixels in [0, 1], gaussian noise of .3 that is not clipped, drawn once for each row.
The same estimator is trained on pairs, on noisy rows alone, and by hiding entries. PSNR of the
pooled error, 10 log10(1 / mean squared error), of the rows that were trained on and of others. PCA
of the noisy rows has the rank that is best with hindsight.

Counts: single-cell counts of the genes with the most molecules, cells split 70/30. The molecules of
every unseen cell are halved; methods see one half and predict the other. The error is the Poisson
negative log-likelihood of an entry, without its constant term, beside the squared error. PCA is
fitted on halves of training cells, of counts, their roots or their logarithms. Since the square of
a mean is not the mean of squares, its predictions get the mean of every gene right by a factor or
a summand. The rank and one of the two are those that predict the other halves of training cells
best by the same error (molecular cross-validation).

Lines already in the file of ``--json`` are not computed again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from benchmarks.published._report import parser
from benchmarks.quality._data import single_cell_counts
from benchmarks.quality._lines import measured_lines
from tfae import DenoisingAutoencoder
from tfae._cli import demo_data

Rows = np.ndarray
SIGMA = 0.3
_TOLD = {"corruption_level": SIGMA, "corruption_unit": "data"}
# By name: the parameters of the estimator, and whether it is given the clean rows.
OF_IMAGES: dict[str, tuple[dict[str, Any], bool]] = {
    "pairs": ({}, True),
    "noisy rows, level known": ({"corruption": "gaussian", **_TOLD}, False),
    "noisy rows, level estimated": ({}, False),
    "hidden entries, level known": ({"corruption": "masking", **_TOLD}, False),
    "hidden entries": ({"corruption": "masking"}, False),
}
_RANKS = (2, 5, 10, 15, 20, 30, 40, 60)
_LEAST = 1e-4  # the smallest rate of a Poisson number that a linear method can predict
# By name: what PCA sees of counts, and the way back.
OF_COUNTS: dict[str, tuple[Callable[[Rows], Rows], Callable[[Rows], Rows]]] = {
    "PCA of counts": (np.asarray, np.asarray),
    "PCA of roots": (np.sqrt, lambda X: np.square(np.maximum(X, 0))),
    "PCA of logarithms": (np.log1p, np.expm1),
}
# They tell a line from others.
_NAMES = ("data", "size", "code", "method", "seed")


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rows", type=int, default=4000, help="images to train on")
    arguments.add_argument("--genes", type=int, default=1000)
    arguments.add_argument("--codes", type=int, nargs="+", default=[64], help="of images")
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments.add_argument("--only", choices=["images", "counts"])
    asked = arguments.parse_args()
    lines = measured_lines(
        ((line, _timed(compare)) for line, compare in _cases(asked)), _NAMES, asked.json
    )
    for data, of_data in pd.DataFrame(lines).groupby("data"):
        print(data, of_data.dropna(axis=1).to_string(index=False), sep="\n")


def _timed(compare: Callable[[], dict[str, float]]) -> Callable[[], dict[str, float]]:
    def measure() -> dict[str, float]:
        start = time.perf_counter()
        return {**compare(), "seconds": time.perf_counter() - start}

    return measure


def _cases(asked: Any) -> Iterator[tuple[dict[str, Any], Callable[[], dict[str, float]]]]:
    for seed in asked.seeds:
        if asked.only != "counts":
            about = {"data": "MNIST", "size": asked.rows, "seed": seed}
            yield from _of_images(about, asked.codes)
        if asked.only != "images":
            about = {"data": "single-cell", "size": asked.genes, "seed": seed}
            yield from _of_counts(about)


def _of_images(about: dict[str, Any], codes: list[int]) -> Iterator[tuple[dict[str, Any], Any]]:
    n_train, seed = about["size"], about["seed"]
    rng = np.random.default_rng(seed)
    X = demo_data.mnist().X
    some = rng.permutation(len(X))[: n_train + max(1000, n_train // 4)]
    clean = (X[some] / np.float32(255)).astype(np.float32)
    noisy = clean + np.float32(SIGMA) * rng.standard_normal(clean.shape, np.float32)
    parts = noisy[:n_train], clean[:n_train], noisy[n_train:], clean[n_train:]
    yield {**about, "code": 0, "method": "PCA"}, lambda: _by_pca(*parts)
    for code in codes:
        for name in OF_IMAGES:
            line = {**about, "code": code, "method": name}
            yield line, lambda name=name, code=code: _of_method(name, code, seed, *parts)


def _of_method(
    name: str, code: int, seed: int, noisy: Rows, clean: Rows, new: Rows, new_clean: Rows
) -> dict[str, float]:
    params, is_told = OF_IMAGES[name]
    given = {"X_clean": clean} if is_told else {}
    params = params if is_told else {**params, "training_rows": "noisy"}
    model = DenoisingAutoencoder(code, random_state=seed, **params).fit(noisy, **given)
    level = {k: v for k, v in model.settings_.items() if k == "corruption_level"}
    return {
        "seen": _psnr(model.reconstruct(noisy), clean),
        "unseen": _psnr(model.reconstruct(new), new_clean),
        **level,
    }


def _by_pca(noisy: Rows, clean: Rows, new: Rows, new_clean: Rows) -> dict[str, float]:
    found = PCA(150, random_state=0).fit(noisy)

    def rebuilt(X: Rows, rank: int) -> Rows:
        axes = found.components_[:rank]
        return (X - found.mean_) @ axes.T @ axes + found.mean_

    best = max(range(5, 151, 5), key=lambda rank: _psnr(rebuilt(new, rank), new_clean))
    pairs = {"seen": (noisy, clean), "unseen": (new, new_clean)}
    return {name: _psnr(rebuilt(X, best), Y) for name, (X, Y) in pairs.items()} | {"rank": best}


def _psnr(rows: Rows, clean: Rows) -> float:
    return float(-10 * np.log10(np.square(rows - clean, dtype=np.float64).mean()))


def _of_counts(about: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    seed = about["seed"]
    counts = single_cell_counts(Path(os.environ.get("TFAE_DATA", "../shared/data")))
    most = np.sort(np.argsort(np.asarray(counts.sum(axis=0)).ravel())[-about["size"] :])
    train, test = train_test_split(
        counts[:, most].toarray().astype(np.float32), train_size=0.7, random_state=seed
    )
    halves, (seen, other) = (_halves(X, np.random.default_rng(seed)) for X in (train, test))
    for name in OF_COUNTS:
        line = {**about, "code": 0, "method": name}
        yield line, lambda name=name: _by_cross_validation(name, halves, seen, other)
    for code in (10, 20, 40):
        line = {**about, "code": code, "method": "thinned counts, Poisson loss"}
        yield line, lambda code=code: _by_network(code, seed, train, seen, other)


def _by_network(code: int, seed: int, train: Rows, seen: Rows, other: Rows) -> dict[str, float]:
    model = DenoisingAutoencoder(code, training_rows="noisy", loss="poisson", random_state=seed)
    # A half has half the rates of a whole.
    return _errors(model.fit(train).reconstruct(2 * seen) / 2, other)


def _by_cross_validation(
    name: str, halves: tuple[Rows, Rows], seen: Rows, other: Rows
) -> dict[str, float]:
    there, back = OF_COUNTS[name]
    found = PCA(max(_RANKS), random_state=0).fit(there(halves[0]))

    def predicted(X: Rows, rank: int) -> Rows:
        axes = found.components_[:rank]
        return back((there(X) - found.mean_) @ axes.T @ axes + found.mean_)

    def corrected(X: Rows, rank: int, by_factor: bool) -> Rows:
        is_mean, wanted = predicted(halves[0], rank).mean(axis=0), halves[1].mean(axis=0)
        if by_factor:
            return predicted(X, rank) * wanted / np.maximum(is_mean, _LEAST)
        return predicted(X, rank) + wanted - is_mean

    ways = [(rank, by_factor) for rank in _RANKS for by_factor in (True, False)]
    best = min(ways, key=lambda way: _errors(corrected(halves[0], *way), halves[1])["Poisson"])
    return {**_errors(corrected(seen, *best), other), "rank": best[0], "by_factor": best[1]}


def _halves(counts: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:
    one = rng.binomial(counts.astype(np.int64), 0.5).astype(np.float32)
    return one, counts - one


def _errors(rates: Rows, counts: Rows) -> dict[str, float]:
    squared = np.square(rates - counts, dtype=np.float64).mean()
    rates = np.maximum(rates, _LEAST, dtype=np.float64)
    return {"Poisson": float((rates - counts * np.log(rates)).mean()), "squared": float(squared)}


if __name__ == "__main__":
    main()
