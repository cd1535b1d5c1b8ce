"""First weights that make an encoder of any depth linear at the start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfae._networks.activations import get_activation
from tfae._networks.plain_layers import Dense, PlainLayer
from tfae._support.typing import Array, Weights

# At the start, the code's weights for units that carry no component are multiplied by this.
_OTHERS = 0.1


def linear_start(
    layers: Sequence[PlainLayer] | None, weights: Weights, kernel: Array, bias: Array
) -> Weights:
    """Return first weights with which the encoder nearly returns ``x @ kernel + bias``.

    For many activations :math:`f(a) - f(-a)` is a multiple of :math:`a` (relu, gelu, silu,
    softplus, …). So two units, one for each sign, carry a component through every hidden layer.
    The other units keep their random weights but count for little in the code.

    Raises
    ------
    ValueError
        If the encoder is not a stack of dense layers, or if its layers cannot carry the components.
    """
    n_components = kernel.shape[1]
    if layers is None or not all(isinstance(layer, Dense) for layer in layers):
        raise ValueError(_needs("dense layers only"))
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
    """Return the g for which f(a) - f(-a) = g a."""
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
    return f"init='pca' needs an encoder with {what}. Use init='random' for this one."
