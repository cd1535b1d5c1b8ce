"""What every measure of an embedding costs at 10,000 rows of MNIST, beside scikit-learn's one.

Each is run in a process of its own: seconds, those that processors were busy with it, how far its
memory rose above what the data took, and the ratios of these to what
``sklearn.manifold.trustworthiness`` takes in the same run.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import manifold
from sklearn.decomposition import PCA

from benchmarks.published._report import Report, mnist, parser
from tfae import metrics

N_ROWS = 10_000
ORACLE = "sklearn trustworthiness"


def main() -> None:
    asked = parser(__doc__).parse_args()
    report = Report(asked.json, rows=N_ROWS)
    figures: dict[str, dict[str, float]] = {}
    for name in measures():
        # A fresh process: the most memory that one took never falls again.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            figures[name] = pool.submit(cost, name).result()
        for what, value in list(figures[name].items()):
            ratio = value / figures[ORACLE][what]
            figures[name][f"{what}, ratio"] = float(f"{ratio:.3g}")
        report.add(name, figures[name])
    report.end()


def measures() -> dict[str, Callable[[np.ndarray, np.ndarray, dict[str, np.ndarray]], Any]]:
    one = "PCA 2"
    return {
        ORACLE: lambda X, y, Z: manifold.trustworthiness(X, Z[one], n_neighbors=12),
        "trustworthiness": lambda X, y, Z: metrics.trustworthiness(X, Z[one], n_neighbors=12),
        "continuity": lambda X, y, Z: metrics.continuity(X, Z[one], n_neighbors=12),
        "neighbor_recall": lambda X, y, Z: metrics.neighbor_recall(X, Z[one], n_neighbors=12),
        "shepard_correlation": lambda X, y, Z: metrics.shepard_correlation(X, Z[one]),
        "knn_accuracy": lambda X, y, Z: metrics.knn_accuracy(Z[one], y),
        "reconstruction_errors": lambda X, y, Z: metrics.reconstruction_errors(X, X[::-1]),
        "embedding_report of 3": lambda X, y, Z: metrics.embedding_report(X, Z, y=y),
    }


def cost(name: str) -> dict[str, float]:
    X, y, _, _ = mnist()
    X, y = X[:N_ROWS], y[:N_ROWS]
    embeddings = {f"PCA {k}": PCA(k, random_state=0).fit_transform(X) for k in (2, 8, 32)}
    reset_peak()
    before, start, busy = peak(), time.perf_counter(), time.process_time()
    measures()[name](X, y, embeddings)
    return {
        "seconds": round(time.perf_counter() - start, 2),
        "seconds of processors": round(time.process_time() - busy, 2),
        "MB": round(peak() - before),
    }


def reset_peak() -> None:
    """Forget what loading the data took, where the system can."""
    file = Path("/proc/self/clear_refs")
    if file.exists():
        file.write_text("5")


def peak() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
