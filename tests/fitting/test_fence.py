"""The fence of skewed numbers."""

import numpy as np
import pytest
from scipy import stats

from tfae._fitting.fence import medcouple, upper_fence


def test_the_medcouple_is_the_median_over_pairs():
    values = np.array([-3.0, -1, 0, 2, 2, 9, 30])  # the median, 2, is there twice
    wanted = [
        ((above - 2) - (2 - below)) / (above - below)
        for above in values[values >= 2]
        for below in values[values <= 2]
        if above > below
    ]
    assert medcouple(values) == pytest.approx(np.median(wanted))
    assert medcouple(-values) == pytest.approx(-np.median(wanted))


def test_symmetric_and_equal_numbers_have_none():
    assert medcouple(np.arange(-50, 51)) == 0
    assert medcouple(np.full(9, 3.0)) == 0
    assert upper_fence(np.full(9, 3.0)) == 3


def test_units_offsets_and_many_numbers_change_nothing():
    values = np.random.default_rng(0).lognormal(size=999)
    assert medcouple(1e6 + 5 * values) == pytest.approx(medcouple(values), abs=1e-6)
    assert medcouple(np.repeat(values, 5)) == pytest.approx(medcouple(values), abs=0.01)


@pytest.mark.parametrize("kind", [stats.norm, stats.lognorm(1), stats.chi2(1), stats.gamma(5)])
def test_few_numbers_without_outliers_are_beyond_it(kind):
    """The plain fence of the boxplot is exceeded by 8 % of lognormal numbers."""
    values = kind.ppf((np.arange(1000) + 0.5) / 1000)
    assert 0 < (values > upper_fence(values)).mean() < 0.03


def test_a_tenth_of_outliers_does_not_move_it_beyond_them():
    values = np.random.default_rng(0).normal(size=1000)
    values[:100] = 50
    assert upper_fence(values) < 10
