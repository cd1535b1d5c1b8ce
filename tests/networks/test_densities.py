"""The density of a number: a mixture of Student's t, against SciPy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special, stats

from tfae._data.layout import Layout
from tfae._networks.densities import Densities, Mixture

MIXTURE = Mixture(n_parts=3, freedom=4.0, least_scale=0.1)
RNG = np.random.default_rng(0)


def parts(outputs):
    """Weights, locations and scales of a single number's nine outputs."""
    logits, location, raw = outputs.reshape(3, 3)
    return special.softmax(logits), location, 0.1 + np.log1p(np.exp(raw))


def test_the_surprise_is_that_of_a_mixture_of_students_t():
    x, outputs = 3 * RNG.normal(size=(20, 2)), RNG.normal(size=(20, 18))
    found = MIXTURE.surprise(x, outputs)
    for row in range(20):
        for number in range(2):
            weight, location, scale = parts(outputs[row, number::2])
            density = weight @ stats.t.pdf(x[row, number], 4, location, scale)
            assert found[row, number] == pytest.approx(-np.log(density))


def test_the_mean_is_that_of_the_mixture():
    outputs = RNG.normal(size=9)
    weight, location, _ = parts(outputs)
    assert_allclose(MIXTURE.mean(outputs[None]), [[weight @ location]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ever_more_remote_numbers_are_ever_more_surprising(dtype):
    outputs = (3 * RNG.normal(size=(1, 9))).astype(dtype)
    distance = np.geomspace(30, 1e12, 40, dtype=dtype)[:, None]
    for x in (distance, -distance):
        found = MIXTURE.surprise(x, np.repeat(outputs, 40, axis=0))
        assert found.dtype == dtype
        assert np.isfinite(found).all()
        assert (np.diff(found[:, 0]) > 0).all()


def test_extreme_outputs_have_a_finite_surprise():
    outputs = RNG.choice([-1e4, 0, 1e4], size=(200, 9)).astype(np.float32)
    assert np.isfinite(MIXTURE.surprise(np.ones((200, 1), np.float32), outputs)).all()


def test_every_output_belongs_to_a_column():
    found = Densities(Layout((2, 0, 3, 0)), Mixture(n_parts=1)).columns
    assert_array_equal(found, [1, 3, 1, 3, 1, 3, 0, 0, 2, 2, 2])
