"""Each corruption against what it promises, by counting and by moments."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

import tfae
from tfae import Autoencoder, DenoisingAutoencoder
from tfae._data.landmarks import find_landmarks
from tfae._data.scaling import fit_scaling
from tfae._networks.linear_denoiser import Moments
from tfae._objective.corruptions import CORRUPTIONS, Corrupter, Levels

pytestmark = pytest.mark.usefixtures("in_executor")

X = np.random.default_rng(0).gamma(2.0, size=(4000, 5)) * [1, 2, 3, 4, 5] + 1


def corrupter_called(name, level, **stated):
    levels = Levels(*level) if isinstance(level, tuple) else Levels(level, level)
    return Corrupter(CORRUPTIONS.find(name), levels, **stated)


def corrupted(name, level, scaling="global", data=X, seed=0, **stated):
    """Return the scaled rows, what becomes of them, and the scaling."""
    scaler = fit_scaling(scaling, data)
    x = scaler.forward(data, np.float64)
    out = np.full_like(x, np.nan)
    corrupter = corrupter_called(name, level, **stated)
    corrupt = corrupter.bind(scaler, find_landmarks(data, scaler, None))
    before = x.copy()
    corrupt(x, out, np.random.default_rng(seed))
    np.testing.assert_array_equal(x, before)
    return x, out, scaler


@pytest.mark.parametrize("scaling", ["global", "standard", "minmax", None])
def test_gaussian_noise_has_the_given_share_of_the_spread(scaling):
    x, out, _ = corrupted("gaussian", 0.5, scaling)
    spread = np.sqrt(x.var(axis=0).mean())
    assert np.std(out - x) == pytest.approx(0.5 * spread, rel=0.02)
    assert np.mean(out - x) == pytest.approx(0, abs=0.02 * spread)


@pytest.mark.parametrize("scaling", ["global", "standard", None])
def test_masking_sets_a_fraction_to_the_users_zero(scaling):
    x, out, scaler = corrupted("masking", 0.3, scaling)
    changed = out != x
    assert changed.mean() == pytest.approx(0.3, abs=0.02)
    np.testing.assert_allclose(scaler.backward(out)[changed], 0, atol=1e-12)


def test_salt_and_pepper_sets_a_fraction_to_the_ends_of_the_column():
    x, out, scaler = corrupted("salt_and_pepper", 0.2)
    rows = scaler.backward(out)
    low, high = np.isclose(rows, X.min(axis=0)), np.isclose(rows, X.max(axis=0))
    assert low.mean() == pytest.approx(0.1, abs=0.01)
    assert high.mean() == pytest.approx(0.1, abs=0.01)
    np.testing.assert_array_equal(out[~(low | high)], x[~(low | high)])


@pytest.mark.parametrize("name", ["masking", "salt_and_pepper", "swap"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_ends_of_the_level(name, dtype):
    data = X.astype(dtype)
    x, out, _ = corrupted(name, 0.0, data=data)
    np.testing.assert_array_equal(out, x)
    x, out, scaler = corrupted(name, 1.0, data=data)
    rows = scaler.backward(out)
    if name == "masking":
        np.testing.assert_allclose(rows, 0, atol=1e-5)
    elif name == "salt_and_pepper":
        low, high = np.isclose(rows, data.min(axis=0)), np.isclose(rows, data.max(axis=0))
        assert (low | high).all()
        assert low.mean() == pytest.approx(0.5, abs=0.02)
    else:
        assert (out != x).mean() > 0.99


def test_swap_takes_another_row_of_the_same_column():
    x, out, _ = corrupted("swap", 0.4)
    changed = out != x
    assert changed.mean() == pytest.approx(0.4, abs=0.02)
    for column in range(x.shape[1]):
        assert np.isin(out[:, column], x[:, column]).all()
    one, swapped, _ = corrupted("swap", 1.0, data=X[:1])
    np.testing.assert_array_equal(one, swapped)


@pytest.mark.parametrize("scaling", ["global", "standard", "minmax", "quantile", None])
def test_corrupted_rows_stay_in_the_range_that_is_given(scaling):
    _, out, scaler = corrupted("gaussian", 3.0, scaling, clip=(2.0, 12.5))
    rows = scaler.backward(out)
    assert rows.min() >= 2 - 1e-9
    assert rows.max() <= 12.5 + 1e-9
    if scaling != "quantile":  # which gives no value between two quantiles
        assert np.isclose(rows, 2).any()
        assert np.isclose(rows, 12.5).any()


@pytest.mark.parametrize("value", [-1.0, [9.0, 8.0, 7.0, 6.0, 5.0]])
def test_masked_entries_get_the_value_that_is_given(value):
    x, out, scaler = corrupted("masking", 0.3, "standard", fill_value=value)
    changed = out != x
    expected = np.broadcast_to(value, x.shape)[changed]
    np.testing.assert_allclose(scaler.backward(out)[changed], expected)


@pytest.mark.parametrize("scaling", ["global", "standard", "robust", None])
def test_a_level_can_be_in_the_users_units(scaling):
    x, out, scaler = corrupted("gaussian", 2.5, scaling, absolute=True)
    noise = scaler.backward(out) - scaler.backward(x)
    np.testing.assert_allclose(noise.std(axis=0), 2.5, rtol=0.05)


def test_a_range_of_levels_draws_one_for_every_row():
    x, out, _ = corrupted("masking", (0.2, 0.8), data=np.tile(X, 40))
    shares = (out != x).mean(axis=1)
    assert shares.mean() == pytest.approx(0.5, abs=0.02)
    assert shares.std() == pytest.approx(0.6 / np.sqrt(12), abs=0.02)
    x, out, _ = corrupted("gaussian", (0.0, 2.0), data=np.tile(X, 40))
    levels = (out - x).std(axis=1) / np.sqrt(x.var(axis=0).mean())
    assert levels.mean() == pytest.approx(1, abs=0.05)
    assert levels.min() < 0.05
    seen = []

    def spy(rows, level, rng):
        seen.append(level)
        return rows

    corrupted(spy, (1.0, 3.0))
    assert seen[0].shape == (len(X), 1)
    assert 1 <= seen[0].min() < seen[0].max() <= 3


@pytest.mark.parametrize("name", ["gaussian", "masking", "salt_and_pepper", "swap"])
@pytest.mark.parametrize("level", [0.0, 0.4, (0.1, 0.9)])
def test_the_moments_of_corrupted_rows_follow_from_those_of_clean_rows(name, level):
    rng = np.random.default_rng(1)
    data = X[:1000] @ rng.normal(size=(5, 5))
    scaler = fit_scaling("standard", data)
    corrupter = corrupter_called(name, level)
    marks = find_landmarks(data, scaler, None)
    x = scaler.forward(data, np.float64)
    got = corrupter.moments(scaler, marks, x.mean(axis=0), np.cov(x.T, bias=True))
    clean = np.tile(x, (400, 1))
    drawn = np.empty_like(clean)
    corrupter.bind(scaler, marks)(clean, drawn, rng)
    expected = Moments.of_rows(clean, drawn)
    for one, other in zip(vars(got).values(), vars(expected).values(), strict=True):
        np.testing.assert_allclose(one, other, atol=0.02 * max(1, np.abs(other).max()))


def test_a_callable_works_in_the_users_units():
    def double(rows, level, rng):
        np.testing.assert_allclose(rows, X)
        return level * rows

    _, out, scaler = corrupted(double, 2.0)
    np.testing.assert_allclose(scaler.backward(out), 2 * X)
    with pytest.raises(ValueError, match=r"must return finite numbers. Got NaN or infinity"):
        corrupted(lambda rows, level, rng: rows * np.inf, 1.0)
    with pytest.raises(ValueError, match=r"must return rows of the shape it is given, \(4000, 5\)"):
        corrupted(lambda rows, level, rng: rows[:2], 1.0)


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", ["gaussian", "masking", "salt_and_pepper", "swap"])
def test_the_level_means_the_same_in_other_units(digits, name):
    def codes(factor):
        model = DenoisingAutoencoder(4, corruption=name, max_iter=3, random_state=0)
        return model.fit(digits * factor).transform(digits * factor)

    np.testing.assert_array_equal(codes(1), codes(1024))  # a power of two: the same bits


@pytest.mark.slow
@pytest.mark.slow
def test_noise_is_removed_better_than_by_pca(digits):
    rng = np.random.default_rng(0)
    train, test = digits[:1300], digits[1300:]
    noisy = test + rng.normal(0, 4, test.shape).astype(np.float32)
    model = DenoisingAutoencoder(
        32, corruption_level=4 / 4.33, max_iter=60, batch_size=64, random_state=0
    ).fit(train)

    def error(rows):
        return np.square(rows - test).mean()

    pcas = (PCA(k).fit(train) for k in (8, 16, 32))
    best = min(error(pca.inverse_transform(pca.transform(noisy))) for pca in pcas)
    assert error(model.reconstruct(noisy)) < 0.9 * best
    np.testing.assert_array_equal(model.transform(test), model.transform(test))


@pytest.mark.slow
def test_emphasis_weighs_the_corrupted_entries(digits):
    def loss(emphasis):
        model = Autoencoder(
            4,
            corruption="masking",
            emphasis=emphasis,
            learning_rate_init=1e-30,
            max_iter=1,
            random_state=0,
        )
        return model.fit(digits).loss_curve_[0]

    # Twice the mean of the two is the plain loss, for their weights add up to 2.
    assert loss(0.0) + loss(1.0) == pytest.approx(2 * loss(0.5), rel=1e-4)
    assert loss(0.0) != pytest.approx(loss(1.0), rel=1e-3)


def test_wrong_settings(digits):
    with pytest.raises(ValueError, match=r"'corruption'.*Got 'maskin'.*Did you mean 'masking'"):
        Autoencoder(corruption="maskin").fit(digits)
    with pytest.raises(ValueError, match=r"'emphasis' must be 0\.5 unless"):
        Autoencoder(corruption="gaussian", emphasis=0.9).fit(digits)
    with pytest.raises(ValueError, match=r"'corruption_level' must be a fraction.*Got 1\.5"):
        Autoencoder(corruption="masking", corruption_level=1.5).fit(digits)
    assert set(tfae.corruptions()) >= {"gaussian", "masking", "salt_and_pepper", "swap"}
