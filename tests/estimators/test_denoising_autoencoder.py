"""The denoising autoencoder: its floor, the noise that is stated, and pairs of rows."""

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tfae import Autoencoder, DenoisingAutoencoder, StackedAutoencoder, metrics
from tfae._fitting.fit import split_rows
from tfae._fitting.held_out import HeldOut
from tfae.streams import from_batches

pytestmark = pytest.mark.usefixtures("in_executor")

SMALL = {"hidden_layer_sizes": (32, 16), "random_state": 0}


@pytest.fixture(scope="module")
def noisy(digits):
    rng = np.random.default_rng(0)
    return (digits + rng.normal(0, 4, digits.shape)).astype(np.float32)


def error(rows, others):
    return float(np.square(rows - others, dtype=np.float64).mean())


@pytest.mark.sample(2)
@pytest.mark.parametrize("corruption", ["gaussian", "masking", "salt_and_pepper", "swap"])
def test_training_starts_at_the_linear_denoiser(digits, corruption):
    """With a rate of nearly 0, the model is the ridge regression of its rank."""
    model = DenoisingAutoencoder(
        64,
        corruption=corruption,
        corruption_level=0.4,
        learning_rate_init=1e-30,
        max_iter=1,
        early_stopping=False,
        **SMALL,
    ).fit(digits)
    rng = np.random.default_rng(1)
    corrupter = model._recipe(digits, None).corruption
    fitted = model._fitted
    clean = np.tile(digits, (20, 1)).astype(np.float64)
    scaled = fitted.scaling.forward(clean, np.float64)
    seen = np.empty_like(scaled)
    corrupter.bind(fitted.scaling, fitted.landmarks)(scaled, seen, rng)
    seen = fitted.scaling.backward(seen)
    ridge = Ridge(1e-3).fit(seen[: 18 * len(digits)], clean[: 18 * len(digits)])
    new, expected = seen[-len(digits) :], clean[-len(digits) :]
    got = error(model.reconstruct(new), expected)
    assert got == pytest.approx(error(ridge.predict(new), expected), rel=0.01)


def test_the_baseline_is_the_linear_denoiser_on_the_same_noisy_rows(digits):
    model = DenoisingAutoencoder(16, corruption_level=0.7, max_iter=20, **SMALL).fit(digits)
    found = model.baseline_
    assert found["linear_full_rank"] <= found["linear"]
    assert found["autoencoder"] <= found["linear"]
    assert found["n_samples"] == 180
    # On fresh noise the model is as good as the baseline says.
    unit = np.sqrt(digits.var(axis=0).mean())
    fresh = digits + 0.7 * unit * np.random.default_rng(1).normal(size=digits.shape)
    assert error(model.reconstruct(fresh), digits) < 1.1 * found["linear"]


def test_what_is_not_improved_stays_the_linear_denoiser():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)) @ rng.normal(size=(3, 10))  # nothing is better than linear
    with pytest.warns(UserWarning, match="could not improve on the linear denoiser"):
        model = DenoisingAutoencoder(5, corruption_level=0.5, max_iter=10, **SMALL).fit(X)
    assert model.baseline_["autoencoder"] == model.baseline_["linear"]


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "model",
    [
        DenoisingAutoencoder(8, architecture="convolutional", hidden_layer_sizes=(4, 8)),
        StackedAutoencoder(8, hidden_layer_sizes=(32,), corruption="masking", early_stopping=True),
        DenoisingAutoencoder(8, loss="binary_crossentropy", scaling="minmax"),
        DenoisingAutoencoder(8, tied=True),
    ],
)
def test_without_a_linear_path_the_same_baseline_is_reported(digits, model):
    params = {"architecture_params": {"image_shape": (8, 8)}} if "conv" in str(model) else {}
    model.set_params(max_iter=2, random_state=0, **params).fit(digits)
    assert {"linear", "linear_full_rank", "autoencoder"} <= model.baseline_.keys()
    assert 0 < model.baseline_["linear_full_rank"] <= model.baseline_["linear"]


def test_nothing_is_held_out_for_the_network_of_the_papers(digits):
    model = DenoisingAutoencoder(8, linear_path=False, max_iter=1, **SMALL).fit(digits)
    assert model.settings_["early_stopping"] is False
    assert not hasattr(model, "baseline_")


def test_settings_say_what_noise_was_meant(digits):
    model = DenoisingAutoencoder(8, max_iter=1, **SMALL).fit(digits)
    assert model.settings_["corruption"] == "gaussian"
    assert model.settings_["corruption_level"] == 0.25
    told = DenoisingAutoencoder(8, corruption="swap", corruption_level=0.1, max_iter=1, **SMALL)
    assert not {"corruption", "corruption_level"} & told.fit(digits).settings_.keys()


def test_a_code_to_clean_with_is_longer_than_one_to_look_at():
    X = np.random.default_rng(0).normal(size=(60, 300))
    for n_features, expected in [(300, 128), (60, 30), (5, 3)]:
        model = DenoisingAutoencoder(max_iter=1, early_stopping=False, **SMALL)
        assert model.fit(X[:, :n_features]).n_components_ == expected


def test_a_level_in_the_users_units_is_that_noise(digits):
    unit = float(np.sqrt(digits.var(axis=0).mean()))
    one = DenoisingAutoencoder(8, corruption_level=4 / unit, max_iter=2, **SMALL).fit(digits)
    other = DenoisingAutoencoder(
        8, corruption="gaussian", corruption_level=4.0, corruption_unit="data", max_iter=2, **SMALL
    ).fit(digits)
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=2e-3)


@pytest.mark.sample(1)
@pytest.mark.parametrize("of", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("n_rows", [300, 1797])
def test_pairs_are_learned_and_not_noise_alone(digits, noisy, of, n_rows):
    """Noise with a gain and an offset, which no corruption would give."""
    clean, seen = digits[:n_rows], 0.4 * noisy[:n_rows] + 3
    model = DenoisingAutoencoder(32, max_iter=20, **SMALL)
    model.fit(of(seen), X_clean=of(clean))
    ridge = Ridge(1e-3).fit(seen[:-100], clean[:-100])
    assert model.baseline_["linear_full_rank"] == pytest.approx(
        error(ridge.predict(seen[-100:]), clean[-100:]), rel=0.25
    )
    assert error(model.reconstruct(seen), clean) < 0.9 * error(noisy[:n_rows], clean)
    assert not hasattr(model._fitted, "noisy")


def test_every_row_meets_its_own_clean_row(digits):
    """Rows that say nothing of their clean ones but by their place cannot be told apart."""
    names = np.eye(64, dtype=np.float32)[:60]
    model = DenoisingAutoencoder(
        60, hidden_layer_sizes=(), max_iter=1, early_stopping=False, random_state=0
    ).fit(names, X_clean=digits[:60])
    np.testing.assert_allclose(model.reconstruct(names), digits[:60], atol=0.5)


def test_pairs_in_partial_fit(digits, noisy):
    model = DenoisingAutoencoder(16, **SMALL)
    for _ in range(10):
        model.partial_fit(noisy, X_clean=digits)
    assert model.n_iter_ == 10
    assert error(model.reconstruct(noisy), digits) < 0.6 * error(noisy, digits)


def batches(rows, size):
    return lambda: (rows[start : start + size] for start in range(0, len(rows), size))


def test_a_small_stream_of_pairs_is_an_array(digits, noisy):
    model = DenoisingAutoencoder(8, max_iter=2, **SMALL)
    codes = model.fit(noisy, X_clean=digits).transform(noisy)
    streamed = model.fit(batches(noisy, 500), X_clean=batches(digits, 130))
    np.testing.assert_array_equal(streamed.transform(noisy), codes)


def test_a_long_stream_of_pairs_is_read_in_step(digits, noisy):
    """Noise with a gain and an offset, which only a map from noisy to clean rows removes."""
    seen = 0.4 * noisy + 3
    model = DenoisingAutoencoder(16, max_iter=5, **SMALL)
    streams = (from_batches(batches(seen, 100), window=500), batches(digits, 130))
    model.fit(streams[0], X_clean=streams[1])
    arrays = DenoisingAutoencoder(16, max_iter=5, **SMALL).fit(seen, X_clean=digits)
    for name in ("linear", "linear_full_rank"):
        assert model.baseline_[name] == pytest.approx(arrays.baseline_[name], rel=0.15)
    assert error(model.reconstruct(seen), digits) < 1.2 * error(arrays.reconstruct(seen), digits)


def test_partial_fit_takes_iterators_of_pairs(digits, noisy):
    model = DenoisingAutoencoder(16, **SMALL)
    for _ in range(5):
        model.partial_fit(
            from_batches(iter([*batches(noisy, 100)()]), window=500),
            X_clean=iter([*batches(digits, 130)()]),
        )
    assert error(model.reconstruct(noisy), digits) < 0.7 * error(noisy, digits)


@pytest.mark.parametrize("window", [None, 500])
def test_streams_of_pairs_that_do_not_fit_are_refused(digits, noisy, window):
    model = DenoisingAutoencoder(4, max_iter=1, **SMALL)
    stream = from_batches(batches(noisy, 100), window=window)
    for X, clean, more in [(stream, digits[:-1], "X"), (noisy[:-1], digits, "'X_clean'")]:
        X = batches(X, 100) if isinstance(X, np.ndarray) else X
        with pytest.raises(ValueError, match=rf"Got more rows of {more} from the stream"):
            model.fit(X, X_clean=batches(clean, 130))
    with pytest.raises(ValueError, match=r"'X_clean': Batch 1 of the stream: X has 9 features"):
        model.fit(stream, X_clean=batches(digits[:, :9], 100))
    with pytest.raises(ValueError, match=r"fit can read more than once"):
        model.fit(stream, X_clean=iter([digits]))
    assert not hasattr(model, "n_iter_")


def test_pairs_go_through_a_pipeline_by_metadata_routing(digits, noisy):
    with sklearn.config_context(enable_metadata_routing=True):
        model = DenoisingAutoencoder(16, max_iter=3, **SMALL).set_fit_request(X_clean=True)
        piped = make_pipeline(StandardScaler(with_std=False, with_mean=False), model)
        piped.fit(noisy, X_clean=digits)
    alone = DenoisingAutoencoder(16, max_iter=3, **SMALL).fit(noisy, X_clean=digits)
    np.testing.assert_array_equal(piped.transform(noisy), alone.transform(noisy))


def test_labels_stay_ignored(digits):
    model = DenoisingAutoencoder(8, max_iter=1, **SMALL)
    codes = model.fit(digits).transform(digits)
    labelled = model.fit(digits, np.arange(len(digits))).transform(digits)
    np.testing.assert_array_equal(labelled, codes)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"corruption_level": (0.5, 0.1)}, r"number of at least 0, or a pair.*Got \(0\.5, 0\.1\)"),
        ({"corruption_level": [1, 2, 3]}, r"or a pair of them.*Got \[1, 2, 3\]"),
        ({"corruption_level": (0.5, np.nan)}, r"or a pair of them"),
        (
            {"corruption": "swap", "corruption_level": (0.5, 1.5)},
            r"must be a fraction of the entries.*Got \(0\.5, 1\.5\)",
        ),
        ({"corruption_range": (1, 0)}, r"must be a pair \(low, high\).*Got \(1, 0\)"),
        ({"corruption_range": "ab"}, r"'corruption_range'"),
        ({"corruption_level": (0, np.inf)}, r"must be a finite number.*Got \(0, inf\)"),
        ({"corruption_level": np.array([[0.3]])}, r"or a pair of them"),
        ({"corruption": None, "corruption_range": (0, 1)}, r"'corruption_range' is not used"),
        (
            {"corruption": None, "corruption_level": 0.3},
            r"'corruption_level' is not used.*Got 0\.3",
        ),
        ({"fill_value": -1.0}, r"'fill_value' is not used, so it must be 0\.0. Got -1\.0"),
        ({"corruption": "swap", "corruption_unit": "data"}, r"'corruption_unit' is not used"),
        ({"corruption": "masking", "fill_value": [1.0, 2.0]}, r"'fill_value'.*64 of them"),
        ({"corruption": "masking", "fill_value": [np.nan] * 64}, r"'fill_value' must be a finite"),
        (
            {"corruption": "masking", "fill_value": 1e39},
            r"'fill_value' must be at most 1e\+15 times",
        ),
        ({"corruption_range": (100, 110)}, r"must be the range that rows lie in. Got rows from 0"),
        (
            {"corruption_unit": "data", "scaling": "quantile"},
            r"needs a 'scaling' that keeps units.*Got scaling='quantile'",
        ),
    ],
)
def test_noise_that_means_nothing_is_refused(digits, params, message):
    with pytest.raises(ValueError, match=message):
        DenoisingAutoencoder(4, **params).fit(digits)


def test_pairs_that_do_not_fit_are_refused(digits, noisy):
    model = DenoisingAutoencoder(4, max_iter=1, **SMALL)
    with pytest.raises(ValueError, match=r"a clean row for each of the 1797 rows of X. Got 10"):
        model.fit(noisy, X_clean=digits[:10])
    with pytest.raises(ValueError, match=r"60 features"):
        model.fit(noisy, X_clean=digits[:, :60])
    with pytest.raises(ValueError, match=r"'corruption' must be 'auto' or None. Got 'swap'"):
        DenoisingAutoencoder(4, corruption="swap").fit(noisy, X_clean=digits)
    with pytest.raises(ValueError, match=r"or both be streams.*Got ndarray and function"):
        model.fit(noisy, X_clean=lambda: iter([digits]))
    with pytest.raises(ValueError, match=r"'X_clean': Input X contains NaN"):
        model.fit(noisy, X_clean=np.where(digits == 16, np.nan, digits))
    for name, value in {"corruption_level": 0.5, "corruption_range": (0, 16)}.items():
        with pytest.raises(ValueError, match=rf"With 'X_clean' '{name}' is not used"):
            DenoisingAutoencoder(4, **{name: value}).fit(noisy, X_clean=digits)
    with pytest.raises(ValueError, match=r"'emphasis' must be 0.5.*with X_clean\."):
        DenoisingAutoencoder(4, emphasis=0.8).fit(noisy, X_clean=digits)
    assert not hasattr(model, "n_iter_")


@pytest.mark.slow
def test_wide_rows_are_denoised_within_their_components():
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(200, 5)) @ rng.normal(size=(5, 2100))).astype(np.float32)
    model = DenoisingAutoencoder(
        5, corruption_level=0.5, hidden_layer_sizes=(8,), max_iter=1, random_state=0
    ).fit(X)
    new = X + 0.5 * X.std() * rng.normal(size=X.shape)
    assert error(model.reconstruct(new), X) < 0.05 * error(new, X)
    assert "linear_full_rank" not in model.baseline_


def test_held_out_rows_are_corrupted_the_same_way_as_in_training(digits):
    model = DenoisingAutoencoder(8, corruption_level=1.0, max_iter=1, **SMALL).fit(digits)
    recipe = model._recipe(digits, None)
    split = split_rows(recipe, digits, np.random.default_rng(0))
    held_out = HeldOut.of(recipe, split, model._fitted, np.random.default_rng(1))
    noise = held_out.corrupted - model._fitted.scaling.forward(held_out.rows, np.float32)
    assert noise.std() == pytest.approx(model._fitted.landmarks.spread, rel=0.02)


def test_a_column_in_other_units_does_not_keep_the_others_from_being_cleaned():
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(size=(500, 2)) @ rng.normal(size=(2, 6)), 1e5 * rng.normal(size=500)]
    model = DenoisingAutoencoder(
        7, corruption="masking", corruption_level=0.05, scaling=None, max_iter=1, **SMALL
    ).fit(X)
    error = np.square(model.reconstruct(X) - X).mean(axis=0)
    assert (error[:6] < 0.05 * X.var(axis=0)[:6]).all()


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_what_is_said_of_the_noise_holds_when_training_goes_on(digits, method):
    given = {"corruption": "masking", "corruption_level": 0.5, "max_iter": 1, **SMALL}
    model = DenoisingAutoencoder(8, warm_start=True, learning_rate_init=1e-30, **given)
    getattr(model, method)(digits)
    before = model.history_["loss"][-1]
    getattr(model.set_params(fill_value=100.0), method)(digits)
    assert model.history_["loss"][-1] > 2 * before


def test_a_network_that_is_worse_than_the_linear_denoiser_says_so(digits):
    with pytest.warns(UserWarning, match="worse than the linear denoiser of its rank"):
        DenoisingAutoencoder(8, tied=True, max_iter=1, **SMALL).fit(digits)


def test_after_a_warm_start_the_baseline_is_that_of_the_new_noise(digits):
    given = {"corruption_level": 0.5, "max_iter": 2, "warm_start": True, **SMALL}
    model = DenoisingAutoencoder(8, corruption="masking", **given).fit(digits)
    model.set_params(corruption="swap").fit(digits)
    fresh = DenoisingAutoencoder(8, corruption="swap", **given).fit(digits)
    assert model.baseline_["linear"] == pytest.approx(fresh.baseline_["linear"], rel=0.1)


@pytest.mark.slow
def test_the_length_of_a_code_is_found_on_the_rows_that_are_encoded(digits):
    model = DenoisingAutoencoder(0.8, max_iter=15, **SMALL)
    model.fit(100 - 3 * digits, X_clean=digits)
    errors = model.component_errors_
    assert errors[-1] < 0.3 * errors[0]


def test_thresholds_come_from_the_rows_that_are_encoded(digits):
    model = DenoisingAutoencoder(20, penalty="lifetime", max_iter=2, **SMALL)
    model.fit(100 - 3 * digits, X_clean=digits)
    codes = model.transform(100 - 3 * digits)
    np.testing.assert_allclose(model.mean_activation_, codes.mean(axis=0), rtol=1e-3, atol=1e-5)


def test_a_range_that_clips_clean_rows_is_told_of(digits):
    with pytest.warns(UserWarning, match=r"corruption_range=\(0, 1\) clips clean rows, too"):
        DenoisingAutoencoder(8, corruption_range=(0, 1), max_iter=1, **SMALL).fit(digits)


def test_without_noise_nothing_is_lost_and_nothing_said(recwarn):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)) @ rng.normal(size=(3, 8)) + 5
    model = DenoisingAutoencoder(3, corruption_level=0, max_iter=5, **SMALL).fit(X)
    np.testing.assert_allclose(model.reconstruct(X), X, atol=1e-4)
    assert not [w for w in recwarn if "could not improve" in str(w.message)]


def test_a_code_keeps_its_length_when_training_goes_on_without_pairs():
    X = np.random.default_rng(0).normal(size=(80, 200))
    model = DenoisingAutoencoder(corruption=None, **SMALL).partial_fit(X + 1, X_clean=X)
    assert model.partial_fit(X).n_components_ == 100


def test_with_nothing_said_the_code_is_linear_and_keeps_neighbours(digits):
    """It is the linear denoiser's code, changed so that near rows differ alike."""
    model = DenoisingAutoencoder(16, max_iter=3, random_state=0).fit(digits)
    expected = {"corruption": "gaussian", "corruption_level": 0.25, "keep_neighbors": True}
    assert expected.items() <= model.settings_.items()
    X = digits[:500].astype(np.float64)
    codes = model.transform(X)
    middle = (X[:250] + X[250:]) / 2
    np.testing.assert_allclose(
        model.transform(middle), (codes[:250] + codes[250:]) / 2, rtol=1e-4, atol=1e-4
    )
    apart = DenoisingAutoencoder(
        16, keep_neighbors=False, max_iter=1, learning_rate_init=1e-30, random_state=0
    ).fit(digits)
    change, *_ = np.linalg.lstsq(apart.transform(X), codes, rcond=None)
    np.testing.assert_allclose(apart.transform(X) @ change, codes, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(change, change.T, atol=2e-3)
    assert model.baseline_["linear"] == pytest.approx(apart.baseline_["linear"], rel=1e-4)
    assert model.baseline_["autoencoder"] <= model.baseline_["linear"]


def test_neighbours_agree_better_than_those_of_principal_components(digits):
    model = DenoisingAutoencoder(32, max_iter=1, learning_rate_init=1e-30, random_state=0)
    codes, labels = model.fit_transform(digits), load_digits().target
    principal = PCA(32).fit_transform(digits)
    assert metrics.knn_accuracy(codes, labels) > metrics.knn_accuracy(principal, labels)
    kept = metrics.trustworthiness(digits, codes, n_neighbors=12)
    assert kept > metrics.trustworthiness(digits, principal, n_neighbors=12) - 0.002


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "said",
    [
        {"corruption_level": 0.25},
        {"corruption": "gaussian"},
        {"hidden_layer_sizes": (32, 16)},
        {"linear_path": False},
    ],
)
def test_whoever_says_something_of_noise_or_network_gets_a_network_for_the_code(digits, said):
    model = DenoisingAutoencoder(4, max_iter=1, random_state=0, **said).fit(digits[:300])
    assert model.settings_["keep_neighbors"] is False
    assert len(model.encoder_weights_) > len(
        DenoisingAutoencoder(4, max_iter=1, random_state=0).fit(digits[:300]).encoder_weights_
    ) or said == {"linear_path": False}


def test_training_goes_on_with_the_code_that_it_has(digits):
    model = DenoisingAutoencoder(8, max_iter=1, random_state=0, warm_start=True).fit(digits)
    codes = model.transform(digits)
    model.set_params(max_iter=2).fit(digits)
    np.testing.assert_array_equal(model.transform(digits), codes)
    model.partial_fit(digits[:200])
    np.testing.assert_array_equal(model.transform(digits), codes)


@pytest.mark.slow
def test_principal_components_can_keep_neighbours_too(digits):
    settings = {"max_iter": 3, "random_state": 0}
    model = Autoencoder(8, keep_neighbors=True, **settings).fit(digits)
    assert model.baseline_["autoencoder"] <= model.baseline_["pca"]
    rows = np.concatenate([digits[:5], digits[:5] + 1e-3])
    assert np.isfinite(model.transform(rows)).all()
    with pytest.raises(ValueError, match="keep_neighbors=True needs a linear path"):
        Autoencoder(8, keep_neighbors=True, linear_path=False, **settings).fit(digits)
    found = Autoencoder(0.8, keep_neighbors=True, **settings).fit(digits)
    assert 1 <= found.n_components_ < 32


def test_noise_far_beyond_the_rows_is_told(digits):
    model = DenoisingAutoencoder(4, corruption_level=40, max_iter=1, random_state=0)
    with pytest.warns(UserWarning, match="40 times as large as the rows' own spread.*'data'"):
        model.fit(digits[:100])
