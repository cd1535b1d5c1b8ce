"""A linear path around a network: principal components carry the code, the network corrects them.

The encoder becomes ``P x + S (f(N x) + A N x)``, the decoder ``P' z + R (g(M z) + B M z)``. ``P``
and ``P'`` are PCA's projection and its inverse, or the two factors of a linear denoiser. ``N`` and
``M`` standardise the inputs of the networks ``f`` and ``g``. ``S`` scales the output of ``f`` by
the spread of the linear code, but by no more than ten times the residual. ``R`` scales the output
of ``g`` by the residual. All of these are learned from the data before training, and training does
not change them.

In a table with categories the output for these are logits, but a linear model guesses
probabilities. So in their places ``log`` of the clipped ``P' z`` stands for ``P' z``, and a
correction is one of logits.

The matrices ``A`` and ``B`` exist if there are enough rows. They are trained with the networks,
because PCA's directions are not the best ones beside a network. They and the last layers of ``f``
and ``g`` start at zero, so that training starts at PCA's error, whatever the units are. Where the
code is to keep neighbours, it is not corrected: ``f`` stays zero, and there is no ``A``.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from tfae._data.layout import LEAST_PROBABILITY, Layout
from tfae._networks.principal_components import Components
from tfae._networks.spec import Network, Spec
from tfae._support.tensorflow import keras, variable_dtype
from tfae._support.typing import Array, Weights

# Corrections of the code are scaled by at most this many times the size of the residuals.
_MOST_CORRECTED = 10.0
_PATH, _STANDARDISED, _SCALED = "linear_path", "standardised", "scaled"
_CORRECTION, _LOGITS = "linear_correction", "logits"


class LinearPathParts(NamedTuple):
    """The layers of one side: ``logits(path(x)) + scaled(network(y) + correction(y))``.

    Here ``y`` is ``standardised(x)``; the correction and the logits may be None.
    """

    path: Any
    logits: Any
    standardised: Any
    network: Any
    correction: Any
    scaled: Any


def add_linear_path(
    network: Network,
    spec: Spec,
    correction: bool,
    corrects_code: bool = True,
    layout: Layout | None = None,
) -> Network:
    """Build models with a linear path around each side of a network.

    If the code is not corrected, the encoder's network stays 0, as it is at the start. `layout` is
    that of the decoder's output if it has categories.
    """
    network.encoder.trainable = corrects_code
    return Network(
        _around(network.encoder, spec.n_inputs, spec.n_components, correction and corrects_code),
        _around(network.decoder, spec.n_components, spec.n_outputs, correction, layout),
    )


def linear_path_parts(model: Any) -> LinearPathParts | None:
    """Return the layers of a model with a linear path; None if it has none."""
    layers = {layer.name: layer for layer in model.layers}
    networks = [layer for layer in model.layers if hasattr(layer, "layers")]
    if len(networks) != 1 or not {_PATH, _STANDARDISED, _SCALED} <= layers.keys():
        return None
    return LinearPathParts(
        layers[_PATH],
        layers.get(_LOGITS),
        layers[_STANDARDISED],
        networks[0],
        layers.get(_CORRECTION),
        layers[_SCALED],
    )


def fixed_weights(network: Network, found: Components) -> dict[int, Array]:
    """Return the weights that training does not change, by their places among all weights."""
    seen, code_seen = _inverse(found.deviation_seen), _inverse(found.spread_seen)
    zeros = np.zeros(len(found.spread))
    # A correction of the code can only add information on the residuals. A component may vary far
    # more than these, for example because a column has other units. Then the smallest correction in
    # proportion to the component would cost more than there is to gain. A lossless code has nothing
    # to gain.
    spread = np.minimum(found.spread, _MOST_CORRECTED * np.linalg.norm(found.residual))
    encoder = {
        _PATH: (found.encoding.T, -found.encoding @ found.mean_seen),
        _STANDARDISED: (seen, -found.mean_seen * seen),
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
    """Return weights with which both networks return 0.

    Raises
    ------
    ValueError
        If a network does not end with a layer that has a kernel.
    """
    places, weights = _places(network), list(weights)
    for side, model in zip(Network._fields, network, strict=True):
        last = last_layer(_parts(model).network)
        if not ends_linearly(last):
            raise ValueError(
                f"linear_path=True needs an architecture whose {side} ends with a dense or "
                "convolutional layer without an activation ('code_activation' and sparse penalties "
                f"set one). Got {last!r}."
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
    """Return the mean squared error of the linear path alone on the training rows."""
    kernel = network.decoder.get_layer(_SCALED).kernel
    residual = weights[_places(network)[id(kernel)]]
    return float(np.square(residual, dtype=np.float64).mean())


def _places(network: Network) -> dict[int, int]:
    """Return the places of the weights among those of both sides, by their ids."""
    weights = [*network.encoder.weights, *network.decoder.weights]
    return {id(weight): place for place, weight in enumerate(weights)}


def _around(
    model: Any, n_in: int, n_out: int, correction: bool, layout: Layout | None = None
) -> Any:
    layers = keras.layers
    # A lower precision would leave the linear path only a few digits.
    dtype = variable_dtype()
    x = keras.Input((n_in,), dtype=dtype)
    beside = layers.Dense(n_out, name=_PATH, trainable=False, dtype=dtype)(x)
    if layout is not None:
        beside = logits_layer()(layout.levels, name=_LOGITS, dtype=dtype)(beside)
    standardised = _of_each_feature(n_in, _STANDARDISED)(x)
    given = model(standardised)
    if correction:
        linear = layers.Dense(n_out, use_bias=False, name=_CORRECTION, dtype=dtype)
        given = layers.Add(name="corrected", dtype=dtype)([given, linear(standardised)])
    scaled = _of_each_feature(n_out, _SCALED)(given)
    total = layers.Add(name="sum", dtype=dtype)([beside, scaled])
    return keras.Model(x, total, name=model.name)


@cache
def logits_layer() -> Any:
    """Return the class of the layer that turns guessed probabilities into logits.

    It does what :meth:`.layout.Layout.as_logits` does in NumPy. The class is made when it is needed
    first, because it needs Keras.
    """

    class Logits(keras.layers.Layer):
        """Logits of the probabilities in a table's rows."""

        def __init__(self, levels: Any, **about: Any) -> None:
            super().__init__(trainable=False, **about)
            self.layout = Layout(tuple(levels))

        def call(self, x: Any) -> Any:
            chance = keras.ops.clip(x, LEAST_PROBABILITY, 1.0)
            return keras.ops.where(self.layout.is_number, x, keras.ops.log(chance))

        def get_config(self) -> Any:
            return {**super().get_config(), "levels": self.layout.levels}

    return Logits


def _of_each_feature(width: int, name: str) -> Any:
    """Return a layer with a factor and an offset for each feature."""
    return keras.layers.EinsumDense(
        "bi,i->bi", width, bias_axes="i", trainable=False, name=name, dtype=variable_dtype()
    )


def _inverse(spread: Array) -> Array:
    return np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)


def _parts(model: Any) -> LinearPathParts:
    found = linear_path_parts(model)
    assert found is not None
    return found


def last_layer(network: Any) -> Any:
    """Return the last layer with weights; the last of all if none has any."""
    # A network with its own linear path, such as one from `to_keras`, does not end with a layer.
    while hasattr(network, "layers") and linear_path_parts(network) is None:
        weighty = [layer for layer in network.layers if layer.weights]
        if not weighty:
            return network.layers[-1]
        network = weighty[-1]
    return network


def ends_linearly(layer: Any) -> bool:
    """Whether a layer has a kernel and no activation, so that it gives 0 if its weights are."""
    activation = getattr(layer, "activation", None)
    linear = activation is None or activation is keras.activations.linear
    return getattr(layer, "kernel", None) is not None and linear
