"""Codes of 32 numbers: whose neighbours agree best, beside principal components and raw rows.

Every table is standardised and split 70/30 at random; digits and MNIST keep their pixels. MNIST is
its first 10,000 training images and the 10,000 test images. Methods learn from the first part
without labels, with nothing set but the length of the code and the seed. Measured are, among the
rows seen, 1-NN accuracy leave-one-out, the fraction of 10 neighbours with the row's label,
trustworthiness (12 neighbours) and the recall of the 10 nearest rows, both of at most 2,000 rows;
1-NN accuracy of the rows not seen by those seen; the mean squared error of the rows not seen; and
the seconds of the fit. Labels of tables are those of outliers. ``--tsne`` draws t-SNE from the
codes of MNIST, and judges the picture.

Lines already in the file of ``--json`` are not computed again.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from benchmarks.published._report import mnist, parser
from benchmarks.quality._lines import measured_lines
from tfae import Autoencoder, ContractiveAutoencoder, DenoisingAutoencoder, metrics

TABLES = ("pendigits", "satellite", "cardio", "fault", "Waveform", "annthyroid")
# From the codes of these, t-SNE is drawn.
DRAWN = ("raw", "PCA", "DenoisingAutoencoder")
_LENGTH, _N_SEEN, _N_JUDGED, _MOST_ROWS = 32, 10_000, 2000, 6000


class Labelled(NamedTuple):
    """Rows to learn from, rows that are not seen, and labels of both."""

    X: np.ndarray
    y: np.ndarray
    X_unseen: np.ndarray
    y_unseen: np.ndarray


# They tell a line from others.
_NAMES = ("data", "method", "seed")


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--only", nargs="+", help="names of the sets to take")
    every = list(methods(0))
    arguments.add_argument("--methods", nargs="+", default=every, choices=every)
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments.add_argument(
        "--epochs",
        type=int,
        help="of DenoisingAutoencoder: its code is the same, errors and seconds are not",
    )
    arguments.add_argument("--tsne", action="store_true", help="draw t-SNE from codes of MNIST")
    arguments.add_argument("--table", type=Path, help="print this JSON file, and end")
    asked = arguments.parse_args()
    if asked.table:
        print_tables(json.loads(asked.table.read_text()))
        return
    lines = measured_lines(
        cases(asked.only, asked.methods, asked.seeds, asked.tsne, asked.epochs), _NAMES, asked.json
    )
    print_tables(lines)


def methods(seed: int, epochs: int | None = None) -> dict[str, Any]:
    denoiser = DenoisingAutoencoder(_LENGTH, random_state=seed)
    if epochs is not None:
        denoiser.set_params(max_iter=epochs)
    return {
        "raw": FunctionTransformer(),
        "PCA": PCA(_LENGTH, random_state=seed),
        "DenoisingAutoencoder": denoiser,
        "ContractiveAutoencoder": ContractiveAutoencoder(_LENGTH, random_state=seed),
        "Autoencoder": Autoencoder(_LENGTH, random_state=seed),
        "gaussian .25 said": DenoisingAutoencoder(
            _LENGTH, corruption_level=0.25, random_state=seed
        ),
    }


def cases(
    only: list[str] | None, names: list[str], seeds: list[int], tsne: bool, epochs: int | None
) -> Iterator[tuple[dict, Callable[[], dict]]]:
    for seed in seeds:
        for name in ("digits", *TABLES, "MNIST"):
            if only and name not in only:
                continue
            if name == "MNIST" and seed != seeds[0]:
                continue
            data = labelled(name, seed)
            for method in names:
                model = _fitting(methods(seed, epochs)[method], data.X)
                line = {"data": name, "method": method, "seed": seed}
                if epochs is not None and method == "DenoisingAutoencoder":
                    line["epochs"] = epochs
                yield line, lambda model=model, data=data: measured(model, data)
                if tsne and name == "MNIST" and method in DRAWN:
                    line = {**line, "method": f"{method} -> t-SNE"}
                    yield line, lambda model=model, data=data: picture(model, data)


def labelled(name: str, seed: int) -> Labelled:
    if name == "MNIST":
        X, y, X_unseen, y_unseen = mnist()
        return Labelled(X[:_N_SEEN], y[:_N_SEEN], X_unseen, y_unseen)
    if name == "digits":
        X, y = load_digits(return_X_y=True)
    else:
        folder = Path(os.environ.get("TFAE_DATA", "../shared/data")) / "adbench"
        (path,) = folder.glob(f"*_{name}.npz")
        with np.load(path, allow_pickle=False) as file:
            X, y = StandardScaler().fit_transform(file["X"].astype(np.float64)), file["y"]
        some = np.random.default_rng(0).permutation(len(X))[:_MOST_ROWS]
        X, y = X[some], y[some]
    X, X_unseen, y, y_unseen = train_test_split(X, y, train_size=0.7, random_state=seed)
    return Labelled(X, y, X_unseen, y_unseen)


def _fitting(model: Any, X: np.ndarray) -> Callable[[], tuple[Any, float]]:
    """Return a function that fits once, and returns the model and the seconds of the fit."""
    found: list[tuple[Any, float]] = []

    def fitted() -> tuple[Any, float]:
        if not found:
            if isinstance(model, PCA):
                model.n_components = min(model.n_components, *X.shape)
            start = time.perf_counter()
            model.fit(X)
            found.append((model, time.perf_counter() - start))
        return found[0]

    return fitted


def measured(fitted: Callable[[], tuple[Any, float]], data: Labelled) -> dict[str, float]:
    model, seconds = fitted()
    Z, unseen = model.transform(data.X), model.transform(data.X_unseen)
    rebuilt = model.inverse_transform(unseen)
    figures = {**judged(Z, data), "seconds": seconds}
    nearest = KNeighborsClassifier(1).fit(Z, data.y)
    figures["1-NN, unseen"] = nearest.score(unseen, data.y_unseen)
    figures["error"] = np.square(rebuilt - data.X_unseen, dtype=np.float64).mean()
    return {name: float(f"{value:.5g}") for name, value in figures.items()}


def picture(fitted: Callable[[], tuple[Any, float]], data: Labelled) -> dict[str, float]:
    model, seconds = fitted()
    start = time.perf_counter()
    places = TSNE(random_state=0).fit_transform(model.transform(data.X))
    figures = {**judged(places, data), "seconds": seconds + time.perf_counter() - start}
    return {name: float(f"{value:.5g}") for name, value in figures.items()}


def judged(Z: np.ndarray, data: Labelled) -> dict[str, float]:
    neighbors = NearestNeighbors(n_neighbors=10).fit(Z).kneighbors(return_distance=False)
    same = data.y[neighbors] == data.y[:, None]
    some = slice(0, _N_JUDGED)
    return {
        "1-NN": same[:, 0].mean(),
        "agreement of 10": same.mean(),
        "trustworthiness": metrics.trustworthiness(data.X[some], Z[some], n_neighbors=12),
        "recall": metrics.neighbor_recall(data.X[some], Z[some], n_neighbors=10),
    }


def print_tables(lines: list[dict]) -> None:
    """Print the means over seeds, and the gain in 1-NN accuracy over PCA of every set and seed."""
    frame = pd.DataFrame(lines)
    means = frame.groupby(["data", "method"], sort=False).mean(numeric_only=True)
    print(means.drop(columns="seed").to_string(float_format="%.4g"))
    if "PCA" not in set(frame["method"]):
        return
    for measure in ("1-NN", "1-NN, unseen", "trustworthiness"):
        table = frame.pivot_table(index=["data", "seed"], columns="method", values=measure)
        gains = table.sub(table["PCA"], axis=0).drop(columns="PCA")
        of_sets = gains.groupby("data").mean()
        print(f"\n{measure}, above that of PCA, over {len(of_sets)} sets:")
        print(of_sets.agg(["median", "min", "max"]).T.to_string(float_format="%+.4f"))


if __name__ == "__main__":
    main()
