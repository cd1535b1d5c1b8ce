"""Reasons as frames: what every column adds, and the columns that add most, row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tfae._data.frames import column_of, index_of, labels_of
from tfae._support.typing import Array

REMAINDER = "remainder"


def with_remainder(labels: list[Any]) -> list[Any]:
    """Return labels and one more, "remainder", with "_" if there is a column of that name."""
    name = REMAINDER
    while name in labels:
        name += "_"
    return [*labels, name]


def reasons_frame(
    contributions: Array,
    labels: list[Any],
    given: list[Any],
    expected: list[Any],
    index: Any,
    scores: Array,
    n_columns: int,
) -> pd.DataFrame:
    """Return a line for each of the columns that add most to the oddness of each row.

    Parameters
    ----------
    contributions : ndarray of shape (n, columns)
    labels : list
    given, expected : list of sequence
        The values of every column.
    index : sequence
        The labels of the rows.
    scores : ndarray of shape (n,)
    n_columns : int
        The number of lines of a row; fewer where fewer columns add anything.
    """
    lines = []
    for row in np.argsort(scores, kind="stable"):
        for column in np.argsort(-contributions[row], kind="stable")[:n_columns]:
            if contributions[row, column] > 0:
                values = given[column][row], expected[column][row]
                line = index[row], scores[row], labels[column], contributions[row, column], *values
                lines.append(line)
    names = ["row", "score", "column", "contribution", "value", "expected"]
    return pd.DataFrame(lines, columns=names)


def values_of_columns(frame: Any, labels: list[Any]) -> list[Any]:
    """Return the values of columns of a frame, each as a list."""
    places = {label: place for place, label in enumerate(labels_of(frame))}
    return [column_of(frame, places[label]).to_list() for label in labels]


def labels_of_rows(X: Any, n_rows: int) -> list[Any]:
    """Return the labels of rows: the index of a frame of pandas, otherwise their numbers."""
    index = index_of(X)
    return list(range(n_rows) if index is None else index)
