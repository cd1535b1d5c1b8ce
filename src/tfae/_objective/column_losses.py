"""The loss of rows of a table: errors of numbers, cross-entropies of categories.

The target are scaled numbers, and for categories numbers of which only that of the category that is
there is positive: 0 or 1, or deviations from frequencies. The output for a column of categories is
a logit for each. The loss of a row is a mean over columns, not over places; the weights of entries,
which come with the rows, see to that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tfae._data.cell_losses import losses_of_columns as losses_of_columns
from tfae._data.cell_losses import losses_of_places
from tfae._data.cell_losses import weights_of_columns as weights_of_columns
from tfae._data.layout import Layout
from tfae._objective.losses import LOSSES, Loss, LossFunction
from tfae._support.tensorflow import tf
from tfae._support.typing import Array


@dataclass(frozen=True)
class ColumnLoss:
    """A loss function of rows and outputs that returns a value for every place.

    In the places of a column of categories the values add up to the cross-entropy in nats.
    """

    layout: Layout
    of_numbers: LossFunction = LOSSES.find("mse").function

    def __call__(self, target: Any, output: Any) -> Any:
        """Return the losses of two tensors.

        One exponential and one logarithm serve all columns. Operations on every column would each
        be compiled on its own.
        """
        shifted = output - tf.stop_gradient(self._largest(output))
        same = tf.constant(self._same_column, output.dtype)
        log_probability = shifted - tf.math.log(tf.matmul(tf.exp(shifted), same))
        there = tf.cast(target > 0, output.dtype)
        numbers = self.of_numbers(target, output)
        return tf.where(self.layout.is_number, numbers, -there * log_probability)

    def in_numpy(self, target: Array, output: Array) -> Array:
        """Return the losses of two arrays, with squared errors of numbers."""
        return losses_of_places(self.layout, target, output)

    @cached_property
    def _same_column(self) -> Array:
        column = self.layout.column_of
        return column[:, None] == column

    def _largest(self, output: Any) -> Any:
        """Return the largest output of its column in every place, by slices of known places."""
        parts, start = [], 0
        for _, places in self.layout.categories():
            parts.append(output[:, start : places.start])
            largest = tf.reduce_max(output[:, places], axis=1, keepdims=True)
            parts.append(tf.tile(largest, [1, places.stop - places.start]))
            start = places.stop
        return tf.concat([*parts, output[:, start:]], axis=1)


@dataclass(frozen=True)
class WithBestVariance:
    """Turns squared errors of numbers into negative log-likelihoods, with one variance for all.

    It is their mean over a batch, which makes that most likely; see ``losses.py``. Cross-entropies
    are negative log-likelihoods already.
    """

    layout: Layout

    def __call__(self, values: Any, entry_weight: Any, weight: Any) -> Any:
        """Return the values of the places of a batch."""
        is_number = tf.constant(self.layout.is_number)
        counted = tf.cast(is_number, values.dtype) * weight[:, None] * entry_weight
        tiny = 1e-6 if values.dtype == tf.float32 else 1e-12
        total = tf.maximum(tf.reduce_sum(counted), tiny)
        mean = tf.reduce_sum(counted * values) / total
        variance = tf.stop_gradient(tf.maximum(mean, tiny))
        likelihood = 0.5 * (values / variance + tf.math.log(2 * math.pi * variance))
        return tf.where(is_number, likelihood, values)


def column_loss(layout: Layout, loss: Loss | None = None) -> Loss:
    """Return the loss of rows of a table, with a loss of the numbers; None for squared errors.

    Raises
    ------
    ValueError
        If there are categories, and the loss is not one of numbers on any scale.
    """
    loss = LOSSES.find("mse") if loss is None else loss
    if not layout.has_categories:
        return loss
    of_batch: Callable[..., Any] | None = None
    if loss.of_batch is not None:
        of_batch = WithBestVariance(layout)
    elif loss.from_logits or not loss.of_entries:
        raise ValueError(
            "'loss' must be 'mse', 'mae', 'huber' or 'gaussian' for a frame with columns of "
            "categories, which have a loss of their own, the cross-entropy."
        )
    function = ColumnLoss(layout, loss.function)
    return Loss(function, of_entries=True, of_cells=of_batch, n_cells=layout.n_columns)
