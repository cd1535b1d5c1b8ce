"""The road to a picture of MNIST: reduce, then t-SNE; or an encoder that places new rows.

The first 10,000 training images (`--seen`), and the 10,000 test images, which only encoders can
place. Measured are the seconds of the whole road, trustworthiness and continuity (12 neighbours, of
at most 10,000 images), and 1-NN accuracy: leave-one-out of the images seen, and of the test images
by the images seen. Every library's own defaults, and an autoencoder of few epochs: of 2, 5 and the
26 of "auto" its codes kept most neighbours of the images seen after 5, which no label tells.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from benchmarks.published._report import Report, mnist, parser
from tfae import Autoencoder, ParametricTSNE, metrics, plotting

N_JUDGED = 10_000


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--roads", nargs="*", help="which of them; all if left out")
    arguments.add_argument("--seen", type=int, default=10_000, help="training images")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--picture", type=Path, help="a file to draw the embeddings to")
    asked = arguments.parse_args()
    X, y, X_test, y_test = mnist()
    X, y = X[: asked.seen], y[: asked.seen]
    report = Report(asked.json, images=asked.seen, unseen=len(X_test), seed=asked.seed)
    drawn = {}
    for name, road in roads(asked.seed).items():
        if not asked.roads or name in asked.roads:
            figures, drawn[name] = measured(road, X, y, X_test, y_test)
            report.add(name, figures)
    report.end()
    if asked.picture is not None:
        draw(drawn, y).savefig(asked.picture, dpi=80)


def roads(seed: int) -> dict[str, Any]:
    tsne, parametric = TSNE(random_state=seed), ParametricTSNE(random_state=seed)
    short = Autoencoder(32, max_iter=5, random_state=seed)
    found = {
        "raw -> t-SNE": tsne,
        "PCA-32 -> t-SNE": make_pipeline(PCA(32, random_state=seed), tsne),
        "tfae-32 -> t-SNE": make_pipeline(Autoencoder(32, random_state=seed), tsne),
        "tfae-32, 5 epochs -> t-SNE": make_pipeline(short, tsne),
        "ParametricTSNE": parametric,
        "PCA-50 -> ParametricTSNE": make_pipeline(PCA(50, random_state=seed), parametric),
    }
    try:
        from umap import UMAP
        from umap.parametric_umap import ParametricUMAP
    except ImportError:
        print("UMAP and ParametricUMAP are skipped: umap-learn is not installed")
        return found
    return found | {
        "UMAP": UMAP(random_state=seed),
        "ParametricUMAP": ParametricUMAP(random_state=seed, verbose=False),
    }


def draw(embeddings: dict[str, Any], y: Any) -> Figure:
    """One panel for every road."""
    n_columns = min(3, len(embeddings))
    n_lines = -(-len(embeddings) // n_columns)
    figure = Figure(figsize=(4.5 * n_columns, 4.2 * n_lines), layout="constrained")
    axes = figure.subplots(n_lines, n_columns, squeeze=False).ravel()
    for ax in axes[len(embeddings) :]:
        ax.set_axis_off()
    for ax, (name, Z) in zip(axes, embeddings.items(), strict=False):
        plotting.code_scatter(Z, y, ax=ax)
        ax.set(title=name, xlabel="", ylabel="", xticks=[], yticks=[])
    return figure


def measured(road: Any, X: Any, y: Any, X_test: Any, y_test: Any) -> tuple[dict, Any]:
    start = time.perf_counter()
    Z = road.fit_transform(X)
    figures = {"seconds": time.perf_counter() - start}
    some = slice(0, N_JUDGED)
    figures["trustworthiness"] = metrics.trustworthiness(X[some], Z[some], n_neighbors=12)
    figures["continuity"] = metrics.continuity(X[some], Z[some], n_neighbors=12)
    figures["1-NN, seen"] = metrics.knn_accuracy(Z, y)
    if hasattr(road, "transform"):
        start = time.perf_counter()
        placed = road.transform(X_test)
        figures["seconds to place"] = time.perf_counter() - start
        figures["1-NN, unseen"] = KNeighborsClassifier(1).fit(Z, y).score(placed, y_test)
        figures["trustworthiness, unseen"] = metrics.trustworthiness(X_test, placed, n_neighbors=12)
        figures["continuity, unseen"] = metrics.continuity(X_test, placed, n_neighbors=12)
    return {name: round(float(value), 4) for name, value in figures.items()}, Z


if __name__ == "__main__":
    main()
