"""Rows with holes as chunks: filled rows, and weights by which only observed entries count."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from tfae._data.cell_losses import CellWeights
from tfae._data.holes import has_holes
from tfae._data.scaling import Affine, Scaling
from tfae._data.source import weights_of
from tfae._support.typing import Array
from tfae._training.checkpoints import drawn_so_far
from tfae._training.chunks import AtOnce, Noise, Rows, as_chunks, one_at_once
from tfae._training.loop import Batches
from tfae._training.step.chunk import Chunk, ChunkShape, aligned
from tfae._training.table_rows import TableRows


class HoledRows:
    """Some rows of `X`, scaled and filled, with weights of entries.

    The loss of all rows is the mean over their observed entries. Corruptions change filled rows.

    Parameters
    ----------
    X : ndarray of shape (n, features)
        With NaN for missing entries.
    scaling : Scaling
        It fills holes; see :class:`.filling.Filling`.
    shape : ChunkShape
    index : ndarray of int or None
        Which rows of `X`; None takes them all.
    noise : Noise
    cells : CellWeights or None
        How much every cell counts, if the rows are those of a table with categories.
    """

    def __init__(
        self,
        X: Array,
        scaling: Scaling,
        shape: ChunkShape,
        index: Array | None,
        noise: Noise,
        cells: CellWeights | None = None,
    ) -> None:
        rows = X if index is None else X[index]
        if cells is None:
            observed = ~np.isnan(rows)
            weight = observed / max(observed.mean(), 1 / rows.size)
        else:
            weight = cells.of_all(rows, weights_of(X, index))
        filled = scaling.forward(rows, rows.dtype)
        # Side by side, so that one gathering serves both.
        both = np.hstack([filled, weight]).astype(shape.dtype)
        width = both.shape[1]
        identity = Affine(np.zeros(width), 1.0)
        self._rows = Rows(both, identity, shape._replace(features=width))
        self._shape, self._noise = shape, noise

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


def batches_of(
    X: Any,
    scaling: Scaling,
    shape: ChunkShape,
    index: Any,
    noise: Noise,
    cells: CellWeights | None = None,
) -> Batches:
    """Return some rows of `X` as chunks, whatever `X` is, and with or without holes."""
    if has_holes(X):
        return HoledRows(X, scaling, shape, index, noise, cells)
    rows = as_chunks(X, scaling, shape, index, noise)
    return rows if cells is None else TableRows(rows, cells.of_places(), shape)
