"""What is done without scikit-learn's public methods gives what they give."""

import numpy as np
import pytest
from family import FOR_FEW_ROWS, kinds
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.utils import all_estimators

from tfae import Autoencoder, ParametricTSNE, metrics, streams
from tfae._support.sklearn import fitted_within

pytestmark = [
    pytest.mark.usefixtures("in_executor"),
    pytest.mark.filterwarnings("ignore:The network could not improve on PCA"),
    pytest.mark.filterwarnings("ignore:.*of the variance"),
]

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 8)) @ RNG.normal(size=(8, 8))


@pytest.mark.parametrize(
    ("shape", "params"),
    [
        ((300, 10), {"n_components": 4}),  # by the covariance
        ((30, 20), {"n_components": 4}),  # by a full decomposition
        ((600, 90), {"n_components": 4, "random_state": 0}),  # by a randomized one
        ((30, 20), {"svd_solver": "full"}),
    ],
)
def test_components_have_the_bits_of_fit(shape, params):
    rows = RNG.normal(size=shape)
    ours, theirs = fitted_within(PCA(**params), rows.copy()), PCA(**params).fit(rows.copy())
    for name in ("mean_", "components_", "explained_variance_", "explained_variance_ratio_"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


@pytest.mark.parametrize("rows", [X, sparse.csr_array(X)], ids=["dense", "sparse"])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_neighbours_have_the_bits_of_fit(rows, metric):
    ours = fitted_within(NearestNeighbors(n_neighbors=5, metric=metric), rows)
    theirs = NearestNeighbors(n_neighbors=5, metric=metric).fit(rows)
    for one, other in zip(ours.kneighbors(), theirs.kneighbors(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_accuracy_of_neighbours_is_that_of_the_classifier():
    labels = np.arange(60) % 3
    nearest = KNeighborsClassifier(4).fit(X, labels).kneighbors(return_distance=False)
    votes = (labels[nearest][:, :, None] == np.arange(3)).sum(axis=1).argmax(axis=1)
    assert metrics.knn_accuracy(X, labels, n_neighbors=4) == np.mean(votes == labels)
    with pytest.raises(ValueError, match="continuous"):
        metrics.knn_accuracy(X, RNG.normal(size=60))


@pytest.fixture
def fits(monkeypatch):
    """The classes of scikit-learn that were fitted, as a tracker that replaces `fit` sees it."""
    seen = []

    def watched(kind, name):
        method = getattr(kind, name)

        def call(self, *args, **kwargs):
            seen.append(kind.__name__)
            return method(self, *args, **kwargs)

        monkeypatch.setattr(kind, name, call)

    for _, kind in all_estimators():
        for name in ("fit", "fit_transform", "fit_predict"):
            if hasattr(kind, name):
                watched(kind, name)
    return seen


@pytest.mark.sample(2)
@pytest.mark.parametrize("kind", kinds())
def test_no_estimator_of_scikit_learn_is_fitted_within_a_fit(kind, fits):
    given = {"hidden_layer_sizes": (8,), "max_iter": 1, **FOR_FEW_ROWS.get(kind.__name__, {})}
    kind(2, **given).fit_transform(X)
    assert not fits
    PCA(2).fit(X)
    assert fits == ["PCA"]


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "fit",
    [
        lambda: Autoencoder(max_iter=1).fit(X),
        lambda: Autoencoder(0.8, max_iter=1).fit(X),
        lambda: Autoencoder("auto", max_iter=1).fit(X),
        lambda: Autoencoder(2, scaling="quantile", max_iter=1).fit(X),
        lambda: Autoencoder(2).partial_fit(X),
        lambda: Autoencoder(2, max_iter=1).fit(streams.from_batches([X, X], window=40)),
        lambda: ParametricTSNE(perplexity=5, metric="cosine", max_iter=1).fit(X),
        lambda: metrics.embedding_report(X, {"two": X[:, :2]}, y=np.arange(60) % 3),
    ],
    ids=["path", "fraction", "auto", "quantile", "partial", "stream", "tsne", "report"],
)
def test_nor_in_any_of_their_ways(fit, fits):
    fit()
    assert not fits
