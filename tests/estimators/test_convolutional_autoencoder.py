"""Images in, images out, of any size; and what convolutions combine with."""

import pickle

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from tfae import Autoencoder, ConvolutionalAutoencoder

pytestmark = pytest.mark.usefixtures("in_executor")


def small(**params):
    given = {
        "hidden_layer_sizes": (8, 16),
        "max_iter": 30,
        "learning_rate_init": 0.005,
        "random_state": 0,
    }
    return ConvolutionalAutoencoder(**{"n_components": 12, **given, **params})


@pytest.fixture(scope="module")
def images(digits):
    return digits.reshape(-1, 8, 8)


@pytest.fixture(scope="module")
def fitted(images):
    return small().fit(images)


def test_images_and_flat_rows_give_the_same_bits(fitted, images, digits):
    flat = small(image_shape=(8, 8)).fit(digits)
    deep = small().fit(images[..., None])
    codes = fitted.transform(images)
    for model, X in [(flat, digits), (deep, images[..., None]), (fitted, digits)]:
        np.testing.assert_array_equal(model.transform(X), codes)
        np.testing.assert_array_equal(
            model.reconstruct(X).reshape(digits.shape), fitted.reconstruct(digits)
        )
    assert fitted.image_shape_ == flat.image_shape_ == deep.image_shape_ == (8, 8, 1)
    assert fitted.score(images) == flat.score(digits) > 0.7


def test_shapes_that_come_back(fitted, images, digits):
    codes = fitted.transform(images)
    assert fitted.inverse_transform(codes).shape == images.shape
    assert fitted.reconstruct(images).shape == images.shape
    assert fitted.reconstruct(digits).shape == digits.shape
    assert fitted.score_samples(images).shape == (len(images),)
    flat = small(max_iter=1, image_shape=(8, -1)).fit(digits)
    assert flat.inverse_transform(codes).shape == digits.shape


@pytest.mark.sample(1)
@pytest.mark.parametrize("shape", [(7, 5), (5, 6, 3), (1, 9), (3, 3, 2)])
def test_any_size(shape):
    rng = np.random.default_rng(0)
    basis = rng.normal(size=(2, *shape))
    X = np.tensordot(rng.normal(size=(200, 2)), basis, 1)
    model = small(n_components=2, max_iter=200, activation="tanh", image_shape=shape).fit(X)
    assert model.reconstruct(X).shape == X.shape
    assert model.score(X) > 0.9
    flat = X.reshape(200, -1)
    given = small(n_components=2, max_iter=1, image_shape=shape).fit(flat)
    assert given.image_shape_ == (*shape, 1)[:3]


def test_integers_of_bytes(images):
    X = (images * 15).astype(np.uint8)
    assert small().fit(X).score(X) > 0.7


def test_the_layers_are_convolutions_and_agree_with_keras(fitted, digits):
    assert [w.shape for w in fitted.encoder_weights_[:4:2]] == [(3, 3, 1, 8), (3, 3, 8, 16)]
    encoder, decoder = fitted.to_keras()
    np.testing.assert_allclose(encoder(digits), fitted.transform(digits), atol=1e-3)
    rows = decoder(fitted.transform(digits))
    np.testing.assert_allclose(rows, fitted.reconstruct(digits), atol=1e-3)


def test_a_shifted_image_has_shifted_features(fitted, images):
    """What makes a convolution one: four pixels to the right are one place after two layers."""
    layers = fitted.to_keras().encoder.layers
    stack = next(layer for layer in layers if isinstance(layer, keras.Sequential)).layers
    x = np.zeros((1, 64), np.float32)
    x[0, 3 * 8 + 1] = 1
    shifted = np.roll(x.reshape(8, 8), 4, axis=1).reshape(1, 64)
    features = []
    for row in (x, shifted):
        for layer in stack[:2]:
            row = layer(row)
        features.append(np.asarray(row)[0])
    # One layer has a stride of 2, so that the shift is two places; the borders are cut off.
    np.testing.assert_allclose(features[0][:, 0:2], features[1][:, 2:4], atol=1e-6)
    assert np.ptp(features[0]) > 0.01


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "params",
    [
        {"tied": True},
        pytest.param({"corruption": "masking"}, marks=pytest.mark.slow),
        {"penalty": "top_k", "sparsity": 6},
        {"penalty": "contractive", "penalty_weight": 1e-3},
        {"dropout": 0.05},
        {"batch_normalization": True},
        pytest.param({"kernel_size": 5, "hidden_layer_sizes": (8,)}, marks=pytest.mark.slow),
        {"corruption": "gaussian", "penalty": "l1", "penalty_weight": 0.01, "tied": True},
    ],
)
def test_it_combines(params, images):
    assert small(**params).fit(images).score(images) > 0.55


def test_tied_kernels_are_shared(images):
    model = small(tied=True, max_iter=2).fit(images)
    np.testing.assert_array_equal(model.encoder_weights_[0], model.decoder_weights_[-2])
    np.testing.assert_array_equal(model.encoder_weights_[2], model.decoder_weights_[-4])


def test_copies_and_pipelines(fitted, images, digits):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(images), fitted.transform(images))
    twin = clone(fitted).fit(images)
    np.testing.assert_array_equal(twin.transform(images), fitted.transform(images))
    pipeline = make_pipeline(small(max_iter=2, image_shape=(8, 8))).set_output(transform="pandas")
    assert list(pipeline.fit_transform(digits).columns[:1]) == ["convolutionalautoencoder0"]
    one = fitted.transform(images[:1])
    np.testing.assert_allclose(one, fitted.transform(images)[:1], atol=1e-4)


def test_going_on_and_partial_fit(images):
    model = small(max_iter=2)
    for _ in range(2):
        model.partial_fit(images)
    assert model.n_iter_ == 2


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"image_shape": (8, 9)}, r"Images must have the shape \(8, 9\). Got images of .*\(8, 8\)"),
        ({"kernel_size": 0}, "'kernel_size'.*Got 0"),
        ({"kernel_size": "3"}, "'kernel_size'.*Got '3'"),
        ({"architecture_params": {"kernel_size": 3}}, "'kernel_size' must be a parameter of the"),
    ],
)
def test_bad_parameters(images, params, message):
    with pytest.raises(ValueError, match=message):
        small(**params).fit(images)


def test_bad_images(fitted, images, digits):
    with pytest.raises(ValueError, match=r"must have the shape \(8, 8, 1\). Got .*\(4, 16\)"):
        fitted.transform(digits.reshape(-1, 4, 16))
    with pytest.raises(ValueError, match="expecting 64 features"):
        fitted.transform(digits[:, :63])
    with pytest.raises(ValueError, match=r"'kernel_size' must be an integer .*Got '3'"):
        Autoencoder(
            architecture="convolutional",
            architecture_params={"image_shape": (8, 8), "kernel_size": "3"},
        ).fit(digits)
    with pytest.raises(ValueError, match="0 sample"):
        small().fit(images[:0])
    bad = images.copy()
    bad[3, 2, 1] = np.nan
    with pytest.raises(ValueError, match="column 17, row 3"):
        small().fit(bad)
    with pytest.raises(ValueError, match="Images must have one shape"):
        small().fit([np.ones((4, 4)), np.ones((5, 5))])


def test_keras_models_of_images(images):
    encoder = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, 2, "same", activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(5),
        ]
    )
    decoder = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))]
    )
    model = ConvolutionalAutoencoder.from_keras(encoder, decoder)
    assert model.image_shape_ == (8, 8, 1)
    codes = np.asarray(encoder(images[..., None]))
    np.testing.assert_allclose(model.transform(images), codes, atol=1e-4)
    assert model.reconstruct(images).shape == images.shape
    assert model.inverse_transform(codes).shape == (*images.shape, 1)
    assert model.set_params(max_iter=40, learning_rate_init=0.005).fit(images).score(images) > 0.2


def test_data_are_not_taken_for_images_without_being_asked_for(digits):
    """A square number of values may be a signal, and two axes may be steps and channels."""
    for X in (digits, digits.tolist(), digits[:, :63]):
        with pytest.raises(ValueError, match=r"Flat rows need an 'image_shape'.*image_shape=\("):
            small().fit(X)
    with pytest.raises(ValueError, match=r"image_shape=\(8, 8\) for images, or .*\(1, 64\) for"):
        small().partial_fit(digits)
    with pytest.raises(ValueError, match=r"architecture_params=\{'image_shape': \(8, 8\)\} for im"):
        Autoencoder(architecture="convolutional", hidden_layer_sizes=(4,)).fit(digits)
    windows = digits.reshape(-1, 32, 2)
    with pytest.raises(ValueError, match=r"windows of 32 steps. Got none: pass .*=\(32, 2\) for"):
        small().fit(windows)
    as_images = small(max_iter=1, image_shape=(32, 2)).fit(windows)
    assert as_images.image_shape_ == (32, 2, 1)
    as_steps = small(max_iter=1).fit(windows[:, :, None])
    assert as_steps.image_shape_ == (32, 1, 2)
    as_line = small(max_iter=1, image_shape=(1, -1)).fit(digits)
    assert as_line.image_shape_ == (1, 64, 1)
    kernels = [model.encoder_weights_[0].shape for model in (as_images, as_steps, as_line)]
    assert kernels == [(3, 3, 1, 8), (3, 3, 2, 8), (3, 3, 1, 8)]


@pytest.mark.parametrize("shape", [(-1, -1), (0, -1), (7, -1), (8, -2), (8, 8, -1, 1), -1, (64,)])
def test_bad_shapes(digits, shape):
    with pytest.raises(ValueError, match="'image_shape'"):
        small(image_shape=shape).fit(digits)


def test_keras_models_say_what_their_rows_are(digits):
    layers = keras.layers
    encoder = keras.Sequential([keras.Input((4, 16)), layers.Flatten(), layers.Dense(3)])
    decoder = keras.Sequential([keras.Input((3,)), layers.Dense(64), layers.Reshape((4, 16))])
    model = ConvolutionalAutoencoder.from_keras(encoder, decoder, max_iter=1)
    assert model.fit(digits).image_shape_ == (4, 16, 1)
    assert model.fit(digits.reshape(-1, 4, 16)).image_shape_ == (4, 16, 1)
    flat = keras.Sequential([keras.Input((64,)), layers.Dense(3)])
    back = keras.Sequential([keras.Input((3,)), layers.Dense(64)])
    with pytest.raises(ValueError, match="Flat rows need an 'image_shape'"):
        ConvolutionalAutoencoder.from_keras(flat, back)
    given = ConvolutionalAutoencoder.from_keras(flat, back, image_shape=(4, 16))
    assert given.transform(digits.reshape(-1, 4, 16)).shape == (1797, 3)
