"""Architectures of the user's own."""

import pickle

import keras
import numpy as np
import pytest

import tfae
from tfae import Autoencoder
from tfae._networks.architectures.registry import ARCHITECTURES
from tfae._networks.structure import hashable_params

pytestmark = pytest.mark.usefixtures("in_executor")


def bowtie(spec, *, width=16, rate=0.0):
    """One wide layer on each side, with everything that plain stacks have not."""

    def side(units):
        return keras.Sequential(
            [
                keras.layers.Dense(width),
                keras.layers.BatchNormalization(momentum=0.5),
                keras.layers.ReLU(),
                keras.layers.Dropout(rate),
                keras.layers.Dense(units),
            ]
        )

    return side(spec.n_components), side(spec.n_features)


@pytest.fixture
def registered():
    yield tfae.register_architecture("bowtie-of-the-tests")(bowtie)
    del ARCHITECTURES._entries["bowtie-of-the-tests"]


def estimator(architecture, **params):
    return Autoencoder(
        4,
        architecture=architecture,
        architecture_params=params,
        max_iter=20,
        batch_size=64,
        learning_rate_init=0.005,
        random_state=0,
    )


def test_a_users_architecture_gets_everything(registered, digits):
    assert tfae.architectures()["bowtie-of-the-tests"].startswith("One wide layer")
    model = estimator("bowtie-of-the-tests", width=24).fit(digits)
    assert model.encoder_weights_[0].shape == (64, 24)
    assert model.score(digits) > 0.4
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(digits), model.transform(digits))
    encoder, decoder = model.to_keras()
    codes = np.asarray(encoder(digits, training=False))
    np.testing.assert_allclose(codes, model.transform(digits), atol=1e-4)
    rows = np.asarray(decoder(codes, training=False))
    np.testing.assert_allclose(rows, model.reconstruct(digits), atol=1e-3)


def test_a_callable_is_as_good_as_a_name(registered, digits):
    by_name = estimator("bowtie-of-the-tests").fit(digits)
    by_callable = estimator(bowtie).fit(digits)
    np.testing.assert_array_equal(by_name.transform(digits), by_callable.transform(digits))


@pytest.mark.slow
def test_training_state_of_layers_is_kept_and_dropout_is_seeded(digits):
    one, other = (estimator(bowtie, rate=0.3).fit(digits) for _ in range(2))
    for mine, theirs in zip(one.encoder_weights_, other.encoder_weights_, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    moving_mean, moving_variance = one.encoder_weights_[-2:]
    assert np.abs(moving_mean).max() > 0.01
    assert np.abs(moving_variance - 1).max() > 0.01
    different = estimator(bowtie, rate=0.3).set_params(random_state=1).fit(digits)
    assert not np.array_equal(different.encoder_weights_[0], one.encoder_weights_[0])
    # Inference uses no dropout: the same rows give the same codes.
    np.testing.assert_array_equal(one.transform(digits), one.transform(digits))


def test_a_row_does_not_depend_on_its_company(digits):
    model = estimator(bowtie).fit(digits)
    np.testing.assert_allclose(
        model.transform(digits)[300:303], model.transform(digits[300:303]), atol=1e-5
    )


def test_wrong_builders_are_told_what_was_expected(digits):
    def no_pair(spec):
        return bowtie(spec)[0]

    def no_models(spec):
        return 1, 2

    def wrong_width(spec):
        return bowtie(spec)[::-1]

    for builder, message in [
        (no_pair, r"'no_pair' must return a pair \(encoder, decoder\).*Got <Sequential"),
        (no_models, r"The encoder of the architecture 'no_models' must be a Keras model. Got 1"),
        (wrong_width, r"must map shape \(None, 64\) to \(None, 4\). It returns .*\(None, 64\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            Autoencoder(4, architecture=builder).fit(digits)
    with pytest.raises(ValueError, match=r"of the architecture 'bowtie' must be among.*'widht'"):
        estimator(bowtie, widht=3).fit(digits)
    for shape in [(3, 5), 64, (64,)]:
        with pytest.raises(ValueError, match=r"'image_shape' parameter must be \(height, width\)"):
            estimator("convolutional", image_shape=shape).fit(digits)
    with pytest.raises(ValueError, match=r"must be hashable.*'width'"):
        estimator(bowtie, width={1: 2}).fit(digits)


class Block(keras.layers.Layer):
    """A user's layer with others inside, which no list of the model's layers shows."""

    def __init__(self, units, inner):
        super().__init__()
        self.dense, self.inner = keras.layers.Dense(units), inner

    def call(self, x, training=False):
        return self.dense(self.inner(x, training=training))


def with_hidden(make):
    """Return a builder whose two models hold what `make` makes of a spec."""

    def given(spec):
        def side(n_in, n_out):
            return keras.Sequential([keras.Input((n_in,)), *make(spec, n_out)])

        n_features, n_components = spec.n_features, spec.n_components
        return side(n_features, n_components), side(n_components, n_features)

    return given


def plain(spec, units):
    return [keras.layers.Dense(8, spec.activation), keras.layers.Dense(units)]


def nested_dropout(spec, units):
    return [keras.Sequential([keras.layers.Dense(8), Block(units, keras.layers.Dropout(0.2))])]


def nested_normalization(spec, units):
    return [keras.Sequential([Block(units, keras.layers.BatchNormalization())])]


@pytest.mark.parametrize(
    ("parameter", "value", "user"),
    [("dropout", 0.2, nested_dropout), ("batch_normalization", True, nested_normalization)],
)
def test_a_builder_does_not_pass_over_what_is_asked(digits, parameter, value, user):
    asked = {parameter: value, "max_iter": 1, "batch_size": 2000}
    other = nested_normalization if user is nested_dropout else nested_dropout
    for ignores in (plain, other):
        with pytest.raises(
            ValueError, match=rf"'given' makes no use of '{parameter}'.*Got {value}"
        ):
            Autoencoder(4, architecture=with_hidden(ignores), **asked).fit(digits)
    Autoencoder(4, architecture=with_hidden(user), **asked).fit(digits)
    # Without hidden layers there is nothing to drop or to normalise.
    Autoencoder(4, hidden_layer_sizes=(), **asked).fit(digits)


def test_parameters_of_an_architecture_are_told_apart_by_their_types(digits):
    estimator(bowtie, width=4).set_params(max_iter=1).fit(digits)
    with pytest.raises(ValueError, match="units"):
        estimator(bowtie, width=4.0).set_params(max_iter=1).fit(digits)
    assert hashable_params({"a": 1}) == hashable_params({"a": 1})
    for one, other in [(1, True), ((2, 3), (2.0, 3)), (((1,),), ((True,),))]:
        assert hashable_params({"a": one}) != hashable_params({"a": other})
