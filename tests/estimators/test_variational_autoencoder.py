"""The variational autoencoder against what is known of linear models and of its own formulas."""

import tracemalloc

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from sklearn.decomposition import PCA

from tfae import VariationalAutoencoder
from tfae._fitting.activity import describe_gaussian_code
from tfae._inference.likelihood import log_likelihood, posterior
from tfae._objective.penalties import GAUSSIAN_KL, Encoded

pytestmark = pytest.mark.usefixtures("in_executor")


def planes(n_rows=3000, seed=0):
    """Rows near a plane in five dimensions, and far from zero."""
    rng = np.random.default_rng(seed)
    basis = np.random.default_rng(7).normal(size=(2, 5))
    return 30 + 3 * rng.normal(size=(n_rows, 2)) @ basis + rng.normal(size=(n_rows, 5))


@pytest.fixture(scope="module")
def linear():
    return VariationalAutoencoder(
        2,
        hidden_layer_sizes=(),
        learning_rate_init=0.01,
        max_iter=200,
        n_iter_no_change=200,
        random_state=0,
    ).fit(planes())


@pytest.fixture(scope="module")
def fitted(digits):
    return VariationalAutoencoder(8, max_iter=40, random_state=0).fit(digits)


@pytest.fixture(scope="module")
def bernoulli(digits):
    model = VariationalAutoencoder(4, loss="bernoulli", max_iter=10, random_state=0)
    return model.fit(digits / 16)


def test_the_divergence_is_that_of_its_formula():
    rng = np.random.default_rng(0)
    mean, log_variance = rng.normal(size=(2, 6, 3))
    given = tf.constant(np.hstack([mean, log_variance]))
    cost = GAUSSIAN_KL.cost(Encoded(None, given, None, None, None, None))
    draws = mean + np.exp(log_variance / 2) * rng.normal(size=(200_000, 1, 1))
    ratio = stats.norm.logpdf(draws, mean, np.exp(log_variance / 2)) - stats.norm.logpdf(draws)
    np.testing.assert_allclose(cost, ratio.mean(axis=0).sum(axis=1), rtol=0.03)


@pytest.mark.parametrize("log_variance", [5.0, 80.0, 1e4])
def test_the_divergence_of_a_huge_variance_is_finite_and_leads_back(log_variance):
    given = tf.Variable([[0.0, log_variance]])
    with tf.GradientTape() as tape:
        cost = GAUSSIAN_KL.cost(Encoded(None, given, None, None, None, None))
    (_, slope) = tape.gradient(cost, given).numpy()[0]
    assert np.isfinite(cost.numpy()).all()
    assert slope == pytest.approx((100 - 1) / 2, rel=1e-5)  # 100 is the largest variance


def test_a_linear_one_is_probabilistic_pca(linear):
    """Lucas et al. (2019): the bound of a linear model is tight at the solution of PCA."""
    X, new = planes(), planes(seed=1)
    pca = PCA(2).fit(X)
    assert linear.score_samples(new).mean() == pytest.approx(pca.score(new), abs=0.05)
    assert linear.noise_variance_ == pytest.approx(pca.noise_variance_, rel=0.1)
    correlation = np.corrcoef(linear.score_samples(new), pca.score_samples(new))[0, 1]
    assert correlation > 0.99
    drawn = linear.sample(20_000, random_state=0, noise=True)
    np.testing.assert_allclose(np.cov(drawn.T), pca.get_covariance(), rtol=0.1, atol=1.5)


def test_the_bound_rises_with_the_samples_and_is_never_above_the_likelihood(linear):
    new = planes(seed=1)
    one, many = (linear.score_samples(new, n_samples=k).mean() for k in (1, 256))
    assert one < many


def test_the_score_is_a_density_in_the_users_units(digits):
    digits = digits[:300]
    one, other = (
        VariationalAutoencoder(4, max_iter=5, random_state=0)
        .fit(digits * unit)
        .score_samples(digits * unit)
        for unit in (1.0, 16.0)
    )
    np.testing.assert_allclose(other, one - 64 * np.log(16), rtol=1e-3)


@pytest.mark.slow
def test_no_collapse_on_the_defaults(digits):
    model = VariationalAutoencoder(random_state=0).fit(digits)
    assert model.active_units_.sum() >= 16
    assert model.score(digits) > 0.8


@pytest.mark.slow
def test_a_heavy_penalty_switches_units_off_and_says_so(digits):
    with pytest.warns(UserWarning, match=r"None of the 4 components of the code is active"):
        model = VariationalAutoencoder(4, beta=1e3, max_iter=30, random_state=0).fit(digits)
    assert not model.active_units_.any()


def test_warm_up_grows_the_weight_of_the_penalty(digits):
    model = VariationalAutoencoder(4, kl_warm_up=4, max_iter=6, random_state=0).fit(digits)
    terms = np.array([model.history_[name] for name in ("loss", "reconstruction_loss")])
    penalty = terms[0] - terms[1]
    assert penalty[0] == 0
    assert (np.diff(penalty[:4]) > 0).all()
    without = VariationalAutoencoder(4, kl_warm_up=0, max_iter=1, random_state=0).fit(digits)
    assert without.history_["loss"][0] > without.history_["reconstruction_loss"][0]


@pytest.mark.slow
def test_warm_up_is_not_begun_again_when_training_goes_on(digits):
    steps = VariationalAutoencoder(4, kl_warm_up=4, random_state=0)
    for _ in range(6):
        steps.partial_fit(digits)
    whole = VariationalAutoencoder(4, kl_warm_up=4, max_iter=6, random_state=0).fit(digits)
    # The noise is another one.
    np.testing.assert_allclose(steps.history_["loss"], whole.history_["loss"], rtol=0.05)


@pytest.mark.slow
def test_losses_of_the_warm_up_end_no_training(digits):
    model = VariationalAutoencoder(
        4, kl_warm_up=30, max_iter=32, tol=10.0, n_iter_no_change=1, random_state=0
    ).fit(digits)
    assert model.n_iter_ == 32


def test_transform_gives_means_or_samples(fitted, digits):
    digits = digits[:300]
    means = fitted.transform(digits)
    draws = [fitted.transform(digits, sample=True, random_state=seed) for seed in range(200)]
    _, log_variance = posterior(fitted._fitted, digits, np.float32)
    z = (np.mean(draws, axis=0) - means) / np.sqrt(np.exp(log_variance) / 200)
    assert abs(z.std() - 1) < 0.05
    again = fitted.transform(digits, sample=True, random_state=3)
    np.testing.assert_array_equal(again, draws[3])
    encoder, _ = fitted.to_keras()
    np.testing.assert_allclose(encoder(digits), means, atol=1e-4)


def test_samples_look_like_the_data(fitted, digits):
    drawn = fitted.sample(1500, random_state=0)
    np.testing.assert_array_equal(drawn, fitted.sample(1500, random_state=0))
    noise = fitted.sample(1500, random_state=0, noise=True) - drawn
    assert noise.var() == pytest.approx(fitted.noise_variance_, rel=0.05)
    # Means of pixels differ by up to 16; a model that had not learnt would be off by several.
    assert np.abs(drawn.mean(axis=0) - digits.mean(axis=0)).mean() < 0.6


def test_odd_rows_score_lower(fitted, digits):
    digits = digits[:300]
    odd = np.random.default_rng(0).permuted(digits, axis=1)
    scores = fitted.score_samples(digits), fitted.score_samples(odd)
    assert np.mean(scores[1] < np.quantile(scores[0], 0.05)) > 0.9


@pytest.fixture(scope="module")
def of_normal_rows():
    X = np.random.default_rng(0).normal(size=(100, 6))
    return VariationalAutoencoder(2, hidden_layer_sizes=(8,), random_state=0).fit(X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_fall_the_further_out_a_row_lies(of_normal_rows, dtype):
    directions = np.vstack([np.ones(6), np.random.default_rng(1).normal(size=(200, 6))])
    distances = [10, 30, 100, 300, 1000, 3000, 1e4, 1e6, 1e9]
    scores = [of_normal_rows.score_samples((far * directions).astype(dtype)) for far in distances]
    assert np.isfinite(scores).all()
    assert (np.diff(scores, axis=0) < 0).all()


def test_random_codes_of_far_rows_are_finite(of_normal_rows):
    far = 1000 * np.random.default_rng(1).normal(size=(50, 6))
    assert np.isfinite(of_normal_rows.transform(far, sample=True)).all()


def test_the_score_of_a_tiny_variance_is_that_of_the_formula(of_normal_rows):
    """With one code a row: log p(x|z) + log p(z) - log q(z|x), by the log-variance itself."""
    far = 3000 * np.random.default_rng(1).normal(size=(50, 6))
    fitted = of_normal_rows._fitted
    mean, log_variance = posterior(fitted, far, np.float64)
    assert log_variance.min() < -1500  # its exponential is 0
    draw = np.random.RandomState(0).standard_normal(2)
    code = mean + np.exp(log_variance / 2) * draw
    encoder = np.sum(-np.square(draw) / 2 - log_variance / 2, axis=1)
    prior = -np.square(code).sum(axis=1) / 2
    expected = log_likelihood(fitted, far, code) + prior - encoder
    scores = of_normal_rows.score_samples(far, n_samples=1)
    np.testing.assert_allclose(scores, expected, rtol=1e-12)


@pytest.mark.parametrize("scaling", [None, "robust"])
@pytest.mark.parametrize("value", [1e4, -1e6])
def test_training_survives_an_extreme_entry(scaling, value):
    X = np.random.default_rng(0).normal(size=(200, 6))
    X[17, 3] = value
    model = VariationalAutoencoder(
        2, hidden_layer_sizes=(8,), scaling=scaling, max_iter=30, random_state=0
    ).fit(X)
    assert model.n_iter_ > 1
    assert np.isfinite(model.noise_variance_).all()
    scores = model.score_samples(X)
    assert np.isfinite(scores).all()
    assert scores.argmin() == 17


def test_bernoulli_rows(bernoulli, digits):
    rows = digits[:50] / 16
    code = bernoulli.transform(rows)
    chance = np.clip(bernoulli.inverse_transform(code), 1e-7, 1 - 1e-7)
    expected = (rows * np.log(chance) + (1 - rows) * np.log1p(-chance)).sum(axis=1)
    got = log_likelihood(bernoulli._fitted, rows, code)
    np.testing.assert_allclose(got, expected, rtol=1e-4)
    drawn = bernoulli.sample(100, random_state=0, noise=True)
    assert set(np.unique(drawn)) == {0.0, 1.0}
    means = bernoulli.sample(100, random_state=0)
    assert ((means > 0) & (means < 1)).any()


@pytest.mark.sample(1)
@pytest.mark.parametrize("scaling", ["global", "minmax"])
def test_what_no_bernoulli_variable_gives_is_impossible(digits, scaling):
    X = digits[:300] / 16
    model = VariationalAutoencoder(
        4, loss="bernoulli", scaling=scaling, max_iter=2, random_state=0
    ).fit(X)
    usual = model.score_samples(X)
    assert np.isfinite(usual).all()
    # What rounding does is forgiven; a single entry beyond is not.
    np.testing.assert_allclose(model.score_samples(X * np.float32(1 + 1e-7)), usual, rtol=1e-4)
    above, below = X.copy(), X.copy()
    above[:, 20], below[:, 20] = 1.5, -0.5
    for odd in (3 * X, -X, above, below):
        np.testing.assert_array_equal(model.score_samples(odd), -np.inf)
    lone = np.vstack([X[:3], 3 * X[:1]])
    np.testing.assert_allclose(model.score_samples(lone)[:3], usual[:3], rtol=1e-4)


def test_rows_of_the_training_are_possible_in_single_precision_too(digits):
    X = digits * 10 + 1e5
    model = VariationalAutoencoder(
        2, loss="bernoulli", scaling="minmax", hidden_layer_sizes=(), max_iter=1, random_state=0
    ).fit(X)
    assert np.isfinite(model.score_samples(X.astype(np.float32))).all()


@pytest.mark.slow
def test_it_combines_with_convolutions_and_corruption(digits):
    model = VariationalAutoencoder(
        8,
        architecture="convolutional",
        architecture_params={"image_shape": (8, 8)},
        hidden_layer_sizes=(8, 16),
        corruption="masking",
        max_iter=60,
        learning_rate_init=0.003,
        random_state=0,
    ).fit(digits)
    assert model.score(digits) > 0.5
    assert np.isfinite(model.score_samples(digits[:5])).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"penalty": "l1"}, "'penalty' of a VariationalAutoencoder must be None.*Got 'l1'"),
        ({"penalty_weight": 2.0}, "'penalty_weight' .* must be None; 'beta'.*Got 2.0"),
        ({"tied": True}, "'tied' .* must be False.*Got True"),
        ({"linear_path": True}, "'linear_path' .* must be False or 'auto', because.*Got True"),
        ({"sparsity": 0.1}, "'sparsity' .* must be None, because its penalty has none. Got 0.1"),
        ({"code_activation": "relu"}, "'code_activation' .* must be 'auto' or.*Got 'relu'"),
        ({"loss": "mse"}, "'loss' .* must be 'gaussian' or 'bernoulli'.*Got 'mse'"),
    ],
)
def test_what_does_not_combine_says_why(digits, params, message):
    with pytest.raises(ValueError, match=message):
        VariationalAutoencoder(4, **params).fit(digits)


def test_bad_numbers_of_samples(fitted, digits):
    with pytest.raises(ValueError, match=r"'n_samples' must be an integer of at least 1. Got 0"):
        fitted.sample(0)
    for wrong in (0, True, 2.0):
        message = rf"'n_samples' must be an integer of at least 1. Got {wrong}"
        with pytest.raises(ValueError, match=message):
            fitted.score_samples(digits, n_samples=wrong)


@pytest.mark.parametrize("width", [3, 6])
def test_keras_models_say_nothing_of_variances(width):
    encoder, decoder = (
        keras.Sequential([keras.Input((n,)), keras.layers.Dense(m)])
        for n, m in [(64, width), (3, 64)]
    )
    with pytest.raises(ValueError, match="which of the encoder's numbers are means"):
        VariationalAutoencoder.from_keras(encoder, decoder)


def test_what_is_measured_after_training_takes_no_memory_by_the_row():
    X = planes(100_000)
    model = VariationalAutoencoder(64, hidden_layer_sizes=(), max_iter=1, random_state=0).fit(X)
    recipe = model._recipe(X, None)
    tracemalloc.start()
    describe_gaussian_code(recipe, model._fitted, X, None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.4 * model.transform(X[:1].astype(np.float32)).nbytes * len(X)
    np.testing.assert_array_equal(model.active_units_, model.transform(X).var(axis=0) > 0.01)
    drawn = model.inverse_transform(model.transform(X, sample=True, random_state=1))
    assert model.noise_variance_ == pytest.approx(np.square(drawn - X).mean(), rel=0.01)
