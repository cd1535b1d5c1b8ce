"""Networks in NumPy against TensorFlow."""

import numpy as np
import pytest

from tfae import Autoencoder

pytestmark = pytest.mark.usefixtures("in_executor")


def _distance(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.sample(2)
@pytest.mark.parametrize("activation", ["relu", "gelu", "sigmoid"])
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-6), ("float64", 1e-8)])
def test_numpy_gives_what_tensorflow_gives(activation, precision, tolerance, digits):
    """TensorFlow's GELU has constants of single precision: no better than 1e-9 there."""
    X = digits.astype(precision)
    model = Autoencoder(
        8, activation=activation, precision=precision, max_iter=2, linear_path=False
    )
    model.set_params(batch_normalization=True).fit(X)
    network = model._fitted.encoder.structure.build(precision)
    network.encoder.set_weights(model.encoder_weights_)
    network.decoder.set_weights(model.decoder_weights_)
    scaled = (X - model.center_.astype(precision)) / np.asarray(model.scale_, precision)
    code = np.asarray(network.encoder(scaled, training=False))
    assert _distance(model.transform(X), code) < tolerance
    rows = np.asarray(network.decoder(code, training=False))
    rebuilt = (model.inverse_transform(code) - model.center_) / model.scale_
    assert _distance(rebuilt, rows) < tolerance
