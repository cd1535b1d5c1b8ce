"""An encoder with these first weights against the linear map that it is to give."""

import numpy as np
import pytest
from small_programs import small_structure

from tfae._inference.numpy_layers import run_layers
from tfae._networks.initial_weights import initial_weights
from tfae._networks.linear_start import linear_start
from tfae._networks.plain_layers import plain_layers


def encoder(hidden, activation):
    structure = small_structure(n_features=6, hidden=hidden, activation=activation)
    network = structure.build("float64")
    weights = initial_weights(structure, network, "float64", np.random.default_rng(0))
    layers = plain_layers(network.encoder)
    return layers, weights[: len(network.encoder.weights)]


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "softplus", "leaky_relu", "linear"])
@pytest.mark.parametrize("hidden", [(), (4,), (9, 5), (7, 7, 12)])
def test_the_encoder_is_linear_but_for_a_little(hidden, activation, monkeypatch):
    monkeypatch.setattr("tfae._networks.linear_start._OTHERS", 0.0)
    rng = np.random.default_rng(1)
    layers, weights = encoder(hidden, activation)
    kernel, bias, x = rng.normal(size=(6, 2)), rng.normal(size=2), rng.normal(size=(20, 6))
    started = linear_start(layers, weights, kernel, bias)
    np.testing.assert_allclose(run_layers(layers, started, x), x @ kernel + bias, atol=1e-12)


def test_the_other_units_keep_their_weights_and_count_for_little():
    layers, weights = encoder((9,), "relu")
    started = linear_start(layers, weights, np.ones((6, 2)), np.zeros(2))
    np.testing.assert_array_equal(started[0][:, 4:], weights[0][:, 4:])
    np.testing.assert_allclose(started[2][4:], 0.1 * weights[2][4:])


@pytest.mark.parametrize(
    ("hidden", "activation", "needed"),
    [((9,), "tanh", "an activation such as"), ((3,), "relu", "at least 4 units")],
)
def test_what_cannot_be_linear_is_refused(hidden, activation, needed):
    layers, weights = encoder(hidden, activation)
    with pytest.raises(ValueError, match=f"init='pca' needs an encoder with {needed}"):
        linear_start(layers, weights, np.ones((6, 2)), np.zeros(2))
    with pytest.raises(ValueError, match="needs an encoder with dense layers"):
        linear_start(None, weights, np.ones((6, 2)), np.zeros(2))
