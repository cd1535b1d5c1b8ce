"""The law of the errors of guesses: quantiles, scales, and their priors."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import ndtri

from tfae._data.layout import Layout
from tfae._inference.error_quantiles import ErrorQuantiles

RNG = np.random.default_rng(0)
LAYOUT = Layout((0, 3, 0))
PLACES = [0, 4]


def deviates(n):
    return ndtri(RNG.uniform(size=(n, LAYOUT.width)))


def test_draws_have_the_law_of_the_errors():
    errors = np.full((4000, 3), np.nan)
    errors[:, 0] = RNG.exponential(size=4000) - 1
    errors[:, 2] = 3 * RNG.normal(size=4000)
    law = ErrorQuantiles.learned(errors, np.ones((4000, 3)), LAYOUT)
    drawn = law.errors(deviates(20_000), np.ones((20_000, LAYOUT.width)))
    for place, column in zip(PLACES, (0, 2), strict=True):
        for rank in (0.05, 0.5, 0.95):
            expected = np.quantile(errors[:, column], rank)
            assert np.quantile(drawn[:, place], rank) == pytest.approx(expected, abs=0.1)


def test_errors_grow_with_what_the_model_expects_but_not_below_a_floor():
    expected = np.exp(RNG.uniform(-6, 2, size=(4000, 3)))
    errors = RNG.normal(size=(4000, 3)) * np.hypot(expected, [0.0, 0.0, 0.5])
    errors[:, 1] = np.nan
    law = ErrorQuantiles.learned(errors, expected, LAYOUT)
    assert law.floor[0] <= 0.01
    assert law.floor[4] == 0.5
    ones = np.ones((1, LAYOUT.width))
    assert_allclose(law.errors(ones, 7 * ones)[0, 0], 7 * law.errors(ones, ones)[0, 0], rtol=0.01)


def test_few_errors_of_a_column_say_less_than_those_of_all():
    errors = np.full((500, 3), np.nan)
    errors[:, 0] = RNG.normal(size=500)
    errors[:2, 2] = 50.0
    law = ErrorQuantiles.learned(errors, np.ones((500, 3)), LAYOUT)
    middle = law.of_places[30]
    assert abs(middle[0]) < 0.3
    assert 0 < middle[4] < 10
    assert_array_equal(law.of_places[:, 1], law.of_places[:, 2])


def test_without_errors_the_model_is_believed():
    law = ErrorQuantiles.learned(np.full((5, 3), np.nan), np.ones((5, 3)), LAYOUT)
    given = np.clip(deviates(9), -3, 3)
    assert_allclose(law.errors(given, np.full((9, LAYOUT.width), 2.0)), 2 * given, atol=1e-12)
