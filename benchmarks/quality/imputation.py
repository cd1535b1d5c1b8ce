"""Imputation: AutoencoderImputer beside scikit-learn's imputers and a chain of trees.

Rows are split 70/30 at random, at most 6,000 of a set. Entries are deleted in both parts:
completely at random (MCAR), or more often where another column is large (MAR). Every method is
fitted to the training rows and fills the test rows; columns are scaled by their observed training
entries. The error is the root mean squared error of deleted test entries, in these units. The trees
are scikit-learn's IterativeImputer over ExtraTrees, 50 of them in 3 rounds. Nothing of the
estimator is set but the seed.

Lines already in the file of ``--json`` are not computed again.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from benchmarks.published._report import parser
from tfae import AutoencoderImputer

Rows = np.ndarray
SETS = ("wine", "WDBC", "Ionosphere", "cardio", "PageBlocks", "magic", "pendigits", "satellite")
HOLES = {"MCAR 20": ("MCAR", 0.2), "MCAR 50": ("MCAR", 0.5), "MAR 20": ("MAR", 0.2)}
_MOST_ROWS, _TRAIN = 6000, 0.7


def _trees(seed: int) -> IterativeImputer:
    forest = ExtraTreesRegressor(50, random_state=seed)
    return IterativeImputer(forest, max_iter=3, random_state=seed)


METHODS: dict[str, Callable[[int], object]] = {
    "mean": lambda seed: SimpleImputer(keep_empty_features=True),
    "knn": lambda seed: KNNImputer(keep_empty_features=True),
    "iterative": lambda seed: IterativeImputer(random_state=seed, keep_empty_features=True),
    "trees": _trees,
    "tfae": lambda seed: AutoencoderImputer(random_state=seed, keep_empty_features=True),
}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--only", nargs="+", default=SETS, help="names of the sets to take")
    arguments.add_argument("--holes", nargs="+", default=list(HOLES), choices=list(HOLES))
    arguments.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments.add_argument("--table", type=Path, help="print this JSON file, and end")
    asked = arguments.parse_args()
    if asked.table:
        print(summary(pd.read_json(asked.table)).to_string(float_format="%.3f"))
        return
    warnings.simplefilter("ignore")
    lines = json.loads(asked.json.read_text()) if asked.json and asked.json.exists() else []
    done = {_key(line) for line in lines}
    for line, measure in cases(asked.seeds, asked.only, asked.holes, asked.methods):
        if _key(line) in done:
            continue
        lines.append({**line, **measure()})
        print(*(f"{name}={value}" for name, value in lines[-1].items()), flush=True)
        if asked.json:
            asked.json.write_text(json.dumps(lines, indent=1))
    print(summary(pd.DataFrame(lines)).to_string(float_format="%.3f"))


def _key(line: dict) -> tuple:
    return tuple(line[name] for name in ("data", "holes", "seed", "method"))


def cases(
    seeds: list[int], only: list[str], holes: list[str], methods: list[str]
) -> Iterator[tuple[dict, Callable[[], dict]]]:
    for seed in seeds:
        for name, X in tables(only):
            for kind in holes:
                for method in methods:
                    line = {"data": name, "holes": kind, "seed": seed, "method": method}
                    yield line, lambda X=X, kind=kind, m=method, s=seed: compare(X, kind, m, s)


def tables(only: list[str]) -> Iterator[tuple[str, Rows]]:
    folder = Path(os.environ.get("TFAE_DATA", "../shared/data")) / "adbench"
    for name in only:
        (path,) = folder.glob(f"*_{name}*.npz")
        with np.load(path, allow_pickle=False) as file:
            yield name, file["X"].astype(np.float64)


def compare(X: Rows, holes: str, method: str, seed: int) -> dict[str, float]:
    """Return the error of a method and its seconds."""
    rng = np.random.default_rng(seed)
    X = X[rng.permutation(len(X))[:_MOST_ROWS]]
    deleted = missing_of(X, *HOLES[holes], rng)
    train = np.arange(len(X)) < _TRAIN * len(X)
    holed = np.where(deleted, np.nan, X)
    mean, deviation = np.nanmean(holed[train], axis=0), np.nanstd(holed[train], axis=0)
    varies = deviation > 0
    unit = np.where(varies, deviation, 1)
    X, holed = (X - mean) / unit, (holed - mean) / unit
    start = time.perf_counter()
    imputer = METHODS[method](seed).fit(holed[train])
    between = time.perf_counter()
    error = (imputer.transform(holed[~train]) - X[~train])[deleted[~train] & varies]
    return {
        "nrmse": float(np.sqrt(np.square(error).mean())),
        "fit seconds": between - start,
        "transform seconds": time.perf_counter() - between,
    }


def missing_of(X: Rows, kind: str, rate: float, rng: np.random.Generator) -> Rows:
    """Return which entries are deleted; at random, a third of the columns decides on the others."""
    if kind == "MCAR":
        return rng.random(X.shape) < rate
    n_columns = X.shape[1]
    deciding = rng.permutation(n_columns)[: max(1, n_columns // 3)]
    others = np.setdiff1d(np.arange(n_columns), deciding)
    deleted = np.zeros(X.shape, bool)
    for column in others:
        ranks = X[:, rng.choice(deciding)].argsort().argsort() / len(X)
        chance = np.minimum(1.0, 2 * ranks * rate * n_columns / len(others))
        deleted[:, column] = rng.random(len(X)) < chance
    return deleted


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """One line for every set and kind of holes: errors, and the ratios to them; means of seeds."""
    by = frame.groupby(["data", "holes", "method"], sort=False)[["nrmse", "fit seconds"]].mean()
    table = by["nrmse"].unstack()
    if "tfae" in table:
        for other in table.columns.drop("tfae"):
            print(f"median of tfae / {other}: {(table['tfae'] / table[other]).median():.3f}")
    seconds = by["fit seconds"].unstack().add_suffix(" s")
    return table.join(seconds)


if __name__ == "__main__":
    main()
