"""The measures of embeddings, against scikit-learn and against plain counting."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from sklearn import manifold
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import (
    mean_absolute_error,
    mean_squared_error,
    pairwise_distances,
    r2_score,
)
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from tfae import Autoencoder, metrics

pytestmark = pytest.mark.usefixtures("in_executor")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(metrics, "_BLOCK_ENTRIES", 7 * 150)


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).normal(size=(150, 6))


@pytest.fixture(scope="module")
def embedded(rows):
    return PCA(2).fit_transform(rows)


@pytest.mark.parametrize(
    "metric", ["euclidean", "cosine", "manhattan", "seuclidean", "mahalanobis"]
)
def test_trustworthiness_and_continuity_are_scikit_learns(rows, embedded, metric):
    sizes = [1, 5, 30, 70]
    expected = [
        manifold.trustworthiness(rows, embedded, n_neighbors=k, metric=metric) for k in sizes
    ]
    found = metrics.trustworthiness(rows, embedded, n_neighbors=sizes, metric=metric)
    np.testing.assert_allclose(found, expected)
    single = metrics.trustworthiness(rows, embedded, n_neighbors=5, metric=metric)
    assert isinstance(single, float)
    assert single == pytest.approx(expected[1])
    if metric == "euclidean":
        swapped = [manifold.trustworthiness(embedded, rows, n_neighbors=k) for k in sizes]
        np.testing.assert_allclose(metrics.continuity(rows, embedded, n_neighbors=sizes), swapped)


@pytest.mark.parametrize("metric", ["seuclidean", "mahalanobis"])
def test_distances_in_units_of_the_data_take_them_from_all_rows(rows, embedded, metric):
    distances = pairwise_distances(rows, metric=metric)
    sizes = {"n_neighbors": [1, 5, 30]}
    for measure in (metrics.trustworthiness, metrics.continuity, metrics.neighbor_recall):
        found = measure(rows, embedded, metric=metric, **sizes)
        np.testing.assert_allclose(
            found, measure(distances, embedded, metric="precomputed", **sizes)
        )
    some = {"n_samples": 40, "random_state": 3}
    assert metrics.shepard_correlation(rows, embedded, metric=metric, **some) == pytest.approx(
        metrics.shepard_correlation(distances, embedded, metric="precomputed", **some)
    )
    np.testing.assert_allclose(
        metrics.embedding_report(rows, {"pca": embedded}, metric=metric),
        metrics.embedding_report(distances, {"pca": embedded}, metric="precomputed"),
    )


def test_features_that_do_not_vary_add_nothing_or_are_refused_by_name(rows, embedded):
    constant = np.column_stack([rows, np.zeros(len(rows))])
    np.testing.assert_allclose(
        metrics.trustworthiness(constant, embedded, metric="seuclidean"),
        metrics.trustworthiness(rows, embedded, metric="seuclidean"),
    )
    with pytest.raises(ValueError, match=r"'mahalanobis' the covariance.*singular"):
        metrics.trustworthiness(constant, embedded, metric="mahalanobis")
    summed = np.column_stack([rows[:, :2], rows[:, 0] + rows[:, 1]])
    with pytest.raises(ValueError, match=r"'mahalanobis' the covariance.*singular"):
        metrics.trustworthiness(summed, embedded, metric="mahalanobis")
    one = rows[:, :1]
    assert metrics.trustworthiness(one, one, metric="mahalanobis") == 1


@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame])
def test_booleans_stay_booleans_where_the_metric_is_boolean(rows, embedded, make):
    distances = pairwise_distances(rows > 0, metric="jaccard")
    given = make(rows > 0), embedded
    found = metrics.trustworthiness(*given, metric="jaccard")  # a warning would be an error
    assert found == metrics.trustworthiness(distances, embedded, metric="precomputed")
    assert metrics.shepard_correlation(*given, metric="jaccard") == pytest.approx(
        metrics.shepard_correlation(distances, embedded, metric="precomputed")
    )
    numbers = np.asarray(rows > 0, float)
    assert metrics.trustworthiness(*given) == metrics.trustworthiness(numbers, embedded)
    with pytest.warns(DataConversionWarning, match="converted to boolean"):
        metrics.trustworthiness(numbers, embedded, metric="jaccard")


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), k=st.integers(1, 9))
def test_rows_that_occur_twice_are_neighbours_of_each_other(seed, k):
    rng = np.random.default_rng(seed)
    rows = np.repeat(rng.normal(size=(10, 3)), 2, axis=0)
    other = rng.normal(size=(20, 2))
    assert metrics.trustworthiness(rows, rows, n_neighbors=1) == 1
    expected = manifold.trustworthiness(
        rows + 1e-9 * rng.normal(size=rows.shape), other, n_neighbors=k
    )
    # Ties may be broken either way, each worth one rank.
    worst = 2 / (2 * 20 - 3 * k - 1)
    assert metrics.trustworthiness(rows, other, n_neighbors=k) == pytest.approx(expected, abs=worst)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), k=st.integers(1, 9), spread=st.integers(1, 4))
def test_rows_at_the_same_distance_are_ranked_in_their_order(seed, k, spread):
    rng = np.random.default_rng(seed)
    # Small integers, so that distances are exact and most of them are tied.
    rows, other = rng.integers(0, spread, (20, 3)), rng.integers(0, spread, (20, 1))

    def ranks(points):
        distances = np.abs(points[:, None] - points[None]).sum(axis=2).astype(float)
        np.fill_diagonal(distances, np.inf)
        return np.argsort(np.argsort(distances, axis=1, kind="stable"), axis=1) + 1

    given, embedded = ranks(rows), ranks(other)
    worst = 20 * k * (2 * 20 - 3 * k - 1) / 2
    measures = {"n_neighbors": k, "metric": "manhattan"}
    for measure, own, far in [
        ("trustworthiness", embedded, given),
        ("continuity", given, embedded),
    ]:
        expected = 1 - np.maximum(0, far - k)[own <= k].sum() / worst
        found = getattr(metrics, measure)(rows, other, **measures)
        assert found == pytest.approx(expected, abs=1e-12)
    recall = np.mean((given <= k) & (embedded <= k)) * 20 / k
    assert metrics.neighbor_recall(rows, other, **measures) == pytest.approx(recall)


def test_distances_may_be_given(rows, embedded):
    distances = pairwise_distances(rows)
    before = distances.copy()
    found = metrics.embedding_report(distances, {"pca": embedded}, metric="precomputed")
    np.testing.assert_array_equal(distances, before)
    np.testing.assert_allclose(found, metrics.embedding_report(rows, {"pca": embedded}))
    some = {"n_samples": 100, "random_state": 3}
    assert metrics.shepard_correlation(
        distances, embedded, metric="precomputed", **some
    ) == pytest.approx(metrics.shepard_correlation(rows, embedded, **some))
    for wrong in (distances[:, 1:], sparse.csr_array(distances)):
        with pytest.raises(ValueError, match="dense square matrix of distances"):
            metrics.trustworthiness(wrong, embedded, metric="precomputed")


def test_whole_numbers_keep_their_ties():
    rows = np.random.default_rng(0).integers(0, 3, (40, 5))
    distances = np.sqrt(np.square(rows[:, None] - rows[None]).sum(axis=2))
    other = np.random.default_rng(1).integers(0, 3, (40, 2))
    found = metrics.trustworthiness(rows, other, n_neighbors=7)
    assert found == metrics.trustworthiness(distances, other, metric="precomputed", n_neighbors=7)


def test_recall_is_the_overlap_of_the_neighbours(rows, embedded):
    def nearest(points, k):
        distances = np.linalg.norm(points[:, None] - points[None], axis=2)
        np.fill_diagonal(distances, np.inf)
        return np.argsort(distances, axis=1)[:, :k]

    for k in (1, 10):
        pairs = zip(nearest(rows, k), nearest(embedded, k), strict=True)
        expected = np.mean([len(set(a) & set(b)) / k for a, b in pairs])
        assert metrics.neighbor_recall(rows, embedded, n_neighbors=k) == pytest.approx(expected)


def test_shepard_correlation_is_that_of_all_distances(rows, embedded):
    expected = spearmanr(pdist(rows), pdist(embedded)).statistic
    assert metrics.shepard_correlation(rows, embedded) == pytest.approx(expected)
    pearson = np.corrcoef(pdist(rows), pdist(embedded))[0, 1]
    assert metrics.shepard_correlation(rows, embedded, method="pearson") == pytest.approx(pearson)
    drawn = metrics.shepard_correlation(rows, embedded, n_samples=100)
    assert drawn == pytest.approx(expected, abs=0.1)
    assert drawn == metrics.shepard_correlation(rows, embedded, n_samples=100)
    assert np.isnan(metrics.shepard_correlation(rows, np.zeros((150, 2))))
    every = metrics.shepard_correlation(rows, embedded, n_samples=None)
    assert every == metrics.shepard_correlation(rows, embedded, n_samples=np.int64(150))
    assert np.isfinite(metrics.shepard_correlation(rows, embedded, n_samples=3))


@pytest.mark.parametrize("n_samples", [0, -5, 1, 2, 2.5, True])
def test_a_correlation_needs_three_rows(rows, embedded, n_samples):
    said = rf"'n_samples' must be an integer of at least 3, or None.*Got {n_samples}\."
    with pytest.raises(ValueError, match=said):
        metrics.shepard_correlation(rows, embedded, n_samples=n_samples)


@pytest.mark.parametrize("k", [1, 5])
def test_knn_accuracy_leaves_the_row_itself_out(embedded, k):
    y = np.where(embedded[:, 0] > 0, "right", "left")
    expected = cross_val_score(KNeighborsClassifier(k), embedded, y, cv=LeaveOneOut()).mean()
    assert metrics.knn_accuracy(embedded, y, n_neighbors=k) == pytest.approx(expected)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_reconstruction_errors_are_scikit_learns(rows, make):
    rebuilt = rows + np.random.default_rng(1).normal(0, 0.3, rows.shape)
    errors = metrics.reconstruction_errors(make(rows), make(rebuilt))
    assert errors["mse"] == pytest.approx(mean_squared_error(rows, rebuilt))
    assert errors["rmse"] == pytest.approx(np.sqrt(errors["mse"]))
    assert errors["mae"] == pytest.approx(mean_absolute_error(rows, rebuilt))
    assert errors["max_error"] == pytest.approx(np.abs(rows - rebuilt).max())
    assert errors["explained_variance"] == pytest.approx(
        r2_score(rows, rebuilt, multioutput="variance_weighted")
    )


@pytest.mark.parametrize("value", [0.0, 3.1, 1e6 / 3])
def test_constant_rows_are_explained_if_they_are_met_exactly(value):
    constant = np.full((10, 3), value)
    for rebuilt, expected in [(constant, 1), (constant + 0.1, 0)]:
        assert metrics.reconstruction_errors(constant, rebuilt)["explained_variance"] == expected


def test_explained_variance_is_the_score_of_the_estimator(rows):
    rows = np.column_stack([rows, np.full(len(rows), 3.1)])
    model = Autoencoder(2, hidden_layer_sizes=(4,), max_iter=2, random_state=0).fit(rows)
    errors = metrics.reconstruction_errors(rows, model.reconstruct(rows))
    assert errors["explained_variance"] == pytest.approx(model.score(rows))


@pytest.fixture(scope="module")
def pictures():
    X, y = load_digits(return_X_y=True)
    return X[:300], PCA(2).fit_transform(X[:300]), y[:300]


# Sums with these are exact, so that every measure must be the same.
MOVED = {
    "far": lambda rows: rows + 2.0**30,
    "timestamps": lambda rows: np.column_stack([rows, np.full(len(rows), 1.7e9)]),
    "tiny": lambda rows: rows * 2.0**-660,
    "huge": lambda rows: rows * 2.0**660,
    "far and tiny": lambda rows: (rows + 2.0**30) * 2.0**-660,
}


@pytest.mark.sample(5)
@pytest.mark.parametrize("name", MOVED)
@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean", "manhattan", "minkowski", "l2"])
def test_measures_depend_neither_on_an_offset_nor_on_a_unit(pictures, name, metric):
    X, Z, y = pictures
    Z = np.round(2.0**20 * Z)  # whole numbers
    expected = metrics.embedding_report(X, {"pca": Z}, y=y, metric=metric)
    moved = metrics.embedding_report(MOVED[name](X), {"pca": Z}, y=y, metric=metric)
    np.testing.assert_allclose(moved, expected, rtol=1e-12)
    if metric == "euclidean":
        of_embedding = metrics.embedding_report(X, {"pca": MOVED[name](Z)}, y=y)
        np.testing.assert_allclose(of_embedding, expected, rtol=1e-12)


@pytest.mark.parametrize("name", MOVED)
@pytest.mark.parametrize("metric", ["seuclidean", "mahalanobis"])
def test_measures_in_units_of_the_data_do_not_depend_on_them_either(rows, embedded, name, metric):
    whole = np.round(rows * 2**16)
    expected = metrics.trustworthiness(whole, embedded, metric=metric)
    moved = MOVED[name](whole)[:, : whole.shape[1]]
    assert metrics.trustworthiness(moved, embedded, metric=metric) == pytest.approx(expected)


@pytest.mark.parametrize("name", MOVED)
def test_knn_accuracy_depends_neither_on_an_offset_nor_on_a_unit(pictures, name):
    X, _, y = pictures
    expected = metrics.knn_accuracy(X, y, n_neighbors=5)
    assert metrics.knn_accuracy(MOVED[name](X), y, n_neighbors=5) == expected > 0.9


def test_two_embeddings_far_from_each_other_are_still_one(pictures):
    _, Z, y = pictures
    whole = np.round(2.0**20 * Z)
    far = whole + np.where(y < 5, 0.0, 2.0**50)[:, None]
    # A row never had a neighbour among the other labels' rows, nor has it one now.
    own = [
        metrics.knn_accuracy(whole[y < 5], y[y < 5]),
        metrics.knn_accuracy(whole[y >= 5], y[y >= 5]),
    ]
    together = np.average(own, weights=[(y < 5).sum(), (y >= 5).sum()])
    assert metrics.knn_accuracy(far, y) == pytest.approx(together)
    assert metrics.knn_accuracy(np.repeat(far, 10, axis=1), y) == pytest.approx(together)


def test_a_perfect_embedding_scores_one_and_a_shuffled_one_chance(rows):
    shuffled = np.random.default_rng(0).permutation(rows)
    report = metrics.embedding_report(rows, {"same": rows, "shuffled": shuffled}, n_neighbors=15)
    np.testing.assert_allclose(report.loc["same"], 1)
    assert report.loc["shuffled", "trustworthiness@15"] == pytest.approx(0.5, abs=0.05)
    assert report.loc["shuffled", "neighbor_recall@15"] == pytest.approx(0.1, abs=0.03)
    assert report.loc["shuffled", "shepard_correlation"] == pytest.approx(0, abs=0.1)


def test_the_report_has_what_the_functions_return(rows, embedded):
    y = rows[:, 0] > 0
    report = metrics.embedding_report(
        rows, {"pca": embedded, "itself": rows}, y=y, reconstructions={"itself": rows}
    )
    assert list(report.index) == ["pca", "itself"]
    for k in (5, 15, 50):
        for name in ("trustworthiness", "continuity", "neighbor_recall"):
            alone = getattr(metrics, name)(rows, embedded, n_neighbors=k)
            assert report.loc["pca", f"{name}@{k}"] == alone
    assert report.loc["pca", "knn_accuracy"] == metrics.knn_accuracy(embedded, y)
    assert report.loc["itself", "mse"] == 0
    assert np.isnan(report.loc["pca", "mse"])


@pytest.mark.parametrize(
    ("n", "sizes"), [(3, [1]), (10, [4]), (11, [5]), (30, [5]), (31, [5, 15]), (101, [5, 15, 50])]
)
def test_the_reports_neighbourhoods_fit_the_rows(rows, embedded, n, sizes):
    report = metrics.embedding_report(rows[:n], {"pca": embedded[:n]})
    found = [int(name.partition("@")[2]) for name in report if name.startswith("continuity@")]
    assert found == sizes
    asked = metrics.embedding_report(rows[:n], {"pca": embedded[:n]}, n_neighbors=sizes)
    pd.testing.assert_frame_equal(report, asked)


def test_all_embeddings_are_judged_by_the_same_rows(rows, embedded, monkeypatch):
    defaults = metrics.shepard_correlation.__kwdefaults__
    monkeypatch.setitem(defaults, "n_samples", 50)
    pair = {"one": embedded, "other": embedded}
    for random_state in (None, np.random.RandomState(0), 5):
        found = metrics.embedding_report(rows, pair, random_state=random_state)
        assert found["shepard_correlation"].nunique() == 1
    expected = metrics.shepard_correlation(rows, embedded, random_state=5)
    assert found.loc["one", "shepard_correlation"] == expected


def test_wrong_input_is_told(rows, embedded):
    with pytest.raises(ValueError, match=r"as many rows as 'X', 150\. Got 149"):
        metrics.trustworthiness(rows, embedded[1:])
    with pytest.raises(ValueError, match=r"less than 150 / 2, half of the rows\. Got 75"):
        metrics.continuity(rows, embedded, n_neighbors=[5, 75])
    with pytest.raises(ValueError, match="integer of at least 1"):
        metrics.neighbor_recall(rows, embedded, n_neighbors=0)
    with pytest.raises(ValueError, match=r"'spearman' or 'pearson'\. Got 'kendall'"):
        metrics.shepard_correlation(rows, embedded, method="kendall")
    with pytest.raises(ValueError, match="one label for each of the 150 rows"):
        metrics.knn_accuracy(embedded, [1, 2])
    labels = np.array(["a", "b"] * 75, object)
    for nothing in (None, pd.NA, float("nan")):
        labels[3] = nothing
        with pytest.raises(ValueError, match=rf"label for every row. Got {nothing} for row 3"):
            metrics.knn_accuracy(embedded, labels)
    with pytest.raises(ValueError, match=r"from 1 to 149.*Got 150"):
        metrics.knn_accuracy(embedded, rows[:, 0] > 0, n_neighbors=150)
    with pytest.raises(ValueError, match="the shape of 'X'"):
        metrics.reconstruction_errors(rows, embedded)
    with pytest.raises(ValueError, match=r"among \['pca'\]\. Got 'umap'"):
        metrics.embedding_report(rows, {"pca": embedded}, reconstructions={"umap": rows})
    distances = pairwise_distances(rows)
    with pytest.raises(ValueError, match=r"None with metric='precomputed'.*Got \['pca'\]"):
        metrics.embedding_report(
            distances, {"pca": embedded}, reconstructions={"pca": rows}, metric="precomputed"
        )
    with pytest.raises(ValueError, match="at least one"):
        metrics.embedding_report(rows, {})
    with pytest.raises(TypeError, match=r"'embeddings' must be a mapping of names.*Got list"):
        metrics.embedding_report(rows, [embedded])
    with pytest.raises(TypeError, match=r"'reconstructions' must be a mapping.*Got ndarray"):
        metrics.embedding_report(rows, {"pca": embedded}, reconstructions=rows)
    with pytest.raises(ValueError, match=r"'X' must have at least 3 rows.*Got 2"):
        metrics.embedding_report(rows[:2], {"pca": embedded[:2]})
    with pytest.raises(ValueError, match="NaN"):
        metrics.trustworthiness(rows, embedded * np.nan)
