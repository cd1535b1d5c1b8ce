"""Affinities against those of scikit-learn's TSNE."""

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import pdist, squareform
from sklearn.manifold import TSNE
from sklearn.manifold._t_sne import _joint_probabilities, _kl_divergence

from tfae._objective.affinities import Affinities


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).normal(size=(90, 5)).astype(np.float32)


def test_affinities_are_those_of_scikit_learn(rows, monkeypatch):
    taken = []
    monkeypatch.setattr(
        TSNE, "_tsne", lambda self, P, *args, **kwargs: taken.append(P) or np.zeros((len(rows), 2))
    )
    TSNE(perplexity=7, init="random").fit(rows)
    ours = Affinities.of_rows(rows, 7.0, "euclidean").matrix
    np.testing.assert_allclose(ours.toarray(), taken[0].toarray(), rtol=1e-12)


def test_affinities_with_all_neighbours_are_the_exact_ones():
    rows = np.random.default_rng(1).normal(size=(20, 3))
    exact = squareform(_joint_probabilities(squareform(pdist(rows, "sqeuclidean")), 8.0, 0))
    ours = Affinities.of_rows(rows, 8.0, "euclidean")
    np.testing.assert_allclose(ours.matrix.toarray(), exact, atol=1e-8)
    assert ours.matrix.sum() == pytest.approx(1)
    np.testing.assert_allclose(ours.matrix.toarray(), ours.matrix.T.toarray())


def test_sparse_rows_have_the_same_neighbours(rows):
    dense = np.where(np.abs(rows) > 0.5, rows, 0)
    ours = Affinities.of_rows(sparse.csr_matrix(dense), 5.0, "euclidean").matrix.toarray()
    expected = Affinities.of_rows(dense, 5.0, "euclidean").matrix.toarray()
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_another_metric_gives_other_neighbours(rows):
    cosine = Affinities.of_rows(rows, 5.0, "cosine").matrix
    assert (cosine != Affinities.of_rows(rows, 5.0, "euclidean").matrix).nnz > 0


@pytest.mark.parametrize("freedom", [1, 3])
def test_the_divergence_is_that_of_scikit_learn(freedom):
    rows = np.random.default_rng(1).normal(size=(20, 3))
    places = np.random.default_rng(2).normal(size=(20, 2))
    P = _joint_probabilities(squareform(pdist(rows, "sqeuclidean")), 8.0, 0)
    expected, _ = _kl_divergence(places.ravel(), P, freedom, 20, 2)
    ours = Affinities.of_rows(rows, 8.0, "euclidean")
    assert ours.divergence(places, freedom) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("value", [np.nan, -1.0, -0.5, np.inf])
def test_a_metric_that_gives_no_distances_is_refused(rows, value):
    def sometimes(one, other):
        distance = np.abs(one - other).sum()
        return value if distance < 3 else distance

    for metric in (lambda one, other: value, sometimes):
        with pytest.raises(ValueError, match=rf"'metric' must give distances.*Got {value} from"):
            Affinities.of_rows(rows, 5.0, metric)


def test_rows_that_a_metric_has_no_distance_of_are_told(rows):
    constant = rows.copy()
    constant[3] = 1
    with pytest.raises(ValueError, match=r"must give distances.*Got nan from 'correlation'"):
        Affinities.of_rows(constant, 5.0, "correlation")


def test_a_function_is_as_good_as_its_name(rows):
    def manhattan(one, other):
        return np.abs(one - other).sum()

    ours = Affinities.of_rows(rows, 5.0, manhattan).matrix.toarray()
    expected = Affinities.of_rows(rows, 5.0, "manhattan").matrix.toarray()
    np.testing.assert_allclose(ours, expected, rtol=1e-6)
