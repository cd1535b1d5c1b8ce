"""The units in which columns of training rows are compared."""

import numpy as np
import pytest

from tfae import OutlierDetector
from tfae._data.layout import Layout
from tfae._inference.compared_rows import compared_rows


@pytest.fixture
def rows():
    """Three normal columns, and one that is 2 in all rows but one of forty."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1200, 4))
    X[:, 3] = 2.0
    X[::40, 3] = 2 + rng.normal(5, 1, size=30)
    return X


@pytest.mark.parametrize("missing", [False, True])
def test_a_column_that_seldom_differs_counts_by_how_much_it_does(rows, missing):
    others = rows[::40, 3] - 2
    if missing:
        rows[1:9, 3] = np.nan
    compared = compared_rows(rows, Layout((0,) * 4), False, np.arange(len(rows)))
    np.testing.assert_allclose(compared.scale[:3], rows[:, :3].std(axis=0))
    assert compared.scale[3] == pytest.approx(np.sqrt(np.square(others).mean()))


def test_units_follow_offsets_and_factors(rows):
    factor, offset = np.array([1e-9, 1.0, 1e9, 1e6]), np.array([1.0, -3.0, 1e9, 512.0])
    layout, among = Layout((0,) * 4), np.arange(len(rows))
    compared = compared_rows(rows * factor + offset, layout, False, among)
    expected = factor * compared_rows(rows, layout, False, among).scale
    np.testing.assert_allclose(compared.scale, expected, rtol=1e-6)


def test_what_is_rare_and_usual_is_less_odd_than_what_never_was(rows):
    model = OutlierDetector(training_rows="clean", random_state=0).fit(rows)
    rare, never = np.array([0.1, 0.1, 0.1, 7.0]), np.array([6.0, 0.1, 0.1, 2.0])
    assert model.score_samples([rare])[0] > model.score_samples([never])[0]
