"""Nearest rows against distances from differences."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import nan_euclidean_distances

from tfae._data.layout import Layout
from tfae._data.nearest_rows import NearestRows

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("width", [3, 40])
def test_complete_rows_have_the_distances_of_differences(width):
    X, Y = RNG.normal(size=(300, width)), RNG.normal(size=(50, width))
    found = NearestRows(X, Layout.of_numbers(width)).find(Y, 4)
    wanted = np.sort(cdist(Y, X, "sqeuclidean"), axis=1)[:, :4]
    np.testing.assert_allclose(found.totals, wanted, rtol=1e-12)
    np.testing.assert_allclose(found.squares.sum(axis=2), found.totals, rtol=1e-12)
    np.testing.assert_allclose(np.square(Y[:, None] - X[found.places]), found.squares)


def test_holes_on_either_side_have_scikit_learns_distances():
    X, Y = RNG.normal(size=(200, 6)), RNG.normal(size=(60, 6))
    X[RNG.random(X.shape) < 0.2] = np.nan
    Y[:30][RNG.random((30, 6)) < 0.3] = np.nan
    Y[0] = np.nan
    found = NearestRows(X, Layout.of_numbers(6)).find(Y, 3)
    wanted = np.sort(nan_euclidean_distances(Y[1:], X), axis=1)[:, :3]
    np.testing.assert_allclose(np.sqrt(found.totals[1:]), wanted, rtol=1e-9)
    assert np.isinf(found.totals[0]).all()


def test_rows_of_one_of_two_far_clusters_have_their_own_neighbours():
    """Products of rows have lost all digits there."""
    X = RNG.normal(size=(200, 30)) * 1e-7
    X[100:] += 1
    Y = X[100:110] + 1e-8
    found = NearestRows(X, Layout.of_numbers(30)).find(Y, 3)
    wanted = np.argsort(cdist(Y, X, "sqeuclidean"), axis=1)[:, :3]
    np.testing.assert_array_equal(found.places, wanted)


def test_the_places_of_a_column_are_one_column():
    layout = Layout((0, 3))
    X = layout.encoded(np.column_stack([RNG.normal(size=50), RNG.integers(0, 3, 50)]))
    found = NearestRows(X, layout).find(X[:5], 2)
    assert found.squares.shape == (5, 2, 2)
    assert set(np.unique(found.squares[:, :, 1])) <= {0.0, 2.0}
