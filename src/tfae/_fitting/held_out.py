"""Held-out rows, with what the encoder sees in their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import gen_batches

from tfae._data.rows import block_size
from tfae._data.source import mean_of_entries, mean_of_rows, weights_of
from tfae._fitting.recipe import Recipe, Split
from tfae._inference.blocks import of_every_block
from tfae._inference.fitted import Fitted
from tfae._inference.workspace import NEW, Workspace
from tfae._objective.corruptions import Pairs
from tfae._objective.views import Views
from tfae._support.typing import Array

# Of more held-out rows, evenly spaced ones are corrupted and compared.
_MAX_CORRUPTED = 20_000


class HeldOut(NamedTuple):
    """Held-out rows in the user's units, and scaled corrupted copies if rows are corrupted.

    If all rows are noisy, the rows are the views to predict.
    """

    rows: Any
    corrupted: Array | None = None
    weights: Array | None = None  # of the rows
    entry_weight: Array | None = None  # [rows, features], if some entries do not count
    noise: Array | None = None  # the variance of noise in scaled rows, of that shape or [features]

    @classmethod
    def of(cls, recipe: Recipe, split: Split, fitted: Fitted, rng: np.random.Generator) -> HeldOut:
        """Return the held-out rows of a split."""
        if recipe.corruption is None:
            return cls(split.X[split.held_out], weights=weights_of(split.X, split.held_out))
        rows, weights, _ = split.some_held_out(_MAX_CORRUPTED)
        if isinstance(recipe.corruption, Pairs):
            noisy = split._replace(X=recipe.corruption.noisy).some_held_out(_MAX_CORRUPTED).rows
            return cls(rows, fitted.scaling.forward(noisy, rows.dtype), weights)
        assert fitted.landmarks is not None
        scaled = fitted.scaling.forward(rows, rows.dtype)
        corrupted = np.empty_like(scaled)
        recipe.corruption.bind(fitted.scaling, fitted.landmarks)(scaled, corrupted, rng)
        if isinstance(recipe.corruption, Views):
            return cls._of_views(recipe.corruption, fitted, scaled, corrupted, weights)
        return cls(rows, corrupted, weights)

    def mean(self, values: Array) -> Array:
        """Return the mean of values of the rows, over the first axis."""
        return mean_of_rows(values, self.weights)

    def mean_error(self, squares: Array, unit: Any = 1.0) -> float:
        """Return the mean of the squared errors of entries; see :meth:`counted`."""
        return float(mean_of_entries(self.counted(squares, unit), self.weights))

    @classmethod
    def _of_views(
        cls, views: Views, fitted: Fitted, targets: Array, seen: Array, weights: Array | None
    ) -> HeldOut:
        assert fitted.landmarks is not None
        noise = views.noise_of(targets, fitted.scaling, fitted.landmarks)
        entry_weight = None
        if views.hides:
            hidden = (seen != targets).astype(targets.dtype)
            entry_weight = hidden / max(hidden.mean(), np.finfo(hidden.dtype).tiny)
        return cls(fitted.scaling.backward(targets), seen, weights, entry_weight, noise)

    def counted(self, squares: Array, unit: Any = 1.0) -> Array:
        """Return squared errors without the noise of the rows, 0 for entries that do not count.

        The mean estimates the error of clean rows. `unit` is the square of the unit of the errors,
        in that of scaled rows.
        """
        if self.noise is not None:
            squares = squares - self.noise * unit
        return squares if self.entry_weight is None else squares * self.entry_weight

    def of_every_block(
        self, of_rows: Callable[[HeldOut, Workspace], Array], floats_per_row: int
    ) -> Array:
        """Return the results of a function of some of the rows."""
        if self.corrupted is None:
            return of_every_block(
                self.rows, lambda rows, space: of_rows(HeldOut(rows), space), floats_per_row
            )
        blocks = gen_batches(len(self.rows), block_size(self.rows.shape[1]))
        return np.concatenate([of_rows(self._part(block), NEW) for block in blocks])

    def _part(self, block: slice) -> HeldOut:
        def part(values: Any) -> Any:
            return values[block] if np.ndim(values) == 2 else values

        return HeldOut(*map(part, self))
