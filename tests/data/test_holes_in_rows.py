"""Statistics of observed entries."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tfae._data.holes import has_holes, observed_means
from tfae._data.statistics import statistics

RNG = np.random.default_rng(0)
ROWS = np.where(RNG.random((50, 4)) < 0.3, np.nan, 1e6 + RNG.normal(size=(50, 4)))


def test_statistics_are_those_of_the_observed_entries():
    of = statistics(ROWS, np.arange(40))
    some = ROWS[:40]
    assert_allclose(of.mean, np.nanmean(some, axis=0), rtol=1e-14)
    assert_allclose(of.variance, np.nanvar(some, axis=0), rtol=1e-6)
    assert_array_equal(of.low, np.nanmin(some, axis=0))
    assert_array_equal(of.high, np.nanmax(some, axis=0))
    assert_array_equal(of.n_observed, (~np.isnan(some)).sum(axis=0))


@pytest.mark.parametrize(
    ("X", "expected"),
    [
        (ROWS, True),
        (np.nan_to_num(ROWS), False),
        (np.array([[1e200, -1e200]]), False),
        (np.array([[1e200, np.nan]]), True),
        (ROWS[::2, ::-1], True),
        (np.ones((2, 2), int), False),
        ([[np.nan]], False),  # not an array
    ],
)
def test_holes_are_found_also_beside_large_numbers(X, expected):
    assert has_holes(X) is expected


def test_means_of_rows():
    rows = np.array([[1.0, np.nan, 3], [np.nan, np.nan, np.nan]])
    assert_array_equal(observed_means(np.array([[1.0, 9, 5], [1, 1, 1]]), rows), [3, 0])
