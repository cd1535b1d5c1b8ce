"""The activations of plain layers: their NumPy form and the range of values they can give."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import special

from tfae._registry import nearest_name
from tfae._types import Array


class Activation(NamedTuple):
    """One activation: its name in Keras, its NumPy form, the bounds of its values."""

    keras_name: str
    numpy: Callable[[Array], Array]
    low: float
    high: float


def _relu(x: Array) -> Array:
    return np.maximum(x, 0)


def _gelu(x: Array) -> Array:
    return x * special.ndtr(x)


def _elu(x: Array) -> Array:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def _selu(x: Array) -> Array:
    # The constants of Klambauer et al. (2017), "Self-Normalizing Neural Networks".
    scale, slope = x.dtype.type(1.0507009873554805), x.dtype.type(1.7580993408473766)
    return np.where(x > 0, scale * x, slope * np.expm1(np.minimum(x, 0)))


def _leaky_relu(x: Array) -> Array:
    return np.where(x > 0, x, x * x.dtype.type(0.2))  # Keras's default slope


def _softplus(x: Array) -> Array:
    return np.logaddexp(x, 0).astype(x.dtype, copy=False)


def _silu(x: Array) -> Array:
    return x * special.expit(x)


def _softmax(x: Array) -> Array:
    return special.softmax(x, axis=-1)


def _identity(x: Array) -> Array:
    return x


_INF = float("inf")
_TABLE = {
    "linear": (_identity, -_INF, _INF),
    "relu": (_relu, 0.0, _INF),
    "gelu": (_gelu, -0.17, _INF),
    "silu": (_silu, -0.2785, _INF),
    "elu": (_elu, -1.0, _INF),
    "selu": (_selu, -1.7581, _INF),
    "leaky_relu": (_leaky_relu, -_INF, _INF),
    "softplus": (_softplus, 0.0, _INF),
    "sigmoid": (special.expit, 0.0, 1.0),
    "tanh": (np.tanh, -1.0, 1.0),
    "softmax": (_softmax, 0.0, 1.0),
}
KNOWN = frozenset(_TABLE)
# scikit-learn's words, and Keras's second name for silu.
_ALIASES = {"identity": "linear", "logistic": "sigmoid", "swish": "silu"}


def get_activation(name: str, parameter: str = "activation") -> Activation:
    """Return the activation called `name` by scikit-learn or Keras.

    Raises
    ------
    ValueError
        If there is none; the message names `parameter` and the nearest name.
    """
    keras_name = _ALIASES.get(name, name)
    if keras_name not in _TABLE:
        names = sorted([*_TABLE, *_ALIASES])
        raise ValueError(
            f"The {parameter!r} parameter must be one of {names}. "
            f"Got {name!r}.{nearest_name(str(name), names)}"
        )
    return Activation(keras_name, *_TABLE[keras_name])
