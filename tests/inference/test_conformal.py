"""Conformal p-values and what follows from them hold the levels that they promise."""

import numpy as np
import pytest
from scipy import stats

from tfae._inference.conformal import (
    Martingale,
    calibration_rows_needed,
    changed,
    cross_p_values,
    discoveries,
    groups_as_array,
    p_values,
    p_values_of_groups,
)

N_SPLITS = 400


def test_a_p_value_counts_the_rows_that_are_as_odd():
    found = p_values(np.array([3.0, 1.0, 2.0, 2.0]), np.array([0.0, 1.0, 2.0, 9.0]))
    np.testing.assert_allclose(found, [1 / 5, 2 / 5, 4 / 5, 1])


@pytest.mark.parametrize("level", [0.01, 0.05, 0.1])
def test_p_values_are_valid_in_the_mean_over_splits(level):
    """Rounded scores have ties, and the few calibration rows make the rule discrete."""
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(N_SPLITS):
        calibration, scores = np.split(np.round(rng.gamma(2, size=249), 1), [199])
        shares.append(np.mean(p_values(calibration, scores) <= level))
    error = np.std(shares) / np.sqrt(N_SPLITS)
    assert np.mean(shares) <= level + 2 * error
    assert np.mean(shares) >= 0.4 * level  # a test that never rejects is valid, too


def test_groups_have_levels_of_their_own():
    """One group is much odder than the other; among all rows it would take all of the alarms."""
    rng = np.random.default_rng(0)
    shares = np.zeros((N_SPLITS, 2))
    for split in range(N_SPLITS):
        groups = rng.integers(2, size=400)
        scores = rng.normal(size=400) - 3 * groups
        p = p_values_of_groups(scores[:200], groups[:200], scores[200:], groups[200:])
        shares[split] = [np.mean(p[groups[200:] == g] <= 0.1) for g in (0, 1)]
    np.testing.assert_allclose(shares.mean(axis=0), 0.1, atol=0.02)
    assert p_values_of_groups(scores, groups, scores[:1], np.array([7])) == 1


def test_cross_conformal_p_values_are_split_ones_for_a_model_that_all_folds_share():
    rng = np.random.default_rng(0)
    calibration, scores, folds = rng.normal(size=50), rng.normal(size=20), np.arange(50) % 5
    found = cross_p_values(calibration, folds, np.tile(scores[:, None], 5))
    np.testing.assert_array_equal(found, p_values(calibration, scores))


def test_discoveries_keep_the_false_discovery_rate():
    rng = np.random.default_rng(0)
    shares, powers = [], []
    for _ in range(N_SPLITS):
        calibration = rng.normal(size=1000)
        scores = np.concatenate([rng.normal(size=90), rng.normal(-5, size=10)])
        found = discoveries(p_values(calibration, scores), 0.2)
        shares.append(found[:90].sum() / max(1, found.sum()))
        powers.append(found[90:].mean())
    assert np.mean(shares) <= 0.2 + 2 * np.std(shares) / np.sqrt(N_SPLITS)
    assert np.mean(powers) > 0.9


def test_discoveries_are_those_of_benjamini_and_hochberg():
    p = np.array([0.01, 0.02, 0.03, 0.2, 0.9])
    np.testing.assert_array_equal(discoveries(p, 0.05), [True, True, True, False, False])
    np.testing.assert_array_equal(discoveries(p, 0.01), False)
    assert len(discoveries(np.zeros(0), 0.1)) == 0


@pytest.mark.parametrize("level", [0.05, 0.1, 0.001, 0.3])
def test_the_rows_needed_for_a_level_reach_it_and_one_fewer_does_not(level):
    n_rows = calibration_rows_needed(level)
    assert 1 / (n_rows + 1) <= level * (1 + 1e-9)
    assert n_rows == 0 or 1 / n_rows > level * (1 + 1e-9)


def test_a_change_is_told_from_chance():
    rng = np.random.default_rng(0)
    p = [changed(rng.normal(size=200), rng.normal(size=100)) for _ in range(200)]
    assert stats.kstest(p, "uniform").pvalue > 0.001
    assert changed(rng.normal(size=200), rng.normal(1, size=100)) < 1e-6


def test_a_martingale_gives_false_alarms_no_more_often_than_it_says():
    rng = np.random.default_rng(0)
    highest = []
    for _ in range(300):
        scores = np.round(rng.normal(size=250), 1)  # with ties
        highest.append(Martingale(scores[:100], rng).update(scores[100:]).max())
    for capital in (5, 20):
        share = np.mean(np.array(highest) >= np.log(capital))
        assert share <= 1 / capital + 2 * np.sqrt(1 / capital / 300)


@pytest.mark.parametrize("shift", [-1.5, 1.5])
def test_a_martingale_finds_rows_that_get_odder_or_more_usual(shift):
    rng = np.random.default_rng(0)
    game = Martingale(rng.normal(size=300), rng)
    assert game.update(rng.normal(size=100)).max() < np.log(100)
    assert game.update(rng.normal(shift, size=100))[-1] > np.log(1000)


def test_a_martingale_is_the_same_in_batches():
    rng = np.random.default_rng(0)
    calibration, scores = rng.normal(size=50), rng.normal(size=40)
    whole = Martingale(calibration, np.random.default_rng(1)).update(scores)
    parts = Martingale(calibration, np.random.default_rng(1))
    found = [parts.update(part) for part in (scores[:7], scores[7:7], scores[7:])]
    np.testing.assert_allclose(np.concatenate(found), whole)
    assert parts.log_capital == pytest.approx(whole[-1])


def test_groups_must_be_known_and_as_many_as_rows():
    np.testing.assert_array_equal(groups_as_array(["a", "b"], 2, {"a", "b"}), ["a", "b"])
    with pytest.raises(ValueError, match=r"each of the 3 rows. Got shape \(2,\)"):
        groups_as_array(["a", "b"], 3)
    with pytest.raises(ValueError, match="Got 'c', of which no calibration rows are known"):
        groups_as_array(["a", "c"], 2, {"a", "b"})
