"""The loss of rows of a table: squared errors of numbers, cross-entropies of categories.

Numbers are scaled, so that an error of 1 is a standard deviation. The output for a column of
categories is a logit for each. Cross-entropies are divided by the entropy of the column, so that
for every kind of column 1 is the loss of the best guess that knows no other column: its mean, or
the frequencies of its categories. The loss of a row is a mean over columns, not over places.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tfae._data.layout import Layout
from tfae._objective.losses import LOSSES, Loss
from tfae._support.tensorflow import tf
from tfae._support.typing import Array

# The least entropy in nats that a cross-entropy is divided by: that of one row in a hundred.
_LEAST_ENTROPY = 0.056


@dataclass(frozen=True)
class ColumnLoss:
    """A loss function of rows and logits that returns a value for every place.

    In the places of a column of categories the values add up to the cross-entropy in nats.
    """

    layout: Layout

    def __call__(self, target: Any, output: Any) -> Any:
        """Return the losses of two tensors.

        One exponential and one logarithm serve all columns. Operations on every column would each
        be compiled on its own.
        """
        shifted = output - tf.stop_gradient(self._largest(output))
        same = tf.constant(self._same_column, output.dtype)
        log_probability = shifted - tf.math.log(tf.matmul(tf.exp(shifted), same))
        squares = tf.square(output - target)
        return tf.where(self._is_number, squares, -target * log_probability)

    def in_numpy(self, target: Array, output: Array) -> Array:
        """Return the losses of two arrays."""
        return np.where(
            self._is_number,
            np.square(output - target),
            -target * self.layout.log_probabilities(output),
        )

    @cached_property
    def _is_number(self) -> Array:
        return np.equal(self.layout.levels, 0)[self.layout.column_of]

    @cached_property
    def _same_column(self) -> Array:
        return np.equal.outer(self.layout.column_of, self.layout.column_of)

    def _largest(self, output: Any) -> Any:
        """Return the largest output of its column in every place, by slices of known places."""
        parts, start = [], 0
        for _, places in self.layout.categories():
            parts.append(output[:, start : places.start])
            largest = tf.reduce_max(output[:, places], axis=1, keepdims=True)
            parts.append(tf.tile(largest, [1, places.stop - places.start]))
            start = places.stop
        return tf.concat([*parts, output[:, start:]], axis=1)


def column_loss(layout: Layout) -> Loss:
    """Return the loss of rows of a table."""
    if not layout.has_categories:
        return LOSSES.find("mse")
    return Loss(ColumnLoss(layout), of_entries=True)


def losses_of_columns(layout: Layout, target: Array, output: Array) -> Array:
    """Return the losses of two arrays for every column; cross-entropies in nats."""
    if not layout.has_categories:
        return np.square(output - target)
    of_places = ColumnLoss(layout).in_numpy(target, output)
    return np.add.reduceat(of_places, layout.starts, axis=1)


def weights_of_columns(layout: Layout, rows: Array) -> Array:
    """Return the factors of the columns' losses: 1, or 1 over the entropy of the categories."""
    weights = np.ones(layout.n_columns)
    for column, places in layout.categories():
        some = rows[:, places][~np.isnan(rows[:, places.start])]
        share = some.mean(axis=0) if len(some) else np.ones(1)
        share = share[share > 0]
        weights[column] = 1 / max(_LEAST_ENTROPY, -float(share @ np.log(share)))
    return weights
