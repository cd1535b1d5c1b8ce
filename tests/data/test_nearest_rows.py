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


def squares_of_columns(row, X, layout):
    """By plain loops: squared differences of columns, in the units of all columns."""
    squares = np.square(row - X)
    columns = [squares[:, layout.column_of == column] for column in range(layout.n_columns)]
    squares = np.column_stack([of.sum(axis=1) for of in columns])
    n_compared = (~np.isnan(squares)).sum(axis=1)
    return np.nan_to_num(squares) * (layout.n_columns / n_compared)[:, None]


@pytest.mark.parametrize("kind", ["numbers", "holes", "categories", "far"])
def test_candidates_hold_the_nearest_rows_without_each_column(kind):
    layout = Layout((0, 3, 0, 4, 0)) if kind == "categories" else Layout.of_numbers(5)
    values = RNG.normal(size=(300, 5))
    if kind == "categories":
        values[:, [1, 3]] = RNG.integers(0, (3, 4), (300, 2))
    if kind == "holes":
        values[:, :4][RNG.random((300, 4)) < 0.2] = np.nan
    X = layout.encoded(values)
    Y = X[:40].copy()
    Y[20:, layout.starts[2]] += 1e9 if kind == "far" else 3.0
    known = np.arange(40) < 20
    for place, near in enumerate(NearestRows(X, layout).candidates(Y, 4, known)):
        others = np.delete(X, place, axis=0) if known[place] else X
        squares = squares_of_columns(Y[place], others, layout)
        np.testing.assert_allclose(np.sort(near.totals)[:4], np.sort(squares.sum(axis=1))[:4])
        for column in range(5):
            rest = np.delete(squares, column, axis=1).sum(axis=1)
            found = np.sort(near.without[column])[:4]
            np.testing.assert_allclose(found, np.sort(rest)[:4], rtol=1e-9)


def test_few_rows_are_candidates_where_many_are_far():
    X = RNG.normal(size=(1000, 2)) @ RNG.normal(size=(2, 20)) + 0.1 * RNG.normal(size=(1000, 20))
    found = NearestRows(X, Layout.of_numbers(20)).candidates(X[:20], 5, np.ones(20, bool))
    assert np.mean([len(near.places) for near in found]) < 300
