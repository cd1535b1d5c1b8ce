"""Plain stacks as what XLA compiles soonest: the same numbers and gradients as Keras's layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_programs import loaded_program, small_structure

from tfae import Autoencoder
from tfae._inference.numpy_layers import run_layers
from tfae._networks.activations import KNOWN
from tfae._networks.plain_layers import plain_layers
from tfae._networks.spec import Network
from tfae._training.step.plain_stack import Stack, as_stacks
from tfae._training.step.program import Program, new_programs

# Of dense layers with ReLU: those for which TensorFlow has no rule to hand them to XLA.
SLOW = {"Relu", "ReluGrad", "BiasAddGrad", "IsFinite"}


def values_and_gradients(model, variables, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(x, training=True)
        loss = tf.reduce_sum(y * tf.cos(y))
    return [y, *tape.gradient(loss, [x, *variables])]


def assert_same(model, stack, x):
    variables = [variable.value for variable in model.trainable_variables]
    expected = values_and_gradients(model, variables, x)
    found = values_and_gradients(stack, variables, x)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def rows(n_features, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=(7, n_features)), tf.float32)


@pytest.mark.parametrize("activation", sorted(KNOWN))
def test_activations(activation):
    network = small_structure(activation=activation).build("float32")
    for model, stack in zip(network, as_stacks(network, "float32"), strict=True):
        assert isinstance(stack, Stack)
        x = rows(model.input_shape[1])
        assert_same(model, stack, x)
        for variable in model.weights:  # the weights are the model's own
            variable.assign(variable.value + 0.1)
        assert_same(model, stack, x)


def test_relu_in_xla_passes_nan_on_and_has_no_gradient_at_zero():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Activation("relu")])
    stack, _ = as_stacks(Network(model, model), "float32")

    @tf.function(jit_compile=True)
    def compiled(x):
        return values_and_gradients(stack, [], x)

    value, gradient = compiled(tf.constant([[np.nan, 0.0]]))
    np.testing.assert_array_equal(value, [[np.nan, 0.0]])
    assert gradient[0, 1] == 0


@pytest.mark.sample(1)
@pytest.mark.parametrize("correction", [False, True])
def test_linear_paths(digits, monkeypatch, correction):
    monkeypatch.setattr("tfae._fitting.defaults._FEW", 0 if correction else 10**9)
    model = Autoencoder(4, hidden_layer_sizes=(8,), max_iter=1, random_state=0).fit(digits[:100])
    assert model.settings_["linear_correction"] is correction
    network = model._fitted.encoder.structure.build("float32")
    for side, stack in zip(network, as_stacks(network, "float32"), strict=True):
        assert isinstance(stack, Stack)
        assert_same(side, stack, rows(side.input_shape[1]))


def test_layers_between_dense_ones():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Rescaling([1.0, 2.0, 3.0], [0.0, 1.0, 0.5]),
            keras.layers.Dense(3, use_bias=False, kernel_regularizer="l2"),
            keras.layers.Activation("relu"),
            keras.layers.EinsumDense(
                "bi,i->bi", output_shape=(3,), bias_axes="i", activation="tanh"
            ),
        ]
    )
    stack, _ = as_stacks(Network(model, model), "float32")
    assert isinstance(stack, Stack)
    assert_same(model, stack, rows(3))
    layers = plain_layers(model)
    in_numpy = run_layers(layers, model.get_weights(), rows(3).numpy())
    np.testing.assert_allclose(in_numpy, model(rows(3)), rtol=1e-5)
    np.testing.assert_array_equal(stack.losses, model.losses)
    assert len(stack.losses) == 1


def test_a_kernel_that_is_made_of_several_weights_is_left_to_keras():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    model.layers[0].enable_lora(2)
    assert plain_layers(model) is None
    assert as_stacks(Network(model, model), "float32") is None


class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs


@pytest.mark.parametrize(
    "layer",
    [
        lambda: keras.layers.Dropout(0.5),
        lambda: keras.layers.GaussianNoise(0.5),
        lambda: keras.layers.BatchNormalization(),
        lambda: keras.layers.Dense(3, activity_regularizer="l1"),
        lambda: keras.layers.Dense(3, dtype="float64"),
        lambda: keras.layers.Dense(3, activation=lambda x: x**2),
        Doubled,
    ],
    ids=["dropout", "noise", "normalization", "activity", "dtype", "own-function", "own-layer"],
)
def test_what_trains_in_another_way_is_left_to_keras(layer):
    plain = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    network = Network(plain, keras.Sequential([keras.Input((3,)), layer()]))
    assert as_stacks(network, "float32") is None


def operations(function):
    graphs = [function.graph.as_graph_def()]
    nodes = [*graphs[0].node, *(n for f in graphs[0].library.function for n in f.node_def)]
    return {node.op for node in nodes}


def test_what_takes_long_to_compile_of_dense_layers_is_not_in_a_training_in_xla():
    program, _ = loaded_program(activation="relu")
    in_xla, in_executor = (
        operations(program._compiled(program._train_steps, xla)) for xla in (True, False)
    )
    assert not SLOW & in_xla
    assert {"Relu", "ReluGrad", "BiasAddGrad"} <= in_executor  # which fuses some of them


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "params",
    [{"tied": True}, {"penalty": "contractive"}, {"penalty": "l1"}, {"linear_path": True}],
    ids=lambda params: next(iter(params)) + str(next(iter(params.values()))),
)
def test_training_in_xla_is_training_in_the_executor(digits, monkeypatch, params):
    built = []
    compiled = Program._compiled

    def noted(self, function, xla):
        built.append(self)
        return compiled(self, function, xla)

    monkeypatch.setattr(Program, "_compiled", noted)

    def curve(xla):
        model = Autoencoder(
            4, hidden_layer_sizes=(16,), activation="relu", max_iter=3, random_state=0, **params
        )
        with new_programs(xla):
            return model.fit(digits[:200]).loss_curve_

    in_xla = curve(True)
    assert isinstance(built[-1]._in_xla.encoder, Stack)
    np.testing.assert_allclose(in_xla, curve(False), rtol=1e-4)
