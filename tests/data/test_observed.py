"""Tests of what is learned from observed entries."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from tfae._data.layout import Layout
from tfae._data.observed import observed_range, rank_map, standard_scaling

RNG = np.random.default_rng(0)
ROWS = np.where(RNG.random((200, 4)) < 0.3, np.nan, RNG.normal(size=(200, 4)) * [1, 1e-6, 1e9, 0])
ROWS[:, 1] += 1e3
ROWS = np.hstack([ROWS, np.full((200, 1), np.nan)])


def test_the_scaling_is_that_of_the_observed_entries():
    found = standard_scaling(ROWS, Layout.of_numbers(5))
    assert_allclose(found.center, [*np.nanmean(ROWS[:, :4], axis=0), 0], rtol=1e-12, atol=1e-12)
    assert_allclose(found.scale, [*np.nanstd(ROWS[:, :3], axis=0), 1, 1], rtol=1e-6)


def test_a_rare_category_has_a_least_deviation():
    rows = Layout((2,)).encoded(np.array([[0.0]] * 1000 + [[1.0]]))
    assert_array_equal(standard_scaling(rows, Layout((2,))).scale, 0.05)


def test_the_range_is_that_of_the_observed_entries():
    low, high = observed_range(ROWS)
    assert_array_equal(low, [*np.nanmin(ROWS[:, :4], axis=0), 0])
    assert_array_equal(high, [*np.nanmax(ROWS[:, :4], axis=0), 0])


def test_ranks_are_normal_deviates_whatever_the_units():
    found = rank_map(np.exp(ROWS[:, :1])).forward(np.exp(ROWS[:, :1]), np.float64)
    observed = found[~np.isnan(ROWS[:, 0])]
    # The ends are far out, as in QuantileTransformer.
    assert abs(np.median(observed)) < 0.05
    assert 0.9 < np.std(np.clip(observed, -3, 3)) < 1.1
