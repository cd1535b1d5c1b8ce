"""Outliers: OutlierDetector beside other detectors, on sets with labels and on planted outliers.

Parts:

- ``sets``: 16 sets of ADBench, at most ``--most-rows`` rows of each, standardised for the others
  by the training rows. Protocol "a": fitted on all rows, scored on all rows. Protocol "b": fitted
  on a random half of the normal rows, scored on the rest. Everything was chosen on the first eight.
- ``clusters``: outliers that hide each other, 5,000 rows: 150 equal ones, three clusters of 1 %,
  and a cluster inside the range of every column.
- ``tables``: outliers planted in adult and titanic, kind by kind; how often ``explain`` names a
  planted column first among those flagged at 5 % false alarms, and how many columns
  ``counterfactual`` changes.
- ``validity``: shares of p-values up to alpha of usual rows, and false discovery proportions, over
  random splits; also with 2 % outliers among the rows of the fit.
- ``mnist``: one class against the rest, fitted on the training images of one digit.

"tfae surprise" is a part of "tfae both", whose fit it shares; the seconds are those of the rest.
Methods of PyOD are there if it is installed. Lines already in the file of ``--json`` are not
computed again.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import StandardScaler

from benchmarks.published._report import mnist, parser
from benchmarks.quality._lines import measured_lines
from tfae import OutlierDetector

Rows = np.ndarray
Line = dict[str, Any]
CHOSEN = ("pendigits", "satellite", "cardio", "PageBlocks")
CHOSEN += ("WDBC", "Ionosphere", "annthyroid", "Waveform")
OTHERS = ("fault", "Hepatitis", "magic.gamma", "mnist", "shuttle", "thyroid", "wine", "breastw")
PARTS = ("sets", "clusters", "tables", "validity", "mnist")
_KEYS = ("part", "data", "protocol", "method", "seed")


def _isolation(seed: int, clean: bool, X: Rows, Y: Rows) -> Rows:
    return -IsolationForest(random_state=seed).fit(X).score_samples(Y)


def _knn(seed: int, clean: bool, X: Rows, Y: Rows) -> Rows:
    """The distance to the fifth neighbour; a training row is its own, as in PyOD's `KNN`."""
    return NearestNeighbors(n_neighbors=5).fit(X).kneighbors(Y)[0][:, -1]


def _lof(seed: int, clean: bool, X: Rows, Y: Rows) -> Rows:
    return -LocalOutlierFactor(novelty=True).fit(X).score_samples(Y)


def _pca(seed: int, clean: bool, X: Rows, Y: Rows) -> Rows:
    """The squared error of the components that keep 90 % of the variance."""
    pca = PCA(0.9, svd_solver="full").fit(X)
    return np.square(pca.inverse_transform(pca.transform(Y)) - Y).sum(axis=1)


def _of_pyod(name: str) -> Callable[[int, bool, Rows, Rows], Rows]:
    def scores(seed: int, clean: bool, X: Rows, Y: Rows) -> Rows:
        kind = getattr(importlib.import_module(f"pyod.models.{_PYOD[name]}"), name)
        extra = {"n_features": X.shape[1]} if name == "DeepSVDD" else {}
        return np.asarray(kind(**extra).fit(X).decision_function(Y))

    return scores


def _tfae(seed: int, clean: bool, X: Rows, evidence: str) -> OutlierDetector:
    rows = "clean" if clean else "mixed"
    return OutlierDetector(evidence=evidence, training_rows=rows, random_state=seed).fit(X)


def _distance(seed: int, clean: bool, X: Rows, Y: Rows) -> Rows:
    return -_tfae(seed, clean, X, "distance").score_samples(Y)


def _both(seed: int, clean: bool, X: Rows, Y: Rows) -> Rows:
    model = _tfae(seed, clean, X, "both")
    _LAST.clear()
    _LAST[seed, clean, X.tobytes()] = model
    return -model.score_samples(Y)


def _surprise(seed: int, clean: bool, X: Rows, Y: Rows) -> Rows:
    """The part of the score of both; networks and their folds are the same without distances."""
    model = _LAST.get((seed, clean, X.tobytes())) or _tfae(seed, clean, X, "surprise")
    return -replace(model._fitted, distance_part=None).scores(Y)


# The last fit of both parts, whose surprise needs no fit of its own.
_LAST: dict[tuple[int, bool, bytes], OutlierDetector] = {}
_PYOD = {"ECOD": "ecod", "AutoEncoder": "auto_encoder", "VAE": "vae", "DeepSVDD": "deep_svdd"}
METHODS: dict[str, Callable[[int, bool, Rows, Rows], Rows]] = {
    "IsolationForest": _isolation,
    "kNN": _knn,
    "LOF": _lof,
    "PCA": _pca,
    **{name: _of_pyod(name) for name in _PYOD},
    "tfae distance": _distance,
    "tfae both": _both,
    "tfae surprise": _surprise,
}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    arguments.add_argument("--only", nargs="+", help="names of the sets to take")
    arguments.add_argument("--methods", nargs="+", default=_installed(), choices=list(METHODS))
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    arguments.add_argument("--most-rows", type=int, default=8000, help="rows of a set to take")
    arguments.add_argument("--splits", type=int, default=200, help="random splits of 'validity'")
    arguments.add_argument("--table", type=Path, help="print this JSON file, and end")
    asked = arguments.parse_args()
    if asked.table:
        show(pd.read_json(asked.table))
        return
    lines = measured_lines(cases(asked), _KEYS, asked.json)
    show(pd.DataFrame(lines))


def _installed() -> list[str]:
    has_pyod = importlib.util.find_spec("pyod") is not None
    return [name for name in METHODS if has_pyod or name not in _PYOD]


def cases(asked: Any) -> Iterator[tuple[Line, Callable[[], Line]]]:
    """Yield every line with its key and the function that measures it."""
    of_part = {
        "sets": _set_cases,
        "clusters": _cluster_cases,
        "tables": _table_cases,
        "validity": _validity_cases,
        "mnist": _mnist_cases,
    }
    for part in asked.parts:
        for line, measure in of_part[part](asked):
            yield {"part": part, **line}, measure


def _line(data: str, protocol: str, method: str, seed: int) -> Line:
    return {"data": data, "protocol": protocol, "method": method, "seed": seed}


# ---- sets with labels, and clusters


def _set_cases(asked: Any) -> Iterator[tuple[Line, Callable[[], Line]]]:
    for seed in asked.seeds:
        for name in asked.only or (*CHOSEN, *OTHERS):
            X, y = adbench(name, asked.most_rows)
            for protocol in "ab":
                for method in asked.methods:
                    line = _line(name, protocol, method, seed)
                    yield line, lambda a=(X, y, protocol, method, seed): compare(*a)


def adbench(name: str, most: int) -> tuple[Rows, Rows]:
    """At most so many rows of a set, and which are outliers."""
    folder = Path(os.environ.get("TFAE_DATA", "../shared/data")) / "adbench"
    (path,) = folder.glob(f"*_{name}.npz")
    with np.load(path, allow_pickle=False) as file:
        X, y = file["X"].astype(np.float64), file["y"].ravel()
    some = np.random.default_rng(0).permutation(len(X))[:most]
    return X[some], y[some]


def compare(X: Rows, y: Rows, protocol: str, method: str, seed: int) -> Line:
    """Return how well a method tells outliers, and its seconds."""
    train = test = np.arange(len(X))
    if protocol == "b":
        normal = np.random.default_rng(seed).permutation(np.flatnonzero(y == 0))
        train = normal[: len(normal) // 2]
        test = np.setdiff1d(test, train)
    scaler = StandardScaler().fit(X[train])
    start = time.perf_counter()
    scores = METHODS[method](
        seed, protocol == "b", scaler.transform(X[train]), scaler.transform(X[test])
    )
    seconds = time.perf_counter() - start
    return {
        "auroc": float(roc_auc_score(y[test], scores)),
        "precision": float(average_precision_score(y[test], scores)),
        "seconds": seconds,
    }


def _cluster_cases(asked: Any) -> Iterator[tuple[Line, Callable[[], Line]]]:
    for seed in asked.seeds:
        for name, make in CLUSTERS.items():
            for method in asked.methods:
                line = _line(name, "a", method, seed)
                yield line, lambda a=(make, method, seed): _compare_clusters(*a)


def _compare_clusters(make: Callable[[np.random.Generator], Rows], method: str, seed: int) -> Line:
    X = make(np.random.default_rng(seed))
    return compare(X, (np.arange(len(X)) < 150).astype(int), "a", method, seed)


def _usual(rng: np.random.Generator) -> Rows:
    """5,000 rows of rank 3 and noise."""
    X = rng.normal(size=(5000, 3)) @ rng.normal(size=(3, 10))
    return X + 0.3 * rng.normal(size=X.shape)


def _equal(rng: np.random.Generator) -> Rows:
    X = _usual(rng)
    X[:150] = 6 * rng.normal(size=10) * X.std(axis=0)
    return X


def _three(rng: np.random.Generator) -> Rows:
    X = _usual(rng)
    for part in np.split(np.arange(150), 3):
        X[part] = 4 * rng.normal(size=10) * X.std(axis=0) + 0.1 * rng.normal(size=(50, 10))
    return X


def _inside(rng: np.random.Generator) -> Rows:
    """Between the first and the last decile of every column."""
    X = _usual(rng)
    low, high = np.quantile(X, (0.1, 0.9), axis=0)
    X[:150] = rng.uniform(low, high) + 0.05 * rng.normal(size=(150, 10))
    return X


def _in_a_ring(rng: np.random.Generator) -> Rows:
    angle = rng.uniform(0, 2 * np.pi, 5000)
    X = np.column_stack([np.cos(angle), np.sin(angle), angle / 3])
    X += 0.05 * rng.normal(size=X.shape)
    X[:150] = [0, 0, 1] + 0.03 * rng.normal(size=(150, 3))
    return X


CLUSTERS = {
    "150 equal": _equal,
    "three of 1 %": _three,
    "inside the ranges": _inside,
    "inside a ring": _in_a_ring,
}


# ---- outliers planted in tables


def _table_cases(asked: Any) -> Iterator[tuple[Line, Callable[[], Line]]]:
    methods = [m for m in asked.methods if m == "IsolationForest" or m.startswith("tfae")]
    for seed in asked.seeds:
        for name in asked.only or ("adult", "titanic"):
            for kind in PLANTED:
                for method in methods:
                    line = _line(name, kind, method, seed)
                    yield line, lambda a=(name, kind, method, seed): planted(*a)


def _table(name: str) -> pd.DataFrame:
    folder = Path(os.environ.get("TFAE_DATA", "../shared/data")) / name
    if name == "titanic":
        table = pd.read_csv(folder / "titanic.csv")
        return table.drop(columns=["PassengerId", "Name", "Ticket", "Cabin"])
    table = pd.read_csv(folder / "adult.csv.gz", na_values="?", skipinitialspace=True)
    return table.drop(columns=["split"]).sample(5000, random_state=0).reset_index(drop=True)


def _numbers(table: pd.DataFrame) -> list[str]:
    numbers = table.select_dtypes("number")
    return [name for name in numbers if numbers[name].nunique() > 5]


def _swapped(table: pd.DataFrame, rows: Rows, rng: np.random.Generator) -> list[str]:
    """The values of two columns change places."""
    one, other = rng.choice(_numbers(table), 2, replace=False)
    table[[one, other]] = table[[one, other]].astype(float)
    values = table.loc[rows, [other, one]].to_numpy()
    table.loc[rows, [one, other]] = values
    return [one, other]


def _impossible(table: pd.DataFrame, rows: Rows, rng: np.random.Generator) -> list[str]:
    """A number of one end of its column, where the row speaks for the other end."""
    numbers = _numbers(table)
    links = table[numbers].corr(method="spearman").abs().to_numpy(copy=True)
    np.fill_diagonal(links, 0)
    one, other = (numbers[place] for place in np.unravel_index(links.argmax(), links.shape))
    up = table[one].corr(table[other], method="spearman") > 0
    high = table[one].quantile(0.98)
    table[[one, other]] = table[[one, other]].astype(float)
    table.loc[rows, one] = high
    table.loc[rows, other] = table[other].quantile(0.02 if up else 0.98)
    return [one, other]


def _out_of_range(table: pd.DataFrame, rows: Rows, rng: np.random.Generator) -> list[str]:
    name = rng.choice(_numbers(table))
    values = table[name].astype(float)
    spread = values.max() - values.min()
    table[name] = values
    table.loc[rows, name] = values.max() + spread * rng.uniform(0.2, 1, len(rows))
    return [name]


def _rare_pair(table: pd.DataFrame, rows: Rows, rng: np.random.Generator) -> list[str]:
    """A pair of categories that is at most a fifth as frequent as if they were independent."""
    names = [name for name in table if name not in _numbers(table)]
    pairs = []
    for one, other in combinations(names, 2):
        counts = pd.crosstab(table[one], table[other])
        there = counts.to_numpy()
        expected = np.outer(there.sum(axis=1), there.sum(axis=0)) / there.sum()
        lack = np.where(there <= 0.2 * expected, expected - there, 0)
        first, second = np.unravel_index(lack.argmax(), lack.shape)
        pairs.append((lack.max(), one, other, counts.index[first], counts.columns[second]))
    lack, one, other, first, second = max(pairs, key=lambda pair: pair[0])
    if not lack:
        raise ValueError("No pair of categories is rare.")
    table.loc[rows, one], table.loc[rows, other] = first, second
    return [one, other]


def _one_cell(table: pd.DataFrame, rows: Rows, rng: np.random.Generator) -> list[str]:
    """One number that is four residual deviations off what the other numbers say."""
    numbers = _numbers(table)
    filled = table[numbers].fillna(table[numbers].median()).to_numpy(float)
    name = rng.choice(numbers)
    place = numbers.index(name)
    others = np.column_stack([np.delete(filled, place, axis=1), np.ones(len(filled))])
    guess = others @ np.linalg.lstsq(others, filled[:, place], rcond=None)[0]
    deviation = (filled[:, place] - guess).std()
    sign = rng.choice([-1, 1], len(rows))
    table[name] = table[name].astype(float)
    table.loc[rows, name] = guess[rows] + 4 * sign * deviation
    return [name]


PLANTED: dict[str, Callable[[pd.DataFrame, Rows, np.random.Generator], list[str]]] = {
    "swapped": _swapped,
    "impossible pair": _impossible,
    "out of range": _out_of_range,
    "rare pair": _rare_pair,
    "one cell": _one_cell,
}


def planted(name: str, kind: str, method: str, seed: int) -> Line:
    """Return how well planted rows are found and explained; 3 % of the rows."""
    rng = np.random.default_rng(seed)
    table = _table(name)
    rows = np.sort(rng.choice(len(table), round(0.03 * len(table)), replace=False))
    columns = PLANTED[kind](table, rows, rng)
    odd = np.isin(np.arange(len(table)), rows)
    start = time.perf_counter()
    if method == "IsolationForest":
        encoded = pd.get_dummies(table, dummy_na=True).astype(float)
        encoded = encoded.fillna(encoded.median())
        found = {"auroc": float(roc_auc_score(odd, _isolation(seed, False, encoded, encoded)))}
    else:
        found = _explained(table, odd, columns, method.removeprefix("tfae "), seed)
    return {**found, "seconds": time.perf_counter() - start}


def _explained(
    table: pd.DataFrame, odd: Rows, columns: list[str], evidence: str, seed: int
) -> Line:
    model = OutlierDetector(evidence=evidence, false_alarm_rate=0.05, random_state=seed).fit(table)
    scores = model.score_samples(table)
    found: Line = {
        "auroc": float(roc_auc_score(odd, -scores)),
        "precision": float(average_precision_score(odd, -scores)),
    }
    flagged = np.flatnonzero(odd & (scores < np.quantile(scores[~odd], 0.05)))
    found["flagged"] = len(flagged) / int(odd.sum())
    if len(flagged):
        explained = model.explain(table.iloc[flagged]).iloc[:, :-1]
        found["named first"] = float(np.isin(explained.idxmax(axis=1), columns).mean())
        some = table.iloc[flagged[:20]]
        changed = model.counterfactual(some)
        differs = (changed != some) & ~(changed.isna() & some.isna())
        found["few changed"] = float((differs.sum(axis=1) <= len(columns) + 1).mean())
        found["turned"] = float((model.predict(changed) == 1).mean())
    return found


# ---- validity


def _validity_cases(asked: Any) -> Iterator[tuple[Line, Callable[[], Line]]]:
    methods = [method for method in asked.methods if method.startswith("tfae")]
    for name in asked.only or (*CHOSEN, *OTHERS)[:10]:
        for share in (0.0, 0.02):
            for method in methods:
                for split in range(asked.splits):
                    line = _line(name, f"{share:.0%} outliers", method, split)
                    yield line, lambda a=(name, share, method, split): validity(*a, asked.most_rows)


def validity(name: str, share: float, method: str, split: int, most: int) -> Line:
    """Return shares of usual rows with small p-values, and false discovery proportions."""
    X, y = adbench(name, most)
    rng = np.random.default_rng(split)
    usual = rng.permutation(np.flatnonzero(y == 0))[:2000]
    odd = rng.permutation(np.flatnonzero(y == 1))
    train, test = np.split(usual, [len(usual) // 2])
    n_within = round(share * len(train))
    within, new = odd[:n_within], odd[n_within:][: len(test) // 9]
    evidence = method.removeprefix("tfae ")
    model = OutlierDetector(evidence=evidence, random_state=split)
    model.fit(X[np.concatenate([train, within])])
    p = model.p_values(X[test])
    found = {f"p <= {alpha}": float((p <= alpha).mean()) for alpha in (0.01, 0.05, 0.1)}
    cross = model.p_values(X[test], "cross")
    found |= {f"cross <= {alpha}": float((cross <= alpha).mean()) for alpha in (0.01, 0.05, 0.1)}
    for fdr in (0.05, 0.1, 0.2):
        chosen = model.detect(X[np.concatenate([test, new])], fdr)
        found[f"fdp {fdr}"] = float(chosen[: len(test)].sum() / max(1, chosen.sum()))
    return found


# ---- MNIST


def _mnist_cases(asked: Any) -> Iterator[tuple[Line, Callable[[], Line]]]:
    for seed in asked.seeds:
        for digit in range(10):
            for method in ("kNN", "PCA", "tfae distance", "tfae both"):
                if method in asked.methods:
                    line = _line(str(digit), "b", method, seed)
                    yield line, lambda a=(digit, method, seed): one_digit(*a)


def one_digit(digit: int, method: str, seed: int) -> Line:
    """Return how well a digit is told from the others, by its training images alone."""
    X, labels, Y, others = mnist()
    train = X[labels == digit].astype(np.float64)
    start = time.perf_counter()
    scores = METHODS[method](seed, True, train, Y.astype(np.float64))
    seconds = time.perf_counter() - start
    return {"auroc": float(roc_auc_score(others != digit, scores)), "seconds": seconds}


# ---- tables to print


def show(frame: pd.DataFrame) -> None:
    """Print a table for every part; figures are means over the seeds."""
    for part, lines in frame.groupby("part", sort=False):
        print(f"\n{part}")
        if part == "sets":
            _show_sets(lines)
        else:
            by = lines.groupby(["data", "protocol", "method"], sort=False)
            found = by.mean(numeric_only=True).dropna(axis=1, how="all").drop(columns="seed")
            if part == "validity":
                found = found.join(by.std(numeric_only=True).drop(columns="seed"), rsuffix=" std")
            print(found.dropna(axis=1, how="all").to_string(float_format="%.3f"))


def _show_sets(lines: pd.DataFrame) -> None:
    lines = lines.assign(chosen=np.where(lines["data"].isin(CHOSEN), "chosen", "others"))
    values = ["auroc", "precision", "seconds"]
    by = lines.groupby(["protocol", "chosen", "method"], sort=False)[values].mean()
    print(by.unstack("chosen").to_string(float_format="%.3f"))
    means = lines.groupby(["protocol", "data", "method"], sort=False)["auroc"].mean().unstack()
    print(means.to_string(float_format="%.3f"))
    simple = [name for name in ("IsolationForest", "kNN") if name in means]
    if simple and "tfae both" in means:
        lost = means[simple].max(axis=1) - means["tfae both"] > 0.03
        print("more than .03 below the best of IsolationForest and kNN:")
        print(means.loc[lost, [*simple, "tfae both"]].to_string(float_format="%.3f"))


if __name__ == "__main__":
    main()
