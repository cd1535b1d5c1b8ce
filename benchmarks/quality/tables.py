"""Codes of real tables, read from CSV with nothing set, beside PCA of one-hot columns.

Codes are learned without labels from 70 % of the rows. A logistic regression on the codes of these
rows then predicts the labels of the others; its AUROC says what the codes keep. ``explained`` is
1 minus the loss of the other rows over that of means and frequencies (`score`); ``loss`` and
``linear loss`` are those of held-out training rows. PCA, of standardised numbers and one-hot
columns, has no such loss. The data are looked for in ../shared/data, or in $TFAE_DATA.

    python -m benchmarks.quality.tables --json tables.json

Results that the JSON file has already are not computed again.
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
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.published._report import parser
from benchmarks.quality._lines import measured_lines
from tfae import Autoencoder, DenoisingAutoencoder

LENGTHS = {"adult": (2, 8, 32), "titanic": (2, 4)}
_LEAST_ROWS = 10  # of a category, as in tfae


class Labelled(NamedTuple):
    """A table to learn from and one that is not seen, with labels of both."""

    rows: pd.DataFrame
    y: np.ndarray
    unseen: pd.DataFrame
    y_unseen: np.ndarray


# They tell a line from others.
_NAMES = ("data", "method", "length", "seed")


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--only", nargs="+", default=list(LENGTHS), help="names of the tables")
    arguments.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments.add_argument(
        "--epochs", type=int, help="of DenoisingAutoencoder: its code is the same, losses are not"
    )
    arguments.add_argument("--table", type=Path, help="print this JSON file, and end")
    asked = arguments.parse_args()
    if asked.table:
        print_table(json.loads(asked.table.read_text()))
        return
    lines = measured_lines(
        cases(asked.only, asked.methods, asked.seeds, asked.epochs), _NAMES, asked.json
    )
    print_table(lines)


def labelled(name: str, seed: int) -> Labelled:
    folder = Path(os.environ.get("TFAE_DATA", "../shared/data"))
    if name == "adult":
        path, label = folder / "adult" / "adult.csv.gz", "income"
        table = pd.read_csv(path, na_values="?", skipinitialspace=True).drop(columns="split")
    else:
        table, label = pd.read_csv(folder / "titanic" / "titanic.csv"), "Survived"
    y = table.pop(label)
    rows, unseen, y, y_unseen = train_test_split(
        table, (y == y.max()).to_numpy(), train_size=0.7, random_state=seed
    )
    return Labelled(rows, y, unseen, y_unseen)


def pca(length: int, seed: int) -> Any:
    """Return PCA of standardised numbers and one-hot columns; text of few values, as in tfae."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    categories = OneHotEncoder(
        min_frequency=_LEAST_ROWS, handle_unknown="ignore", sparse_output=False
    )
    rows = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
    return make_pipeline(rows, PCA(length, random_state=seed))


METHODS: dict[str, Callable[[int, int], Any]] = {
    "PCA of one-hot columns": pca,
    "DenoisingAutoencoder": lambda n, seed: DenoisingAutoencoder(n, random_state=seed),
    "Autoencoder": lambda n, seed: Autoencoder(n, random_state=seed),
}


def cases(
    only: list[str], names: list[str], seeds: list[int], epochs: int | None
) -> Iterator[tuple[dict, Callable[[], dict]]]:
    for seed in seeds:
        for name in only:
            data = labelled(name, seed)
            for method in names:
                for length in LENGTHS[name]:
                    line = {"data": name, "method": method, "length": length, "seed": seed}
                    model = METHODS[method](length, seed)
                    if epochs is not None and method == "DenoisingAutoencoder":
                        model.set_params(max_iter=epochs)
                    yield line, lambda model=model, data=data: measured(model, data)


def measured(model: Any, data: Labelled) -> dict[str, float]:
    tabular = not hasattr(model, "steps")
    rows, unseen = data.rows, data.unseen
    if not tabular:  # what tfae leaves out, because it is different in most rows
        few = [c for c in rows if rows[c].dtype.kind in "if" or rows[c].nunique() < len(rows) / 2]
        rows, unseen = rows[few], unseen[few]
    start = time.perf_counter()
    model.fit(rows)
    figures = {"seconds": time.perf_counter() - start}
    judge = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    judge.fit(model.transform(rows), data.y)
    found = judge.decision_function(model.transform(unseen))
    figures["AUROC"] = roc_auc_score(data.y_unseen, found)
    if tabular:
        linear = "pca_loss" if "pca_loss" in model.baseline_ else "linear_loss"
        figures["explained"] = model.score(unseen)
        figures["loss"] = model.baseline_["autoencoder_loss"]
        figures["linear loss"] = model.baseline_.get(linear, np.nan)
        figures["epochs"] = model.n_iter_
    return {name: float(f"{value:.5g}") for name, value in figures.items()}


def print_table(lines: list[dict]) -> None:
    """Print means over seeds."""
    frame = pd.DataFrame(lines)
    means = frame.groupby(["data", "length", "method"], sort=False).mean(numeric_only=True)
    print(means.drop(columns="seed").to_string(float_format="%.4g"))


if __name__ == "__main__":
    main()
