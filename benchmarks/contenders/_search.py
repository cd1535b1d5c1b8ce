"""The grid search, which is the same for every estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.model_selection import GridSearchCV, ParameterGrid

from benchmarks.tasks import Search

CANDIDATES = ParameterGrid(
    {
        "hidden_layer_sizes": [(32,), (48,)],
        "n_components": [8, 16],
        "learning_rate_init": [1e-3, 2e-3, 4e-3],
    }
)


def search(estimator: Any, X: np.ndarray, task: Search) -> float:
    """Search without refitting; return the mean over all fits of the error on held-out rows."""
    chosen = list(CANDIDATES)[: task.n_candidates]
    grid = [{name: [value] for name, value in candidate.items()} for candidate in chosen]
    found = GridSearchCV(
        estimator, grid, scoring=_score, cv=task.folds, refit=False, error_score="raise"
    ).fit(X)
    return -float(found.cv_results_["mean_test_score"].mean())


def _score(estimator: Any, X: np.ndarray, y: None = None) -> float:
    return -float(np.square(estimator.reconstruct(X) - X).mean())
