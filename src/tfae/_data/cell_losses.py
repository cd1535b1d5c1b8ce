"""The loss of every cell of a table's rows, in NumPy, and the weights that make columns alike.

The loss of a number is the squared error of scaled numbers, that of a category the cross-entropy in
nats. A weight divides the cross-entropy by the entropy of the column. Then 1 is the loss of the
best guess that knows no other column, whatever the column's kind: its mean, or the frequencies of
its categories.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfae._data.layout import Layout
from tfae._support.typing import Array

# The least entropy in nats that a cross-entropy is divided by: that of one row in a hundred.
_LEAST_ENTROPY = 0.056


def losses_of_places(layout: Layout, target: Array, output: Array) -> Array:
    """Return the losses of rows, spread over their places.

    Those of the places of a column of categories add up to its cross-entropy.

    Parameters
    ----------
    layout : Layout
    target : ndarray of shape (n_rows, places)
        Scaled numbers, and categories as positive numbers in the place of the one that is there.
    output : ndarray of shape (n_rows, places)
        Scaled numbers, and logits of categories.
    """
    log_probability = layout.log_probabilities(output)
    categories = np.where(target > 0, -log_probability, 0.0)
    return np.where(layout.is_number, np.square(output - target), categories)


def losses_of_columns(layout: Layout, target: Array, output: Array) -> Array:
    """Return the losses of the cells of rows, of shape [rows, columns]."""
    if not layout.has_categories:
        return np.square(output - target)
    return np.add.reduceat(losses_of_places(layout, target, output), layout.starts, axis=1)


def entropies(layout: Layout, frequencies: Array) -> Array:
    """Return the entropies of columns of categories in nats, 0 for columns of numbers.

    Parameters
    ----------
    layout : Layout
    frequencies : ndarray of shape (places,)
        Those of the places of numbers do not matter.
    """
    found = np.zeros(layout.n_columns)
    for column, places in layout.categories():
        share = frequencies[places]
        share = share[share > 0]
        found[column] = -float(share @ np.log(share))
    return found


def column_weights(layout: Layout, frequencies: Array) -> Array:
    """Return the factors of the columns' losses: 1, or 1 over the entropy of the categories."""
    least = np.maximum(entropies(layout, frequencies), _LEAST_ENTROPY)
    return np.where(np.equal(layout.levels, 0), 1.0, 1 / least)


def weights_of_columns(layout: Layout, rows: Array) -> Array:
    """Return the weights of columns by the observed cells of rows with holes."""
    frequencies = np.zeros(layout.width)
    for _, places in layout.categories():
        some = rows[:, places][~np.isnan(rows[:, places.start])]
        frequencies[places] = some.mean(axis=0) if len(some) else 0.0
    return column_weights(layout, frequencies)


@dataclass(frozen=True, eq=False)
class CellWeights:
    """Weights of entries with which a mean over the places of rows is one over their cells.

    ``of_columns`` are the factors of the losses of the columns' cells.
    """

    layout: Layout
    of_columns: Array

    def of_places(self, observed: Array | float = 1.0) -> Array:
        """Return the weights of places, from how much every cell of [rows, columns] counts.

        Shape [rows, places]; [places] if all count the same.
        """
        factor = self.layout.width / self.layout.n_columns
        return self.layout.spread(factor * observed * self.of_columns)

    def of_all(self, rows: Array, weights: Array | None = None) -> Array:
        """Return weights for a mean over all observed cells of some rows, which have weights."""
        observed = ~self.layout.missing(rows)
        mean = float(np.average(observed.mean(axis=1), weights=weights))
        return self.of_places(observed / max(mean, 1 / observed.size))

    def of_each(self, rows: Array) -> Array:
        """Return weights for a mean over the observed cells of every row."""
        observed = ~self.layout.missing(rows)
        return self.of_places(observed / np.maximum(observed.mean(axis=1, keepdims=True), 1e-9))
