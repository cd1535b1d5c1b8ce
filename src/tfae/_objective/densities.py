"""The negative log-likelihood of rows of a table under the densities that a network puts out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tfae._networks.densities import N_KINDS, Densities
from tfae._objective.column_losses import ColumnLoss
from tfae._objective.losses import Loss
from tfae._support.tensorflow import tf


@dataclass(frozen=True)
class DensityLoss:
    """A loss function of rows and densities that returns a value for every place.

    In the places of a column of categories the values add up to its cross-entropy. All values are
    in nats.
    """

    densities: Densities

    def __call__(self, target: Any, output: Any) -> Any:
        """Return the losses of two tensors."""
        of, layout = self.densities, self.densities.layout
        if not layout.has_categories:
            return self._of_numbers(target, output)
        order = np.concatenate([layout.numbers, of.places_of_categories])
        n_numbers, n_outputs = len(layout.numbers), of.n_outputs_of_numbers
        target = tf.gather(target, order, axis=1)
        of_numbers = self._of_numbers(target[:, :n_numbers], output[:, :n_outputs])
        of_categories = ColumnLoss(of.categories)(target[:, n_numbers:], output[:, n_outputs:])
        values = tf.concat([of_numbers, of_categories], axis=1)
        return tf.gather(values, np.argsort(order), axis=1)

    def _of_numbers(self, target: Any, output: Any) -> Any:
        """Return the surprise of numbers; see :meth:`.densities.Mixture.surprise`.

        The parts are summed one by one: XLA is slow at sums over a short axis.
        """
        mixture = self.densities.mixture
        parts = tf.split(output, mixture.n_outputs, axis=1)
        n = mixture.n_parts
        logits, locations, raw = (parts[kind * n : (kind + 1) * n] for kind in range(N_KINDS))
        logs = []
        for logit, location, scale in zip(logits, locations, raw, strict=True):
            scale = mixture.least_scale + _softplus(scale)
            far = tf.square((target - location) / scale)
            power = 0.5 * (mixture.freedom + 1)
            logs.append(logit - tf.math.log(scale) - power * tf.math.log(1 + far / mixture.freedom))
        return _log_sum_exp(logits) - _log_sum_exp(logs) - mixture.log_constant


def density_loss(densities: Densities) -> Loss:
    """Return the loss of rows of a table under densities."""
    width = densities.layout.width
    return Loss(DensityLoss(densities), of_entries=True, n_targets=width)


def _softplus(x: Any) -> Any:
    return tf.maximum(x, 0.0) + tf.math.log(1 + tf.exp(-tf.maximum(x, -x)))


def _log_sum_exp(parts: list[Any]) -> Any:
    largest = tf.stop_gradient(tf.math.reduce_max(tf.stack(parts), axis=0))
    return largest + tf.math.log(tf.add_n([tf.exp(part - largest) for part in parts]))
