"""Complete rows of a table as chunks in which every column counts alike, however wide it is."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

import numpy as np

from tfae._support.typing import Array
from tfae._training.chunks import AtOnce, one_at_once
from tfae._training.loop import Batches
from tfae._training.step.chunk import Chunk, ChunkShape, aligned


class TableRows:
    """Rows with weights of entries, which are the same in every row.

    Parameters
    ----------
    rows : Batches
    weights : ndarray of shape (places,)
    shape : ChunkShape
        That of the chunks of `rows`.
    """

    def __init__(self, rows: Batches, weights: Array, shape: ChunkShape) -> None:
        steps, batch, features, dtype = shape
        self._rows, self._weights = rows, aligned((steps * batch, features), dtype)
        self._weights[:] = weights

    def epochs(
        self, rng: np.random.Generator | None = None, at_once: AtOnce = one_at_once
    ) -> Generator[Chunk, None, None]:
        """Yield the chunks of epoch after epoch without end; see :meth:`.chunks.Rows.epochs`."""
        with closing(self._rows.epochs(rng, at_once)) as chunks:
            for chunk in chunks:
                yield chunk._replace(entry_weight=self._weights)
