"""Statistics of rows from one pass, with holes and weights, and those of merged passes."""

import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from tfae._data.scaling import check_learned, fit_scaling, scaled_range
from tfae._data.statistics import Sample, Survey, quantiles, statistics

RNG = np.random.default_rng(0)
COMPLETE = RNG.normal([1, -3, 1e6, 0], [1, 0.01, 20, 5], size=(600, 4)) @ (
    np.eye(4) + np.diag([0.5, 0.2, 0.3], 1)
)
HOLEY = np.where(RNG.random(COMPLETE.shape) < 0.3, np.nan, COMPLETE)
WEIGHTS = RNG.integers(1, 6, len(COMPLETE)).astype(float)
KINDS = {
    "complete": (COMPLETE, None),
    "holes": (HOLEY, None),
    "weights": (COMPLETE, WEIGHTS),
    "both": (HOLEY, WEIGHTS),
}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def surveyed(rows, weights=None, *, holes=False, every=1, size=97):
    """Survey rows in blocks; the sample has all of them."""
    blocks = [rows[start : start + size] for start in range(0, len(rows), size)]
    return Survey(iter(blocks), lambda: Sample(rows, weights), every, weights=weights, holes=holes)


def of_kind(kind, rows=slice(None), **params):
    X, weights = KINDS[kind]
    weights = None if weights is None else weights[rows]
    return surveyed(X[rows], weights, holes=kind in ("holes", "both"), **params)


def repeated(kind):
    """Return a frame in which every row is there as often as it weighs."""
    X, weights = KINDS[kind]
    return pd.DataFrame(X if weights is None else np.repeat(X, weights.astype(int), axis=0))


def assert_same(one, other, rtol=1e-12):
    scale = np.sqrt(np.outer(other.variance, other.variance))
    np.testing.assert_allclose(one.mean, other.mean, rtol=rtol)
    np.testing.assert_allclose(one.variance, other.variance, rtol=1e3 * rtol)
    np.testing.assert_allclose(one.covariance / scale, other.covariance / scale, atol=1e3 * rtol)
    np.testing.assert_array_equal(one.low, other.low)
    np.testing.assert_array_equal(one.high, other.high)
    np.testing.assert_array_equal(one.n_observed, other.n_observed)
    np.testing.assert_array_equal(one.constant, other.constant)
    np.testing.assert_array_equal(one.n_joint, other.n_joint)
    assert one.n_rows == other.n_rows


def test_statistics_are_those_of_pandas_on_repeated_rows(kind):
    of, frame = of_kind(kind), repeated(kind)
    np.testing.assert_allclose(of.mean, frame.mean())
    np.testing.assert_allclose(of.variance, frame.var(ddof=0))
    np.testing.assert_allclose(of.deviation, frame.std(ddof=0))
    np.testing.assert_array_equal(of.low, frame.min())
    np.testing.assert_array_equal(of.high, frame.max())
    np.testing.assert_array_equal(of.n_observed, pd.DataFrame(KINDS[kind][0]).count())
    there = frame.notna().to_numpy().astype(float)
    np.testing.assert_array_equal(of.n_joint, there.T @ there)
    scale = np.sqrt(np.outer(of.variance, of.variance))
    expected = frame.cov() * (of.n_joint - 1) / of.n_joint  # with holes it takes no other ddof
    np.testing.assert_allclose(of.covariance / scale, expected / scale, atol=1e-10)


def test_weights_make_the_covariance_that_numpy_makes_of_them():
    weights = RNG.random(len(COMPLETE)) + 0.1
    found = surveyed(COMPLETE, weights).covariance
    np.testing.assert_allclose(found, np.cov(COMPLETE.T, aweights=weights, ddof=0), rtol=1e-8)


def test_the_scale_of_weights_changes_only_what_is_counted_in_them():
    one, other = (surveyed(HOLEY, w, holes=True) for w in (WEIGHTS, 1000 * WEIGHTS))
    for name in ("mean", "variance", "covariance"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9)


def test_holes_that_are_allowed_and_not_there_change_rounding_alone():
    assert_same(surveyed(COMPLETE, holes=True), surveyed(COMPLETE), rtol=1e-13)


@pytest.mark.parametrize("unit", [1e-30, 1.0, 1e30])
def test_a_large_offset_costs_no_digits_though_a_column_begins_with_holes(unit):
    rows = 1e8 + RNG.random((3000, 2))
    rows[:2000, 1] = np.nan
    of = surveyed(unit * rows, holes=True)
    np.testing.assert_allclose(of.variance, np.nanvar(unit * rows, axis=0), rtol=1e-6)
    parts = [surveyed(unit * rows[part], holes=True) for part in (slice(2500), slice(2500, None))]
    np.testing.assert_allclose(parts[0].merge(parts[1]).variance, of.variance, rtol=1e-6)


@pytest.mark.parametrize("at", [1, 300, 599])
def test_a_merge_is_one_pass_over_both(kind, at):
    whole = of_kind(kind)
    merged = of_kind(kind, slice(at)).merge(of_kind(kind, slice(at, None)))
    assert_same(merged, whole)
    np.testing.assert_array_equal(merged.sample, whole.sample)
    if whole.sample_weights is not None:
        np.testing.assert_array_equal(merged.sample_weights, whole.sample_weights)


def test_merges_of_many_far_apart_are_one_pass(kind):
    merged = of_kind(kind, slice(0, 0), size=1)
    for low, high in pairwise([0, 2, 5, 150, 400, 401, 600]):
        merged = merged.merge(of_kind(kind, slice(low, high)))
    assert_same(merged, of_kind(kind), rtol=1e-11)


def test_what_has_holes_merges_with_what_has_none():
    rows = np.concatenate([COMPLETE[:200], HOLEY[200:]])
    merged = surveyed(COMPLETE[:200]).merge(surveyed(HOLEY[200:], holes=True))
    assert_same(merged, surveyed(rows, holes=True))
    weighted = surveyed(COMPLETE[:200]).merge(surveyed(COMPLETE[200:], WEIGHTS[200:]))
    weights = np.concatenate([np.ones(200), WEIGHTS[200:]])
    assert_same(weighted, surveyed(COMPLETE, weights))
    np.testing.assert_array_equal(weighted.sample_weights, weights)


def test_a_column_that_only_one_of_two_has_seen_merges():
    rows = 1e6 + RNG.random((400, 2))
    rows[:200, 1] = np.nan
    parts = [surveyed(part, holes=True) for part in (rows[:200], rows[200:])]
    assert_same(parts[0].merge(parts[1]), surveyed(rows, holes=True), rtol=1e-11)
    assert_same(parts[1].merge(parts[0]), surveyed(rows, holes=True), rtol=1e-11)


def test_covariances_of_every_third_row_count_for_three():
    one, other = surveyed(COMPLETE[:300], every=3, size=300), surveyed(COMPLETE[300:])
    of_part = np.concatenate([np.repeat(COMPLETE[:300:3], 3, axis=0), COMPLETE[300:]])
    found = one.merge(other).covariance
    np.testing.assert_allclose(found, np.cov(of_part.T, ddof=0), rtol=1e-7, atol=1e-8)
    assert surveyed(COMPLETE[:300], every=0).merge(other).covariance is None


def test_rows_of_other_widths_are_not_merged():
    with pytest.raises(ValueError, match=r"same features.*Got rows of 4 and of 3 features"):
        surveyed(COMPLETE).merge(surveyed(COMPLETE[:, :3]))


def test_a_merged_sample_is_fair():
    """Of many small and few large parts, every part keeps its share."""
    sizes = [40_000, *[10] * 400, 20_000, *[10] * 400]
    merged = None
    for part, size in enumerate(sizes):
        rows = np.full((size, 1), float(part))
        kept = rows[:: max(1, size // 5000)]
        of = Survey(iter([rows]), lambda kept=kept: Sample(kept))
        merged = of if merged is None else merged.merge(of)
    shares = np.bincount(merged.sample.ravel().astype(int), minlength=len(sizes))
    n_rows, n = sum(sizes), len(merged.sample)
    assert 5000 < n <= 10_000
    np.testing.assert_allclose(shares[0] / n, 40_000 / n_rows, rtol=0.05)
    np.testing.assert_allclose(shares[401] / n, 20_000 / n_rows, rtol=0.05)
    for small in (slice(1, 401), slice(402, None)):
        np.testing.assert_allclose(shares[small].sum() / n, 4000 / n_rows, rtol=0.15)


def test_surveys_are_pickled_with_their_samples(kind):
    of = of_kind(kind)
    again = pickle.loads(pickle.dumps(of))
    assert_same(again, of)
    np.testing.assert_array_equal(again.sample, of.sample)
    twice = pickle.loads(pickle.dumps(again.merge(of)))
    np.testing.assert_array_equal(twice.sample, np.concatenate([of.sample, of.sample]))


SCALERS = {"standard": StandardScaler(), "minmax": MinMaxScaler(), "robust": RobustScaler()}


@pytest.mark.parametrize("name", ["global", *SCALERS])
def test_scalings_learn_from_the_cells_that_are_there(name):
    scaled = fit_scaling(name, HOLEY, holes=True).forward(HOLEY, np.float64)
    if name == "global":
        scale = np.sqrt(np.nanvar(HOLEY, axis=0).mean())
        expected = (HOLEY - np.nanmean(HOLEY, axis=0)) / scale
    else:
        expected = SCALERS[name].fit_transform(HOLEY)
    np.testing.assert_allclose(scaled, expected, atol=1e-8)


@pytest.mark.parametrize("name", ["global", "standard", "minmax", "robust", "quantile", None])
def test_missing_cells_stay_missing_and_the_others_come_back(name):
    scaling = fit_scaling(name, HOLEY, holes=True)
    scaled = scaling.forward(HOLEY, np.float64)
    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(HOLEY))
    np.testing.assert_allclose(scaling.backward(scaled), HOLEY, rtol=1e-9)
    check_learned(HOLEY, scaling, np.float64, holes=True)
    assert scaled_range(HOLEY, scaling, holes=True) == (np.nanmin(scaled), np.nanmax(scaled))


@pytest.mark.parametrize("name", ["global", "standard", "minmax", "robust", "quantile"])
@pytest.mark.filterwarnings("error")
def test_a_column_without_cells_has_centre_0_and_scale_1(name):
    rows = np.insert(HOLEY, 1, np.nan, axis=1)
    scaling, without = (fit_scaling(name, X, holes=True) for X in (rows, HOLEY))
    if name == "quantile":
        np.testing.assert_array_equal(scaling.quantiles[:, 1], 0)
    else:
        assert scaling.center[1] == 0
    if name == "global":
        assert scaling.scale == without.scale
    elif name != "quantile":
        assert scaling.scale[1] == 1
    others = scaling.forward(rows, np.float64)[:, [0, 2, 3, 4]]
    np.testing.assert_array_equal(others, without.forward(HOLEY, np.float64))


def test_rank_gauss_of_the_cells_alone():
    scaling = fit_scaling("quantile", HOLEY, holes=True)
    ranks = np.linspace(0, 1, len(HOLEY))
    np.testing.assert_allclose(scaling.quantiles, np.nanquantile(HOLEY, ranks, axis=0))


def test_holes_are_found_where_they_were_not_told_of():
    np.testing.assert_array_equal(statistics(HOLEY).mean, statistics(HOLEY, holes=True).mean)


@pytest.mark.parametrize("ranks", [0.3, [0.0, 0.25, 0.5, 1.0]])
def test_quantiles_of_equal_weights_are_those_without(ranks):
    expected = np.nanquantile(HOLEY, ranks, axis=0)
    np.testing.assert_allclose(quantiles(HOLEY, ranks), expected)
    np.testing.assert_allclose(quantiles(HOLEY, ranks, np.full(len(HOLEY), 0.3)), expected)


def test_weighted_quantiles_are_near_those_of_repeated_rows():
    ranks = np.linspace(0.05, 0.95, 19)
    found = quantiles(COMPLETE, ranks, WEIGHTS)
    expected = np.quantile(repeated("weights"), ranks, axis=0)
    np.testing.assert_allclose((found - expected) / COMPLETE.std(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(quantiles(COMPLETE, ranks, 7 * WEIGHTS), found)


def test_holes_are_found_out_in_the_pass():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(900, 4)) @ rng.normal(size=(4, 4)) + 3
    rows[500:] = np.where(rng.random((400, 4)) < 0.3, np.nan, rows[500:])
    blocks = [rows[:300], rows[300:600], rows[600:]]
    found, expected = (Survey(iter(blocks), every=1, holes=holes) for holes in (None, True))
    for name in ("mean", "variance", "covariance", "low", "high", "n_observed", "n_joint"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-12)
    complete = [rows[:300], rows[300:500]]
    found, expected = (Survey(iter(complete), every=1, holes=holes) for holes in (None, False))
    np.testing.assert_array_equal(found.covariance, expected.covariance)
