"""First weights of an encoder that is linear at the start, however deep it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfae._networks.activations import get_activation
from tfae._networks.plain_layers import Dense, PlainLayer
from tfae._support.typing import Array, Weights

# What the units that carry nothing count for in the code at the start.
_OTHERS = 0.1


def linear_start(
    layers: Sequence[PlainLayer] | None, weights: Weights, kernel: Array, bias: Array
) -> Weights:
    """Return first weights with which the encoder gives ``x @ kernel + bias``, nearly.

    For many activations :math:`f(a) - f(-a)` is a multiple of :math:`a` (relu, gelu, silu,
    softplus, …). So two units for every component carry it, with both signs, through every hidden
    layer. The other units keep the weights drawn for them, but count for little in the code.

    Raises
    ------
    ValueError
        If the encoder is no stack of dense layers, or of such ones that cannot carry it.
    """
    n_components = kernel.shape[1]
    if layers is None or not all(isinstance(layer, Dense) for layer in layers):
        raise ValueError(_needs("dense layers alone"))
    *hidden, code = [layer for layer in layers if isinstance(layer, Dense)]
    weights = [weight.copy() for weight in weights]
    carried, offset, gain = kernel, bias, 1.0
    for layer in hidden:
        if weights[layer.kernel].shape[1] < 2 * n_components:
            raise ValueError(_needs(f"at least {2 * n_components} units in every hidden layer"))
        gain = _gain(layer.activation)
        into, n_carriers = weights[layer.kernel], 2 * n_components
        into[:, :n_carriers] = np.hstack([carried, -carried])
        _set_bias(weights, layer, n_carriers, np.concatenate([offset, -offset]))
        carried = np.zeros((into.shape[1], n_components))
        carried[:n_components] = np.eye(n_components) / gain
        carried[n_components:n_carriers] = -np.eye(n_components) / gain
        offset = np.zeros(n_components)
    if hidden:
        weights[code.kernel] *= _OTHERS
        weights[code.kernel][: 2 * n_components] = carried[: 2 * n_components]
    else:
        weights[code.kernel][:] = carried
    _set_bias(weights, code, n_components, offset)
    return weights


def _gain(activation: str) -> float:
    """Return g where f(a) - f(-a) = g a."""
    function = get_activation(activation).numpy
    a = np.array([0.1, 1.0, 4.0])
    gains = (function(a) - function(-a)) / a
    if not np.allclose(gains, gains[0], rtol=1e-6):
        raise ValueError(_needs("an activation such as 'relu', 'gelu' or 'softplus'"))
    return float(gains[0])


def _set_bias(weights: Weights, layer: Dense, n_units: int, values: Array) -> None:
    if layer.bias is not None:
        weights[layer.bias][:n_units] = values


def _needs(what: str) -> str:
    return f"init='pca' needs an encoder of {what}. Use init='random' for this one."
