"""Imputation: AutoencoderImputer beside scikit-learn's imputers and a chain of trees.

Rows are split 70/30 at random, at most 6,000 of a set. Cells are deleted in both parts: completely
at random (MCAR), or more often where another column is large (MAR). Every method is fitted to the
training rows and fills the test rows; numbers are scaled by their observed training cells. The
error of numbers is the root mean squared error of deleted test cells, in these units; that of
categories is the rate of wrong guesses. Cells that are missing in the data count nowhere. The trees
are 50 ExtraTrees a column, in 3 rounds, once with leaves of at least 5 rows. The line of "tfae" has
the error of its linear model alone, too, and the share of deleted numbers that lie between the
smallest and the largest of 20 draws: 19/21 if these are fair. Nothing of the estimator is set but
the seed.

Lines already in the file of ``--json`` are not computed again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.published._report import parser
from benchmarks.quality._lines import measured_lines
from benchmarks.quality.imputers import METHODS, is_category
from tfae import AutoencoderImputer

Mask = np.ndarray
OF_ADBENCH = (
    "wine",
    "WDBC",
    "Ionosphere",
    "cardio",
    "PageBlocks",
    "magic",
    "pendigits",
    "satellite",
)
SETS = (*OF_ADBENCH, "titanic", "adult")
HOLES = {"MCAR 20": ("MCAR", 0.2), "MCAR 50": ("MCAR", 0.5), "MAR 20": ("MAR", 0.2)}
_MOST_ROWS, _TRAIN = 6000, 0.7
# Columns of numbers that are categories; and columns without any information on others.
_CATEGORIES = {"titanic": ["Survived", "Pclass"], "adult": []}
_LEFT_OUT = {"titanic": ["PassengerId", "Name", "Ticket", "Cabin"], "adult": ["split"]}
# They tell a line from others.
_NAMES = ("data", "holes", "seed", "method")


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--only", nargs="+", default=SETS, help="names of the sets to take")
    arguments.add_argument("--holes", nargs="+", default=list(HOLES), choices=list(HOLES))
    arguments.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments.add_argument("--table", type=Path, help="print this JSON file, and end")
    asked = arguments.parse_args()
    if asked.table:
        print_summary(pd.read_json(asked.table))
        return
    lines = measured_lines(
        cases(asked.seeds, asked.only, asked.holes, asked.methods), _NAMES, asked.json
    )
    print_summary(pd.DataFrame(lines))


def cases(
    seeds: list[int], only: list[str], holes: list[str], methods: list[str]
) -> Iterator[tuple[dict, Callable[[], dict]]]:
    for seed in seeds:
        for name in only:
            frame = table(name)
            for kind in holes:
                for method in methods:
                    line = {"data": name, "holes": kind, "seed": seed, "method": method}
                    yield line, lambda X=frame, kind=kind, m=method, s=seed: compare(X, kind, m, s)


def table(name: str) -> pd.DataFrame:
    """Return a set as a frame of float64 numbers and categories."""
    folder = Path(os.environ.get("TFAE_DATA", "../shared/data"))
    if name in OF_ADBENCH:
        (path,) = (folder / "adbench").glob(f"*_{name}*.npz")
        with np.load(path, allow_pickle=False) as file:
            return pd.DataFrame(file["X"].astype(np.float64)).add_prefix("x")
    (path,) = (folder / name).glob(f"{name}.csv*")
    frame = pd.read_csv(path, na_values="?", skipinitialspace=True).drop(columns=_LEFT_OUT[name])
    texts = frame.columns[[not pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes]]
    kinds = dict.fromkeys([*texts, *_CATEGORIES[name]], "category")
    return frame.astype({label: kinds.get(label, np.float64) for label in frame})


def compare(frame: pd.DataFrame, holes: str, method: str, seed: int) -> dict[str, float]:
    """Return the errors of a method and its seconds."""
    rng = np.random.default_rng(seed)
    frame = frame.iloc[rng.permutation(len(frame))[:_MOST_ROWS]].reset_index(drop=True)
    deleted = deleted_cells(frame, *HOLES[holes], rng)
    train = np.arange(len(frame)) < _TRAIN * len(frame)
    names = frame.columns
    frame, holed = _scaled(frame, deleted, train)
    test = holed[~train].reset_index(drop=True)
    truth = frame[~train].reset_index(drop=True)
    scored = pd.DataFrame(deleted, columns=names)[~train].reset_index(drop=True)[truth.columns]
    scored &= truth.notna()
    start = time.perf_counter()
    imputer = METHODS[method](seed).fit(holed[train].reset_index(drop=True))
    between = time.perf_counter()
    filled = imputer.transform(test)
    end = time.perf_counter()
    found = errors(truth, filled, scored)
    if method == "tfae":
        found["enclosed"] = _enclosed(truth, imputer.impute(test, n_imputations=20), scored)
        alone = errors(truth, _linear(imputer).transform(test), scored)
        found |= {f"linear {name}": value for name, value in alone.items()}
    return {**found, "fit seconds": between - start, "transform seconds": end - between}


def _enclosed(truth: pd.DataFrame, draws: list[pd.DataFrame], scored: pd.DataFrame) -> float:
    """Return the share of scored numbers between the smallest and the largest draw."""
    numbers = [name for name in truth if not is_category(truth[name])]
    values = np.stack([draw[numbers] for draw in draws])
    below, above = (values.min(axis=0) <= truth[numbers]), (values.max(axis=0) >= truth[numbers])
    return float((below & above).to_numpy()[scored[numbers].to_numpy()].mean())


def _linear(imputer: AutoencoderImputer) -> AutoencoderImputer:
    """Return an imputer with the same linear model and no network."""
    imputer._fitted = replace(imputer._fitted, network=None)
    return imputer


def _scaled(frame: pd.DataFrame, deleted: Mask, train: Mask) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a frame and its copy with holes, numbers in deviations of observed training cells."""
    holed = frame.mask(deleted)
    frame = frame.copy()
    for name in frame:
        if not is_category(frame[name]):
            observed = holed[name][train]
            unit = observed.std(ddof=0) or 1.0
            frame[name] = (frame[name] - observed.mean()) / unit
            holed[name] = (holed[name] - observed.mean()) / unit
    varies = [name for name in frame if holed[name][train].nunique() > 1]
    return frame[varies], holed[varies]


def errors(truth: pd.DataFrame, filled: pd.DataFrame, scored: pd.DataFrame) -> dict[str, float]:
    """Return the error of numbers and of categories in cells that are scored."""
    found: dict[str, Any] = {"nrmse": [], "wrong": []}
    for name in truth:
        of, values, guesses = scored[name], truth[name], filled[name]
        if is_category(values):
            found["wrong"].append((values.astype(object) != guesses.astype(object))[of])
        else:
            found["nrmse"].append(np.square(guesses - values)[of])
    means = {name: float(np.concatenate(all_).mean()) for name, all_ in found.items() if all_}
    if "nrmse" in means:
        means["nrmse"] = float(np.sqrt(means["nrmse"]))
    return means


def deleted_cells(frame: pd.DataFrame, kind: str, rate: float, rng: np.random.Generator) -> Mask:
    """Return which cells are deleted; for MAR a third of the columns decides on the others."""
    if kind == "MCAR":
        return rng.random(frame.shape) < rate
    n_rows, n_columns = frame.shape
    values = np.column_stack(
        [frame[n].cat.codes if is_category(frame[n]) else frame[n].fillna(-np.inf) for n in frame]
    )
    deciding = rng.permutation(n_columns)[: max(1, n_columns // 3)]
    others = np.setdiff1d(np.arange(n_columns), deciding)
    deleted = np.zeros(frame.shape, bool)
    for column in others:
        ranks = values[:, rng.choice(deciding)].argsort().argsort() / n_rows
        chance = np.minimum(1.0, 2 * ranks * rate * n_columns / len(others))
        deleted[:, column] = rng.random(n_rows) < chance
    return deleted


def print_summary(frame: pd.DataFrame) -> None:
    """Print a line for every set and kind of holes, means of seeds, and medians of ratios."""
    for error in ("nrmse", "wrong"):
        if error not in frame or frame[error].isna().all():
            continue
        by = frame.dropna(subset=error).groupby(["data", "holes", "method"], sort=False)
        errors_of = by[error].mean().unstack()
        if f"linear {error}" in frame and "tfae" in errors_of:
            errors_of["linear"] = by[f"linear {error}"].mean().unstack()["tfae"]
        print(f"\n{error}\n{errors_of.to_string(float_format='%.3f')}")
        if "tfae" in errors_of:
            for other in errors_of.columns.drop("tfae"):
                ratio = errors_of["tfae"] / errors_of[other]
                print(f"tfae / {other}: median {ratio.median():.3f}, largest {ratio.max():.3f}")
    seconds = frame.groupby(["data", "holes", "method"], sort=False)["fit seconds"].mean()
    print(f"\nseconds of fit\n{seconds.unstack().to_string(float_format='%.1f')}")


if __name__ == "__main__":
    main()
