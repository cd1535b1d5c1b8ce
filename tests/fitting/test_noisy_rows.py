"""The mix of predictions and observations, against a case whose best mix is known."""

import numpy as np
import pytest

from tfae._fitting.noisy_rows import observation_weight


def test_the_weights_are_those_of_the_best_mean():
    """Predictions with an error of 1, 4 and 0, observations with noise of 2."""
    rng = np.random.default_rng(0)
    n, error, noise = 200_000, np.array([1.0, 4.0, 0.0]), 2.0
    truth = rng.normal(size=(n, 3))
    predicted = truth + np.sqrt(error) * rng.normal(size=(n, 3))
    observed = truth + np.sqrt(noise) * rng.normal(size=(n, 3))
    loss = np.square(predicted - observed).mean(axis=0)
    weight = observation_weight(loss, np.full(3, noise))
    assert weight == pytest.approx(error / (error + noise), abs=0.01)
    mixed = weight * observed + (1 - weight) * predicted
    best = error * noise / (error + noise)
    np.testing.assert_allclose(np.square(mixed - truth).mean(axis=0), best, rtol=0.02, atol=1e-3)


def test_less_loss_than_noise_leaves_the_prediction_alone():
    weights = observation_weight(np.array([1.0, 2.0, 0.0]), np.full(3, 1.5))
    np.testing.assert_allclose(weights, [0, 0.25, 0])
