"""Rows with holes as chunks: filled rows, and weights by which only observed entries count."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tfae._data.cell_losses import CellWeights
from tfae._data.holes import has_holes
from tfae._data.rows import dense_rows
from tfae._data.scaling import Affine, Scaling
from tfae._data.source import Source, weights_of
from tfae._data.streams import Streamed
from tfae._data.weights import with_weights
from tfae._support.typing import Array
from tfae._training.checkpoints import drawn_so_far
from tfae._training.chunks import AtOnce, Noise, Rows, as_chunks, one_at_once
from tfae._training.loop import Batches
from tfae._training.step.chunk import Chunk, ChunkShape, Part, aligned, shape_of_part
from tfae._training.table_rows import TableRows


class HoledRows:
    """Some rows of `X`, scaled and filled, with weights of entries.

    The loss of all rows is the mean over their observed entries. Corruptions change filled rows.

    Parameters
    ----------
    X : ndarray or Source of shape (n, features)
        With NaN for missing entries.
    scaling : Scaling
        It fills holes; see :class:`.filling.Filling`.
    shape : ChunkShape
    index : ndarray of int or None
        Which rows of `X`; None takes them all.
    noise : Noise
    cells : CellWeights or None
        How much every cell counts, if the rows are those of a table with categories.
    part : Part or None
        The rows of every batch that are taken; None takes whole batches.
    """

    def __init__(
        self,
        X: Array,
        scaling: Scaling,
        shape: ChunkShape,
        index: Array | None,
        noise: Noise,
        cells: CellWeights | None = None,
        part: Part | None = None,
    ) -> None:
        shape_of_both = shape._replace(features=2 * shape.features)
        if isinstance(X, Source) and not X.in_memory:
            assert cells is None  # streams and maps are numbers
            of, weights = X.statistics(index), X.weights(index)
            n_rows = of.n_rows if weights is None else float(weights.sum())
            share = float(of.observed.sum()) / (n_rows * shape.features)
            beside: Any = _Beside(scaling, share)  # all that chunks ask of a scaling
            self._rows = as_chunks(X, beside, shape_of_both, index, part=part)
        else:
            self._rows = _in_memory(X, scaling, shape_of_both, index, cells, part)
        self._shape, self._noise = shape_of_part(shape, part), noise

    def epochs(
        self, rng: np.random.Generator | None = None, at_once: AtOnce = one_at_once
    ) -> Generator[Chunk, None, None]:
        """Yield the chunks of epoch after epoch without end; see :meth:`.chunks.Rows.epochs`."""
        steps, batch, features, dtype = self._shape
        noise_rng = self._noise.of_epoch()
        for both in self._rows.epochs(rng, at_once):
            x, entry_weight = (aligned((steps * batch, features), dtype) for _ in range(2))
            x[:], entry_weight[:] = both.x[:, :features], both.x[:, features:]
            corrupted, normal = self._noise.buffers(self._shape)
            used = slice(both.n_steps * batch)
            self._noise.draw(x, used, (corrupted, normal), noise_rng)
            if both.last:
                noise_rng = self._noise.of_epoch()
            made = both._replace(x=x, corrupted=corrupted, noise=normal, entry_weight=entry_weight)
            yield made._replace(drawn=(both.drawn[0], *drawn_so_far(self._noise.rng)))


@dataclass(frozen=True)
class _Beside:
    """The map from rows with holes to filled rows and, side by side, weights of entries."""

    scaling: Scaling
    share: float  # of the entries that are observed

    is_identity: ClassVar[bool] = False

    def forward(self, X: Array, dtype: Any, out: Array | None = None) -> Array:
        """Return rows in the user's units, scaled and filled, and the weights beside them."""
        n_rows, n_features = X.shape
        out = np.empty((n_rows, 2 * n_features), dtype) if out is None else out
        out[:, :n_features] = self.scaling.forward(X, X.dtype)
        out[:, n_features:] = ~np.isnan(X) / self.share
        return out


def _in_memory(
    X: Any,
    scaling: Scaling,
    shape: ChunkShape,
    index: Array | None,
    cells: CellWeights | None,
    part: Part | None,
) -> Rows:
    """Return rows that are filled once, with weights of entries beside them."""
    weights = weights_of(X, index)
    rows = dense_rows(X, slice(None) if index is None else index)
    if cells is not None:
        weight = cells.of_all(rows, weights)
    else:
        observed = ~np.isnan(rows)
        mean = observed.mean() if weights is None else np.average(observed.mean(1), weights=weights)
        weight = observed / max(mean, 1 / rows.size)
    # Side by side, so that one gathering serves both.
    both = np.hstack([scaling.forward(rows, rows.dtype), weight]).astype(shape.dtype)
    as_it_is = Affine(np.zeros(shape.features), 1.0)
    return Rows(with_weights(both, weights), as_it_is, shape, part=part)


def batches_of(
    X: Any,
    scaling: Scaling,
    shape: ChunkShape,
    index: Any,
    noise: Noise,
    cells: CellWeights | None = None,
    part: Part | None = None,
) -> Batches:
    """Return some rows of `X` as chunks, whatever `X` is, and with or without holes.

    With a `part`, the chunks hold that part of every batch.
    """
    if not has_holes(X):
        rows = as_chunks(X, scaling, shape, index, noise, part)
        taken = shape_of_part(shape, part)
        return rows if cells is None else TableRows(rows, cells.of_places(), taken)
    if isinstance(X, Streamed) and index is not None:
        X, index = X[index], None
    return HoledRows(X, scaling, shape, index, noise, cells, part)
