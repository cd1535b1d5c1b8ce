"""The negative log-likelihood of rows of a table under the densities that a network puts out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tfae._data.layout import Layout
from tfae._networks.densities import N_KINDS, Mixture
from tfae._objective.column_losses import ColumnLoss
from tfae._objective.losses import Loss
from tfae._support.tensorflow import tf
from tfae._support.typing import Array


@dataclass(frozen=True)
class DensityLoss:
    """A loss function of rows and densities that returns a value for every place.

    In the places of a column of categories the values add up to its cross-entropy. All values are
    in nats.
    """

    layout: Layout
    mixture: Mixture

    def __call__(self, target: Any, output: Any) -> Any:
        """Return the losses of two tensors."""
        layout, n_numbers = self.layout, len(self.layout.numbers)
        if not layout.has_categories:
            return self._of_numbers(target, output)
        n_outputs = n_numbers * self.mixture.n_outputs
        target = tf.gather(target, self._order, axis=1)
        of_numbers = self._of_numbers(target[:, :n_numbers], output[:, :n_outputs])
        of_categories = self._of_categories(target[:, n_numbers:], output[:, n_outputs:])
        values = tf.concat([of_numbers, of_categories], axis=1)
        return tf.gather(values, np.argsort(self._order), axis=1)

    def _of_numbers(self, target: Any, output: Any) -> Any:
        """Return the surprise of numbers; see :meth:`.densities.Mixture.surprise`.

        The parts are summed one by one: XLA is slow at sums over a short axis.
        """
        mixture = self.mixture
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

    def _of_categories(self, target: Any, output: Any) -> Any:
        levels = tuple(n for n in self.layout.levels if n)
        return ColumnLoss(Layout(levels))(target, output)

    @cached_property
    def _order(self) -> Array:
        """The places of numbers, then those of categories."""
        is_number = np.equal(self.layout.levels, 0)[self.layout.column_of]
        return np.argsort(~is_number, kind="stable")


def density_loss(layout: Layout, mixture: Mixture) -> Loss:
    """Return the loss of rows of a table under densities."""
    return Loss(DensityLoss(layout, mixture), of_entries=True, n_targets=layout.width)


def _softplus(x: Any) -> Any:
    return tf.maximum(x, 0.0) + tf.math.log(1 + tf.exp(-tf.maximum(x, -x)))


def _log_sum_exp(parts: list[Any]) -> Any:
    largest = tf.stop_gradient(tf.math.reduce_max(tf.stack(parts), axis=0))
    return largest + tf.math.log(tf.add_n([tf.exp(part - largest) for part in parts]))
