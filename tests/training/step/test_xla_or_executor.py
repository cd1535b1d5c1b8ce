"""What runs in XLA: by a rule, and where there is none by measuring."""

import keras
import numpy as np
import pytest
from sklearn.base import clone

from tfae import Autoencoder, ConvolutionalAutoencoder, SparseAutoencoder
from tfae._networks.spec import Network
from tfae._support.tensorflow import tf
from tfae._training.step import xla_or_executor
from tfae._training.step.program import PROGRAMS, new_programs
from tfae._training.step.xla_or_executor import by_rule


def unusual(spec):
    """Make a network with a layer that no rule knows."""

    def model(n_inputs, n_outputs):
        layers = [keras.Input((n_inputs,)), keras.layers.LayerNormalization()]
        return keras.Sequential([*layers, keras.layers.Dense(n_outputs)])

    return model(spec.n_features, spec.n_components), model(spec.n_components, spec.n_features)


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "model",
    [
        Autoencoder(3, architecture=unusual, max_iter=1, random_state=0),
        SparseAutoencoder(8, penalty="top_k", hidden_layer_sizes=(10,), max_iter=1, random_state=0),
        pytest.param(
            Autoencoder(3, hidden_layer_sizes=(6,), max_iter=1, precision="mixed_bfloat16"),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["unusual", "sorting", "bfloat16"],
)
def test_where_no_rule_is_a_measurement_decides_and_leaves_no_trace(model, digits):
    """The two steps that are timed each way must not count: fits end the same either way."""
    X = digits[:300]
    with new_programs():
        first = model.set_params(random_state=0).fit(X)
        assert list(xla_or_executor._xla.values()) in ([True], [False])
        codes = first.transform(X)
        with PROGRAMS.emptied():  # a new program, whose key has been measured
            np.testing.assert_array_equal(clone(model).fit(X).transform(X), codes)


def test_a_program_that_xla_cannot_compile_is_not_tried_again():
    calls = {True: 0, False: 0}

    def compiled(xla):
        def function():
            calls[xla] += 1
            if xla:
                raise tf.errors.UnimplementedError(None, None, "no kernel")
            return [0.0]

        return function

    with xla_or_executor.forced(None):
        for _ in range(2):
            assert xla_or_executor.fastest("key", compiled, ())() == [0.0]
    assert calls[True] == 1


@pytest.mark.parametrize(
    ("image_shape", "filters", "parameters", "in_xla"),
    [
        ((8, 8), (16, 32), {}, True),
        ((28, 28), (16, 32), {}, True),
        ((28, 28), (64, 128), {}, False),  # no faster, and it compiles for seconds
        ((8, 8), (16,), {"dropout": 0.1}, False),  # XLA would draw other random numbers
        ((8, 8), (16,), {"precision": "float64"}, False),  # XLA has plain loops for it
        ((8, 8), (16,), {"precision": "mixed_bfloat16"}, False),
    ],
)
def test_a_rule_says_whether_convolutions_run_in_xla(image_shape, filters, parameters, in_xla):
    n_features = image_shape[0] * image_shape[1]
    model = ConvolutionalAutoencoder(
        4, image_shape=image_shape, hidden_layer_sizes=filters, **parameters
    )
    recipe = model._recipe(model._read(np.zeros((100, n_features)), reset=True), None)
    network = recipe.structure.build(model.precision)
    assert by_rule(network) is in_xla


def test_what_has_no_stand_in_does_not_run_in_xla():
    encoder = keras.Sequential(
        [
            *(keras.Input((36,)), keras.layers.Reshape((6, 6, 1))),
            *(keras.layers.Conv2D(2, 3, padding="valid"), keras.layers.Flatten()),
        ]
    )
    decoder = keras.Sequential([keras.Input((32,)), keras.layers.Dense(36)])
    assert by_rule(Network(encoder, decoder)) is False


def test_convolutions_within_a_model_of_ones_own_class_do_not_run_in_xla():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.convolution = keras.layers.Conv2D(2, 3, padding="same")

        def call(self, x):
            return self.convolution(x)

    encoder = keras.Sequential(
        [keras.Input((36,)), keras.layers.Reshape((6, 6, 1)), Own(), keras.layers.Flatten()]
    )
    decoder = keras.Sequential([keras.Input((72,)), keras.layers.Dense(36)])
    assert not by_rule(Network(encoder, decoder))
