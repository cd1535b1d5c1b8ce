"""Reconstruction losses: one value for every row, in the units that the network sees.

A loss is a function ``(target, output) -> values`` of two tensors of shape [batch, features] that
returns either one value per entry (they are averaged over the features) or one value per row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tfae._support.registry import Registry
from tfae._support.tensorflow import keras, tf
from tfae._support.typing import Array

LossFunction = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Loss:
    """A loss function and what the rest of the library must know about it."""

    function: LossFunction
    power: int = 0  # loss(s * target, s * output) = s**power * loss; 0 if there is no such law
    link: str = ""  # the Keras name of an activation, if it takes the output before that
    # Whether an entry's value is known to depend on that column of its row alone.
    of_entries: bool = False
    # Takes the values and the weights of a batch's rows; returns the values to minimise.
    of_batch: Callable[[Any, Any], Any] | None = None
    # The same before means are taken: takes the values of entries and the weights of both.
    of_cells: Callable[[Any, Any, Any], Any] | None = None
    n_targets: int = 0  # the columns of the target, if the output has more of them
    # Of how many values the loss of a row is the mean; 0 if of one for every entry.
    n_cells: int = 0

    @property
    def is_likelihood(self) -> bool:
        """Whether it is a negative log-likelihood with a variance of its own."""
        return self.of_batch is not None or self.of_cells is not None

    @property
    def from_logits(self) -> bool:
        """Whether it takes the output before an activation."""
        return bool(self.link)

    def per_row(self, target: Any, output: Any, weight: Any, entry_weight: Any = None) -> Any:
        """Return the loss of every row, shape [batch].

        Parameters
        ----------
        target, output : tensor of shape [batch, features]
        weight : tensor of shape [batch]
            0 for rows that only fill up the batch; for others 1, or a positive weight.
        entry_weight : tensor of shape [batch, features] or None
            The factor of every entry's loss.
        """
        try:
            values = tf.convert_to_tensor(self.function(target, output))
        except NotImplementedError as error:
            if "NumPy" not in str(error):  # a tensor raises this in NumPy's functions
                raise
            raise ValueError(
                "The 'loss' must be written in operations of TensorFlow or keras.ops, which have "
                f"gradients. Got the error: {error}"
            ) from error
        if values.shape.rank not in (1, 2) or values.shape != target.shape[: values.shape.rank]:
            raise ValueError(
                "The 'loss' must return one value for every entry, shape [batch, features], or for "
                f"every row, shape [batch]. Got shape {tuple(values.shape)} for a batch of shape "
                f"{tuple(target.shape)}."
            )
        if entry_weight is not None:
            if values.shape.rank != 2:
                raise ValueError(
                    "With 'emphasis' or missing entries the 'loss' must return one value for every "
                    f"entry, shape [batch, features]. Got shape {tuple(values.shape)}."
                )
            if self.of_cells is not None:
                values = self.of_cells(values, entry_weight, weight)
            values = values * entry_weight
        rows = tf.reduce_mean(values, axis=-1) if values.shape.rank == 2 else values
        return rows if self.of_batch is None else self.of_batch(rows, weight)

    def of_rows(self, target: Array, output: Array, entry_weight: Array | None = None) -> Array:
        """Return the loss of every row of two arrays, independent of the other rows."""
        alone = replace(self, of_batch=None, of_cells=None)
        rows = alone.per_row(tf.constant(target), tf.constant(output), None, entry_weight)
        return np.asarray(rows, np.float64)


def _loss(function: LossFunction) -> Loss:
    if isinstance(function, type):
        raise ValueError(f"'loss' must be a function or an instance. Got the class {function!r}.")
    # A Keras loss object averages over the batch; the function in it does not.
    return Loss(function.call if isinstance(function, keras.losses.Loss) else function)


LOSSES: Registry[Loss] = Registry(
    "loss",
    wrap=_loss,
    function=lambda loss: loss.function,
    known_as={
        "mean_squared_error": "mse",  # Keras
        "squared_error": "mse",  # scikit-learn
        "l2": "mse",
        "mean_absolute_error": "mae",
        "absolute_error": "mae",
        "l1": "mae",
        "bce": "binary_crossentropy",
        "log_loss": "binary_crossentropy",
    },
)


def register_loss(name: str) -> Callable[[LossFunction], LossFunction]:
    """Make a loss available as ``Autoencoder(loss=name)``.

    Parameters
    ----------
    name : str
        The name to register the decorated function under.

    Returns
    -------
    callable
        A decorator that returns the function unchanged. The function takes the target and the
        output, tensors of shape [batch, features], and returns one value for every entry or one
        for every row.

    Raises
    ------
    ValueError
        If another function is registered under that name.

    Examples
    --------
    >>> import keras, tfae
    >>> @tfae.register_loss("log_cosh")
    ... def log_cosh(target, output):
    ...     '''The logarithm of the hyperbolic cosine of the error.'''
    ...     error = output - target
    ...     return error + keras.ops.softplus(-2 * error) - keras.ops.log(2.0)
    >>> tfae.losses()["log_cosh"]
    'The logarithm of the hyperbolic cosine of the error.'
    """
    return LOSSES.register_function(name)


def losses() -> dict[str, str]:
    """Return the registered losses: each name with one line that describes it.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> import tfae
    >>> tfae.losses()["mse"]
    'Mean squared error.'
    """
    return LOSSES.describe()


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


def _poisson(target: Any, logarithm: Any) -> Any:
    """Poisson negative log-likelihood in nats, for counts; without the term of counts alone."""
    return tf.exp(logarithm) - target * logarithm


def _gaussian(target: Any, output: Any) -> Any:
    """Gaussian negative log-likelihood in nats, with the variance that fits the errors best."""
    return tf.square(output - target)


def _with_best_variance(squared_errors: Any, weight: Any) -> Any:
    """Turn mean squared errors into negative log-likelihoods, with their mean as the variance.

    This variance, in closed form, makes the batch most likely (Rybkin et al., 2021, "Simple and
    effective VAE training with calibrated decoders"). So the gradient with respect to it is zero.
    """
    mean = tf.reduce_sum(weight * squared_errors) / tf.reduce_sum(weight)
    tiny = 1e-6 if squared_errors.dtype == tf.float32 else 1e-12
    variance = tf.stop_gradient(tf.maximum(mean, tiny))
    return 0.5 * (squared_errors / variance + tf.math.log(2 * math.pi * variance))


_BERNOULLI = Loss(_binary_crossentropy, link="sigmoid", of_entries=True)
for _name, _entry in {
    "mse": Loss(_squared_error, power=2, of_entries=True),
    "mae": Loss(_absolute_error, power=1, of_entries=True),
    # Huber's loss has its corner at one unit of the scaled data. So it is homogeneous, like the
    # square.
    "huber": Loss(_huber, power=2, of_entries=True),
    "binary_crossentropy": _BERNOULLI,
    "bernoulli": _BERNOULLI,
    "poisson": Loss(_poisson, link="exponential", of_entries=True),
    "gaussian": Loss(_gaussian, of_batch=_with_best_variance),
}.items():
    LOSSES.register(_name)(_entry)
