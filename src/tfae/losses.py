"""Reconstruction losses: one value for every row, in the units that the network sees.

A loss is a function ``(target, output) -> values`` of two tensors of shape [batch, features] that
returns either one value per entry (they are averaged over the features) or one value per row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfae._registry import Registry
from tfae._tensorflow import keras, tf


@dataclass(frozen=True)
class Loss:
    """A loss function and what the rest of the library must know about it."""

    function: Callable[[Any, Any], Any]
    power: int = 0  # loss(s * target, s * output) = s**power * loss; 0 where there is no such law
    from_logits: bool = False  # whether it wants the output before a sigmoid

    def per_row(self, target: Any, output: Any) -> Any:
        """Return the loss of every row, shape [batch]."""
        values = tf.convert_to_tensor(self.function(target, output))
        if values.shape.rank not in (1, 2) or values.shape[0] != target.shape[0]:
            raise ValueError(
                "The 'loss' must return one value for every entry, shape [batch, features], or for "
                f"every row, shape [batch]. Got shape {tuple(values.shape)} for a batch of shape "
                f"{tuple(target.shape)}."
            )
        return tf.reduce_mean(values, axis=-1) if values.shape.rank == 2 else values


LOSSES: Registry[Loss] = Registry("loss")


def get_loss(loss: str | Callable[[Any, Any], Any]) -> Loss:
    """Return the registered loss of that name, or the callable as a loss."""
    if isinstance(loss, str):
        return LOSSES[loss]
    # A Keras loss object averages over the batch; the function in it does not.
    return Loss(loss.call if isinstance(loss, keras.losses.Loss) else loss)


def _squared_error(target: Any, output: Any) -> Any:
    """Mean squared error."""
    return tf.square(output - target)


def _absolute_error(target: Any, output: Any) -> Any:
    """Mean absolute error."""
    return tf.abs(output - target)


def _huber(target: Any, output: Any) -> Any:
    """Squared error up to one unit of the scaled data, absolute error beyond it (Huber, 1964)."""
    error = tf.abs(output - target)
    return tf.where(error <= 1, 0.5 * tf.square(error), error - 0.5)


def _binary_crossentropy(target: Any, logits: Any) -> Any:
    """Binary cross-entropy in nats, for data in [0, 1]."""
    return keras.ops.binary_crossentropy(target, logits, from_logits=True)


for _name, _loss in {
    "mse": Loss(_squared_error, power=2),
    "mae": Loss(_absolute_error, power=1),
    # With the unit of the scaled data as its corner, Huber's loss is homogeneous like the square.
    "huber": Loss(_huber, power=2),
    "binary_crossentropy": Loss(_binary_crossentropy, from_logits=True),
}.items():
    LOSSES.register(_name)(_loss)
