"""A trained network as Keras models that work in the user's units."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfae._networks.spec import Network
from tfae._networks.structure import Structure
from tfae._support.tensorflow import keras
from tfae._support.typing import Array


def keras_models(
    structure: Structure, center: Array, scale: float | Array, thresholds: Array | None
) -> Network:
    """Build untrained Keras models of a structure that work in the user's units.

    Components of a code below their `thresholds` are 0 to the decoder.
    """

    def passed(code: Any) -> Any:
        if thresholds is None:
            return code
        return code * keras.ops.cast(code >= thresholds.astype("float32"), "float32")

    network = structure.build("float32")
    scale = np.broadcast_to(scale, center.shape)
    # Two steps in, for x / scale - center / scale would cancel digits of data far from zero.
    centred = keras.layers.Rescaling(1.0, (-center).tolist(), name="centring", dtype="float32")
    scaled = keras.layers.Rescaling((1 / scale).tolist(), name="scaling", dtype="float32")
    unscaled = keras.layers.Rescaling(
        scale.tolist(), center.tolist(), name="unscaling", dtype="float32"
    )
    output = keras.layers.Activation(structure.output_activation, name="output", dtype="float32")
    x = keras.Input((structure.spec.n_features,))
    code = keras.Input((structure.spec.n_components,))
    return Network(
        keras.Model(
            x, structure.code.in_keras(network.encoder(scaled(centred(x)))), name="encoder"
        ),
        keras.Model(code, unscaled(output(network.decoder(passed(code)))), name="decoder"),
    )
