"""Affinities against those of scikit-learn's TSNE."""

import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import pdist, squareform
from sklearn.manifold import TSNE
from sklearn.manifold._t_sne import _joint_probabilities, _kl_divergence

from tfae._objective.affinities import Affinities, _moderate_squares


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


def affinities(X, perplexity=5.0, metric="euclidean"):
    return Affinities.of_rows(X, perplexity, metric).matrix.toarray()


WHOLE = np.round(np.random.default_rng(3).normal(0, 1000, size=(80, 20)))
METRICS = ["euclidean", "sqeuclidean", "minkowski", "l2"]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("offset", [2.0**40, np.where(np.arange(20) == 4, 1.7e9, 0)])
@pytest.mark.parametrize("n_features", [20, 8])
def test_affinities_do_not_depend_on_an_offset(metric, offset, n_features):
    moved = (WHOLE + offset)[:, :n_features]
    expected = affinities(WHOLE[:, :n_features], metric=metric)
    np.testing.assert_allclose(affinities(moved, metric=metric), expected, rtol=1e-6)


@pytest.mark.parametrize("metric", [*METRICS, "manhattan", "chebyshev"])
@pytest.mark.parametrize("unit", [2.0**-700, 2.0**-120, 2.0**-70, 2.0**100, 2.0**700])
def test_affinities_do_not_depend_on_a_unit(metric, unit):
    expected = affinities(WHOLE, metric=metric)
    # The search for the unit ends within 1e-5 of the perplexity's logarithm.
    np.testing.assert_allclose(affinities(WHOLE * unit, metric=metric), expected, atol=1e-6)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_clusters_that_are_far_apart_keep_their_neighbours(make):
    far = np.where(np.arange(80) < 40, 0.0, 2.0**45)[:, None]
    ours = affinities(make(WHOLE + far))
    one, other = (affinities(part) for part in (WHOLE[:40], WHOLE[40:]))
    np.testing.assert_allclose(ours[:40, :40], one / 2, atol=1e-7)
    np.testing.assert_allclose(ours[40:, 40:], other / 2, atol=1e-7)
    assert not ours[:40, 40:].any()


def test_every_row_has_a_unit_of_its_own():
    distances = np.random.default_rng(4).random((6, 30)) + 1
    units = 2.0 ** np.array([-900, -50, 0, 3, 90, 800])
    expected = np.square(distances)
    squares = _moderate_squares(distances * units[:, None], 5.0)
    ratios = squares / expected
    np.testing.assert_array_equal(ratios, np.broadcast_to(ratios[:, :1], ratios.shape))
    assert ((squares > 1e-20) & (squares < 1e20)).all()
    np.testing.assert_array_equal(squares[2], expected[2])  # a usual unit stays


@pytest.mark.parametrize("n_equal", [10, 30])
def test_a_row_with_many_copies_has_the_unit_of_the_others(n_equal):
    distances = np.append(np.zeros(n_equal), 2.0 ** np.array([-500, -499, 700]))[None]
    squares = _moderate_squares(distances[:, : n_equal + 3], 5.0)
    assert np.isfinite(squares.astype(np.float32)).all()
    assert (squares[0, n_equal:] > 1e-3).all()
    assert not squares[0, :n_equal].any()


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9 / 3])
@pytest.mark.parametrize("n_features", [3, 20])
def test_equal_rows_have_uniform_affinities(value, n_features):
    rows = np.full((60, n_features), value)
    matrix = Affinities.of_rows(rows, 5.0, "euclidean").matrix
    # A pair is chosen by one of its rows or by both.
    one, both = 1 / (2 * 60 * 16), 1 / (60 * 16)
    chosen = np.isclose(matrix.data, one) | np.isclose(matrix.data, both)
    assert chosen.all()


def test_equal_rows_among_others_are_each_others_neighbours():
    rng = np.random.default_rng(5)
    rows = np.vstack([rng.random((40, 20)), np.full((40, 20), 1 / 3)])
    for moved in (rows, rows + 1e6, 1e-3 * rows):
        ours = affinities(moved, perplexity=10.0)
        assert ours[40:, 40:].sum() == pytest.approx(0.5, abs=0.05)
        chosen = ours[40:, 40:]
        levels = np.unique(np.round(chosen[chosen > 0], 12))
        assert len(levels) <= 2
