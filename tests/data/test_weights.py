"""Rows with weights: what users may give, and what is made of it."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from tfae._data.landmarks import find_landmarks
from tfae._data.scaling import check_held_out, check_learned, fit_scaling
from tfae._data.weights import Weighted, weighted, with_weights

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)) @ RNG.normal(size=(4, 5)) + 100
COUNTS = RNG.integers(0, 5, len(X))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.ones(59), r"a weight for each of the 60 rows, shape \(60,\)\. Got the shape \(59,\)"),
        (np.ones((60, 1)), r"a weight for each of the 60 rows.*Got the shape \(60, 1\)"),
        (2.0, r"a weight for each of the 60 rows.*Got the shape \(\)"),
        (np.arange(60) - 1.0, r"finite numbers of at least 0\. Got -1 for row 0"),
        ([1.0] * 59 + [np.nan], r"finite numbers of at least 0\. Got nan for row 59"),
        ([1.0] * 59 + [np.inf], r"finite numbers of at least 0\. Got inf for row 59"),
        (np.zeros(60), r"positive for at least 2 rows\. Got zeros only"),
        (np.eye(60)[3], r"positive for at least 2 rows\. Got 1"),
        (["heavy"] * 60, "could not convert string to float"),
        (np.ma.masked_less(np.arange(60.0), 5), "sample_weight contains masked values"),
    ],
)
def test_what_is_no_weight_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        weighted(X, given, min_samples=2)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_rows_of_weight_0_are_removed(make):
    found = weighted(make(X), COUNTS)
    np.testing.assert_array_equal(np.concatenate(list(found.blocks())), X[COUNTS > 0])
    assert found.shape == (np.sum(COUNTS > 0), 5)
    assert found.weights().mean() == pytest.approx(1)
    np.testing.assert_allclose(found.weights(np.array([2, 0])), found.weights()[[2, 0]])
    part = found[np.arange(5, 9)]
    np.testing.assert_array_equal(part.take(slice(None)), X[COUNTS > 0][5:9])
    np.testing.assert_array_equal(part.weights(), found.weights()[5:9])


@pytest.mark.parametrize("given", [None, np.full(60, 0.3), [7] * 60])
def test_rows_that_weigh_the_same_have_no_weights(given):
    assert weighted(X, given) is X
    some = np.where(np.arange(60) < 50, 3.0, 0.0)
    np.testing.assert_array_equal(weighted(X, some), X[:50])


@pytest.mark.parametrize("factor", [8.0, 1e-300, 1e300])
def test_only_ratios_of_weights_matter(factor):
    one, other = weighted(X, COUNTS), weighted(X, pd.Series(factor * COUNTS))
    np.testing.assert_allclose(one.weights(), other.weights(), rtol=1e-12)


@pytest.mark.parametrize("kind", ["global", "standard", "minmax"])
def test_a_scaling_learns_integer_weights_as_repeated_rows(kind):
    found = fit_scaling(kind, weighted(X, COUNTS))
    expected = fit_scaling(kind, np.repeat(X, COUNTS, axis=0))
    np.testing.assert_allclose(found.center, expected.center, rtol=1e-12)
    np.testing.assert_allclose(found.scale, expected.scale, rtol=1e-10)


@pytest.mark.parametrize("kind", ["robust", "quantile"])
def test_a_scaling_by_ranks_gives_heavy_rows_more_ranks(kind):
    """Rows that are heavy alone count as if there were no others."""
    heavy = X[:, 0] > np.median(X[:, 0])
    found = fit_scaling(kind, weighted(X, np.where(heavy, 1.0, 1e-9)))
    scaled = found.forward(X[heavy], np.float64)
    expected = fit_scaling(kind, X[heavy]).forward(X[heavy], np.float64)
    np.testing.assert_allclose(np.median(scaled, axis=0), 0, atol=0.1)
    np.testing.assert_allclose(np.median(expected, axis=0), 0, atol=0.1)
    quartiles = [np.quantile(rows, [0.25, 0.75], axis=0) for rows in (scaled, expected)]
    np.testing.assert_allclose(*quartiles, atol=0.1)


def test_statistics_are_of_the_rows_asked_for_and_kept():
    rows, some = weighted(X, COUNTS), np.arange(3, 30)
    rows.prepare(covariance=True)
    of = rows.statistics(some)
    weights = COUNTS[COUNTS > 0][some]
    chosen = X[COUNTS > 0][some]
    expected = np.cov(chosen.T, aweights=weights, ddof=0)
    np.testing.assert_allclose(of.covariance, expected, rtol=1e-9)
    np.testing.assert_array_equal(of.sample, chosen)
    assert rows.statistics(some) is of
    assert rows.statistics(None) is not of


def test_landmarks_of_weighted_rows_are_those_of_repeated_rows():
    scaling = fit_scaling("global", X)
    found = find_landmarks(weighted(X, COUNTS), scaling, None)
    expected = find_landmarks(np.repeat(X, COUNTS, axis=0), scaling, None)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)


def test_weighted_rows_in_memory_are_checked_as_others_are():
    scaling = fit_scaling("standard", 1e-3 * X.astype(np.float32))
    large = X.astype(np.float32)
    large[7, 2] = 3e38
    rows = with_weights(large, COUNTS + 1.0)
    with pytest.raises(ValueError, match=r"fit into float32 after scaling.*Column 2"):
        check_learned(rows, scaling, "float32")
    huge = with_weights(np.where(np.arange(60)[:, None] == 7, 1e200, X), COUNTS + 1.0)
    with pytest.raises(ValueError, match="squares are finite"):
        check_held_out(huge, np.arange(7), np.arange(7, 60), scaling)
    with pytest.raises(ValueError, match="squares are not all 0"):
        fit_scaling(None, with_weights(1e-200 * X, COUNTS + 1.0))


def test_weights_and_holes_go_together():
    holey = np.where(RNG.random(X.shape) < 0.2, np.nan, X)
    of = Weighted(holey, COUNTS + 1.0).statistics(None)
    frame = pd.DataFrame(np.repeat(holey, COUNTS + 1, axis=0))
    np.testing.assert_allclose(of.mean, frame.mean())
    np.testing.assert_allclose(of.variance, frame.var(ddof=0))
