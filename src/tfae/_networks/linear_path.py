"""A linear path around a network: principal components carry the code, the network corrects them.

The encoder becomes ``P x + S (f(N x) + A N x)``, the decoder ``P' z + R (g(M z) + B M z)``. ``P``
and ``P'`` are PCA's projection and its inverse; ``N`` and ``M`` standardise what the networks ``f``
and ``g`` see, ``S`` and ``R`` scale what they give by how much PCA's code varies and by how much
it leaves over, ``S`` by no more than ten times that. All of these are learned from the data before
training and do not change in it. The matrices ``A`` and ``B``, where there are rows enough, are
trained with the networks: beside a network, PCA's directions are not the best ones. They and the
last layers of ``f`` and ``g`` start at zero, so that training starts at PCA's error, whatever the
units are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tfae._networks.principal_components import Components
from tfae._networks.spec import Network
from tfae._support.tensorflow import keras, variable_dtype
from tfae._support.typing import Array, Weights

# Corrections of the code are scaled by at most so many times the size of the residuals.
_MOST_CORRECTED = 10.0
_PATH, _STANDARDISED, _SCALED = "linear_path", "standardised", "scaled"
_CORRECTION = "linear_correction"


class LinearPathParts(NamedTuple):
    """The layers of one side: ``path(x) + scaled(network(y) + correction(y))``.

    There ``y`` is ``standardised(x)``; the correction may be None.
    """

    path: Any
    standardised: Any
    network: Any
    correction: Any
    scaled: Any


def add_linear_path(
    network: Network, n_features: int, n_components: int, correction: bool
) -> Network:
    """Build models of a network and a linear path around each side of it."""
    return Network(
        _around(network.encoder, n_features, n_components, correction),
        _around(network.decoder, n_components, n_features, correction),
    )


def linear_path_parts(model: Any) -> LinearPathParts | None:
    """Return the layers of a model with a linear path; None if it has none."""
    layers = {layer.name: layer for layer in model.layers}
    networks = [layer for layer in model.layers if hasattr(layer, "layers")]
    if len(networks) != 1 or not {_PATH, _STANDARDISED, _SCALED} <= layers.keys():
        return None
    correction = layers.get(_CORRECTION)
    return LinearPathParts(
        layers[_PATH], layers[_STANDARDISED], networks[0], correction, layers[_SCALED]
    )


def fixed_weights(network: Network, found: Components) -> dict[int, Array]:
    """Return the weights that training does not change, by their places among all of both sides."""
    seen, code_seen = _inverse(found.deviation_seen), _inverse(found.spread_seen)
    zeros = np.zeros(len(found.spread))
    # What a correction of the code can do is to tell of the residuals. Where a component varies far
    # more than these, as a column in other units makes one do, the least correction in proportion
    # to it would cost more than all that can be gained; a lossless code has nothing to gain.
    spread = np.minimum(found.spread, _MOST_CORRECTED * np.linalg.norm(found.residual))
    encoder = {
        _PATH: (found.axes.T, -found.axes @ found.mean),
        _STANDARDISED: (seen, -found.mean * seen),
        _SCALED: (spread, zeros),
    }
    decoder = {
        _PATH: (found.axes, found.mean),
        _STANDARDISED: (code_seen, zeros),
        _SCALED: (found.residual, np.zeros_like(found.mean)),
    }
    places = _places(network)
    return {
        places[id(variable)]: value
        for model, values in zip(network, (encoder, decoder), strict=True)
        for name, pair in values.items()
        for variable, value in zip(model.get_layer(name).weights, pair, strict=True)
    }


def start_at_zero(network: Network, weights: Weights) -> Weights:
    """Return the weights with which both networks give 0.

    Raises
    ------
    ValueError
        If a network does not end with a layer that has a kernel.
    """
    places, weights = _places(network), list(weights)
    for side, model in zip(Network._fields, network, strict=True):
        last = _last_layer(model)
        if getattr(last, "kernel", None) is None or not _gives_zero_for_zero(last):
            raise ValueError(
                f"linear_path=True needs an architecture whose {side} ends with a dense or "
                "convolutional layer, without an activation, such as 'code_activation' or a sparse "
                f"'penalty' asks for. Got {last!r}."
            )
        correction = _parts(model).correction
        zeroed = [last] if correction is None else [last, correction]
        for variable in (variable for layer in zeroed for variable in layer.weights):
            place = places[id(variable)]
            weights[place] = np.zeros_like(weights[place])
    return weights


def fixed_places(network: Network) -> list[int]:
    """Return the places of the weights that training does not change."""
    places = _places(network)
    return [
        places[id(weight)]
        for model in network
        for name in (_PATH, _STANDARDISED, _SCALED)
        for weight in model.get_layer(name).weights
    ]


def residual_variance(network: Network, weights: Weights) -> float:
    """Return the mean squared error that the linear path alone leaves in the training rows."""
    kernel = network.decoder.get_layer(_SCALED).kernel
    residual = weights[_places(network)[id(kernel)]]
    return float(np.square(residual, dtype=np.float64).mean())


def _places(network: Network) -> dict[int, int]:
    """Return the places of the weights, by their ids, among all of both sides."""
    weights = [*network.encoder.weights, *network.decoder.weights]
    return {id(weight): place for place, weight in enumerate(weights)}


def _around(model: Any, n_in: int, n_out: int, correction: bool) -> Any:
    layers = keras.layers
    # Less would spoil what the linear path keeps to a few digits.
    dtype = variable_dtype()
    x = keras.Input((n_in,), dtype=dtype)
    beside = layers.Dense(n_out, name=_PATH, trainable=False, dtype=dtype)(x)
    standardised = _of_each_feature(n_in, _STANDARDISED)(x)
    given = model(standardised)
    if correction:
        linear = layers.Dense(n_out, use_bias=False, name=_CORRECTION, dtype=dtype)
        given = layers.Add(name="corrected", dtype=dtype)([given, linear(standardised)])
    scaled = _of_each_feature(n_out, _SCALED)(given)
    total = layers.Add(name="sum", dtype=dtype)([beside, scaled])
    return keras.Model(x, total, name=model.name)


def _of_each_feature(width: int, name: str) -> Any:
    """Return a layer that multiplies every feature by a number and adds one."""
    return keras.layers.EinsumDense(
        "bi,i->bi", width, bias_axes="i", trainable=False, name=name, dtype=variable_dtype()
    )


def _inverse(spread: Array) -> Array:
    return np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)


def _parts(model: Any) -> LinearPathParts:
    found = linear_path_parts(model)
    assert found is not None
    return found


def _last_layer(model: Any) -> Any:
    network = _parts(model).network
    # One with a linear path of its own, such as `to_keras` gives, does not end with a layer.
    while hasattr(network, "layers") and linear_path_parts(network) is None:
        weighty = [layer for layer in network.layers if layer.weights]
        if not weighty:
            return network.layers[-1]
        network = weighty[-1]
    return network


def _gives_zero_for_zero(layer: Any) -> bool:
    activation = getattr(layer, "activation", None)
    return activation is None or activation is keras.activations.linear
