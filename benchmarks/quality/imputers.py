"""The imputers that AutoencoderImputer is compared with, for tables of numbers and categories.

Each has ``fit`` and ``transform`` of frames whose columns are numbers or categories. scikit-learn's
take numbers only: categories become columns of 0 and 1, and the largest of them is the guess. A
chain of trees has classifiers for categories, which IterativeImputer cannot have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from tfae import AutoencoderImputer

_N_TREES, _N_ROUNDS = 50, 3


def is_category(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype)


def one_hot(frame: pd.DataFrame) -> np.ndarray:
    """Numbers as they are, categories as 0 and 1; NaN in all places of a missing value."""
    return np.hstack([_places(frame[name]) for name in frame])


def _places(column: pd.Series) -> np.ndarray:
    if not is_category(column):
        return column.to_numpy(np.float64)[:, None]
    codes = column.cat.codes.to_numpy()
    places = np.equal.outer(codes, np.arange(len(column.cat.categories))).astype(np.float64)
    places[codes < 0] = np.nan
    return places


class OfNumbers:
    """One of scikit-learn's imputers."""

    def __init__(self, imputer: Any) -> None:
        self._imputer = imputer

    def fit(self, frame: pd.DataFrame) -> Self:
        self._imputer.fit(one_hot(frame))
        return self

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        rows, filled, start = self._imputer.transform(one_hot(frame)), frame.copy(), 0
        for name in frame:
            width = _places(frame[name]).shape[1]
            found = rows[:, start : start + width]
            start += width
            missing = frame[name].isna().to_numpy()
            if is_category(frame[name]):
                codes = np.where(missing, found.argmax(axis=1), frame[name].cat.codes)
                filled[name] = pd.Categorical.from_codes(codes, dtype=frame[name].dtype)
            else:
                filled[name] = np.where(missing, found[:, 0], frame[name])
        return filled


class TreeChain:
    """Forests that guess every column from the others, in turns; all are kept for new rows."""

    def __init__(self, seed: int, least_rows: int = 1) -> None:
        self._params = {"random_state": seed, "min_samples_leaf": least_rows}

    def fit(self, frame: pd.DataFrame) -> Self:
        self._start = {
            name: frame[name].mode()[0] if is_category(frame[name]) else frame[name].mean()
            for name in frame
        }
        n_missing = frame.isna().sum()
        # The fewest holes first, as in IterativeImputer. New rows may have holes in any column.
        self._names = list(n_missing.sort_values(kind="stable").index)
        self._forests: list[tuple[str, Any]] = []
        filled = self._started(frame)
        for _ in range(_N_ROUNDS):
            for name in self._names:
                there = frame[name].notna().to_numpy()
                kind = ExtraTreesClassifier if is_category(frame[name]) else ExtraTreesRegressor
                forest = kind(_N_TREES, **self._params)
                others = one_hot(filled.drop(columns=name))
                values = filled[name].cat.codes if is_category(frame[name]) else filled[name]
                self._forests.append((name, forest.fit(others[there], values[there])))
                self._guess(filled, name, ~there, forest, others)
        return self

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        filled = self._started(frame)
        for name, forest in self._forests:
            missing = frame[name].isna().to_numpy()
            if missing.any():
                self._guess(filled, name, missing, forest, one_hot(filled.drop(columns=name)))
        return filled

    def _started(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.fillna(self._start).reset_index(drop=True)

    def _guess(
        self, filled: pd.DataFrame, name: str, rows: np.ndarray, forest: Any, others: np.ndarray
    ) -> None:
        if not rows.any():
            return
        found = forest.predict(others[rows])
        if is_category(filled[name]):
            codes = filled[name].cat.codes.to_numpy().copy()
            codes[rows] = found
            filled[name] = pd.Categorical.from_codes(codes, dtype=filled[name].dtype)
        else:
            filled.loc[rows, name] = found


METHODS: dict[str, Callable[[int], Any]] = {
    "mean": lambda seed: OfNumbers(SimpleImputer(keep_empty_features=True)),
    "knn": lambda seed: OfNumbers(KNNImputer(keep_empty_features=True)),
    "iterative": lambda seed: OfNumbers(
        IterativeImputer(random_state=seed, keep_empty_features=True)
    ),
    "trees": TreeChain,
    "trees of 5": lambda seed: TreeChain(seed, least_rows=5),  # rows in a leaf: better if noisy
    "tfae": lambda seed: AutoencoderImputer(random_state=seed, keep_empty_features=True),
}
