"""A trained network as Keras models that work in the user's units."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfae._data.layout import Layout
from tfae._inference.fitted import Fitted
from tfae._networks.filling import table_of
from tfae._networks.spec import Network
from tfae._support.tensorflow import keras


def keras_method(fitted: Fitted, what: str) -> Any:
    """Build one of the methods as a Keras model that works in the user's units, in float32."""
    encoder, decoder = keras_models(fitted)
    if what == "transform":
        return encoder
    if what == "inverse_transform":
        return decoder
    rows = encoder.input
    found = decoder(encoder(rows))
    if what == "score_samples":
        found = -keras.ops.mean(keras.ops.square(rows - found), axis=1)
    return keras.Model(rows, found, name=what)


def keras_models(fitted: Fitted) -> Network:
    """Build a trained network as Keras models that work in the user's units."""
    structure, thresholds = fitted.structure, fitted.facts.get("thresholds")
    center = fitted.scaling.center

    def passed(code: Any) -> Any:
        """Set components of a code below their thresholds to 0."""
        if thresholds is None:
            return code
        return code * keras.ops.cast(code >= thresholds.astype("float32"), "float32")

    network = structure.build("float32")
    scale = np.broadcast_to(fitted.scaling.scale, center.shape)
    # Two layers, because x / scale - center / scale would cancel digits of data far from zero.
    centred = keras.layers.Rescaling(1.0, (-center).tolist(), name="centring", dtype="float32")
    scaled = keras.layers.Rescaling((1 / scale).tolist(), name="scaling", dtype="float32")
    unscaled = keras.layers.Rescaling(
        scale.tolist(), center.tolist(), name="unscaling", dtype="float32"
    )
    output = keras.layers.Activation(structure.output_activation, name="output", dtype="float32")
    table = table_of(fitted.scaling)
    x = keras.Input((structure.spec.n_features,), name="X")
    code = keras.Input((structure.spec.n_components,), name="code")
    seen = x if fitted.seen_as is None else keras.ops.log1p(x)
    codes = structure.code.in_keras(network.encoder(scaled(centred(seen))))
    encoder = keras.Model(x, codes, name="encoder")
    given = output(network.decoder(passed(code)))
    rows = unscaled(given)
    if table is not None:
        rows = _with_probabilities(table.layout, rows, given)
    decoder = keras.Model(code, rows, name="decoder")
    encoder.set_weights(fitted.encoder_weights)
    decoder.set_weights(fitted.decoder_weights)
    return Network(encoder, decoder)


def _with_probabilities(layout: Layout, rows: Any, logits: Any) -> Any:
    """Return rows with the probabilities of logits in the places of categories."""
    parts, start = [], 0
    for _, places in layout.categories():
        parts += [rows[:, start : places.start], keras.ops.softmax(logits[:, places])]
        start = places.stop
    parts = [part for part in (*parts, rows[:, start:]) if part.shape[1]]
    return keras.ops.concatenate(parts, axis=1)
