"""How far rebuilt rows of a table are from the given ones, column by column."""

from __future__ import annotations

import numpy as np

from tfae._data.layout import Layout
from tfae._support.typing import Array


def probabilities(layout: Layout, rows: Array) -> Array:
    """Return rows in which the places of every column of categories add up to 1.

    Places below 0 count as 0. Where nothing is left, all categories have the same probability.
    """
    rows = rows.astype(np.float64)
    for _, places in layout.categories():
        chance = np.maximum(rows[:, places], 0)
        total = chance.sum(axis=1, keepdims=True)
        even = 1 / (places.stop - places.start)
        rows[:, places] = np.divide(chance, total, out=np.full_like(chance, even), where=total > 0)
    return rows


def column_errors(layout: Layout, rows: Array, rebuilt: Array) -> Array:
    """Return the absolute error of every number, and the improbability of every category.

    The improbability is 1 minus the probability of the category that is there. Shape [rows,
    columns], float64, with NaN where a value is missing.
    """
    errors = np.empty((len(rows), layout.n_columns))
    numbers = np.equal(layout.levels, 0)
    difference = rows[:, layout.numbers].astype(np.float64) - rebuilt[:, layout.numbers]
    errors[:, numbers] = np.abs(difference)
    chance = probabilities(layout, rebuilt)
    for column, places in layout.categories():
        errors[:, column] = 1 - (rows[:, places] * chance[:, places]).sum(axis=1)
    return errors
