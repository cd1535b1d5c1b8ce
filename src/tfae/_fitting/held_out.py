"""Held-out rows, with what the encoder sees in their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import gen_batches

from tfae._data.rows import block_size
from tfae._data.source import mean_of_rows, weights_of
from tfae._fitting.recipe import Recipe, Split
from tfae._inference.blocks import of_every_block
from tfae._inference.fitted import Fitted
from tfae._inference.workspace import NEW, Workspace
from tfae._objective.corruptions import Pairs
from tfae._support.typing import Array

# Of more held-out rows, evenly spaced ones are corrupted and compared.
_MAX_CORRUPTED = 20_000


class HeldOut(NamedTuple):
    """Held-out rows in the user's units, and scaled corrupted copies if rows are corrupted."""

    rows: Any
    corrupted: Array | None
    weights: Array | None

    @classmethod
    def of(cls, recipe: Recipe, split: Split, fitted: Fitted, rng: np.random.Generator) -> HeldOut:
        """Return the held-out rows of a split."""
        if recipe.corruption is None:
            return cls(split.X[split.held_out], None, weights_of(split.X, split.held_out))
        rows, weights, _ = split.some_held_out(_MAX_CORRUPTED)
        if isinstance(recipe.corruption, Pairs):
            noisy = split._replace(X=recipe.corruption.noisy).some_held_out(_MAX_CORRUPTED).rows
            return cls(rows, fitted.scaling.forward(noisy, rows.dtype), weights)
        assert fitted.landmarks is not None
        scaled = fitted.scaling.forward(rows, rows.dtype)
        corrupted = np.empty_like(scaled)
        recipe.corruption.bind(fitted.scaling, fitted.landmarks)(scaled, corrupted, rng)
        return cls(rows, corrupted, weights)

    def mean(self, values: Array) -> Array:
        """Return the mean of values of the rows, over the first axis."""
        return mean_of_rows(values, self.weights)

    def of_every_block(
        self, of_rows: Callable[[Array, Array | None, Workspace], Array], floats_per_row: int
    ) -> Array:
        """Return the results of a function of rows and of their corrupted copies."""
        if self.corrupted is None:
            return of_every_block(
                self.rows, lambda rows, space: of_rows(rows, None, space), floats_per_row
            )
        blocks = gen_batches(len(self.rows), block_size(self.rows.shape[1]))
        return np.concatenate([of_rows(self.rows[b], self.corrupted[b], NEW) for b in blocks])
