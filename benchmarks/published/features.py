"""MNIST: a linear classifier on raw pixels, on PCA, and on the codes of two autoencoders.

All codes have 500 numbers. The classifier is the same linear SVM, its C chosen for each kind of
features on the last 10,000 training images; it is then trained on all 60,000.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.svm import LinearSVC

from benchmarks.published._report import Report, mnist, parser
from tfae import DenoisingAutoencoder, SparseAutoencoder

SIZE = 500


def sparse_features() -> SparseAutoencoder:
    return SparseAutoencoder(
        SIZE,
        hidden_layer_sizes=(),
        penalty="lifetime",
        tied=True,
        scaling=None,
        batch_size=100,
        max_iter=15,
        tol=0.0,
        random_state=0,
    )


def denoising_features() -> DenoisingAutoencoder:
    return DenoisingAutoencoder(
        SIZE,
        hidden_layer_sizes=(),
        code_activation="relu",
        corruption="masking",
        corruption_level=0.5,
        linear_path=False,
        tied=True,
        scaling=None,
        batch_size=100,
        max_iter=15,
        tol=0.0,
        random_state=0,
    )


FEATURES: dict[str, Callable[[], Any] | None] = {
    "raw pixels": None,
    "PCA": lambda: PCA(SIZE, random_state=0),
    "SparseAutoencoder": sparse_features,
    "DenoisingAutoencoder": denoising_features,
}


def accuracy(train: np.ndarray, y: np.ndarray, test: np.ndarray, y_test: np.ndarray) -> float:
    scale = np.abs(train).max()
    train, test = train / scale, test / scale

    def classifier(C: float, part: slice) -> Any:
        return LinearSVC(C=C, dual=False, tol=1e-3, max_iter=300).fit(train[part], y[part])

    held_out = slice(50_000, None)
    best = max(
        (0.1, 1.0, 10.0),
        key=lambda C: classifier(C, slice(15_000)).score(train[held_out], y[held_out]),
    )
    return 100 * float(classifier(best, slice(None)).score(test, y_test))


def main() -> None:
    report = Report(parser(__doc__).parse_args().json, components=SIZE)
    X, y, X_test, y_test = mnist()
    for name, make in FEATURES.items():
        codes = X, X_test
        if make is not None:
            model = make().fit(X)
            codes = model.transform(X), model.transform(X_test)
        report.add(name, round(accuracy(codes[0], y, codes[1], y_test), 2))
    report.end()


if __name__ == "__main__":
    main()
