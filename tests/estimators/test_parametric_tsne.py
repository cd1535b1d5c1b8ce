"""Parametric t-SNE against PCA, scikit-learn's TSNE and its own definition."""

import copy

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import KNeighborsClassifier

from tfae import ParametricTSNE, metrics
from tfae._fitting.embedding import embedding_settings
from tfae._objective.affinities import Affinities

pytestmark = pytest.mark.usefixtures("in_executor")


@pytest.fixture(scope="module")
def halves():
    X, y = load_digits(return_X_y=True)
    return X[:900].astype(np.float32), y[:900], X[900:].astype(np.float32), y[900:]


@pytest.fixture(scope="module")
def fitted(halves):
    return ParametricTSNE(max_iter=150, hidden_layer_sizes=(256, 256), random_state=0).fit(
        halves[0]
    )


def test_new_rows_find_their_place(halves, fitted):
    X, y, X_new, y_new = halves

    def accuracy(model):
        neighbours = KNeighborsClassifier(1).fit(model.transform(X), y)
        return neighbours.score(model.transform(X_new), y_new)

    assert accuracy(fitted) > accuracy(PCA(2).fit(X)) + 0.2


@pytest.mark.slow
def test_it_keeps_neighbours_nearly_as_tsne_does(halves, fitted):
    X = halves[0]
    free = TSNE(random_state=0).fit(X)
    ours, theirs = (
        metrics.trustworthiness(X, Z, n_neighbors=12) for Z in (fitted.embedding_, free.embedding_)
    )
    assert ours > theirs - 0.03
    # An encoder cannot have a lower divergence than places that are free, found as well.
    assert free.kl_divergence_ - 0.05 < fitted.kl_divergence_ < 2 * free.kl_divergence_


def test_the_embedding_is_where_the_rows_go(halves, fitted):
    X = halves[0]
    np.testing.assert_allclose(fitted.transform(X), fitted.embedding_, rtol=1e-4, atol=1e-3)
    affinities = Affinities.of_rows(X, 30.0, "euclidean")
    expected = affinities.divergence(fitted.embedding_, 1.0)
    assert fitted.kl_divergence_ == pytest.approx(expected, rel=1e-6)
    # The mean of the last epoch's batches estimates the same.
    assert fitted.history_["kl_divergence"][-1] == pytest.approx(expected, abs=0.15)


@pytest.mark.sample(1)
@pytest.mark.parametrize("offset", [0, 10_000])
def test_it_starts_at_the_principal_components(halves, offset):
    X = halves[0] + np.float32(offset)
    model = ParametricTSNE(
        max_iter=1, learning_rate_init=1e-12, early_exaggeration=1.0, random_state=0
    ).fit(X)
    components = PCA(2).fit_transform(halves[0])
    assert model.embedding_[:, 0].std() == pytest.approx(1, rel=0.3)
    for ours, theirs in zip(model.embedding_.T, components.T, strict=True):
        assert abs(np.corrcoef(ours, theirs)[0, 1]) > 0.9


def test_with_a_decoder_there_is_a_way_back(halves):
    X = halves[0]
    model = ParametricTSNE(
        reconstruction_weight=10.0, max_iter=80, hidden_layer_sizes=(128,), random_state=0
    ).fit(X)
    rebuilt = model.inverse_transform(model.transform(X))
    pca = PCA(2).fit(X)
    assert (
        np.square(rebuilt - X).mean()
        < np.square(pca.inverse_transform(pca.transform(X)) - X).mean()
    )
    encoder, decoder = model.to_keras()
    np.testing.assert_allclose(np.asarray(decoder(encoder(X[:5]))), rebuilt[:5], atol=0.05)


def test_without_a_decoder_there_is_none(fitted):
    assert not hasattr(fitted, "inverse_transform")
    asked_later = copy.copy(fitted).set_params(reconstruction_weight=1.0)
    assert not hasattr(asked_later, "inverse_transform")
    assert fitted.to_keras().decoder is None


@pytest.mark.parametrize("metric", ["precomputed", "euclidian", "mahalanobis"])
def test_a_metric_is_one_of_rows(metric):
    with pytest.raises(ValueError, match=f"'metric' parameter .* must be .* Got '{metric}'"):
        ParametricTSNE(metric=metric).fit(np.eye(50))


def test_rows_that_are_all_the_same_have_one_place():
    model = ParametricTSNE(perplexity=3, max_iter=2, random_state=0).fit(np.ones((20, 4)))
    assert np.ptp(model.embedding_, axis=0).max() == 0


def untrained(X, perplexity=30.0):
    """Return an embedding that depends on the affinities alone: all rows have one place."""
    params = {"max_iter": 1, "hidden_layer_sizes": (4,), "random_state": 0}
    return ParametricTSNE(perplexity=perplexity, **params).fit(X)


@pytest.mark.sample(3)
@pytest.mark.parametrize("n_features", [3, 20])
@pytest.mark.parametrize("value", [0.1, 1e9 / 3, -7.0, np.float32(0.1)])
def test_the_value_of_equal_rows_does_not_matter(value, n_features):
    zeros = np.zeros((200, n_features), np.asarray(value).dtype)
    expected = untrained(zeros).kl_divergence_
    assert untrained(zeros + value).kl_divergence_ == expected
    assert 0 < expected < 1


@pytest.mark.slow
def test_perplexity_may_be_above_the_number_of_different_rows():
    # Sums with these are exact.
    rows = np.repeat(load_digits().data[:4], 50, axis=0)
    for moved in (rows + 2.0**40, rows * 2.0**-50, rows * 2.0**-50 + 2.0**-10):
        ours = Affinities.of_rows(moved, 30.0, "euclidean").matrix
        expected = Affinities.of_rows(rows, 30.0, "euclidean").matrix
        np.testing.assert_allclose(ours.sum(axis=1), expected.sum(axis=1), rtol=1e-5)
        assert untrained(moved).kl_divergence_ == pytest.approx(
            untrained(rows).kl_divergence_, rel=1e-3
        )


@pytest.mark.parametrize("move", [lambda X: X + 2.0**30, lambda X: 2.0**-60 * X])
def test_neighbours_depend_neither_on_an_offset_nor_on_a_unit(halves, move):
    X = halves[0][:300].astype(np.float64)
    params = {"max_iter": 3, "hidden_layer_sizes": (16,), "random_state": 0}
    expected = ParametricTSNE(**params).fit(X)
    moved = ParametricTSNE(**params).fit(move(X))
    assert moved.kl_divergence_ == pytest.approx(expected.kl_divergence_, rel=0.01)
    np.testing.assert_allclose(moved.embedding_, expected.embedding_, atol=0.05)


@pytest.mark.slow
def test_pretraining_starts_from_an_autoencoder(halves):
    X = halves[0]
    model = ParametricTSNE(
        pretraining="autoencoder",
        pretrain_max_iter=5,
        max_iter=5,
        hidden_layer_sizes=(64,),
        random_state=0,
    ).fit(X)
    assert np.isfinite(model.embedding_).all()


def test_what_auto_stands_for(halves):
    X = halves[0]
    model = ParametricTSNE(perplexity=5, random_state=0)
    chosen = model.set_params(max_iter=20).fit(X[:100]).settings_
    assert chosen["hidden_layer_sizes"] == (512, 512, 512)
    assert chosen["n_exaggeration_iter"] == 2
    assert len(model.history_["loss"]) == 20
    params = ParametricTSNE().get_params()
    assert embedding_settings(params, 60_000)["max_iter"] == 68
    assert embedding_settings(params, 60_000)["batch_size"] == 1024
    assert embedding_settings(params, 100)["max_iter"] == 300


@pytest.mark.parametrize(
    ("params", "rows", "message"),
    [
        ({"perplexity": 200}, 100, "'perplexity' must be less than the number of rows, 100"),
        ({"init": "spectral"}, 100, "init"),
        ({"activation": "tanh", "perplexity": 5}, 100, "Use init='random'"),
        (
            {"architecture": "convolutional", "architecture_params": {"image_shape": (8, 8)}},
            100,
            "init='random'",
        ),
        ({"n_components": "auto"}, 100, "n_components"),
    ],
)
def test_what_cannot_be_is_said(halves, params, rows, message):
    model = ParametricTSNE(max_iter=1, random_state=0).set_params(**params)
    with pytest.raises(ValueError, match=message):
        model.fit(halves[0][:rows])


def test_streams_and_partial_fit_are_refused(halves):
    X = halves[0]
    with pytest.raises(ValueError, match="ParametricTSNE learns from all rows at once"):
        ParametricTSNE().fit(lambda: iter([X[:100], X[100:]]))
    with pytest.raises(AttributeError, match="neighbours are looked for among all rows"):
        ParametricTSNE().partial_fit(X)
