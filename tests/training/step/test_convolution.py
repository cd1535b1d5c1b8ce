"""Convolutions for XLA: against TensorFlow's own and against the gradients that it derives."""

import numpy as np
import pytest

from tfae import ConvolutionalAutoencoder
from tfae._networks.spec import Network
from tfae._support import tensorflow
from tfae._training.step.convolution import Convolution, for_xla
from tfae._training.step.program import new_programs

keras, tf = tensorflow.keras, tensorflow.tf

GEOMETRIES = [  # kernel, strides, image
    ((3, 3), (2, 2), (7, 10)),
    ((5, 4), (2, 3), (9, 10)),
    ((3, 2), (1, 2), (1, 6)),
    ((1, 2), (3, 3), (7, 8)),
]


def images(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def assert_close(one, other):
    scale = np.abs(other).max()
    np.testing.assert_allclose(one / scale, other / scale, atol=2e-5)


@pytest.mark.sample(8)
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("channels", [2, 8])
def test_values_and_gradients_are_tensorflows(geometry, transposed, channels):
    kernel_size, strides, large = geometry
    form = Convolution(*geometry)
    x, kernel = images(4, *large, channels), images(*kernel_size, channels, 3, seed=1)
    y = images(4, *form.small, 3, seed=2)
    given, other = (y, x) if transposed else (x, y)

    def ours(given, kernel):
        return form.transposed(given, kernel) if transposed else form.convolve(given, kernel)

    def theirs(given, kernel):
        if transposed:
            return tf.nn.conv2d_transpose(given, kernel, tf.shape(x), strides, "SAME")
        return tf.nn.conv2d(given, kernel, strides, "SAME")

    def all_of(function):
        """The values, the gradients, and the gradient of a gradient."""

        @tf.function(autograph=False)
        def compiled(given, kernel):
            with tf.GradientTape() as outer:
                outer.watch(kernel)
                with tf.GradientTape() as tape:
                    tape.watch([given, kernel])
                    output = function(given, kernel)
                    loss = tf.reduce_sum(output * other + output**2)
                gradients = tape.gradient(loss, [given, kernel])
                norm = tf.reduce_sum(gradients[0] ** 2)
            return output, *gradients, outer.gradient(norm, kernel)

        return [value.numpy() for value in compiled(given, kernel)]

    for one, another in zip(all_of(ours), all_of(theirs), strict=True):
        assert one.shape == another.shape
        assert_close(one, another)


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({"tied": True}, marks=pytest.mark.slow),
        pytest.param({"penalty": "contractive"}, marks=pytest.mark.slow),
        {"batch_normalization": True},
    ],
    ids=["tied", "contractive", "normalised"],
)
def test_training_in_xla_is_training_in_the_executor(digits, parameters):
    def weights(xla):
        model = ConvolutionalAutoencoder(
            5,
            image_shape=(8, 8),
            hidden_layer_sizes=(6, 8),
            batch_size=256,
            max_iter=2,
            random_state=0,
            **parameters,
        )
        with new_programs(xla):
            model.fit(digits[:200])
        return [*model.encoder_weights_, *model.decoder_weights_]

    for one, other in zip(weights(True), weights(False), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)


def test_other_convolutions_are_left_to_keras():
    layers = keras.layers
    encoder = keras.Sequential(
        [
            keras.Input((8, 8, 4)),
            layers.Conv2D(4, 3, padding="valid", name="valid"),
            layers.Conv2D(4, 3, padding="same", dilation_rate=2, name="dilated"),
            layers.Conv2D(4, 3, padding="same", groups=2, name="grouped"),
            layers.Conv2D(4, 3, padding="same", activity_regularizer="l2", name="regularized"),
            layers.Conv2D(4, 3, padding="same", kernel_regularizer="l2", name="usual"),
        ]
    )
    network = Network(encoder, keras.Sequential([keras.Input((3,)), layers.Dense(3)]))
    found = for_xla(network, "float32").encoder
    replaced = [layer.name for layer in found.layers if layer not in encoder.layers]
    assert replaced == ["usual"]
    assert [id(w) for w in found.weights] == [id(w) for w in encoder.weights]
    x = images(2, 8, 8, 4)
    assert_close(found(x).numpy(), encoder(x).numpy())
    assert sum(found.losses).numpy() == pytest.approx(sum(encoder.losses).numpy())


def test_dense_networks_and_models_of_ones_own_class_are_left_alone():
    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.layer = keras.layers.Conv2D(3, 3, padding="same")

        def call(self, x):
            return self.layer(x)

    dense = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    for network in (Network(dense, dense), Network(Mine(), dense)):
        assert for_xla(network, "float32") is network
