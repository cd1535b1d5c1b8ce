"""Euclidean distances against those of the same rows near zero, and against whole numbers."""

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.neighbors import NearestNeighbors

from tfae._data import distances as module
from tfae._data.distances import EuclideanDistances, comparable

# Squared distances of digits are whole numbers, so all that follows is exact.
ROWS = load_digits().data[:250]
RNG = np.random.default_rng(0)
EXPECTED = cdist(ROWS, ROWS)
N_NEAREST = 20
ALL = slice(0, len(ROWS))

OFFSETS = {
    "one": 1e9,
    "negative": -(2.0**44),
    "a column of timestamps": np.where(np.arange(64) == 20, 1.7e9, 0),
    "one for every column": RNG.integers(-(2**40), 2**40, 64),
}
CLUSTERS = np.where(np.arange(len(ROWS)) % 2, 2.0**40, -(2.0**40))[:, None]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(module, "_ENTRIES", 5_000)
    monkeypatch.setattr("tfae._data.rows._BLOCK_ROWS", 64)


def nearest(X, k=N_NEAREST):
    return np.sort(EuclideanDistances(X).nearest(k)[0], axis=1)


def sorted_nearest(distances, k=N_NEAREST):
    distances = distances.copy()
    np.fill_diagonal(distances, np.inf)
    return np.sort(distances, axis=1)[:, :k]


@pytest.mark.parametrize("name", OFFSETS)
@pytest.mark.parametrize("n_features", [64, 12])  # products of rows, and a tree
def test_an_offset_changes_no_distance(name, n_features):
    rows = ROWS[:, 15 : 15 + n_features]
    moved = rows + np.broadcast_to(OFFSETS[name], 64)[15 : 15 + n_features]
    expected = cdist(rows, rows)
    np.testing.assert_array_equal(EuclideanDistances(moved).from_block(ALL), expected)
    np.testing.assert_array_equal(nearest(moved), sorted_nearest(expected))


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_clusters_that_are_far_apart_keep_what_is_in_them(make):
    rows = make(ROWS + CLUSTERS)
    expected = np.sqrt(cdist(ROWS, ROWS, "sqeuclidean") + 0.0)
    same = CLUSTERS == CLUSTERS.T
    found = EuclideanDistances(rows).from_block(ALL)
    np.testing.assert_array_equal(found[same], expected[same])
    np.testing.assert_allclose(found[~same], 2.0**41 * 8, rtol=1e-9)
    np.testing.assert_array_equal(nearest(rows), sorted_nearest(np.where(same, expected, np.inf)))


@pytest.mark.parametrize("far", [1, 0.2])
def test_a_part_of_the_rows_may_be_far_away(far):
    moved = np.where(RNG.random((len(ROWS), 1)) < far, 2.0**42, 0.0)
    found = EuclideanDistances(ROWS + moved)
    same = moved == moved.T
    np.testing.assert_array_equal(found.from_block(ALL)[same], EXPECTED[same])
    expected = sorted_nearest(np.where(same, EXPECTED, np.inf))
    np.testing.assert_array_equal(np.sort(found.nearest(N_NEAREST)[0], axis=1), expected)


@pytest.mark.parametrize("unit", [1e-308, 1e-200, 1e-100, 1e120, 1e200, 1e290])
@pytest.mark.parametrize("offset", [0, 2**30])
def test_a_unit_changes_no_neighbour(unit, offset):
    found = EuclideanDistances((ROWS + offset) * unit)
    distances = found.from_block(ALL)
    np.testing.assert_allclose(distances / distances.max(), EXPECTED / EXPECTED.max(), atol=1e-5)
    near = np.sort(found.nearest(N_NEAREST)[0], axis=1)
    expected = sorted_nearest(EXPECTED)
    np.testing.assert_allclose(near / near.max(), expected / expected.max(), atol=1e-5)


def test_a_single_value_of_another_size_does_not_hide_the_others():
    rows = ROWS.copy()
    rows[7, 3] = 1e200
    others = np.delete(np.arange(len(ROWS)), 7)
    distances = EuclideanDistances(rows).from_block(ALL)[np.ix_(others, others)]
    expected = EXPECTED[np.ix_(others, others)]
    np.testing.assert_allclose(distances / distances.max(), expected / expected.max(), rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, bool])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_all_kinds_of_numbers_are_taken(dtype, make):
    rows = ROWS.astype(dtype)
    expected = cdist(rows.astype(float), rows.astype(float))
    np.testing.assert_array_equal(EuclideanDistances(make(rows)).from_block(ALL), expected)
    rtol = 1e-7 if dtype == np.float32 else 0  # they have the dtype of the rows
    np.testing.assert_allclose(nearest(make(rows)), sorted_nearest(expected), rtol=rtol)


def test_single_precision_is_subtracted_in_double():
    rows = (RNG.random((100, 30)) + 1e4).astype(np.float32)
    expected = cdist(rows.astype(float), rows.astype(float))
    np.testing.assert_allclose(EuclideanDistances(rows).from_block(slice(0, 100)), expected)
    np.testing.assert_allclose(nearest(rows), sorted_nearest(expected))


@pytest.mark.parametrize("value", [0, 0.1, 1e9 / 3, -1e-200])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("n_features", [20, 3])
def test_equal_rows_have_the_distance_0(value, make, n_features):
    rows = make(np.full((60, n_features), value))
    assert not EuclideanDistances(rows).from_block(slice(0, 60)).any()
    assert not nearest(rows).any()


@pytest.mark.parametrize("n_equal", [2, 30])
def test_equal_rows_among_others_have_the_distance_0(n_equal):
    groups = np.arange(240) // n_equal
    rows = RNG.random((240, 40))[groups]
    same = groups == groups[:, None]
    expected = np.where(same, 0, cdist(rows, rows))
    found = EuclideanDistances(rows).from_block(slice(0, 240))
    np.testing.assert_array_equal(found == 0, same)
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(nearest(rows), sorted_nearest(expected))


def test_a_row_is_not_its_own_neighbour():
    rows = np.repeat(RNG.random((5, 40)) + 3.0, 30, axis=0)
    _, places = EuclideanDistances(rows).nearest(29)
    expected = np.setdiff1d(np.arange(30), [4])
    np.testing.assert_array_equal(np.sort(places[4]), expected)


@pytest.mark.parametrize("n_features", [40, 4])
def test_ordinary_rows_have_the_distances_of_scikit_learn_bit_for_bit(n_features):
    rows = RNG.normal(size=(200, n_features))
    assert comparable(rows, "euclidean") is rows
    off_diagonal = ~np.eye(200, dtype=bool)
    found = EuclideanDistances(rows).from_block(slice(0, 200))[off_diagonal]
    np.testing.assert_array_equal(found, euclidean_distances(rows)[off_diagonal])
    search = NearestNeighbors(n_neighbors=7).fit(rows).kneighbors()
    for ours, theirs in zip(EuclideanDistances(rows).nearest(7), search, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_distances_that_depend_on_an_offset_get_the_rows_as_they_are():
    rows = ROWS + 1e9
    for metric in ("cosine", "correlation", "canberra", "braycurtis", "precomputed", cdist):
        assert comparable(rows, metric) is rows
    for metric in ("euclidean", "sqeuclidean", "manhattan", "chebyshev", "seuclidean"):
        assert np.abs(comparable(rows, metric)).max() <= 16


def test_standardised_columns_have_a_unit_each():
    rows = RNG.normal(size=(50, 3))
    found = comparable(rows * [1e-200, 1.0, 1e200] + [0, 1e9, 0], "seuclidean")
    units = found.std(axis=0)
    assert ((units > 1e-9) & (units < 1e101)).all()
    standard = found / units - (found / units).mean(axis=0)
    np.testing.assert_allclose(standard, (rows - rows.mean(axis=0)) / rows.std(axis=0), atol=1e-6)
