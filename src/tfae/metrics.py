"""Measures of how well an embedding keeps neighbours and distances, and a reconstruction the data.

Distances are computed in blocks of rows, so that memory stays bounded. The Euclidean distance, and
others that do not depend on an offset, keep their digits for rows far from zero and in any unit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import pairwise_distances
from sklearn.metrics.pairwise import PAIRWISE_BOOLEAN_FUNCTIONS
from sklearn.utils import check_array, check_random_state, gen_batches
from sklearn.utils.multiclass import check_classification_targets

from tfae._data.checks import readable
from tfae._data.columns import naming_columns
from tfae._data.distances import EUCLIDEAN, EuclideanDistances, comparable
from tfae._data.scaling import finite_variance
from tfae._support.masks import check_unmasked
from tfae._support.typing import Array

__all__ = [
    "continuity",
    "embedding_report",
    "knn_accuracy",
    "neighbor_recall",
    "reconstruction_errors",
    "shepard_correlation",
    "trustworthiness",
]

# A block of distances has at most this many entries: 32 MB in double precision.
_BLOCK_ENTRIES = 1 << 22
# The sizes of neighbourhoods in a report if none are asked for.
_REPORTED = (5, 15, 50)


def trustworthiness(
    X: Any,
    X_embedded: Any,
    *,
    n_neighbors: int | Sequence[int] = 5,
    metric: str | Callable[..., float] = "euclidean",
) -> Any:
    r"""Return to what extent neighbours in the embedding are neighbours in the data.

    The :math:`k` nearest rows of a row in the embedding should be among its :math:`k` nearest in
    the data. Those that are not cost by their rank :math:`r` in the data [1]_:

    .. math:: T(k) = 1 - \frac{2}{n k (2 n - 3 k - 1)} \sum_i \sum_{j} \max(0, r(i, j) - k).

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The data.
    X_embedded : array-like of shape (n_samples, n_components)
        The same rows in the embedding.
    n_neighbors : int or sequence of int, default=5
        :math:`k`, less than half of the number of rows. Several values cost as much as the largest.
    metric : str or callable, default="euclidean"
        The distance between rows of the data, as in :func:`sklearn.metrics.pairwise_distances`;
        with "precomputed", `X` has the distances. In the embedding the distance is Euclidean.

    Returns
    -------
    float or ndarray of shape (len(n_neighbors),)
        From 0 to 1.

    Raises
    ------
    ValueError
        If the numbers of rows differ, there are too few rows for `n_neighbors`, or values are
        missing, masked or not finite.

    References
    ----------
    .. [1] Venna, J. and Kaski, S. (2001). Neighborhood preservation in nonlinear projection
       methods: an experimental study. ICANN.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from tfae.metrics import trustworthiness
    >>> X = load_digits().data
    >>> round(trustworthiness(X, PCA(2).fit_transform(X), n_neighbors=10), 2)
    0.83
    """
    kept = _neighbourhoods(X, {"": X_embedded}, n_neighbors, metric)[""]
    return _one_or_all(kept["trustworthiness"], n_neighbors)


def continuity(
    X: Any,
    X_embedded: Any,
    *,
    n_neighbors: int | Sequence[int] = 5,
    metric: str | Callable[..., float] = "euclidean",
) -> Any:
    """Return to what extent neighbours in the data are neighbours in the embedding.

    It is :func:`trustworthiness` with the data and the embedding exchanged (Venna and Kaski, 2001).

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The data.
    X_embedded : array-like of shape (n_samples, n_components)
        The same rows in the embedding.
    n_neighbors : int or sequence of int, default=5
        The number of neighbours, less than half of the number of rows.
    metric : str or callable, default="euclidean"
        The distance between rows of the data.

    Returns
    -------
    float or ndarray of shape (len(n_neighbors),)
        From 0 to 1.

    Raises
    ------
    ValueError
        If the numbers of rows differ, there are too few rows for `n_neighbors`, or values are
        missing, masked or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from tfae.metrics import continuity
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> continuity(X, 2 * X)
    1.0
    """
    kept = _neighbourhoods(X, {"": X_embedded}, n_neighbors, metric)[""]
    return _one_or_all(kept["continuity"], n_neighbors)


def neighbor_recall(
    X: Any,
    X_embedded: Any,
    *,
    n_neighbors: int | Sequence[int] = 5,
    metric: str | Callable[..., float] = "euclidean",
) -> Any:
    """Return the fraction of nearest rows in the data that are also nearest in the embedding.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The data.
    X_embedded : array-like of shape (n_samples, n_components)
        The same rows in the embedding.
    n_neighbors : int or sequence of int, default=5
        The number of neighbours, less than half of the number of rows.
    metric : str or callable, default="euclidean"
        The distance between rows of the data.

    Returns
    -------
    float or ndarray of shape (len(n_neighbors),)
        From 0 to 1; about ``n_neighbors / n_samples`` for a random embedding.

    Raises
    ------
    ValueError
        If the numbers of rows differ, there are too few rows for `n_neighbors`, or values are
        missing, masked or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from tfae.metrics import neighbor_recall
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> neighbor_recall(X, -X, n_neighbors=[1, 10])
    array([1., 1.])
    """
    kept = _neighbourhoods(X, {"": X_embedded}, n_neighbors, metric)[""]
    return _one_or_all(kept["neighbor_recall"], n_neighbors)


def shepard_correlation(
    X: Any,
    X_embedded: Any,
    *,
    method: str = "spearman",
    metric: str | Callable[..., float] = "euclidean",
    n_samples: int | None = 2000,
    random_state: Any = 0,
) -> float:
    """Return the correlation of the distances in the data with those in the embedding.

    It summarises the Shepard diagram (Shepard, 1962, Psychometrika 27). It is 1 if all distances
    keep their order.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The data.
    X_embedded : array-like of shape (n_samples, n_components)
        The same rows in the embedding.
    method : {"spearman", "pearson"}, default="spearman"
        The correlation of ranks, or of the distances themselves.
    metric : str or callable, default="euclidean"
        The distance between rows of the data.
    n_samples : int or None, default=2000
        The number of rows to draw if there are more, at least 3. All pairs of them are taken. None
        takes all rows.
    random_state : int, RandomState instance or None, default=0
        Determines the rows that are drawn.

    Returns
    -------
    float
        From -1 to 1; NaN if all distances are the same.

    Raises
    ------
    ValueError
        If the numbers of rows differ, `method` is unknown, `n_samples` is too small, or values are
        missing, masked or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from tfae.metrics import shepard_correlation
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> round(shepard_correlation(X, 2 * X), 6)
    1.0
    """
    if method not in ("spearman", "pearson"):
        raise ValueError(f"'method' must be 'spearman' or 'pearson'. Got {method!r}.")
    # One pair of rows has no correlation.
    if n_samples is not None and not (isinstance(n_samples, Integral) and int(n_samples) >= 3):
        raise ValueError(
            "'n_samples' must be an integer of at least 3, or None for all rows. Got "
            f"{n_samples!r}."
        )
    X = _data(X, metric)
    Z = _embedded(X_embedded, X.shape[0], "X_embedded")
    options = _metric_options(X, metric)
    if n_samples is not None and X.shape[0] > n_samples:
        drawn = check_random_state(random_state).choice(X.shape[0], n_samples, replace=False)
        X, Z = X[drawn], Z[drawn]
        X = X[:, drawn] if _is_precomputed(metric) else X
    upper = np.triu_indices(X.shape[0], 1)
    every = slice(0, X.shape[0])
    given = _distances_of(X, metric, options)(every)[upper]
    pairs = [given, EuclideanDistances(Z).from_block(every)[upper]]
    if any(len(d) < 2 or d.min() == d.max() for d in pairs):
        return float("nan")
    correlation = spearmanr if method == "spearman" else pearsonr
    return float(correlation(*pairs).statistic)


def knn_accuracy(X_embedded: Any, y: Any, *, n_neighbors: int = 1) -> float:
    """Return the leave-one-out k-NN accuracy: how often a row's nearest rows have its label.

    Parameters
    ----------
    X_embedded : array-like of shape (n_samples, n_components)
        The embedding.
    y : array-like of shape (n_samples,)
        The labels.
    n_neighbors : int, default=1
        The number of neighbours that vote.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If the numbers of rows differ, there are too few rows for `n_neighbors`, or values or labels
        are missing or masked.

    Examples
    --------
    >>> from tfae.metrics import knn_accuracy
    >>> knn_accuracy([[0.0], [1.0], [5.0], [6.5]], ["a", "a", "b", "b"])
    1.0
    """
    Z = _numbers(X_embedded, "X_embedded")
    check_unmasked(y, "y")
    labels = np.asarray(y)
    if labels.shape != (len(Z),):
        raise ValueError(
            f"'y' must have one label for each of the {len(Z)} rows. Got shape {labels.shape}."
        )
    if len(missing := np.flatnonzero(pd.isna(labels))):
        raise ValueError(
            f"'y' must have a label for every row. Got {labels[missing[0]]} for row {missing[0]}."
        )
    if not (isinstance(n_neighbors, Integral) and 1 <= int(n_neighbors) < len(Z)):
        raise ValueError(
            f"'n_neighbors' must be an integer from 1 to {len(Z) - 1}, one less than the number "
            f"of rows. Got {n_neighbors!r}."
        )
    check_classification_targets(labels)
    _, nearest = EuclideanDistances(Z).nearest(int(n_neighbors))
    classes, places = np.unique(labels, return_inverse=True)
    votes = np.zeros((len(Z), len(classes)), np.intp)
    np.add.at(votes, (np.arange(len(Z))[:, None], places[nearest]), 1)
    return float(np.mean(votes.argmax(axis=1) == places))


def reconstruction_errors(X: Any, X_reconstructed: Any) -> dict[str, float]:
    """Return how far reconstructed rows are from the rows, in the units of the data.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows.
    X_reconstructed : {array-like, sparse matrix} of shape (n_samples, n_features)
        Their reconstruction.

    Returns
    -------
    dict of str to float
        "mse", "rmse" and "mae", the mean squared error, its root and the mean absolute error over
        all entries; "max_error", the largest absolute one; and "explained_variance", 1 minus the
        squared error over the squared distance from the mean, as in :meth:`tfae.Autoencoder.score`.
        For constant rows it is 1 if they are rebuilt exactly, otherwise 0.

    Raises
    ------
    ValueError
        If the shapes differ, or a variance or a squared error overflows.

    Examples
    --------
    >>> from tfae.metrics import reconstruction_errors
    >>> reconstruction_errors([[0.0, 2.0], [4.0, 2.0]], [[0.0, 2.0], [3.0, 2.0]])["mse"]
    0.25
    """
    given = X
    X, other = (
        _numbers(rows, name, accept_sparse="csr", dtype=np.float64)
        for rows, name in [(X, "X"), (X_reconstructed, "X_reconstructed")]
    )
    if X.shape != other.shape:
        raise ValueError(
            f"'X_reconstructed' must have the shape of 'X', {X.shape}. Got {other.shape}."
        )
    with naming_columns(given):
        variance = finite_variance(X)
    squared = absolute = largest = 0.0
    for block in gen_batches(X.shape[0], max(1, _BLOCK_ENTRIES // X.shape[1])):
        rows, rebuilt = (
            a[block].toarray() if hasattr(a, "toarray") else a[block] for a in (X, other)
        )
        with np.errstate(over="ignore"):
            error = np.abs(rows - rebuilt)
            squared += float(np.square(error).sum())
        absolute, largest = absolute + float(error.sum()), max(largest, float(error.max()))
    if not np.isfinite(squared):
        raise ValueError(
            "'X_reconstructed' must be so near 'X' that squared errors are finite. Got an error of "
            f"{largest:.6g}."
        )
    size = X.shape[0] * X.shape[1]
    kept = 1 - squared / size / variance if variance != 0 else float(squared == 0)
    return {
        "mse": squared / size,
        "rmse": float(np.sqrt(squared / size)),
        "mae": absolute / size,
        "max_error": largest,
        "explained_variance": kept,
    }


def embedding_report(
    X: Any,
    embeddings: Mapping[str, Any],
    *,
    y: Any | None = None,
    reconstructions: Mapping[str, Any] | None = None,
    n_neighbors: int | Sequence[int] | None = None,
    metric: str | Callable[..., float] = "euclidean",
    random_state: Any = 0,
) -> pd.DataFrame:
    """Return all measures of several embeddings of the same rows, to compare them.

    Distances in the data are computed once for all embeddings.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The data.
    embeddings : mapping of str to array-like of shape (n_samples, n_components)
        The embeddings by name.
    y : array-like of shape (n_samples,), default=None
        Labels, for the accuracy of the nearest neighbour.
    reconstructions : mapping of str to array-like of shape (n_samples, n_features), default=None
        The reconstructed rows, for some of the embeddings.
    n_neighbors : int or sequence of int, default=None
        The sizes of neighbourhoods, less than half of the number of rows. By default those of 5, 15
        and 50 that are small enough; with no more than 10 rows, the largest possible size.
    metric : str or callable, default="euclidean"
        The distance between rows of the data.
    random_state : int, RandomState instance or None, default=0
        For :func:`shepard_correlation`.

    Returns
    -------
    DataFrame
        One row for every embedding. Columns such as "trustworthiness@5" name the number of
        neighbours.

    Raises
    ------
    TypeError
        If `embeddings` or `reconstructions` is not a mapping.
    ValueError
        If the numbers of rows differ, if there are too few rows for `n_neighbors`, if `embeddings`
        is empty, if `reconstructions` has a name that `embeddings` does not have, or if there are
        `reconstructions` with ``metric="precomputed"``.

    See Also
    --------
    tfae.plotting.embedding_scores : A picture of it.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from tfae.metrics import embedding_report
    >>> X, y = load_digits(return_X_y=True)
    >>> embeddings = {f"PCA {k}": PCA(k).fit_transform(X) for k in (2, 16)}
    >>> embedding_report(X, embeddings, y=y, n_neighbors=10).round(2).T
                         PCA 2  PCA 16
    trustworthiness@10    0.83    1.00
    continuity@10         0.95    1.00
    neighbor_recall@10    0.12    0.79
    shepard_correlation   0.58    0.98
    knn_accuracy          0.59    0.99
    """
    rebuilt = {} if reconstructions is None else reconstructions
    for parameter, given in [("embeddings", embeddings), ("reconstructions", rebuilt)]:
        if not isinstance(given, Mapping):
            raise TypeError(
                f"{parameter!r} must be a mapping of names to arrays. Got {type(given).__name__}."
            )
    if unknown := sorted(set(rebuilt) - set(embeddings)):
        raise ValueError(
            f"The names in 'reconstructions' must be among {list(embeddings)}. Got {unknown[0]!r}."
        )
    if not embeddings:
        raise ValueError("'embeddings' must have at least one embedding. Got none.")
    if rebuilt and _is_precomputed(metric):
        raise ValueError(
            "'reconstructions' must be None with metric='precomputed', because 'X' then has no "
            f"rows to compare with. Got {list(rebuilt)}."
        )
    rows = _data(X, metric)
    sizes = _fitting_sizes(rows.shape[0]) if n_neighbors is None else _sizes(n_neighbors)
    kept = _neighbourhoods(rows, embeddings, sizes, metric)
    # One seed, so that all embeddings are judged by the same rows.
    seed = _seed(random_state)
    table: dict[str, dict[str, float]] = {}
    for name, Z in embeddings.items():
        line = {
            f"{measure}@{k}": float(value)
            for measure, values in kept[name].items()
            for k, value in zip(sizes, values, strict=True)
        }
        line["shepard_correlation"] = shepard_correlation(rows, Z, metric=metric, random_state=seed)
        if y is not None:
            line["knn_accuracy"] = knn_accuracy(Z, y)
        table[name] = line | (reconstruction_errors(X, rebuilt[name]) if name in rebuilt else {})
    return pd.DataFrame.from_dict(table, orient="index")


def _neighbourhoods(
    X: Any, embeddings: Mapping[str, Any], n_neighbors: int | Sequence[int], metric: Any
) -> dict[str, dict[str, Array]]:
    """Return, for each embedding, the three measures of neighbours for every size."""
    sizes = np.array(_sizes(n_neighbors))
    rows = _data(X, metric)
    n = rows.shape[0]
    if n < 3:
        raise ValueError(f"'X' must have at least 3 rows, for one neighbour each. Got {n}.")
    checked = {name: _embedded(Z, n, name or "X_embedded") for name, Z in embeddings.items()}
    if sizes.max() >= n / 2:
        raise ValueError(
            f"'n_neighbors' must be less than {n} / 2, half of the rows. Got {sizes.max()}."
        )
    distances = _distances_of(rows, metric, _metric_options(rows, metric))
    distances_in = {name: EuclideanDistances(Z).from_block for name, Z in checked.items()}
    sums = {name: np.zeros((3, len(sizes))) for name in checked}
    for block in gen_batches(n, max(1, _BLOCK_ENTRIES // n)):
        given = _Near.of_block(distances, block, sizes.max())
        for name, embedded_distances in distances_in.items():
            embedded = _Near.of_block(embedded_distances, block, sizes.max())
            sums[name] += _counts(given, embedded, sizes)
    worst = n * sizes * (2 * n - 3 * sizes - 1) / 2
    return {
        name: {
            "trustworthiness": 1 - total[0] / worst,
            "continuity": 1 - total[1] / worst,
            "neighbor_recall": total[2] / (n * sizes),
        }
        for name, total in sums.items()
    }


@dataclass(frozen=True)
class _Near:
    """The distances of all rows from those of a block, and the nearest rows, in no order.

    Rows at the same distance keep their own order; a row is the last of its own neighbours.
    """

    distances: Array
    ordered: Array
    nearest: Array

    @classmethod
    def of_block(
        cls, distances_of: Callable[[slice], Array], block: slice, n_neighbors: int
    ) -> _Near:
        distances = distances_of(block)
        n_some = len(distances)
        distances[np.arange(n_some), np.arange(block.start, block.start + n_some)] = np.inf
        # Sorting the distances alone and counting in them is several times as fast as argsort.
        ordered = np.sort(distances, axis=1)
        limit = ordered[:, n_neighbors - 1, None]
        near, tied = distances < limit, distances == limit
        wanted = n_neighbors - np.count_nonzero(near, axis=1, keepdims=True)
        if np.any(np.count_nonzero(tied, axis=1, keepdims=True) > wanted):
            tied &= np.cumsum(tied, axis=1) <= wanted
        nearest = np.nonzero(near | tied)[1].reshape(n_some, n_neighbors)
        return cls(distances, ordered, nearest)

    def ranks(self, chosen: Array) -> Array:
        """Return the ranks of some rows for each of the block; 1 is the nearest."""
        far = np.take_along_axis(self.distances, chosen, axis=1)
        nearer = np.stack([np.searchsorted(*pair) for pair in zip(self.ordered, far, strict=True)])
        following = np.take_along_axis(self.ordered, nearer + 1, axis=1)
        for row, place in np.argwhere(following == far):
            before = self.distances[row, : chosen[row, place]]
            nearer[row, place] += np.count_nonzero(before == far[row, place])
        return nearer + 1


def _distances_of(rows: Array, metric: Any, options: Any) -> Callable[[slice], Array]:
    """Return a function of a block: its distances from all rows, in a writable array."""
    if _is_precomputed(metric):
        return lambda block: rows[block].copy()
    if isinstance(metric, str) and metric in EUCLIDEAN:
        return EuclideanDistances(rows).from_block
    return lambda block: pairwise_distances(rows[block], rows, metric=metric, **options)


def _metric_options(rows: Array, metric: Any) -> dict[str, Array]:
    """Return the options of a metric that depend on all rows, not only on a block of them."""
    learn = _OPTIONS.get(metric) if isinstance(metric, str) else None
    # For sparse rows scikit-learn itself raises, because they have no such distances.
    return {} if learn is None or sparse.issparse(rows) else learn(rows)


def _variances(rows: Array) -> dict[str, Array]:
    variances = np.var(rows, axis=0, ddof=1)
    # A constant feature adds nothing to a distance, whatever it is divided by.
    return {"V": np.where(variances > 0, variances, 1.0)}


def _inverse_covariance(rows: Array) -> dict[str, Array]:
    covariance = np.atleast_2d(np.cov(rows.T))
    # Because of rounding, a singular matrix may have an inverse, but its eigenvalues show it.
    if np.linalg.matrix_rank(covariance, hermitian=True) < len(covariance):
        raise ValueError(
            "With metric='mahalanobis' the covariance of the features of 'X' must have an inverse. "
            "Got one that is singular; take more rows, or leave out features that are constant or "
            "sums of others."
        )
    return {"VI": np.linalg.inv(covariance).T}


_OPTIONS = {"seuclidean": _variances, "mahalanobis": _inverse_covariance}


def _counts(given: _Near, embedded: _Near, sizes: Array) -> Array:
    """Return the terms of a block in the two penalties and in the neighbours kept, by size."""
    pairs = [
        (outer.ranks(inner.nearest), inner.ranks(inner.nearest))
        for outer, inner in [(given, embedded), (embedded, given)]
    ]
    costs = [
        [np.maximum(0, far[near <= k] - k).sum(dtype=np.float64) for k in sizes]
        for far, near in pairs
    ]
    far, near = pairs[0]
    kept = [np.count_nonzero((near <= k) & (far <= k)) for k in sizes]
    return np.array([*costs, kept], np.float64)


def _sizes(n_neighbors: int | Sequence[int]) -> list[int]:
    sizes: list[Any] = list(np.atleast_1d(np.asarray(n_neighbors)))
    if not sizes or not all(isinstance(k, Integral) and int(k) >= 1 for k in sizes):
        raise ValueError(
            f"'n_neighbors' must be an integer of at least 1, or several. Got {n_neighbors!r}."
        )
    return [int(k) for k in sizes]


def _fitting_sizes(n_rows: int) -> list[int]:
    """Return the sizes that a report has by default."""
    return [k for k in _REPORTED if k < n_rows / 2] or [max(1, (n_rows - 1) // 2)]


def _seed(random_state: Any) -> int:
    """Return the seed given, or one drawn from the generator given."""
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31))


def _one_or_all(values: Array, n_neighbors: int | Sequence[int]) -> Any:
    return float(values[0]) if isinstance(n_neighbors, Integral) else values


def _is_precomputed(metric: Any) -> bool:
    return isinstance(metric, str) and metric == "precomputed"


def _data(X: Any, metric: Any) -> Any:
    # Double precision throughout: distances of float32 rows have ties that the rows do not have.
    # Only boolean rows stay boolean, and only for a boolean metric.
    boolean = isinstance(metric, str) and metric in PAIRWISE_BOOLEAN_FUNCTIONS
    dtype = [np.float64, np.bool_] if boolean else np.float64
    rows = _numbers(X, "X", accept_sparse="csr", dtype=dtype)
    if _is_precomputed(metric) and (sparse.issparse(rows) or rows.shape[0] != rows.shape[1]):
        raise ValueError(
            "'X' must be a dense square matrix of distances with metric='precomputed'. "
            f"Got a {type(rows).__name__} of shape {rows.shape}."
        )
    return comparable(rows, metric)


def _embedded(X_embedded: Any, n_rows: int, name: str) -> Array:
    Z = _numbers(X_embedded, name, dtype=np.float64)
    if len(Z) != n_rows:
        raise ValueError(f"{name!r} must have as many rows as 'X', {n_rows}. Got {len(Z)}.")
    return Z


def _numbers(X: Any, name: str, **options: Any) -> Any:
    """Return `X` as checked rows of finite numbers."""
    with naming_columns(X):
        return check_array(readable(X, name), input_name=name, **options)
