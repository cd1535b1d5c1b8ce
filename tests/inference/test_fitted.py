"""What a fit makes, apart from any estimator."""

import numpy as np
import pytest

from tfae import Autoencoder


@pytest.fixture(scope="module")
def fitted(digits, in_executor):
    model = Autoencoder(
        4, hidden_layer_sizes=(16,), max_iter=3, linear_path=False, scaling="standard"
    )
    return model.fit(digits[:200])._fitted


def test_errors_are_those_of_the_reconstruction(fitted, digits):
    X = digits[:50]
    squares = np.square(X.astype(np.float64) - fitted.reconstruct(X))
    np.testing.assert_allclose(fitted.errors(X, per_feature=True), squares, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(fitted.errors(X), squares.mean(axis=1), rtol=1e-5)


def test_scaled_errors_are_in_the_units_that_the_network_sees(fitted, digits):
    X = digits[:50]
    scaled = fitted.errors(X, scaled=True, per_feature=True)
    expected = fitted.errors(X, per_feature=True) / np.square(fitted.scaling.scale)
    np.testing.assert_allclose(scaled, expected, rtol=1e-4, atol=1e-6)


def test_a_fitted_value_is_not_changed_by_making_another(fitted):
    weights = [np.zeros_like(weight) for weight in fitted.weights]
    other = fitted.with_weights(weights).with_facts({"baseline": {}})
    assert any(weight.any() for weight in fitted.weights)
    assert not any(weight.any() for weight in other.weights)
    assert "baseline" not in fitted.facts
    assert [w.shape for w in other.encoder_weights] == [w.shape for w in fitted.encoder_weights]
    with pytest.raises(AttributeError):
        fitted.scaling = None
