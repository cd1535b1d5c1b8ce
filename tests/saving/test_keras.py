"""Keras models of what was fitted: they give the same, and they are the caller's."""

import numpy as np
import pytest
from examples import small

from tfae import Autoencoder

pytestmark = pytest.mark.usefixtures("in_executor")


@pytest.fixture(scope="module")
def fitted(digits):
    return small(max_iter=30, batch_size=64).fit(digits)


def test_numpy_and_keras_agree(fitted, digits):
    encoder, decoder = fitted.to_keras()
    codes = fitted.transform(digits)
    np.testing.assert_allclose(np.asarray(encoder(digits)), codes, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        np.asarray(decoder(codes)), fitted.inverse_transform(codes), rtol=1e-4, atol=1e-4
    )


@pytest.mark.sample(2)
@pytest.mark.parametrize("activation", ["gelu", "tanh", "silu", "selu", "softplus"])
def test_numpy_and_keras_agree_for_other_activations(digits, activation):
    model = small(activation=activation, code_activation="tanh", output_activation="relu")
    with pytest.warns(UserWarning, match="cannot reach"):
        model.fit(digits)
    encoder, decoder = model.to_keras()
    codes = np.asarray(encoder(digits))
    np.testing.assert_allclose(codes, model.transform(digits), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        np.asarray(decoder(codes)), model.reconstruct(digits), rtol=1e-4, atol=1e-4
    )


def test_keras_models_are_the_callers_own(fitted, digits):
    before = fitted.transform(digits)
    encoder, _ = fitted.to_keras()
    encoder.set_weights([0 * weight for weight in encoder.get_weights()])
    np.testing.assert_array_equal(fitted.transform(digits), before)
    assert not np.asarray(encoder(digits)).any()


def test_quantiles_have_no_keras_layers():
    model = Autoencoder(1, scaling="quantile", max_iter=2, random_state=0).fit(np.eye(9))
    with pytest.raises(ValueError, match="to_keras needs a 'scaling' that a layer can do"):
        model.to_keras()
