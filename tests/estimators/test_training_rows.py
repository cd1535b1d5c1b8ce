"""DenoisingAutoencoder(training_rows="noisy"): what is learned where no clean rows exist."""

import keras
import numpy as np
import pytest
from scipy import sparse

from tfae import Autoencoder, DenoisingAutoencoder
from tfae._data.noise_level import noise_level

pytestmark = pytest.mark.usefixtures("in_executor")

SMALL = {"hidden_layer_sizes": (32, 16), "random_state": 0, "training_rows": "noisy"}
TOLD = {"corruption_level": 0.5, "corruption_unit": "data"}
COUNTS = {**SMALL, "loss": "poisson"}


@pytest.fixture(scope="module")
def rows():
    """Clean rows on a curved surface in 20 dimensions, and the same with noise of .5."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(-1, 1, size=(1200, 2)) @ rng.normal(size=(2, 20))
    clean = 2 * np.sin(angle + np.linspace(0, 3, 20))
    return clean, (clean + 0.5 * rng.normal(size=clean.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def counts():
    """Rates of 30 genes in three kinds of cells of different depth, and their counts."""
    rng = np.random.default_rng(0)
    kinds = rng.gamma(0.5, 8, size=(3, 30))[rng.integers(3, size=900)]
    rates = kinds * rng.gamma(8, 1 / 8, size=(900, 1))
    return rates, rng.poisson(rates).astype(np.float32)


def error(one, other):
    return float(np.square(one - other, dtype=np.float64).mean())


@pytest.fixture(scope="module")
def by_views(rows):
    return DenoisingAutoencoder(4, max_iter=30, **SMALL, **TOLD).fit(rows[1])


@pytest.fixture(scope="module")
def by_hiding(rows):
    model = DenoisingAutoencoder(4, corruption="masking", max_iter=30, **SMALL, **TOLD)
    return model.fit(rows[1])


@pytest.fixture(scope="module")
def of_counts(counts):
    return DenoisingAutoencoder(5, max_iter=40, **COUNTS).fit(counts[1])


@pytest.mark.slow
def test_noisy_rows_are_cleaned_nearly_as_well_as_by_pairs(rows, by_views, by_hiding):
    """On rows that none has seen."""
    clean, noisy = rows
    new = clean + 0.5 * np.random.default_rng(1).normal(size=clean.shape)
    pairs = DenoisingAutoencoder(4, **{**SMALL, "training_rows": "clean"}, max_iter=30)
    with_clean = error(pairs.fit(noisy, X_clean=clean).reconstruct(new), clean)
    assert error(by_views.reconstruct(new), clean) < 10**0.1 * with_clean  # one decibel
    assert error(by_hiding.reconstruct(new), clean) < 0.3 * error(new, clean)


def test_the_baseline_estimates_errors_without_knowing_clean_rows(rows, by_views):
    """Of rows with twice the variance of the noise, which is what half of them is."""
    clean, _ = rows
    noisier = clean + np.sqrt(0.5) * np.random.default_rng(1).normal(size=clean.shape)
    found = by_views.baseline_
    # The mean of the squared noise of 120 rows is known this well.
    deviation = 0.5 * np.sqrt(2 / (120 * 20))
    truth = error(by_views.reconstruct(noisier), clean)
    assert found["autoencoder"] == pytest.approx(truth, abs=3 * deviation)
    assert found["linear_full_rank"] <= found["linear"]


@pytest.mark.parametrize("params", [TOLD, {**TOLD, "corruption": "masking"}])
def test_training_starts_at_the_linear_denoiser(rows, params):
    model = DenoisingAutoencoder(
        20, **SMALL, **params, learning_rate_init=1e-30, max_iter=1, early_stopping=False
    ).fit(rows[1])
    short = model.set_params(early_stopping=True, refit=False).fit(rows[1])
    found = short.baseline_
    assert found["autoencoder"] == pytest.approx(found["linear_full_rank"], rel=1e-3)


def test_what_is_not_improved_stays_the_linear_denoiser():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)) @ rng.normal(size=(3, 10)) + 0.5 * rng.normal(size=(400, 10))
    with pytest.warns(UserWarning, match="could not improve on the linear denoiser"):
        model = DenoisingAutoencoder(3, **SMALL, **TOLD, max_iter=10).fit(X)
    assert model.baseline_["autoencoder"] == model.baseline_["linear"]


def test_the_level_is_estimated_and_told(rows):
    model = DenoisingAutoencoder(4, max_iter=2, **SMALL).fit(rows[1])
    assert model.settings_["corruption"] == "gaussian"
    assert model.settings_["corruption_unit"] == "data"
    assert model.settings_["corruption_level"] == pytest.approx(0.5, rel=0.15)
    assert model.settings_["corruption_level"] == noise_level(rows[1])
    given = {**SMALL, "corruption_level": model.settings_["corruption_level"]}
    told = DenoisingAutoencoder(4, max_iter=2, corruption_unit="data", **given).fit(rows[1])
    np.testing.assert_array_equal(told.transform(rows[1]), model.transform(rows[1]))


def test_the_level_stays_when_training_goes_on(rows):
    model = DenoisingAutoencoder(4, **SMALL).partial_fit(rows[1])
    level = model.settings_["corruption_level"]
    assert model.partial_fit(3 * rows[1][:100]).settings_["corruption_level"] == level


def test_the_prediction_of_an_entry_does_not_depend_on_it(rows):
    _, noisy = rows
    model = DenoisingAutoencoder(4, corruption="masking", max_iter=2, **SMALL).fit(noisy)
    assert not model.observation_weights_.any()  # the level is not known
    predicted = model.reconstruct(noisy[:5])
    for j in (0, 7, 19):
        changed = noisy[:5].copy()
        changed[:, j] += 3
        np.testing.assert_array_equal(model.reconstruct(changed)[:, j], predicted[:, j])


def test_rows_are_rebuilt_alike_whatever_comes_with_them(rows, by_hiding):
    together = by_hiding.reconstruct(rows[1])
    np.testing.assert_allclose(by_hiding.reconstruct(rows[1][7:8]), together[7:8], atol=1e-5)
    assert ((by_hiding.observation_weights_ > 0) & (by_hiding.observation_weights_ < 1)).any()
    assert not hasattr(DenoisingAutoencoder(), "observation_weights_")


def test_the_loss_is_that_of_hidden_entries(rows):
    """A code that knows nothing predicts the means, whose error is the variance."""
    noisy = rows[1]
    params = {"linear_path": False, "learning_rate_init": 1e-30, "scaling": "standard"}
    model = DenoisingAutoencoder(4, corruption="masking", max_iter=1, **params, **SMALL)
    model.set_params(kernel_initializer="zeros").fit(noisy)
    assert model.history_["loss"][0] == pytest.approx(1, rel=0.05)


@pytest.mark.slow
def test_the_length_of_the_code_is_found_from_noisy_rows():
    rng = np.random.default_rng(0)
    clean = rng.normal(size=(500, 3)) @ rng.normal(size=(3, 16))
    noisy = clean + 0.5 * rng.normal(size=clean.shape)
    model = DenoisingAutoencoder("auto", **SMALL, **TOLD, max_iter=12).fit(noisy)
    assert model.n_components_ == 3
    # Views have noise of 2 * .5 ** 2, which no length removes: errors are without it.
    assert abs(model.component_errors_[3]) < 0.25
    assert model.component_errors_[0] == pytest.approx(clean.var(axis=0).mean(), rel=0.25)


def test_rates_are_learned_from_counts(counts, of_counts):
    rates, X = counts
    cleaned = of_counts.reconstruct(X)
    assert cleaned.min() >= 0
    assert error(np.sqrt(cleaned), np.sqrt(rates)) < 0.3 * error(np.sqrt(X), np.sqrt(rates))
    assert of_counts.settings_["corruption"] == "thinning"


def test_sparse_counts_are_the_same_counts(counts, of_counts):
    X = sparse.csr_array(counts[1])
    again = DenoisingAutoencoder(5, max_iter=40, **COUNTS).fit(X)
    np.testing.assert_allclose(again.transform(X), of_counts.transform(counts[1]), atol=1e-5)


def test_keras_models_take_counts_too(counts, of_counts):
    encoder, decoder = of_counts.to_keras()
    rates = keras.ops.convert_to_numpy(decoder(encoder(counts[1][:20])))
    np.testing.assert_allclose(rates, of_counts.reconstruct(counts[1][:20]), rtol=1e-3)


def test_counts_start_at_their_means(counts):
    """Many small steps would otherwise go into means that differ by orders of magnitude."""
    params = {"kernel_initializer": "zeros", "learning_rate_init": 1e-30, "max_iter": 1}
    for model in (DenoisingAutoencoder(5, **COUNTS), Autoencoder(5, loss="poisson")):
        model.set_params(**params, early_stopping=False).fit(counts[1])
        expected = np.broadcast_to(counts[1].mean(axis=0), counts[1].shape)
        np.testing.assert_allclose(model.reconstruct(counts[1]), expected, rtol=1e-3)


def test_the_poisson_loss_is_smallest_at_the_rates():
    rng = np.random.default_rng(0)
    X = rng.poisson(4.0, size=(500, 6)).astype(np.float32)
    model = Autoencoder(1, loss="poisson", hidden_layer_sizes=(8,), max_iter=1, random_state=0)
    model.set_params(kernel_initializer="zeros", learning_rate_init=1e-30).fit(X)
    mean = X.mean(axis=0)
    assert model.history_["loss"][0] == pytest.approx((mean - mean * np.log(mean)).mean(), rel=1e-4)


def test_what_is_no_count_is_refused(counts):
    X = counts[1]
    with pytest.raises(ValueError, match=r"must hold counts.*Got 3.5. Pass the raw counts"):
        DenoisingAutoencoder(5, **COUNTS).fit(X / 2)
    with pytest.raises(ValueError, match=r"must lie in \[0, inf\]. Got values from -1"):
        DenoisingAutoencoder(5, **COUNTS).fit(X - 1)


def test_negative_counts_are_refused_later_too(counts, of_counts):
    with pytest.raises(ValueError, match=r"counts, which are not negative. Got -1"):
        of_counts.transform(-np.ones((1, 30)))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"training_rows": "some"}, r"'training_rows' parameter.*must be a str among"),
        (
            {"training_rows": "clean", "corruption_level": "auto"},
            r"corruption_level='auto' estimates.*needs training_rows='noisy'",
        ),
        ({"corruption": "swap"}, r"one of \['gaussian', 'masking', 'thinning'\]. Got 'swap'"),
        ({"corruption": None}, r"must say what noise the rows have.*Got None"),
        ({"corruption_range": (0, 16)}, r"'corruption_range' must be None.*clipped noise is not 0"),
        ({"corruption": "masking", "fill_value": 1.0}, r"'fill_value' must be 0\.0.*Got 1\.0"),
        (
            {"corruption_level": (0.1, 0.5)},
            r"'auto' or a finite number.*Got \(0\.1, 0\.5\)",
        ),
        ({"corruption_level": np.inf}, r"'corruption_level' parameter.*Got inf"),
        ({"loss": "mae"}, r"'loss' must be 'mse'.*Got 'mae'"),
        ({"corruption": "thinning"}, r"'loss' must be 'poisson'.*Got 'mse'"),
        ({"corruption_level": 1.5}, r"own spread, 1\. .*Got 1\.5"),
        (
            {"corruption_level": 15.0, "corruption_unit": "data"},
            r"own spread, [0-9.]+\. Got 15\.0",
        ),
        ({"loss": "poisson", "corruption_level": 0.5}, r"'corruption_level' must be None"),
        ({"loss": "poisson", "scaling": "standard"}, r"thinned as they are.*Got 'standard'"),
        ({"scaling": "quantile"}, r"'scaling' that keeps means. Got scaling='quantile'"),
        ({"emphasis": 0.8, "corruption": "masking"}, r"'emphasis' must be 0.5"),
    ],
)
def test_what_cannot_be_learned_from_noisy_rows_is_refused(digits, params, message):
    with pytest.raises(ValueError, match=message):
        DenoisingAutoencoder(4, **{**SMALL, **params}).fit(digits)


def test_there_are_no_pairs_of_noisy_rows(digits):
    with pytest.raises(ValueError, match="'X_clean' must be None"):
        DenoisingAutoencoder(4, **SMALL).fit(digits, X_clean=digits)


def test_streams_are_learned_from(rows):
    noisy = rows[1]
    model = DenoisingAutoencoder(4, max_iter=2, **SMALL)
    model.fit(lambda: iter([noisy[:700], noisy[700:]]))
    assert model.settings_["corruption_level"] == pytest.approx(0.5, rel=0.15)
