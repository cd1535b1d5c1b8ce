"""A random order that is computed is as good as one that is stored."""

import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from tfae._training.order import Computed, epoch_order

SIZES = [1, 2, 3, 10, 99, 100, 101, 4_321]


@pytest.mark.parametrize("n_rows", SIZES)
@pytest.mark.parametrize("shuffled", [False, True])
def test_every_number_once(n_rows, shuffled):
    order = Computed(n_rows, np.random.default_rng(0) if shuffled else None)
    positions = order[0:n_rows]
    np.testing.assert_array_equal(np.sort(positions), np.arange(n_rows))
    assert (positions == np.arange(n_rows)).all() == (not shuffled or n_rows == 1)


def test_stretches_are_parts_of_one_order():
    order = Computed(1000, np.random.default_rng(0))
    parts = [order[start : start + 300] for start in range(0, 1000, 300)]
    np.testing.assert_array_equal(np.concatenate(parts), order[0:1000])


def test_the_order_is_random():
    """Against what chance gives: where a number goes, and how far two of them are apart."""
    n = 390
    orders = np.array([Computed(n, np.random.default_rng(seed))[0:n] for seed in range(500)])
    counts = [np.bincount(orders[:, place] // 39, minlength=10) for place in (0, 1, n - 1)]
    assert min(chisquare(count).pvalue for count in counts) > 1e-3
    # Of two numbers out of n the distance has the distribution function 1 - (1 - d / n)**2. Places
    # beside each other, and those that lie in one column of the square.
    for first, second in ((100, 101), (100, 120), (7, 387)):
        distances = np.abs(orders[:, first] - orders[:, second]) / n
        assert kstest(distances, lambda d: 1 - (1 - d) ** 2).pvalue > 1e-3
    assert len({tuple(order) for order in orders}) == 500


@pytest.mark.parametrize("stored", [50, 51])
def test_few_numbers_are_stored_and_many_computed(monkeypatch, stored):
    monkeypatch.setattr("tfae._training.order._STORED", stored)
    order = epoch_order(51, np.random.default_rng(0))
    assert isinstance(order, Computed) == (stored == 50)
    np.testing.assert_array_equal(np.sort(order[:51]), np.arange(51))
