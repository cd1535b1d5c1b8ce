"""Weights of rows, from `fit` to everything that a fit learns."""

import inspect

import numpy as np
import pytest
import sklearn
from examples import TABLE, small
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tfae import (
    Autoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    ParametricTSNE,
    SparseAutoencoder,
    StackedAutoencoder,
    VariationalAutoencoder,
)
from tfae._data.landmarks import find_landmarks
from tfae._data.scaling import fit_scaling
from tfae._data.weights import weighted
from tfae._fitting.baseline import is_better
from tfae._fitting.denoiser_start import NoisyRows
from tfae._networks import principal_components as components
from tfae._networks.linear_denoiser import Moments
from tfae._objective.corruptions import CORRUPTIONS, Corrupter, Levels
from tfae._training.chunks import Rows, chunk_shape
from tfae.streams import from_batches

pytestmark = pytest.mark.usefixtures("in_executor")

RNG = np.random.default_rng(0)
COUNTS = RNG.integers(0, 5, len(TABLE))
REPEATED = np.repeat(TABLE, COUNTS, axis=0)
SHORT = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
FAMILY = {
    "plain": Autoencoder(3, **SHORT),
    "length": Autoencoder(0.9, **SHORT),
    "denoising": DenoisingAutoencoder(3, corruption="swap", **SHORT),
    "lifetime": SparseAutoencoder(8, penalty="lifetime", **SHORT),
    "stacked": StackedAutoencoder(3, pretrain_max_iter=2, **SHORT),
    "variational": VariationalAutoencoder(3, **SHORT),
}


def facts(model):
    names = ("baseline_", "component_errors_", "mean_activation_", "thresholds_", "active_units_")
    learned = {name: getattr(model, name, None) for name in (*names, "scale_", "center_")}
    losses = {name: values for name, values in model.history_.items() if name != "seconds"}
    return [*model.encoder_weights_, *model.decoder_weights_, losses, learned]


def assert_equal(one, other):
    np.testing.assert_equal(facts(one), facts(other))


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", FAMILY)
def test_rows_of_weight_0_are_as_if_they_were_not_there(name):
    model, weights = FAMILY[name], COUNTS * (1 + RNG.random(len(TABLE)))
    kept = weights > 0
    with_them = sklearn.clone(model).fit(TABLE, sample_weight=weights)
    without = sklearn.clone(model).fit(TABLE[kept], sample_weight=8 * weights[kept])
    assert_equal(with_them, without)


def test_equal_weights_are_no_weights():
    alone = Autoencoder(3, **SHORT).fit(TABLE)
    assert_equal(Autoencoder(3, **SHORT).fit(TABLE, sample_weight=[0.3] * len(TABLE)), alone)
    assert_equal(Autoencoder(3, **SHORT).fit(TABLE, None, None), alone)


@pytest.mark.parametrize("pairs", [False, True])
def test_heavy_rows_are_rebuilt_best(pairs):
    """Two kinds of rows need a code each, and one code is to be had."""
    rng = np.random.default_rng(0)
    kinds = np.arange(600) % 2
    X = rng.normal(size=(600, 1)) * np.where(kinds, 1, 0)[:, None] * [1.0, 1, 0, 0, 1, 0]
    X += rng.normal(size=(600, 1)) * np.where(kinds, 0, 1)[:, None] * [0.0, 0, 1, 1, 0, 1]
    X += 0.01 * rng.normal(size=X.shape)
    kind, given = (DenoisingAutoencoder, {"X_clean": X}) if pairs else (Autoencoder, {})
    for heavy in (0, 1):
        weights = np.where(kinds == heavy, 1.0, 1e-3)
        model = kind(1, **SHORT).fit(X, sample_weight=weights, **given)
        errors = -model.score_samples(X)
        assert errors[kinds == heavy].mean() < 0.1 * errors[kinds != heavy].mean()
        assert model.score(X, sample_weight=weights) > 0.9 > model.score(X)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("wide", [False, True])
def test_components_are_the_eigenvectors_of_the_weighted_covariance(make, wide, monkeypatch):
    if wide:
        monkeypatch.setattr("tfae._data.statistics.MAX_COVARIANCE", 5)
    weights = 0.1 + RNG.random(len(TABLE))
    X, scaling = weighted(make(TABLE), weights), fit_scaling(None, TABLE)
    X.prepare(covariance=True)
    found = components.principal_components(X, scaling, None, 3, 0)
    values, vectors = np.linalg.eigh(np.cov(TABLE.T, aweights=weights, ddof=0))
    np.testing.assert_allclose(np.abs(found.axes @ vectors[:, :-4:-1]), np.eye(3), atol=1e-9)
    np.testing.assert_allclose(found.mean, np.average(TABLE, axis=0, weights=weights))
    np.testing.assert_allclose(found.spread, np.sqrt(values[:-4:-1]), rtol=0.01)
    left = np.square(found.residual).sum()
    np.testing.assert_allclose(left, values[:-3].sum(), rtol=1e-8)


@pytest.mark.parametrize("scaling", ["standard", "quantile"])
def test_components_of_integer_weights_are_those_of_repeated_rows(scaling):
    of = fit_scaling(scaling, REPEATED)
    X = weighted(TABLE, COUNTS)
    X.prepare(covariance=True)
    found = components.principal_components(X, of, None, 3, 0)
    expected = components.principal_components(REPEATED, of, None, 3, 0)
    for name in ("mean", "axes", "mean_seen", "encoding", "spread_seen", "deviation_seen"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(ours, theirs, atol=1e-10, err_msg=name)
    np.testing.assert_allclose(found.residual, expected.residual, atol=1e-8)
    # The variance of a component is over the number of rows less 1: of rows, not of repetitions.
    n, n_repeated = X.shape[0], len(REPEATED)
    ratio = np.sqrt(n / (n - 1) * (n_repeated - 1) / n_repeated)
    np.testing.assert_allclose(found.spread, ratio * expected.spread, rtol=1e-10)


def test_without_variation_there_are_no_components():
    X = weighted(np.full((20, 3), 7.0), np.arange(20))
    found = components.principal_components(X, fit_scaling("quantile", TABLE[:, :3]), None, 2, 0)
    assert not found.axes.any()


@pytest.mark.parametrize("name", ["gaussian", "masking"])
def test_the_linear_denoiser_of_integer_weights_is_that_of_repeated_rows(name):
    scaling = fit_scaling("global", REPEATED)
    noise = Corrupter(CORRUPTIONS.find(name), Levels(0.3, 0.3), None, 0.0, False)
    marks = find_landmarks(REPEATED, scaling, None)
    X = weighted(TABLE, COUNTS)
    X.prepare(covariance=True)
    ours, theirs = (NoisyRows(noise, rows, scaling, None, marks, 0) for rows in (X, REPEATED))
    np.testing.assert_allclose(ours.denoiser().regression, theirs.denoiser().regression, atol=1e-6)


def test_moments_of_pairs_with_weights_are_those_of_repeated_pairs():
    corrupted = TABLE + RNG.normal(size=TABLE.shape)
    found = Moments.of_rows(TABLE, corrupted, COUNTS.astype(float))
    expected = Moments.of_rows(REPEATED, np.repeat(corrupted, COUNTS, axis=0))
    for name, value in vars(expected).items():
        np.testing.assert_allclose(getattr(found, name), value, atol=1e-10, err_msg=name)


def test_chunks_bring_the_weights_of_their_rows_with_a_mean_of_1():
    rows = np.arange(20.0).reshape(10, 2)
    X, index = weighted(rows, np.arange(1, 11)), np.array([1, 4, 5, 7, 9])
    shape = chunk_shape(4, 2, "float64")
    chunks = Rows(X, fit_scaling(None, rows), shape, index).epochs(
        np.random.default_rng(0), lambda epoch: 3
    )
    chunk = next(chunks)
    assert (chunk.n_steps, chunk.n_epochs) == (6, 3)
    expected = (index + 1) / np.mean(index + 1)
    for epoch in range(3):
        weight = chunk.weight[2 * epoch : 2 * epoch + 2].ravel()
        np.testing.assert_array_equal(weight[5:], 0)
        places = (chunk.x[8 * epoch : 8 * epoch + 5, 0] / 2).astype(int)
        np.testing.assert_allclose(weight[:5], expected[np.searchsorted(index, places)])


def test_a_step_is_as_long_as_the_rows_of_its_batch_are_heavy():
    """The gradient of a batch is divided by its number of rows, not by the sum of their weights.

    So the weights of whole batches are factors of the learning rate.
    """
    params = {"optimizer": "sgd", "batch_size": 32, "shuffle": False, "alpha": 0.0, "max_iter": 1}
    params |= {"early_stopping": False, "precision": "float64", "scaling": None}
    weights = np.repeat([1.5, 0.5], 32)
    uneven = small(learning_rate_init=0.01, **params).fit(TABLE[:64], sample_weight=weights)
    rates = small(learning_rate_init=lambda step: 0.015 - 0.01 * (step > 0), **params)
    rates.fit(TABLE[:64])
    for one, other in zip(uneven.encoder_weights_, rates.encoder_weights_, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    even = small(learning_rate_init=0.01, **params).fit(TABLE[:64])
    assert not np.allclose(uneven.encoder_weights_[0], even.encoder_weights_[0], rtol=1e-6)


def test_reported_losses_are_weighted_means():
    weights = 0.1 + RNG.random(len(TABLE))
    model = Autoencoder(2, learning_rate_init=1e-30, tol=0, refit=False, **SHORT)
    model.fit(TABLE, sample_weight=weights)
    assert model.baseline_["pca_loss"] == pytest.approx(model.history_["val_loss"][0], rel=1e-4)
    full = Autoencoder(2, early_stopping=False, learning_rate_init=1e-30, **SHORT)
    loss = full.fit(TABLE, sample_weight=weights).history_["loss"][0]
    errors = -full.score_samples(TABLE)
    assert loss == pytest.approx(np.average(errors, weights=weights), rel=1e-4)
    assert loss != pytest.approx(errors.mean(), rel=1e-3)


def test_a_gain_must_be_clear_on_the_rows_that_weigh():
    before = np.exp(0.3 * RNG.normal(size=200))
    after = before * np.where(np.arange(200) < 100, 0.5, 1.2)
    assert is_better(before, after)
    assert is_better(before, after, np.ones(200))
    heavy = np.where(np.arange(200) < 100, 1e-3, 1.0)
    assert not is_better(before, after, heavy)
    assert is_better(before, after, heavy[::-1])
    one_row = np.where(np.arange(200) < 1, 1.0, 1e-9)
    assert not is_better(before, after, one_row)  # one row counts, which may be luck


def test_the_length_of_the_code_is_that_of_heavy_rows():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(200, 1)) @ rng.normal(size=(1, 6))
    X = np.concatenate([flat, rng.normal(size=(200, 6))])
    assert PCA(1).fit(X).explained_variance_ratio_[0] < 0.9
    model = Autoencoder(0.9, **SHORT)
    assert model.fit(X, sample_weight=np.repeat([1.0, 1e-3], 200)).n_components_ == 1


def test_the_activity_of_a_code_is_a_weighted_mean():
    weights = 0.1 + RNG.random(len(TABLE))
    model = SparseAutoencoder(6, early_stopping=False, linear_path=False, **SHORT)
    model.fit(TABLE, sample_weight=weights)
    codes = model.transform(TABLE)
    expected = np.average(codes, axis=0, weights=weights)
    np.testing.assert_allclose(model.mean_activation_, expected, rtol=1e-4)


def test_the_noise_of_a_likelihood_is_a_weighted_mean():
    """Rows that weigh next to nothing are as if they were not there."""
    X = np.concatenate([TABLE, 5 * RNG.normal(size=TABLE.shape)])
    weights = np.repeat([1.0, 1e-6], len(TABLE))
    model = VariationalAutoencoder(5, scaling=None, early_stopping=False, **SHORT)
    model.fit(X, sample_weight=weights)
    rebuilt = np.square(model.reconstruct(TABLE) - TABLE).mean()
    assert rebuilt < model.noise_variance_ < 2 * TABLE.var()


def test_score_weighs_errors_and_variance():
    model = small().fit(TABLE)
    assert model.score(TABLE, sample_weight=COUNTS) == pytest.approx(model.score(REPEATED))
    assert model.score(TABLE, None, None) == model.score(TABLE)


def test_partial_fit_takes_weights():
    weights = 1 + COUNTS
    model = small().partial_fit(TABLE, sample_weight=weights)
    other = small().partial_fit(TABLE, sample_weight=4.0 * weights)
    assert_equal(model, other)
    assert model.partial_fit(TABLE[:1], sample_weight=[3]).n_iter_ == 2
    with pytest.raises(ValueError, match=r"positive for at least 1 row\. Got zeros only"):
        model.partial_fit(TABLE, sample_weight=np.zeros(len(TABLE)))
    assert model.n_iter_ == 2


def test_memory_maps_and_sparse_rows_take_weights(tmp_path, monkeypatch):
    monkeypatch.setattr("tfae._data.memory_map._SMALL", 0)
    path = tmp_path / "rows"
    TABLE.tofile(path)
    mapped = np.memmap(path, TABLE.dtype, "r", shape=TABLE.shape)
    models = [
        Autoencoder(3, precision="float64", **SHORT).fit(X, sample_weight=COUNTS)
        for X in (TABLE, sparse.csr_array(TABLE), mapped)
    ]
    for model in models[1:]:
        np.testing.assert_allclose(model.transform(TABLE), models[0].transform(TABLE), rtol=1e-6)
    assert models[2].score(mapped, sample_weight=COUNTS) == pytest.approx(
        models[0].score(TABLE, sample_weight=COUNTS)
    )


def test_images_take_weights():
    images = RNG.random((20, 4, 4))
    model = ConvolutionalAutoencoder(2, max_iter=1, hidden_layer_sizes=(2,), random_state=0)
    model.fit(images, sample_weight=np.arange(20))
    assert model.reconstruct(images).shape == images.shape


def test_weights_go_with_pairs():
    noisy = TABLE + RNG.normal(size=TABLE.shape)
    kept = COUNTS > 0
    model = DenoisingAutoencoder(3, **SHORT)
    all_rows = sklearn.clone(model).fit(noisy, sample_weight=COUNTS, X_clean=TABLE)
    model.fit(noisy[kept], sample_weight=COUNTS[kept], X_clean=TABLE[kept])
    assert_equal(all_rows, model)
    with pytest.raises(ValueError, match=r"'X_clean'.*each of the 299 rows"):
        model.fit(noisy, sample_weight=COUNTS, X_clean=TABLE[1:])


@pytest.mark.parametrize("method", ["fit", "partial_fit", "score"])
def test_the_rows_of_a_stream_have_no_weights(method):
    stream = from_batches([TABLE[:200], TABLE[200:]])
    model = small().fit(TABLE)
    with pytest.raises(ValueError, match=r"With 'sample_weight' X must be an array.*Got <Stream"):
        getattr(model, method)(stream, sample_weight=COUNTS)


def test_wrong_weights_leave_the_estimator_as_it_was():
    model = small()
    with pytest.raises(ValueError, match="'sample_weight' must have a weight for each"):
        model.fit(TABLE, sample_weight=[1.0])
    assert not hasattr(model, "n_features_in_")


def test_metadata_routing_brings_weights_to_a_step_and_to_a_search():
    rows = StandardScaler().fit(TABLE, sample_weight=COUNTS).transform(TABLE)
    alone = small().fit(rows, sample_weight=COUNTS)
    with sklearn.config_context(enable_metadata_routing=True):
        model = small().set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True).set_partial_fit_request(sample_weight=True)
        piped = make_pipeline(StandardScaler().set_fit_request(sample_weight=True), model)
        piped.fit(TABLE, sample_weight=COUNTS)
        np.testing.assert_array_equal(piped.transform(TABLE), alone.transform(rows))
        search = GridSearchCV(
            model, {"n_components": [3]}, cv=[(np.arange(150), np.arange(150, 300))]
        )
        search.fit(TABLE, sample_weight=COUNTS)
    fold = small().fit(TABLE[:150], sample_weight=COUNTS[:150])
    expected = fold.score(TABLE[150:], sample_weight=COUNTS[150:])
    assert search.cv_results_["mean_test_score"] == pytest.approx(expected)


def test_an_embedding_takes_no_weights_and_does_not_say_that_it_did():
    assert "sample_weight" not in inspect.signature(ParametricTSNE.fit).parameters
    assert "sample_weight" in ParametricTSNE.fit.__doc__
    with pytest.raises(TypeError, match="sample_weight"):
        ParametricTSNE().fit(TABLE, sample_weight=COUNTS)


def test_where_nothing_can_be_gained_it_is_the_pca_of_weighted_rows():
    X = np.random.default_rng(0).normal(size=(200, 6)) * [9, 5, 1, 1, 1, 1]
    counts = np.random.default_rng(1).integers(1, 4, 200)
    model = Autoencoder(2, random_state=0).fit(X, sample_weight=counts)
    repeated = np.repeat(X, counts, axis=0)
    pca = PCA(2).fit(repeated)
    expected = pca.inverse_transform(pca.transform(X))
    np.testing.assert_allclose(model.reconstruct(X), expected, rtol=1e-5, atol=1e-6)
