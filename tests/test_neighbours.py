"""Affinities against scikit-learn's TSNE, the drawing of edges against the affinities."""

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import pdist, squareform
from sklearn.manifold import TSNE
from sklearn.manifold._t_sne import _joint_probabilities, _kl_divergence

from tfae._chunks import chunk_shape
from tfae._neighbours import Affinities, Edges
from tfae._scaling import fit_scaling


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).normal(size=(90, 5)).astype(np.float32)


def edges_of(rows, batch=16, edges_per_row=1, perplexity=5.0):
    affinities = Affinities.of_rows(rows, perplexity, "euclidean")
    shape = chunk_shape(batch, rows.shape[1], "float32")
    return affinities, Edges(rows, fit_scaling("global", rows), shape, affinities, edges_per_row)


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


def test_edges_are_drawn_as_often_as_their_affinity_says(rows):
    affinities, edges = edges_of(rows, edges_per_row=50)
    drawn = edges._draw(np.random.default_rng(0))
    heads, tails = np.split(drawn, 2, axis=1)
    counts = np.zeros((len(rows), len(rows)))
    np.add.at(counts, (heads.ravel(), tails.ravel()), 1)
    # Drawn systematically, no edge is off by more than one.
    expected = affinities.matrix.toarray() * heads.size
    assert np.abs(counts - expected).max() < 1 + 1e-6


def test_weights_make_every_row_count_the_same(rows):
    _, edges = edges_of(rows, edges_per_row=200)
    drawn = edges._draw(np.random.default_rng(0)).ravel()
    counts = np.bincount(drawn, minlength=len(rows))
    totals = np.bincount(drawn, edges._weight[drawn])
    assert counts.std() > 0.2 * counts.mean()
    assert totals.std() < 0.02 * totals.mean()
    chunk = next(edges.epochs(np.random.default_rng(0)))
    np.testing.assert_allclose(chunk.weight, edges._weight[chunk.order], rtol=1e-6)


@pytest.mark.parametrize("steps", [1, 64])
def test_both_ends_of_an_edge_are_where_they_should_be(rows, steps):
    """Whether the rows fit into one chunk or are gathered for each."""
    affinities, edges = edges_of(rows)
    edges._shape = edges._shape._replace(steps=steps)
    scaled = fit_scaling("global", rows).forward(rows, np.float32)
    chunks = edges.epochs(np.random.default_rng(3))
    drawn = edges._draw(np.random.default_rng(3))
    n_epochs_ended = 0
    for start in range(0, len(drawn), steps):
        chunk = next(chunks)
        n_epochs_ended += chunk.last
        got = chunk.x[chunk.order[: chunk.n_steps]]
        np.testing.assert_array_equal(got, scaled[drawn[start : start + chunk.n_steps]])
    assert n_epochs_ended == 1
    assert chunk.last
    matrix = affinities.matrix.toarray()
    heads, tails = np.split(drawn, 2, axis=1)
    assert (matrix[heads, tails] > 0).all()


def test_without_a_generator_all_epochs_are_the_same(rows):
    _, edges = edges_of(rows)
    chunks = edges.epochs()
    first = next(chunks).order.copy()
    np.testing.assert_array_equal(first, next(chunks).order)
