r"""Penalties: demands on the code, besides a good reconstruction.

A penalty is weighed against the loss *summed* over the features, as in the papers. Training
minimises the mean over the rows of ``loss + penalty_weight * penalty / n_features``, where the loss
is a mean over the features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Any, NamedTuple

from tfae._networks.codes import (
    MAX_LOG_VARIANCE,
    PLAIN,
    Code,
    Gaussian,
    LargestOfRow,
    LargestOfUnit,
    Nested,
)
from tfae._support.registry import Registry
from tfae._support.tensorflow import keras, tf


class Encoded(NamedTuple):
    """One batch as a penalty sees it."""

    x: Any  # the encoder's input, [batch, features]
    encoder_output: Any  # [batch, width]
    weight: Any  # [batch], 0 for rows that only fill up the batch
    noise: Any  # standard normal, [batch, components], or None
    encoder: Any  # callable, with the layers of the Keras model
    sparsity: Any  # the scalar of that name


Cost = Callable[[Encoded], Any]


@dataclass(frozen=True)
class Penalty:
    """A cost of the code, a rule that turns it into the decoder's input, or both."""

    cost: Cost | None = None  # one value for every row, or one for the batch
    code: Callable[[int, float], Code] | None = None  # takes n_components and sparsity
    function: Callable[..., Any] | None = None  # its docstring describes the penalty
    weight: float = 1.0  # the default
    sparsity: float | None = None  # the default; None if it has no meaning
    activation: str = "linear"  # of the code, unless the user chooses another
    in_unit_interval: bool = False  # whether activations must lie in [0, 1]
    random: bool = False  # whether the cost takes noise
    sparse: bool = True  # whether most units are meant to be silent
    of_rows: bool = False  # whether the cost of a row is known to depend on that row alone

    def code_of(self, n_components: int, sparsity: Any) -> Code:
        """Return the rule for a code of that length."""
        return PLAIN if self.code is None else self.code(n_components, sparsity)

    @property
    def scalars(self) -> tuple[str, ...]:
        """The names of the scalars that the compiled step takes."""
        if self.cost is None:
            return ()
        return ("penalty_weight",) if self.sparsity is None else ("penalty_weight", "sparsity")


@dataclass(frozen=True)
class _OfCode:
    """The cost that a function of the code alone defines; equal functions make equal costs."""

    function: Callable[[Any], Any]

    def __call__(self, encoded: Encoded) -> Any:
        values = tf.convert_to_tensor(self.function(encoded.encoder_output))
        shape = tuple(encoded.encoder_output.shape)
        if tuple(values.shape) not in (shape, shape[:1]):
            raise ValueError(
                "The 'penalty' must return one value for every entry of the code, shape [batch, "
                f"n_components], or for every row, shape [batch]. Got shape {tuple(values.shape)} "
                f"for a code of shape {shape}."
            )
        return tf.reduce_sum(values, axis=-1) if values.shape.rank == 2 else values


def _of_code(function: Callable[[Any], Any]) -> Penalty:
    return Penalty(_OfCode(function), function=function, sparse=False)


def find_penalty(wanted: Any) -> Penalty:
    """Return the penalty for a value of the parameter ``penalty``, or `wanted` if it is one."""
    if wanted is None:
        return NO_PENALTY
    return wanted if isinstance(wanted, Penalty) else PENALTIES.find(wanted)


NO_PENALTY = Penalty(sparse=False)
# For the training that finds the necessary length of a code.
NESTED = Penalty(code=lambda n_components, sparsity: Nested(), sparse=False)
PENALTIES: Registry[Penalty] = Registry(
    "penalty",
    or_else="None or a callable",
    wrap=_of_code,
    function=lambda penalty: penalty.function or penalty.cost,
)


def register_penalty(name: str) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Make a penalty available as ``Autoencoder(penalty=name)``.

    Parameters
    ----------
    name : str
        The name to register the decorated function under.

    Returns
    -------
    callable
        A decorator that returns the function unchanged. The function takes the code, a tensor of
        shape [batch, n_components]. It returns one value for every entry (they are summed over
        the components) or one value for every row.

    Raises
    ------
    ValueError
        If another function is registered under that name.

    Examples
    --------
    >>> import keras, tfae
    >>> @tfae.register_penalty("log")
    ... def log_penalty(code):
    ...     '''Sum of log(1 + code**2), which a Cauchy prior asks for.'''
    ...     return keras.ops.log1p(code**2)
    >>> tfae.penalties()["log"]
    'Sum of log(1 + code**2), which a Cauchy prior asks for.'
    """
    return PENALTIES.register_function(name)


def penalties() -> dict[str, str]:
    """Return the registered penalties: each name with one line that describes it.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> import tfae
    >>> tfae.penalties()["l1"]
    'The sum of the absolute values of the code.'
    """
    return PENALTIES.describe()


def _l1(encoded: Encoded) -> Any:
    """The sum of the absolute values of the code."""
    return tf.reduce_sum(tf.abs(encoded.encoder_output), axis=1)


def _kl(encoded: Encoded) -> Any:
    """The divergence of every unit's mean activation from a small target, summed.

    This is the Kullback-Leibler divergence between Bernoulli variables; see Ng (2011), "Sparse
    autoencoder", CS294A lecture notes. The mean is taken over a batch.
    """
    weight, rho = encoded.weight, encoded.sparsity
    mean = tf.tensordot(weight, encoded.encoder_output, 1) / tf.reduce_sum(weight)
    mean = tf.clip_by_value(mean, 1e-6, 1 - 1e-6)
    return tf.reduce_sum(
        rho * tf.math.log(rho / mean) + (1 - rho) * tf.math.log((1 - rho) / (1 - mean))
    )


def _contractive(encoded: Encoded) -> Any:
    """The squared Frobenius norm of the encoder's Jacobian (Rifai et al., 2011).

    It is exact for an encoder of one dense layer. For a deeper encoder, the Jacobian is multiplied
    by a standard normal vector of the code's length. The squared length of the product has the
    norm as its expectation.
    """
    layer = _only_layer(encoded.encoder)
    if layer is not None:
        return _of_one_layer(layer, encoded.x)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(encoded.x)
        # The encoder runs as it will after training. With dropout, the Jacobian of a row would
        # differ; with a batch's own moments, it would depend on the other rows.
        code = tf.cast(encoded.encoder(encoded.x, training=False), encoded.noise.dtype)
        projected = tf.reduce_sum(code * encoded.noise)
    return tf.reduce_sum(tf.square(tape.gradient(projected, encoded.x)), axis=1)


def _only_layer(encoder: Any) -> Any:
    """Return the dense layer of an encoder that has no other layer, or None."""
    one = len(encoder.layers) == 1 and isinstance(encoder.layers[0], keras.layers.Dense)
    elementwise = one and encoder.layers[0].activation is not keras.activations.softmax
    return encoder.layers[0] if elementwise else None


def _of_one_layer(layer: Any, x: Any) -> Any:
    before = x @ layer.kernel + (layer.bias if layer.use_bias else 0)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(before)
        total = tf.reduce_sum(layer.activation(before))
    slope = tape.gradient(total, before)
    return tf.linalg.matvec(tf.square(slope), tf.reduce_sum(tf.square(layer.kernel), axis=0))


def _gaussian_kl(encoded: Encoded) -> Any:
    """The divergence of a Gaussian code from the standard normal distribution.

    Beyond the largest log-variance it goes on as a straight line, whose slope leads back.
    """
    mean, log_variance = tf.split(encoded.encoder_output, 2, axis=1)
    bounded = tf.minimum(log_variance, MAX_LOG_VARIANCE)
    variance = tf.exp(bounded) * (1 + (log_variance - bounded))
    return 0.5 * tf.reduce_sum(tf.square(mean) + variance - 1 - log_variance, axis=1)


def _top_k(n_components: int, sparsity: float) -> Code:
    """Only the largest values of every row's code are kept."""
    if isinstance(sparsity, Integral):
        return LargestOfRow(min(int(sparsity), n_components))
    return LargestOfRow(max(1, round(sparsity * n_components)))


def _lifetime(n_components: int, sparsity: float) -> Code:
    """Every unit keeps its values only in the few rows of a batch where they are largest."""
    return LargestOfUnit(float(sparsity))


def _gaussian(n_components: int, sparsity: float) -> Code:
    return Gaussian(n_components)


for _name, _penalty in {
    "l1": Penalty(_l1, weight=0.1, activation="relu", of_rows=True),
    "kl": Penalty(_kl, sparsity=0.05, activation="sigmoid", in_unit_interval=True),
    "top_k": Penalty(code=_top_k, function=_top_k, sparsity=0.1, activation="relu"),
    "lifetime": Penalty(code=_lifetime, function=_lifetime, sparsity=0.05, activation="relu"),
    "contractive": Penalty(_contractive, weight=0.1, random=True, sparse=False, of_rows=True),
}.items():
    PENALTIES.register(_name)(_penalty)

# Not in the table: it needs the methods of a variational autoencoder.
GAUSSIAN_KL = Penalty(_gaussian_kl, code=_gaussian, sparse=False, of_rows=True)
