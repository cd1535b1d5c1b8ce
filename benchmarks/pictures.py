"""``python -m benchmarks.pictures``: the pictures of the docs, ``--only NAME …`` some of them.

The picture of a task is a real run of the code that its page shows. Those of the figures are drawn
from what benchmarks left in ``docs/results``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from tfae import (
    Autoencoder,
    AutoencoderImputer,
    DenoisingAutoencoder,
    OutlierDetector,
    ParametricTSNE,
)

_DOCS = Path(__file__).parents[1] / "docs"
_N_IMAGES = 10
_SIZE = 6.4, 3.4


def _digits() -> list[np.ndarray]:
    return train_test_split(*load_digits(return_X_y=True), random_state=0)


def _lines_of_digits(lines: dict[str, np.ndarray]) -> Figure:
    """Draw a line of digits under each title; unknown pixels are red."""
    figure, axes = plt.subplots(len(lines), 1, figsize=_SIZE, layout="constrained")
    colours = plt.get_cmap("gray_r").with_extremes(bad="#e4572e")
    for ax, (title, rows) in zip(axes, lines.items(), strict=True):
        ax.imshow(np.hstack(rows[:_N_IMAGES].reshape(-1, 8, 8)), cmap=colours, vmin=0, vmax=16)
        ax.set_title(title, fontsize=11, loc="left", pad=3)
        ax.axis("off")
    return figure


def _error(rows: np.ndarray, true: np.ndarray) -> float:
    return float(np.square(rows - true).mean())


def compress() -> Figure:
    """Digits, and what 8 numbers of each rebuild."""
    X_train, X_test, _, _ = _digits()
    model = Autoencoder(n_components=8, random_state=0).fit(X_train)
    pca = PCA(n_components=8).fit(X_train)
    by_pca = pca.inverse_transform(pca.transform(X_test))
    ours = model.inverse_transform(model.transform(X_test))
    return _lines_of_digits(
        {
            "64 pixels": X_test,
            f"8 numbers, Autoencoder (squared error {_error(ours, X_test):.1f})": ours,
            f"8 numbers, PCA (squared error {_error(by_pca, X_test):.1f})": by_pca,
        }
    )


def denoise() -> Figure:
    """Digits with gaussian noise, and cleaned."""
    X_train, X_test, _, _ = _digits()
    noisy = X_test + np.random.default_rng(0).normal(0, 4, X_test.shape)
    model = DenoisingAutoencoder(
        32, corruption="gaussian", corruption_level=4, corruption_unit="data", random_state=0
    ).fit(X_train)
    cleaned = model.reconstruct(noisy)
    return _lines_of_digits(
        {
            f"noisy (squared error {_error(noisy, X_test):.1f})": noisy,
            f"cleaned (squared error {_error(cleaned, X_test):.1f})": cleaned,
            "the truth": X_test,
        }
    )


def look() -> Figure:
    """A map of digits, in which digits that were not there find their place."""
    X_train, X_test, _, y_test = _digits()
    model = ParametricTSNE(random_state=0).fit(X_train)
    figure, ax = plt.subplots(figsize=_SIZE, layout="constrained")
    ax.scatter(*model.embedding_.T, s=5, color="0.8", label="fitted")
    points = ax.scatter(*model.transform(X_test).T, c=y_test, cmap="tab10", s=12)
    ax.legend(*points.legend_elements(), loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
    ax.set(xticks=[], yticks=[])
    ax.set_title("grey: fitted; coloured: new digits", fontsize=11, loc="left")
    return figure


def fill_in() -> Figure:
    """Digits of which a part is missing, and filled."""
    X_train, X_test, _, _ = _digits()
    missing = np.random.default_rng(0).random(X_test.shape) < 0.4
    holes = np.where(missing, np.nan, X_test)
    imputer = AutoencoderImputer(random_state=0).fit(X_train)
    filled = imputer.transform(holes)
    return _lines_of_digits(
        {"40 % of the pixels are unknown": holes, "filled in": filled, "the truth": X_test}
    )


def detect() -> Figure:
    """Wines with five wrong values: what each value adds to the oddness of its row."""
    wine = load_wine(as_frame=True).data
    past, new = train_test_split(wine, test_size=25, random_state=0)
    wrong = {
        168: ("ash", 1.36),
        146: ("hue", 1.71),
        7: ("alcalinity_of_ash", 30.0),
        160: ("flavanoids", 3.74),
        18: ("alcohol", 11.03),
    }
    for row, (column, value) in wrong.items():
        new.loc[row, column] = value
    detector = OutlierDetector(training_rows="clean", false_alarm_rate=0.05, random_state=0)
    explained = detector.fit(past).explain(new).drop(columns="remainder")
    places = [(new.index.get_loc(row), list(wine).index(name)) for row, (name, _) in wrong.items()]
    figure, ax = plt.subplots(figsize=_SIZE, layout="constrained")
    _heat_map(ax, explained.T.to_numpy(), list(wine.columns))
    ax.scatter(*zip(*places, strict=True), s=70, facecolors="none", edgecolors="#1f77b4", lw=1.5)
    ax.set_title("why a row is odd, by columns; circles: wrong values", fontsize=11, loc="left")
    return figure


def _heat_map(ax: Axes, values: np.ndarray, names: list[str]) -> None:
    ax.imshow(values, cmap="Reds", aspect="auto", vmin=0, vmax=3)
    ax.set_yticks(range(len(names)), names, fontsize=7)
    ax.set(xticks=[], xlabel="25 new wines")


def tables() -> Figure:
    """Flowers of three species in two numbers, and some of them rebuilt, with their species."""
    iris = load_iris(as_frame=True)
    table = iris.data.assign(species=iris.target_names[iris.target])
    train, test = train_test_split(table, random_state=0)
    model = Autoencoder(2, random_state=0).fit(train)
    codes = model.transform(test)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=_SIZE, width_ratios=[2, 3], layout="constrained"
    )
    for name, of_species in pd.DataFrame(codes).groupby(test["species"].to_numpy()):
        left.scatter(of_species[0], of_species[1], s=14, label=name)
    left.legend(fontsize=8)
    left.set(xticks=[], yticks=[])
    left.set_title("new flowers, 2 numbers each", fontsize=11, loc="left")
    shown = test.groupby("species").head(2).sort_values("species").index
    rebuilt = pd.DataFrame(model.inverse_transform(codes).to_numpy(), test.index, test.columns)
    _cells(right, test.loc[shown], rebuilt.loc[shown])
    return figure


def _cells(ax: Axes, rows: pd.DataFrame, rebuilt: pd.DataFrame) -> None:
    """Write the values of rows, and below each row in colour what it was rebuilt as."""
    text = []
    for label, row in rows.iterrows():
        for values in (row, rebuilt.loc[label]):
            text.append([value if isinstance(value, str) else f"{value:.1f}" for value in values])
    names = [name.replace(" (cm)", "").replace(" ", "\n") for name in rows]
    cells = ax.table(text, colLabels=names, loc="center", cellLoc="center", edges="open")
    cells.auto_set_font_size(False)
    cells.set_fontsize(9)
    for (line, _), cell in cells.get_celld().items():
        cell.set_height(0.12 if line == 0 else 0.073)
        cell.get_text().set_color("black" if line == 0 or line % 2 else "#c44e00")
    ax.axis("off")
    ax.set_title("six of them, and rebuilt (orange)", fontsize=11, loc="left")


def larger() -> Figure:
    """The memory that a file of 8 GB takes, and the time until a kept model answers."""
    cases = json.loads((_DOCS / "results" / "benchmarks.json").read_text())["cases"]
    peak = cases["memmap"]["contenders"]["tfae"]["rounds"][0]["peak_mb"] / 1000
    figure, (left, right) = plt.subplots(1, 2, figsize=_SIZE, layout="constrained")
    _bars(left, "fit on a file (GB)", {"its size": 8.0, "memory used": peak})
    seconds = {
        "load a model,\ntransform": _seconds(cases["new-process"], "unpickle"),
        "import\ntensorflow": _seconds(cases["new-process"], "import"),
    }
    _bars(right, "a new process (seconds)", seconds)
    return figure


def deploy() -> Figure:
    """The time until a kept model answers in a new process, and that of one row."""
    cases = json.loads((_DOCS / "results" / "benchmarks.json").read_text())["cases"]
    figure, (left, right) = plt.subplots(1, 2, figsize=_SIZE, layout="constrained")
    seconds = {
        "load a model,\ntransform": _seconds(cases["new-process"], "unpickle"),
        "import\ntensorflow": _seconds(cases["new-process"], "import"),
    }
    _bars(left, "a new process (seconds)", seconds)
    rows = cases["one-row-digits"]["contenders"]
    rates = {"Autoencoder": "tfae", "scikit-learn's\nPCA": "pca"}
    each = {title: 1e6 / rows[name]["speed"]["median"] for title, name in rates.items()}
    _bars(right, "one row (microseconds)", each)
    return figure


def _seconds(case: dict, contender: str) -> float:
    return case["contenders"][contender]["seconds"]["median"]


def _bars(ax: Axes, title: str, values: dict[str, float]) -> None:
    bars = ax.bar(list(values), list(values.values()), color=["#4c78a8", "#f58518"], width=0.6)
    ax.bar_label(bars, fmt="%.1f")
    ax.set_title(title, fontsize=11, loc="left")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.set_yticks([])


def against_pca() -> Figure:
    """The error of every case, relative to PCA's, and its range over the seeds."""
    cases = pd.read_json(_DOCS / "results" / "against-pca.json").groupby(["data", "code"])
    table = cases.mean(numeric_only=True)
    ratios = (table["tfae"] / table["pca"]).sort_values()
    low, high = cases["ratio"].min()[ratios.index], cases["ratio"].max()[ratios.index]
    figure, ax = plt.subplots(figsize=(8, 12), layout="constrained")
    places = np.arange(len(ratios))
    ax.hlines(places, low, high, color="0.7", lw=3)
    ax.plot(ratios, places, "o", color="#4c78a8", ms=5)
    ax.axvline(1, color="black", lw=1)
    ax.set_yticks(places, [f"{data}, {code}" for data, code in ratios.index], fontsize=8)
    ax.set(xscale="log", xlabel="squared error / that of PCA", ylim=(-1, len(places)))
    ax.grid(axis="x", alpha=0.3)
    return figure


def against_others() -> Figure:
    """The errors of other libraries, relative to ours, a point a case."""
    table = pd.read_json(_DOCS / "results" / "against-others.json")
    rivals = {"kernel_pca": "KernelPCA", "mlp": "MLPRegressor", "keras": "Keras", "pyod": "PyOD"}
    figure, ax = plt.subplots(figsize=(8, 3), layout="constrained")
    rng = np.random.default_rng(0)
    for place, (column, title) in enumerate(rivals.items()):
        ratios = (table[column] / table["tfae"]).dropna()
        ax.plot(ratios, place + rng.uniform(-0.2, 0.2, len(ratios)), "o", ms=4, alpha=0.7)
        ax.text(1.02, place, title, va="center", transform=ax.get_yaxis_transform())
    ax.axvline(1, color="black", lw=1)
    ax.set(
        xscale="log",
        yticks=[],
        xlabel="their squared error / ours (right of the line: ours is lower)",
    )
    ax.invert_yaxis()
    ax.grid(axis="x", alpha=0.3)
    return figure


PICTURES: dict[str, Callable[[], Figure]] = {
    "task-compress": compress,
    "task-denoise": denoise,
    "task-look": look,
    "task-fill-in": fill_in,
    "task-detect": detect,
    "task-larger": larger,
    "task-tables": tables,
    "task-deploy": deploy,
    "quality-pca": against_pca,
    "quality-others": against_others,
}


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.pictures", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(PICTURES), default=list(PICTURES))
    parser.add_argument("--folder", type=Path, default=_DOCS / "images")
    options = parser.parse_args()
    for name in options.only:
        figure = PICTURES[name]()
        figure.savefig(options.folder / f"{name}.png", dpi=110)
        plt.close(figure)


if __name__ == "__main__":
    main()
