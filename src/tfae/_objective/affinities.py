"""Affinities of rows, as in t-SNE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from tfae._data.distances import EUCLIDEAN, EuclideanDistances
from tfae._support.sklearn import fitted_within, joint_probabilities
from tfae._support.typing import Array

# The normaliser of the final divergence is estimated from at most this many rows.
_MAX_ROWS = 4096
# The unit of distances between this and its inverse stays as it is.
_USUAL = 1e8
# No affinity is left at this squared distance, and its square is within float32.
_FAR = 1e30


@dataclass(frozen=True, eq=False)
class Affinities:
    """The symmetric matrix of t-SNE's joint probabilities, without pairs that are not neighbours.

    ``matrix`` is in CSR format and sums to 1.
    """

    matrix: Any

    @classmethod
    def of_rows(cls, X: Any, perplexity: float, metric: Any) -> Affinities:
        """Calibrate them as scikit-learn's ``TSNE`` does, from ``3 * perplexity + 1`` neighbours.

        Raises
        ------
        ValueError
            If the metric returns a value that is not a distance.
        """
        n_rows, n_neighbors = X.shape[0], min(X.shape[0] - 1, int(3 * perplexity + 1))
        distances, places = _nearest(X, n_neighbors, metric)
        # Some metrics have no distance for rows of zeros, or for rows of equal values.
        unknown = distances[~np.isfinite(distances)]
        if len(unknown):
            raise _no_distance(metric, unknown[0])
        squares = _moderate_squares(distances, perplexity).ravel()
        starts = np.arange(0, n_rows * n_neighbors + 1, n_neighbors)
        graph = sparse.csr_matrix((squares, places.ravel(), starts), (n_rows, n_rows))
        return cls(sparse.csr_array(joint_probabilities(graph, perplexity)))

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return int(self.matrix.shape[0])

    @property
    def constant(self) -> float:
        r"""The part of the divergence that a batch does not estimate.

        It is :math:`\sum p \log p` plus the logarithm of the number of pairs.
        """
        p = self.matrix.data[self.matrix.data > 0]
        return float(p @ np.log(p) + np.log(self.n_rows) + np.log(self.n_rows - 1))

    def divergence(self, places: Array, degrees_of_freedom: float) -> float:
        """Return KL(P || Q) for places of the rows.

        The normaliser of Q is estimated from the pairs of at most 4,096 rows with all others.
        """
        places = places.astype(np.float64)
        edges = self.matrix.tocoo()
        attraction = 0.0
        for part in _parts(edges.nnz):
            squares = np.square(places[edges.row[part]] - places[edges.col[part]]).sum(axis=1)
            attraction -= float(edges.data[part] @ _log_similarity(squares, degrees_of_freedom))
        stride = -(-self.n_rows // _MAX_ROWS)
        chosen = places[::stride]
        total = 0.0
        for row in chosen:
            squares = np.square(places - row).sum(axis=1)
            total += float(np.exp(_log_similarity(squares, degrees_of_freedom)).sum()) - 1
        mean = total / (len(chosen) * (self.n_rows - 1))
        return attraction + float(np.log(mean)) + self.constant


def _nearest(X: Any, n_neighbors: int, metric: Any) -> tuple[Array, Array]:
    """Return the distances and the positions of every row's nearest other rows."""
    X = X if sparse.issparse(X) else np.asarray(X)  # all rows of a memory map
    if isinstance(metric, str) and metric in {*EUCLIDEAN, "sqeuclidean"}:
        distances, places = EuclideanDistances(X).nearest(n_neighbors)
        return (np.square(distances) if metric == "sqeuclidean" else distances), places
    checked = _Checked(metric) if callable(metric) else metric
    search = NearestNeighbors(n_neighbors=n_neighbors, metric=checked)
    return fitted_within(search, X).kneighbors()


def _moderate_squares(distances: Array, perplexity: float) -> Array:
    """Return the squares of every row's distances, in a unit in which float32 can hold them.

    The affinities of a row do not depend on the unit of its distances, but scikit-learn looks for
    it among 2 ** -100 to 2 ** 100 squares.
    """
    place = min(int(perplexity), distances.shape[1]) - 1
    typical = np.partition(distances, max(place, 0), axis=1)[:, max(place, 0)]
    shortest = np.min(distances, axis=1, where=distances > 0, initial=np.inf)
    # So many rows may be equal that only the others have distances.
    typical = np.where(typical > 0, typical, np.where(np.isfinite(shortest), shortest, 1.0))
    unit = np.ldexp(1.0, np.frexp(typical)[1])
    unit[(typical > 1 / _USUAL) & (typical < _USUAL)] = 1.0
    with np.errstate(over="ignore"):
        return np.minimum(np.square(distances / unit[:, None]), _FAR)


@dataclass(frozen=True)
class _Checked:
    """A user's metric; its values are checked before the search changes them."""

    metric: Callable[[Array, Array], float]

    def __call__(self, one: Array, other: Array) -> float:
        distance = self.metric(one, other)
        if not 0 <= distance < np.inf:
            raise _no_distance(self.metric, distance)
        return distance


def _no_distance(metric: Any, value: Any) -> ValueError:
    return ValueError(
        "The 'metric' must give distances, finite numbers of at least 0, for all rows. Got "
        f"{value!s} from {metric!r}."
    )


def _parts(size: int, length: int = 1 << 20) -> list[slice]:
    return [slice(start, start + length) for start in range(0, size, length)]


def _log_similarity(squares: Array, freedom: float) -> Array:
    return -(freedom + 1) / 2 * np.log1p(squares / freedom)
