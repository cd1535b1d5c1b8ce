"""A scaling that fills holes."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from tfae._data.scaling import Affine, fit_scaling
from tfae._networks.filling import learned_filling, model_of
from tfae._networks.principal_components import principal_components

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 2)) @ RNG.normal(size=(2, 6)) * [1, 10, 1, 1, 0.01, 1] + 100
X += 0.1 * X.std(axis=0) * RNG.normal(size=X.shape)
HOLED = np.where(RNG.random(X.shape) < 0.25, np.nan, X)


def test_observed_entries_are_scaled_and_holes_filled():
    scaling = fit_scaling("global", HOLED)
    filling = learned_filling(scaling, HOLED)
    found = filling.forward(HOLED, np.float64)
    expected = scaling.forward(X, np.float64)
    seen = ~np.isnan(HOLED)
    assert_array_equal(found[seen], expected[seen])
    error = np.square((filling.backward(found) - X) / X.std(axis=0))[~seen].mean()
    assert error < 0.1
    assert_array_equal(filling.forward(X, np.float64), expected)


def test_components_as_a_model_have_the_covariance_of_the_rows():
    found = model_of(principal_components(X, Affine(np.zeros(6), 1.0), None, 2, 0))
    scale = np.outer(X.std(axis=0), X.std(axis=0))
    assert_allclose(found.covariance / scale, np.cov(X.T) / scale, atol=0.05)
    lossless = model_of(principal_components(X, Affine(np.zeros(6), 1.0), None, 6, 0))
    assert np.isfinite(lossless.filled(HOLED)).all()
