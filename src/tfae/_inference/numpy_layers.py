"""Plain layers, run in NumPy.

An autoencoder is used far more often than it is trained, and on few rows at a time. For few rows,
NumPy is tens of times faster than a call into TensorFlow. It needs no TensorFlow in the process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfae._inference.workspace import NEW, Workspace
from tfae._networks.activations import get_activation
from tfae._networks.plain_layers import (
    Activation,
    BatchNormalization,
    Dense,
    EachFeature,
    PlainLayer,
    Rescaling,
    Sum,
)
from tfae._support.typing import Array, Weights


def run_layers(
    layers: Sequence[PlainLayer], weights: Weights, x: Array, space: Workspace = NEW
) -> Array:
    """Send rows through the layers, in the dtype of `x`, which stays unchanged.

    With weights of several members, kernels of shape [members, in, out] and vectors of shape
    [members, 1, out], the result has a first axis for the members; `x` has one, too, or is for all.
    """
    for layer in layers:
        x = _RUN[type(layer)](layer, weights, x, space)
    return np.asarray(x)


def factor_and_offset(layer: BatchNormalization, weights: Weights) -> tuple[Array, Array]:
    """Return a normalisation as an affine map."""
    factor = _factor(layer, weights[layer.variance], weights)
    offset = -weights[layer.mean] * factor
    return factor, offset if layer.beta is None else offset + weights[layer.beta]


def _dense(layer: Dense, weights: Weights, x: Array, space: Workspace) -> Array:
    kernel = weights[layer.kernel].astype(x.dtype, copy=False)
    lead = x.shape[:-1] if kernel.ndim == 2 else (len(kernel), x.shape[-2])
    out = np.matmul(x, kernel, out=space.empty((*lead, kernel.shape[-1]), x.dtype))
    if layer.bias is not None:
        out += weights[layer.bias].astype(x.dtype, copy=False)
    return get_activation(layer.activation).numpy(out, out)


def _activation(layer: Activation, weights: Weights, x: Array, space: Workspace) -> Array:
    return get_activation(layer.activation).numpy(x, space.empty(x.shape, x.dtype))


def _normalisation(
    layer: BatchNormalization, weights: Weights, x: Array, space: Workspace
) -> Array:
    def weight(position: int) -> Array:
        return weights[position].astype(x.dtype, copy=False)

    out = np.subtract(x, weight(layer.mean), out=space.empty(x.shape, x.dtype))
    out *= _factor(layer, weight(layer.variance), weights)
    if layer.beta is not None:
        out += weight(layer.beta)
    return out


def _factor(layer: BatchNormalization, variance: Array, weights: Weights) -> Array:
    factor = 1 / np.sqrt(variance + variance.dtype.type(layer.epsilon))
    if layer.gamma is not None:
        factor = factor * weights[layer.gamma].astype(variance.dtype, copy=False)
    return np.asarray(factor)


def _rescaling(layer: Rescaling, weights: Weights, x: Array, space: Workspace) -> Array:
    scale, offset = np.asarray(layer.scale, x.dtype), np.asarray(layer.offset, x.dtype)
    return _scaled(x, scale, offset, space)


def _each_feature(layer: EachFeature, weights: Weights, x: Array, space: Workspace) -> Array:
    kernel, bias = (weights[i].astype(x.dtype, copy=False) for i in (layer.kernel, layer.bias))
    return _scaled(x, kernel, bias, space)


def _sum(layer: Sum, weights: Weights, x: Array, space: Workspace) -> Array:
    one, other = (run_layers(path, weights, x, space) for path in layer.paths)
    return np.add(one, other, out=space.empty(one.shape, one.dtype))


def _scaled(x: Array, factor: Array, offset: Array, space: Workspace) -> Array:
    out = np.multiply(x, factor, out=space.empty(x.shape, x.dtype))
    out += offset
    return out


# A table, because functools.singledispatch takes several times as long: the encoding of a single
# row would be slower.
_RUN: dict[type[PlainLayer], Callable[..., Any]] = {
    Dense: _dense,
    Activation: _activation,
    BatchNormalization: _normalisation,
    Rescaling: _rescaling,
    EachFeature: _each_feature,
    Sum: _sum,
}
