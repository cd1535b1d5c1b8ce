"""Which rows are neighbours: affinities as in t-SNE, and batches of edges drawn from them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.manifold._t_sne import _joint_probabilities_nn
from sklearn.neighbors import NearestNeighbors

from tfae._chunks import Noise, ahead, aligned
from tfae._scaling import Scaling, dense_rows
from tfae._types import Array, Chunk, ChunkShape

# Rows that the normaliser of the final divergence is estimated from.
_MAX_ROWS = 4096

_NO_NOISE = Noise()


@dataclass(frozen=True, eq=False)
class Affinities:
    """The symmetric matrix of joint probabilities of t-SNE, rows that are no neighbours left out.

    ``matrix`` is in CSR format and sums to 1.
    """

    matrix: Any

    @classmethod
    def of_rows(cls, X: Any, perplexity: float, metric: Any) -> Affinities:
        """Calibrate them as scikit-learn's ``TSNE`` does, from three times as many neighbours."""
        n_neighbors = min(X.shape[0] - 1, int(3 * perplexity + 1))
        search = NearestNeighbors(n_neighbors=n_neighbors, metric=metric).fit(X)
        distances = search.kneighbors_graph(mode="distance")
        distances.data **= 2
        return cls(sparse.csr_array(_joint_probabilities_nn(distances, perplexity, 0)))

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return int(self.matrix.shape[0])

    @cached_property
    def of_row(self) -> Array:
        """How likely every row is an end of an edge."""
        return np.asarray(self.matrix.sum(axis=1)).ravel()

    @property
    def constant(self) -> float:
        r"""What the divergence has besides the means that a batch estimates.

        :math:`\sum p \log p` and the logarithm of the number of pairs.
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


def _parts(size: int, length: int = 1 << 20) -> list[slice]:
    return [slice(start, start + length) for start in range(0, size, length)]


def _log_similarity(squares: Array, freedom: float) -> Array:
    return -(freedom + 1) / 2 * np.log1p(squares / freedom)


class Edges:
    """Rows of `X`, scaled, in chunks of batches whose halves are the two ends of edges.

    Every epoch draws its edges anew. They are drawn systematically: with positions that are evenly
    spaced over the cumulated probabilities, so every row gets its share of them.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, features)
    scaling : Scaling
    shape : ChunkShape
        With batches of two rows for every edge.
    affinities : Affinities
    edges_per_row : int
        How many edges of an epoch there are for every row; its last batch is filled up with more.
    """

    def __init__(
        self,
        X: Any,
        scaling: Scaling,
        shape: ChunkShape,
        affinities: Affinities,
        edges_per_row: int = 1,
        noise: Noise = _NO_NOISE,
    ) -> None:
        self._X, self._scaling, self._shape, self._noise = X, scaling, shape, noise
        matrix = affinities.matrix
        self._heads = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        self._tails = matrix.indices
        self._cumulated = np.cumsum(matrix.data)
        self._weight = 1 / (affinities.n_rows * affinities.of_row)
        self._n_steps = -(-affinities.n_rows * edges_per_row // (shape.batch // 2))

    def epochs(self, rng: np.random.Generator | None = None) -> Generator[Chunk, None, None]:
        """Yield the chunks of epoch after epoch without end; without `rng` all are the same."""
        steps, batch, features, dtype = self._shape
        capacity = steps * batch
        fits = self._X.shape[0] <= capacity
        buffers = cycle([aligned((capacity, features), dtype) for _ in range(1 if fits else 2)])
        everything = np.arange(self._X.shape[0])
        if fits:
            self._gather(everything, next(buffers))
        return ahead(self._chunks(rng, buffers, everything if fits else None))

    def _chunks(
        self, rng: np.random.Generator | None, buffers: Any, gathered: Array | None
    ) -> Generator[Chunk, None, None]:
        steps = self._shape.steps
        noises = cycle([self._noise.buffers(self._shape) for _ in range(2)])
        while True:
            drawn = self._draw(np.random.default_rng(0) if rng is None else rng)
            for start in range(0, self._n_steps, steps):
                x, rows = next(buffers), drawn[start : start + steps]
                places, n_rows = rows, self._X.shape[0]
                if gathered is None:
                    distinct, places = np.unique(rows, return_inverse=True)
                    self._gather(distinct, x)
                    n_rows = len(distinct)
                noise = next(noises)
                self._noise.draw(x, n_rows, noise, self._noise.rng)
                last = start + steps >= self._n_steps
                yield self._chunk(x, rows, places.reshape(rows.shape), last, noise)

    def _draw(self, rng: np.random.Generator) -> Array:
        """Return the rows of an epoch's batches, of shape [steps, batch]."""
        n_edges = self._n_steps * (self._shape.batch // 2)
        position = (np.arange(n_edges) + rng.random()) * (self._cumulated[-1] / n_edges)
        edges = np.searchsorted(self._cumulated, position, side="right")
        edges = rng.permutation(np.minimum(edges, len(self._cumulated) - 1))
        edges = edges.reshape(self._n_steps, -1)
        return np.concatenate([self._heads[edges], self._tails[edges]], axis=1)

    def _gather(self, index: Array, buffer: Array) -> None:
        rows = dense_rows(self._X, index)
        self._scaling.forward(rows, buffer.dtype, out=buffer[: len(index)])

    def _chunk(self, x: Array, rows: Array, places: Array, last: bool, noise: Any) -> Chunk:
        steps, batch, _, dtype = self._shape
        order = aligned((steps, batch), np.int32)
        order[: len(rows)] = places
        weight = aligned((steps, batch), dtype)
        weight[: len(rows)] = self._weight[rows]
        return Chunk(x, order, weight, len(rows), last, *noise)
