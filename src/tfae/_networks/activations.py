"""The activations of plain layers: their NumPy form and the range of their values."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from scipy import special

from tfae._support.registry import nearest_name
from tfae._support.typing import Array

_FEW = 1 << 14  # entries
_PIECE = 1 << 15  # entries; a few arrays of this size stay in a core's own cache
_P = np.float32(0.305)
# Coefficients from the highest power of t to the first.
_OF_TAIL = np.array(
    [
        *(0.03669919968039361, -0.15298834951072898, 0.18571696438964921, -0.03797688294481377),
        *(0.12102170652623047, 0.1034208579751501, 0.12246681831302575, 0.12163973256363578),
    ],
    np.float32,
)


class _InNumpy(Protocol):
    def __call__(self, x: Array, out: Array | None = None) -> Array: ...


class ActivationFunction(NamedTuple):
    """One activation: its name in Keras, its NumPy form, the bounds of its values.

    The NumPy form takes an array and a second array of the same shape. It may write its result
    into the second, which may be the first itself and is a new array by default.
    """

    keras_name: str
    numpy: _InNumpy
    low: float
    high: float


def _relu(x: Array, out: Array | None = None) -> Array:
    return np.maximum(x, 0, out=out)


def _gelu(x: Array, out: Array | None = None) -> Array:
    out = np.empty(x.shape, x.dtype) if out is None else out
    if x.dtype != np.float32 or x.size < _FEW or not out.flags.c_contiguous:
        return np.multiply(x, special.ndtr(x), out=out)
    flat, flat_out, spare = x.reshape(-1), out.reshape(-1), np.empty((3, _PIECE), x.dtype)
    for start in range(0, x.size, _PIECE):
        piece = slice(start, min(start + _PIECE, x.size))
        _fast_gelu(flat[piece], flat_out[piece], spare[:, : piece.stop - start])
    return out


def _fast_gelu(x: Array, out: Array, spare: Array) -> None:
    """Compute max(x, 0) - a Q(a), where a = |x| and Q is the upper tail of the normal distribution.

    It takes a sixth of the time of `scipy.special.ndtr`. The errors in float32 are as small, except
    where the value is nearly 0: there they are 1e-6 of the value, not 1e-7. Q has the form of
    Hastings, "Approximations for Digital Computers" (1955), sheet 61: exp(-a²/2) times a
    polynomial in t = 1 / (1 + p a). The coefficients were fitted to a relative error of 1e-7.
    """
    a, t, tail = spare
    np.minimum(np.abs(x, out=a), 12, out=a)  # at 12 the tail is 1e-33
    np.multiply(a, _P, out=t)
    t += 1
    np.reciprocal(t, out=t)
    np.multiply(t, _OF_TAIL[0], out=tail)
    for coefficient in _OF_TAIL[1:]:
        tail += coefficient
        tail *= t
    tail *= a
    a *= a
    a *= -0.5
    tail *= np.exp(a, out=a)
    np.maximum(x, 0, out=out)
    out -= tail


def _elu(x: Array, out: Array | None = None) -> Array:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def _selu(x: Array, out: Array | None = None) -> Array:
    # The constants of Klambauer et al. (2017), "Self-Normalizing Neural Networks".
    scale, slope = x.dtype.type(1.0507009873554805), x.dtype.type(1.7580993408473766)
    return np.where(x > 0, scale * x, slope * np.expm1(np.minimum(x, 0)))


def _leaky_relu(x: Array, out: Array | None = None) -> Array:
    return np.where(x > 0, x, x * x.dtype.type(0.2))  # Keras's default slope


def _softplus(x: Array, out: Array | None = None) -> Array:
    return np.logaddexp(x, x.dtype.type(0), out=out)


def _silu(x: Array, out: Array | None = None) -> Array:
    return np.multiply(x, special.expit(x), out=out)


def _hard_tanh(x: Array, out: Array | None = None) -> Array:
    return np.clip(x, -1, 1, out=out)


def _softmax(x: Array, out: Array | None = None) -> Array:
    return special.softmax(x, axis=-1)


def _identity(x: Array, out: Array | None = None) -> Array:
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
    "exponential": (np.exp, 0.0, _INF),
    "sigmoid": (special.expit, 0.0, 1.0),
    "tanh": (np.tanh, -1.0, 1.0),
    "hard_tanh": (_hard_tanh, -1.0, 1.0),
    "softmax": (_softmax, 0.0, 1.0),
}
KNOWN = frozenset(_TABLE)
# scikit-learn's names, and Keras's second name for silu.
_ALIASES = {"identity": "linear", "logistic": "sigmoid", "swish": "silu"}


def get_activation(name: str, parameter: str = "activation") -> ActivationFunction:
    """Return the activation called `name` by scikit-learn or Keras.

    Raises
    ------
    ValueError
        If there is none. The message names `parameter` and the nearest name.
    """
    keras_name = _ALIASES.get(name, name)
    if keras_name not in _TABLE:
        names = sorted([*_TABLE, *_ALIASES])
        raise ValueError(
            f"The {parameter!r} parameter must be one of {names}. "
            f"Got {name!r}.{nearest_name(str(name), names)}"
        )
    return ActivationFunction(keras_name, *_TABLE[keras_name])
