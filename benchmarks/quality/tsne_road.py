"""The road to a picture of MNIST: reduce, then t-SNE; or an encoder that places new rows.

The first 10,000 training images, and 5,000 test images that only encoders can place. Measured are
the seconds of the whole road, trustworthiness and continuity (12 neighbours) and leave-one-out 1-NN
accuracy of the images seen, and the accuracy of a 1-NN classifier of those on the test images.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from benchmarks.published._report import Report, mnist, parser
from tfae import Autoencoder, ParametricTSNE, metrics

N_SEEN, N_UNSEEN = 10_000, 5_000


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--roads", nargs="*", help="which of them; all if left out")
    asked = arguments.parse_args()
    X, y, X_test, y_test = mnist()
    X, y, X_test, y_test = X[:N_SEEN], y[:N_SEEN], X_test[:N_UNSEEN], y_test[:N_UNSEEN]
    report = Report(asked.json, images=N_SEEN, unseen=N_UNSEEN)
    for name, road in roads().items():
        if not asked.roads or name in asked.roads:
            report.add(name, measured(road, X, y, X_test, y_test))
    report.end()


def roads() -> dict[str, Any]:
    found = {
        "raw -> t-SNE": TSNE(random_state=0),
        "PCA-32 -> t-SNE": make_pipeline(PCA(32, random_state=0), TSNE(random_state=0)),
        "tfae-32 -> t-SNE": make_pipeline(Autoencoder(32, random_state=0), TSNE(random_state=0)),
        "ParametricTSNE": ParametricTSNE(random_state=0),
    }
    try:
        import umap
    except ImportError:
        return found
    found["UMAP"] = umap.UMAP(random_state=0)
    return found


def measured(road: Any, X: Any, y: Any, X_test: Any, y_test: Any) -> dict[str, float]:
    start = time.perf_counter()
    Z = road.fit_transform(X)
    figures = {"seconds": time.perf_counter() - start}
    figures["trustworthiness"] = metrics.trustworthiness(X, Z, n_neighbors=12)
    figures["continuity"] = metrics.continuity(X, Z, n_neighbors=12)
    figures["1-NN, seen"] = metrics.knn_accuracy(Z, y)
    if hasattr(road, "transform"):
        neighbours = KNeighborsClassifier(1).fit(Z, y)
        figures["1-NN, unseen"] = float(
            np.mean(neighbours.predict(road.transform(X_test)) == y_test)
        )
    return {name: round(value, 4) for name, value in figures.items()}


if __name__ == "__main__":
    main()
