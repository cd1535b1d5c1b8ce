"""Held-out mean squared error, in the units of the data, of Autoencoder's defaults and of PCA.

Every set is split 70/30 at random, five times; MNIST once, in order, with five seeds. Code sizes
are 2, 8 and 32 where there are more features than that. Tables are taken as they are and behind a
StandardScaler. Nothing is set but `n_components` and `random_state`. With `--others` the first
split is also given to KernelPCA with its inverse, to MLPRegressor fitted X to X, to a plain Keras
autoencoder and, where it is installed, to PyOD's, each with the library's own defaults and a code
of the same size.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA, KernelPCA
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from benchmarks.published._report import parser
from benchmarks.quality._data import Split, mnist_seed_split, tables
from tfae import Autoencoder

try:
    import torch
    from pyod.models.auto_encoder import AutoEncoder
except ImportError:
    AutoEncoder = None

SIZES = (2, 8, 32)
_TITLES = {
    "pca": "PCA",
    "tfae": "tfae",
    "kernel_pca": "KernelPCA",
    "mlp": "MLPRegressor",
    "keras": "Keras",
    "pyod": "PyOD",
}
Rebuild = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--only", help="a part of the names of the sets to take")
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    arguments.add_argument("--mnist-seeds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    arguments.add_argument("--table", type=Path, nargs="+", help="print these JSON files, and end")
    arguments.add_argument("--others", action="store_true", help="more rivals, on the first split")
    asked = arguments.parse_args()
    if asked.table:
        print(markdown(summary(pd.concat([pd.read_json(path) for path in asked.table]))))
        return
    warnings.simplefilter("ignore")  # of other libraries, and of ours: the table shows it
    lines = []
    for seed in asked.seeds:
        for name, split in cases(seed, seed in asked.mnist_seeds):
            if asked.only is None or asked.only in name:
                for k in sizes(name, split):
                    line = {"data": name, "code": k, "seed": seed}
                    line |= compare(split, k, seed, asked.others and seed == asked.seeds[0])
                    lines.append(line)
                    print(*(f"{n}={v}" for n, v in line.items()), flush=True)
                    write(lines, asked.json)
    frame = pd.DataFrame(lines)
    print(summary(frame).to_string(float_format="%.4g"))


def write(lines: list[dict], path: Path | None) -> None:
    """Keep what is there so far: the whole takes an hour."""
    if path is not None:
        pd.DataFrame(lines).to_json(path, orient="records", indent=1, double_precision=15)


def cases(seed: int, with_mnist: bool) -> Iterator[tuple[str, Split]]:
    for name, (train, test) in tables(seed):
        yield name, (train, test)
        if name not in ("digits", "single-cell"):
            scaler = StandardScaler().fit(train)
            yield f"{name}, standardised", (scaler.transform(train), scaler.transform(test))
    if with_mnist:
        yield "MNIST images", mnist_seed_split()


def sizes(name: str, split: Split) -> list[int]:
    more = (98,) if name == "MNIST images" else ()
    return [k for k in (*SIZES, *more) if k < min(split[0].shape)]


def compare(split: Split, k: int, seed: int, others: bool) -> dict[str, float]:
    train, test = split
    found: dict[str, float] = {}
    rivals = {"pca": by_pca, "tfae": by_tfae}
    if others and len(train) <= 6000 and train.shape[1] <= 2000:
        rivals |= {"kernel_pca": by_kernel_pca, "mlp": by_mlp, "keras": by_keras}
        rivals |= {"pyod": by_pyod} if AutoEncoder is not None else {}
    for name, fit in rivals.items():
        start = time.perf_counter()
        rebuild = fit(train, k, seed)
        found[f"{name}, s"] = time.perf_counter() - start
        found[name] = float(np.square(rebuild(test) - test, dtype=np.float64).mean())
    return {**found, "ratio": found["tfae"] / found["pca"] if found["pca"] else 1.0}


def by_pca(train: np.ndarray, k: int, seed: int) -> Rebuild:
    pca = PCA(k, random_state=seed).fit(train)
    return lambda X: pca.inverse_transform(pca.transform(X))


def by_tfae(train: np.ndarray, k: int, seed: int) -> Rebuild:
    return Autoencoder(k, random_state=seed).fit(train).reconstruct


def by_kernel_pca(train: np.ndarray, k: int, seed: int) -> Rebuild:
    pca = KernelPCA(k, kernel="rbf", fit_inverse_transform=True, random_state=seed).fit(train)
    return lambda X: pca.inverse_transform(pca.transform(X))


def by_mlp(train: np.ndarray, k: int, seed: int) -> Rebuild:
    model = MLPRegressor(hidden_layer_sizes=(100, k, 100), random_state=seed).fit(train, train)
    return lambda X: model.predict(X).reshape(X.shape)


def by_keras(train: np.ndarray, k: int, seed: int) -> Rebuild:
    """128 ReLU units on each side of the code, Adam, 50 epochs of batches of 32."""
    generators = iter(range(seed * 10, seed * 10 + 10))

    def dense(units: int, activation: str | None = None) -> keras.layers.Layer:
        start = keras.initializers.GlorotUniform(seed=next(generators))
        return keras.layers.Dense(units, activation, kernel_initializer=start)

    model = keras.Sequential(
        [dense(128, "relu"), dense(k), dense(128, "relu"), dense(train.shape[1])]
    )
    model.compile("adam", "mse")
    model.fit(train, train, epochs=50, verbose=0)
    return lambda X: model.predict(X, verbose=0)


def by_pyod(train: np.ndarray, k: int, seed: int) -> Rebuild:
    """PyOD's AutoEncoder, which standardises; its last batch needs two rows or more."""
    detector = AutoEncoder(hidden_neuron_list=[64, k], random_state=seed, verbose=0)
    detector.fit(train)
    mean, deviation = detector.X_mean, detector.X_std

    def rebuild(X: np.ndarray) -> np.ndarray:
        detector.model.eval()
        with torch.no_grad():
            rows = torch.from_numpy(((X - mean) / deviation).astype(np.float32))
            return detector.model(rows.to(detector.device)).cpu().numpy() * deviation + mean

    return rebuild


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """One line for every set and code: means over the seeds, and the worst ratio of any."""
    numbers = frame.drop(columns="seed").groupby(["data", "code"], sort=False)
    table = numbers.mean()
    table["ratio"] = table["tfae"] / table["pca"].where(table["pca"] > 0)
    table["worst ratio"] = numbers["ratio"].max()
    print(
        f"{len(table)} cases; ratio of the means: median {table['ratio'].median():.3f}, largest "
        f"{table['ratio'].max():.3f}, above 1.01 in {(table['ratio'] > 1.01).sum()}"
    )
    return table


def markdown(table: pd.DataFrame) -> str:
    """The summary as lines of a Markdown table."""
    rivals = [name for name in _TITLES if name in table and table[name].notna().any()]
    heads = ["data", "code", *(_TITLES[name] for name in rivals), "ratio", "worst of the seeds"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for (name, code), found in table.iterrows():
        errors = ["–" if np.isnan(found[rival]) else f"{found[rival]:.4g}" for rival in rivals]
        ratios = [f"{found['ratio']:.3f}", f"{found['worst ratio']:.3f}"]
        lines.append(f"| {' | '.join([name, str(code), *errors, *ratios])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
