"""Two views of noisy rows: independent given the clean row, unbiased, and of the noise they say."""

import numpy as np
import pytest

from tfae._data.landmarks import find_landmarks
from tfae._data.scaling import fit_scaling
from tfae._networks.linear_denoiser import LinearDenoiser, Moments
from tfae._objective.views import N_GROUPS, GaussianViews, MaskedViews, ThinnedCounts

N = 20_000


def made_of(views, rows, scaling="global"):
    """Return both views of rows, scaled, with the scaling and the landmarks."""
    scaler = fit_scaling(scaling, rows)
    marks = find_landmarks(rows, scaler, None)
    target = scaler.forward(rows, np.float64)
    seen = np.full_like(target, np.nan)
    views.bind(scaler, marks)(target, seen, np.random.default_rng(1))
    return seen, target, scaler, marks


@pytest.fixture(scope="module")
def gaussian():
    """Clean rows of two dimensions, noise of .7 in units of the data, and noisy rows."""
    rng = np.random.default_rng(0)
    clean = 3 + rng.normal(size=(N, 2)) @ rng.normal(size=(2, 6))
    return clean, clean + 0.7 * rng.normal(size=clean.shape)


@pytest.fixture(scope="module")
def counts():
    """Rates of three genes in two kinds of cells, and their counts."""
    rng = np.random.default_rng(0)
    rates = np.array([[0.5, 6.0, 40.0], [3.0, 0.2, 60.0]])[rng.integers(2, size=N)]
    return rates, rng.poisson(rates).astype(np.float64)


@pytest.mark.parametrize("scaling", ["global", "standard", None])
def test_gaussian_views_are_independent_and_their_mean_is_the_row(gaussian, scaling):
    clean, noisy = gaussian
    seen, target, scaler, marks = made_of(GaussianViews(0.7, absolute=True), noisy, scaling)
    both = scaler.backward((seen + target) / 2)
    np.testing.assert_allclose(both, noisy, atol=1e-9)
    one, other = (scaler.backward(view.copy()) - clean for view in (seen, target))
    assert one.var(axis=0) == pytest.approx(2 * 0.7**2, rel=0.05)
    assert other.var(axis=0) == pytest.approx(2 * 0.7**2, rel=0.05)
    assert np.abs((one * other).mean(axis=0)).max() < 4 * 2 * 0.7**2 / np.sqrt(N)
    said = GaussianViews(0.7, absolute=True).noise_of(target, scaler, marks)
    np.testing.assert_allclose(said * np.square(scaler.scale), 2 * 0.7**2)


def test_a_level_in_units_of_the_spread(gaussian):
    _, noisy = gaussian
    spread = np.sqrt(noisy.var(axis=0).mean())
    views = GaussianViews(0.3, absolute=False)
    seen, target, scaler, _ = made_of(views, noisy)
    added = scaler.scale * (seen - target) / 2
    assert added.std() == pytest.approx(0.3 * spread, rel=0.01)


def test_halves_of_counts_are_independent_and_sum_up(counts):
    rates, rows = counts
    logarithms, other, scaler, marks = made_of(ThinnedCounts(), rows, None)
    one = np.expm1(logarithms)
    np.testing.assert_allclose((one + other) / 2, rows, atol=1e-9)
    np.testing.assert_allclose(one, 2 * np.rint(one / 2), atol=1e-9)
    noises = one - rates, other - rates
    for noise in noises:
        assert np.abs(noise.mean(axis=0) / np.sqrt(2 * rates.mean(axis=0) / N)).max() < 4
    together = (noises[0] * noises[1]).mean(axis=0) / (2 * rates.mean(axis=0))
    assert np.abs(together).max() < 4 / np.sqrt(N)
    said = ThinnedCounts().noise_of(other, scaler, marks).mean(axis=0)
    np.testing.assert_allclose(said, noises[1].var(axis=0), rtol=0.05)


def test_hidden_entries_take_the_mean_and_nothing_else_changes(gaussian):
    _, noisy = gaussian
    views = MaskedViews(None, absolute=False)
    seen, target, scaler, marks = made_of(views, noisy, "minmax")
    np.testing.assert_allclose(scaler.backward(target.copy()), noisy)
    changed = seen != target
    assert changed.mean() == pytest.approx(1 / N_GROUPS, abs=0.01)
    means = scaler.forward(noisy.mean(axis=0)[None], np.float64)[0]
    np.testing.assert_allclose(seen[changed], np.broadcast_to(means, seen.shape)[changed])
    assert not views.noise_of(target, scaler, marks).any()


def moments_of(views, noisy):
    scaler = fit_scaling("global", noisy)
    marks = find_landmarks(noisy, scaler, None)
    scaled = scaler.forward(noisy, np.float64)
    return views.moments(scaler, marks, scaled.mean(axis=0), np.cov(scaled.T, bias=True)), scaler


def test_the_formula_for_gaussian_views_is_the_regression_on_clean_rows(gaussian):
    """What is learned from noisy rows alone is what clean rows would have taught."""
    clean, noisy = gaussian
    found, scaler = moments_of(GaussianViews(0.7, absolute=True), noisy)
    more = noisy + 0.7 * np.random.default_rng(3).normal(size=noisy.shape)
    scaled = [scaler.forward(rows, np.float64) for rows in (clean, more)]
    expected = LinearDenoiser(Moments.of_rows(*scaled)).regression
    np.testing.assert_allclose(LinearDenoiser(found).regression, expected, atol=0.02)


def test_too_high_a_level_leaves_no_negative_variance(gaussian):
    _, noisy = gaussian
    found, _ = moments_of(GaussianViews(5.0, absolute=True), noisy)
    np.testing.assert_allclose(found.covariance, 0, atol=1e-12)
    np.testing.assert_allclose(LinearDenoiser(found).regression, 0, atol=1e-12)


def test_the_formula_for_hidden_entries_is_the_regression_on_the_others(gaussian):
    """Against a regression of every entry on the other ones, some of which are hidden."""
    _, noisy = gaussian
    views = MaskedViews(None, absolute=False)
    found, _ = moments_of(views, noisy)
    regression = LinearDenoiser(found).regression
    np.testing.assert_allclose(np.diag(regression), 0, atol=1e-6)
    seen, target, _, _ = made_of(views, np.tile(noisy, (10, 1)))
    for j in range(target.shape[1]):
        others = np.arange(target.shape[1]) != j
        expected = np.linalg.lstsq(seen[:, others], target[:, j], rcond=None)[0]
        np.testing.assert_allclose(regression[j, others], expected, atol=0.02)


@pytest.mark.parametrize(("wrong", "said"), [(-1.0, "-1"), (0.5, "0.5"), (2.0**25, "3.35544e")])
def test_what_is_no_count_is_refused(wrong, said):
    rows = np.array([[1.0, 2.0], [wrong, 0.0]])
    with pytest.raises(ValueError, match=f"must hold counts, whole numbers.*Got {said}"):
        made_of(ThinnedCounts(), rows, None)
