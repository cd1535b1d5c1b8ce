"""Hidden entries: none has a part in its own prediction."""

import numpy as np
import pytest

from tfae._inference.from_others import FromOthers


@pytest.fixture(scope="module")
def mixing():
    """A map of rows in which every entry depends on all."""
    matrix = np.random.default_rng(0).normal(size=(9, 9))
    return lambda rows: np.tanh(rows @ matrix)


def test_a_prediction_does_not_depend_on_the_entry(mixing):
    rng = np.random.default_rng(1)
    hiding = FromOthers(np.arange(9) % 4, rng.normal(size=9), np.zeros(9))
    X = rng.normal(size=(5, 9))
    predicted = hiding(X, mixing)
    for j in range(9):
        changed = X.copy()
        changed[:, j] += 100
        again = hiding(changed, mixing)
        np.testing.assert_array_equal(again[:, j], predicted[:, j])
        assert not np.array_equal(again, predicted)


def test_what_was_observed_has_its_weight(mixing):
    X, weight = np.random.default_rng(1).normal(size=(5, 9)), np.linspace(0, 1, 9)
    groups = np.arange(9) % 2
    predicted = FromOthers(groups, np.zeros(9), np.zeros(9))(X, mixing)
    mixed = FromOthers(groups, np.zeros(9), weight)(X, mixing)
    np.testing.assert_allclose(mixed, weight * X + (1 - weight) * predicted)
