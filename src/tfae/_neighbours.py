"""Which rows are neighbours: affinities as in t-SNE, and batches of rows with those in them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.manifold._t_sne import _joint_probabilities_nn
from sklearn.neighbors import NearestNeighbors

from tfae._chunks import AtOnce, Noise, ahead, aligned, one_at_once
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
        """Calibrate them as scikit-learn's ``TSNE`` does, from three times as many neighbours.

        Raises
        ------
        ValueError
            If the metric gives what is no distance.
        """
        n_neighbors = min(X.shape[0] - 1, int(3 * perplexity + 1))
        checked = _Checked(metric) if callable(metric) else metric
        search = NearestNeighbors(n_neighbors=n_neighbors, metric=checked).fit(X)
        distances = search.kneighbors_graph(mode="distance")
        # Some metrics know no distance from rows of zeros, or of values that are all the same.
        unknown = distances.data[~np.isfinite(distances.data)]
        if len(unknown):
            raise _no_distance(metric, unknown[0])
        distances.data **= 2
        return cls(sparse.csr_array(_joint_probabilities_nn(distances, perplexity, 0)))

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return int(self.matrix.shape[0])

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


@dataclass(frozen=True)
class _Checked:
    """A user's metric, whose values are looked at before a search makes something else of them."""

    metric: Callable[[Array, Array], float]

    def __call__(self, one: Array, other: Array) -> float:
        distance = self.metric(one, other)
        if not 0 <= distance < np.inf:
            raise _no_distance(self.metric, distance)
        return distance


def _no_distance(metric: Any, value: Any) -> ValueError:
    return ValueError(
        "The 'metric' must give distances, finite numbers of at least 0, of all rows. Got "
        f"{value!s} from {metric!r}."
    )


def _parts(size: int, length: int = 1 << 20) -> list[slice]:
    return [slice(start, start + length) for start in range(0, size, length)]


def _log_similarity(squares: Array, freedom: float) -> Array:
    return -(freedom + 1) / 2 * np.log1p(squares / freedom)


class Neighbourhoods:
    """Rows of `X`, scaled, in chunks of random batches, and the affinities within every batch.

    In an epoch every row is in a batch; the last batch is filled up with rows of the first. A pair
    of rows meets in a batch by chance, so that the affinities there, times the ratio of all pairs
    to those of a batch, have the mean of all. The whole batch costs one pass through the encoder,
    and it holds ``batch ** 2 / n`` times as many pairs of neighbours as a row has neighbours.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, features)
    scaling : Scaling
    shape : ChunkShape
        With batches of at most n rows.
    affinities : Affinities
    noise : Noise
        Its corruption is used. A chunk's ``noise`` holds the affinities of a row of the batch and
        the others.
    """

    def __init__(
        self,
        X: Any,
        scaling: Scaling,
        shape: ChunkShape,
        affinities: Affinities,
        noise: Noise = _NO_NOISE,
    ) -> None:
        self._X, self._scaling, self._shape = X, scaling, shape
        self._noise = replace(noise, width=0)
        n_rows, batch = affinities.n_rows, shape.batch
        self._matrix = affinities.matrix * (n_rows * (n_rows - 1) / (batch * (batch - 1)))
        self._n_steps = -(-n_rows // batch)

    def epochs(
        self, rng: np.random.Generator | None = None, at_once: AtOnce = one_at_once
    ) -> Generator[Chunk, None, None]:
        """Yield the chunks of epoch after epoch without end; without `rng` all are the same.

        They hold rows of one epoch, whatever `at_once` allows.
        """
        return ahead(self._chunks(rng))

    def _chunks(self, rng: np.random.Generator | None) -> Generator[Chunk, None, None]:
        steps, batch, _, dtype = self._shape
        # Two are enough: the next is asked for only after the step that read this has ended.
        buffers = cycle([self._buffers() for _ in range(2)])
        while True:
            batches = self._batches(np.random.default_rng(0) if rng is None else rng)
            noise_rng = self._noise.of_epoch()
            for start in range(0, self._n_steps, steps):
                x, given, affinities = next(buffers)
                part = batches[start : start + steps]
                rows = dense_rows(self._X, part.ravel())
                self._scaling.forward(rows, dtype, out=x[: part.size])
                self._noise.draw(x, slice(part.size), (given, None), noise_rng)
                for block, rows in zip(affinities, part, strict=False):
                    self._fill(block, rows)
                weight = aligned((steps, batch), dtype)
                weight[: len(part)] = 1
                last = start + steps >= self._n_steps
                flat = affinities.reshape(-1, batch)
                yield Chunk(x, weight, len(part), last, given, flat)

    def _buffers(self) -> tuple[Array, Array | None, Array]:
        steps, batch, features, dtype = self._shape
        return (
            aligned((steps * batch, features), dtype),
            self._noise.buffers(self._shape)[0],
            aligned((steps, batch, batch), dtype),
        )

    def _batches(self, rng: np.random.Generator) -> Array:
        """Return the rows of an epoch's batches, of shape [steps, batch]."""
        order = rng.permutation(self._X.shape[0])
        return np.resize(order, (self._n_steps, self._shape.batch))

    def _fill(self, block: Array, rows: Array) -> None:
        """Write the affinities between some rows into a square."""
        place = np.full(self._matrix.shape[0], -1, np.intp)
        place[rows] = np.arange(len(rows))
        some = self._matrix[rows]
        columns = place[some.indices]
        inside = columns >= 0
        lines = np.repeat(np.arange(len(rows)), np.diff(some.indptr))
        block[:] = 0
        block[lines[inside], columns[inside]] = some.data[inside]
