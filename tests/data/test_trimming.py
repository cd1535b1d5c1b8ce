"""Trimming drops what is remote, however close to each other the remote rows are."""

import numpy as np
import pandas as pd
import pytest
from sklearn.covariance import MinCovDet

from tfae._data import trimming
from tfae._data.trimming import rows_kept


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(1000, 6)) @ np.diag([1, 1, 5, 1, 0.01, 1])


@pytest.mark.parametrize("place", [8.0, 50.0, 1e9])
def test_a_cluster_of_equal_rows_is_dropped(rows, place):
    X = np.concatenate([rows, np.full((150, 6), place)])
    kept = rows_kept(X)
    assert len(kept) == 805
    assert kept.max() < 1000


def test_a_cluster_inside_the_range_of_every_column_is_dropped():
    """Two columns of a correlation of .98, and rows that are usual in either of them."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=(1000, 1))
    X = np.hstack([first, first + 0.2 * rng.normal(size=(1000, 1))])
    odd = rng.normal([2.5, -2.5], 0.1, size=(100, 2))
    assert rows_kept(np.concatenate([X, odd])).max() < 1000


def test_the_rows_kept_have_about_the_mean_that_the_robust_estimate_finds(rows):
    X = np.concatenate([rows, np.random.default_rng(1).normal(6, 1, size=(100, 6))])
    robust = MinCovDet(support_fraction=0.7, random_state=0).fit(X)
    found = X[rows_kept(X)].mean(axis=0)
    np.testing.assert_allclose(
        found / X[:1000].std(axis=0), robust.location_ / rows.std(0), atol=0.1
    )


def test_units_and_offsets_change_nothing(rows):
    X = rows * np.array([1e-3, 1, 1e6, 1, 1, 1]) + np.array([0, 1e6, 0, -5, 0, 0])
    np.testing.assert_array_equal(rows_kept(X), rows_kept(rows))


def test_all_rows_are_kept_if_all_are_asked_for(rows):
    np.testing.assert_array_equal(rows_kept(rows, share=1), np.arange(1000))


def test_rows_that_differ_in_a_constant_column_are_dropped_first(rows):
    X = np.hstack([rows, np.full((1000, 1), 0.1)])
    X[5, 6] = 0.2
    assert 5 not in rows_kept(X, share=0.99)


def of_categories(n_rows=1000):
    """Categories of 48, 48, 2 and 2 % of the rows, each with a mean of its own."""
    rng = np.random.default_rng(0)
    codes = rng.permutation(np.repeat(np.arange(4), np.multiply((48, 48, 2, 2), n_rows // 100)))
    X = np.column_stack([np.array([0.0, 3, 30, -50])[codes], np.zeros(n_rows)])
    return X + rng.normal(size=X.shape), codes


def test_rows_of_rare_categories_are_kept_and_rows_odd_for_their_category_dropped():
    X, codes = of_categories()
    odd = np.flatnonzero(codes < 2)[:20]
    X[odd, 0] += 20
    kept = rows_kept(X, categories=codes[:, None])
    assert not np.isin(odd, kept).any()
    assert np.isin(np.flatnonzero(codes >= 2), kept).mean() > 0.5
    encoded = np.hstack([X, np.eye(4)[codes]])
    assert not np.isin(np.flatnonzero(codes >= 2), rows_kept(encoded)).any()


def test_numbers_given_one_column_of_categories_are_deviations_from_its_medians():
    X, codes = of_categories()
    codes[:9] = 4  # too few to be usual: these rows are not judged by themselves
    found = trimming.given_categories(X, codes[:, None], np.arange(1000))
    frame = pd.DataFrame((X - X.mean(axis=0)) / X.std(axis=0))
    medians = frame.groupby(codes).transform("median")
    medians[codes == 4] = 0
    left = (frame - medians).to_numpy()
    np.testing.assert_allclose(found, (left - left.mean(axis=0)) / left.std(axis=0), atol=1e-9)
    # With one category for all, the distance is the plain one.
    same = np.zeros((1000, 1), int)
    np.testing.assert_array_equal(rows_kept(X, categories=same), rows_kept(X))


def test_an_extreme_row_does_not_make_its_rare_category_remote():
    X, codes = of_categories()
    wrong = np.flatnonzero(codes == 3)[0]
    X[wrong] = 1e6
    kept = rows_kept(X, categories=codes[:, None])
    assert wrong not in kept
    assert np.isin(np.flatnonzero(codes == 3)[1:], kept).mean() > 0.5


def test_numbers_that_categories_decide_do_not_count_for_more_than_others():
    X, codes = of_categories()
    X = np.column_stack([np.array([0.0, 3, 30, -50])[codes], X[:, 1]])
    X[:5, 1] = 30
    assert rows_kept(X, categories=codes[:, None]).min() == 5


@pytest.mark.parametrize(
    "X", [np.zeros((9, 2)), np.ones((2, 5)), np.array([[1e300], [-1e300], [0]])]
)
def test_degenerate_rows_give_no_error(X):
    with np.errstate(over="ignore", invalid="ignore"):
        assert len(rows_kept(X)) == int(np.ceil(0.7 * len(X)))


def test_wide_rows_are_judged_by_the_same_distances():
    """By products of rows, as the covariance of more columns than rows would be larger."""
    X = np.random.default_rng(0).normal(size=(40, 60))
    of = X[:30]
    unit = of.std(axis=0)
    known, rows = (of - of.mean(axis=0)) / unit, (X - of.mean(axis=0)) / unit
    covariance = known.T @ known / len(known) + trimming._RIDGE * np.eye(60)
    wanted = np.einsum("ij,ij->i", rows @ np.linalg.inv(covariance), rows)
    np.testing.assert_allclose(trimming._distances(X, of), wanted, rtol=1e-9)


def test_a_small_cluster_in_the_middle_of_a_ring_is_left_out():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 1000)
    X = np.column_stack([np.cos(angle), np.sin(angle)]) + 0.05 * rng.normal(size=(1000, 2))
    X[:30] = 0.02 * rng.normal(size=(30, 2))
    kept = trimming.without_small_clusters(X)
    assert kept.min() == 30
    assert len(kept) == 970


def test_usual_rows_and_few_rows_stay():
    X = np.random.default_rng(0).normal(size=(1000, 5))
    assert len(trimming.without_small_clusters(X)) == 1000
    assert len(trimming.without_small_clusters(X[:50])) == 50
