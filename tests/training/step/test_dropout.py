"""Dropout whose random numbers come with the rows of a step."""

import numpy as np
import pytest

from tfae import Autoencoder
from tfae._networks.architectures.dense import dense
from tfae._networks.spec import Network, Spec
from tfae._support import tensorflow
from tfae._training.step.chunk import ChunkShape
from tfae._training.step.dropout import given_dropout
from tfae._training.step.program import new_programs
from tfae._training.step.xla_or_executor import by_rule

keras, tf = tensorflow.keras, tensorflow.tf
SHAPE = ChunkShape(steps=3, batch=50, features=12, dtype="float32")


def stacks(dropout=0.3):
    network = dense(Spec(12, 4, (40,), (60,), "relu", "linear", "glorot_uniform", dropout=dropout))
    return Network(*network)


def test_units_are_dropped_at_the_rate_and_the_others_make_up_for_it():
    network = stacks()
    dropout = given_dropout(network, SHAPE, "float32")
    dropout.load(np.random.default_rng(0))
    draws = dropout.draw(3)[0]
    x = np.random.default_rng(1).normal(size=(50, 12)).astype(np.float32)
    with dropout.drawing_from(tf.constant(draws)):
        code = dropout.network.encoder(x, training=True).numpy()
    kernel, bias, last, last_bias = network.encoder.get_weights()
    kept = draws[:, :40] >= 0.3 * 2**16
    hidden = np.maximum(x @ kernel + bias, 0) * kept / 0.7
    np.testing.assert_allclose(code, hidden @ last + last_bias, rtol=1e-4, atol=1e-5)
    # 5,000 draws: 4 standard errors.
    assert (draws >= 0.3 * 2**16).mean() == pytest.approx(0.7, abs=4 * np.sqrt(0.21 / 5000))


def test_numbers_are_new_at_every_step_and_the_same_for_the_same_stream():
    dropouts = [given_dropout(stacks(), SHAPE, "float32") for _ in range(2)]
    for dropout in dropouts:
        dropout.load(np.random.default_rng(0))
    first, again = (dropout.draw(3).copy() for dropout in dropouts)
    np.testing.assert_array_equal(first, again)
    steps = [*first, dropouts[0].draw(3)[0]]
    for i, step in enumerate(steps):
        for other in steps[:i]:
            assert abs(np.corrcoef(step.ravel(), other.ravel())[0, 1]) < 0.06


def test_the_network_has_the_same_weights_and_drops_nothing_outside_training():
    network = stacks()
    given = given_dropout(network, SHAPE, "float32").network
    x = np.ones((5, 12), np.float32)
    for model, other in zip(network, given, strict=True):
        assert [id(weight) for weight in model.weights] == [id(weight) for weight in other.weights]
    np.testing.assert_array_equal(network.encoder(x), given.encoder(x))
    assert given_dropout(stacks(dropout=0.0), SHAPE, "float32") is None


@pytest.mark.sample(1)
@pytest.mark.parametrize("linear_path", [False, True])
def test_how_the_step_runs_does_not_change_what_is_dropped(digits, linear_path):
    def weights(xla):
        model = Autoencoder(6, hidden_layer_sizes=(30,), dropout=0.4, max_iter=2, random_state=0)
        model.set_params(linear_path=linear_path)
        with new_programs(xla):
            model.fit(digits[:300])
        return np.concatenate([w.ravel() for w in model.encoder_weights_])

    np.testing.assert_allclose(weights(True), weights(False), atol=1e-4)


def functional():
    x = keras.Input((12,))
    drop = keras.layers.Dropout(0.2)
    return keras.Model(x, drop(keras.layers.Dense(12)(drop(x))))


def shared_mask():
    layers = keras.layers
    block = layers.Dropout(0.2, noise_shape=(None, 1))
    return keras.Sequential([keras.Input((12,)), layers.Dense(12), block])


def shared_block():
    layers = keras.layers
    x = keras.Input((12,))
    block = keras.Sequential([keras.Input((12,)), layers.Dense(12), layers.Dropout(0.2)])
    return keras.Model(x, block(block(x)))


class Mine(keras.Model):
    def __init__(self):
        super().__init__()
        self.layer = keras.layers.Dense(12)

    def call(self, x):
        return self.layer(x)


def test_a_model_of_ones_own_class_beside_dropout_is_kept():
    own = Mine()
    own(np.ones((1, 4), np.float32))
    network = Network(stacks().encoder, own)
    assert by_rule(network) is True
    given = given_dropout(network, SHAPE, "float32").network
    assert given.decoder is own
    assert given.encoder is not network.encoder


@pytest.mark.parametrize("encoder", [functional, shared_mask, shared_block])
def test_other_uses_of_dropout_are_left_to_keras(encoder):
    assert by_rule(stacks()) is True
    assert by_rule(Network(encoder(), stacks().decoder)) is False
