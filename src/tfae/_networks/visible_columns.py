"""What a network sees of a table's rows of which some columns are hidden, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from tfae._data.layout import Layout
from tfae._data.scaling import Affine
from tfae._support.typing import Array

# A network sees no scaled number beyond this, and none beyond the second is to be predicted: the
# squares of its distances would overflow in float32.
_MOST_SEEN, _MOST_PREDICTED = 5.0, 1e12


class Seen(NamedTuple):
    """Rows as a network takes them."""

    inputs: Array  # [rows, inputs]
    offset: None = None  # nothing is added to what the network puts out


@dataclass(frozen=True)
class VisibleColumns:
    """The map of a table's rows to a network's inputs: its values, 0 for hidden ones, and a mask.

    Numbers in rows are scaled. NaN stands in the places of missing or hidden entries.
    """

    layout: Layout
    has_offset: ClassVar[bool] = False

    @property
    def n_inputs(self) -> int:
        return self.layout.width + self.layout.n_columns

    def scaled(self, rows: Array, scaling: Affine) -> Array:
        """Return rows in the user's units with scaled numbers; categories and NaN stay."""
        with np.errstate(over="ignore"):
            scaled = scaling.forward(rows.astype(np.float64, copy=False), np.float64)
        np.clip(scaled, -_MOST_PREDICTED, _MOST_PREDICTED, out=scaled)
        if not self.layout.has_categories:
            return scaled
        is_number = np.equal(self.layout.levels, 0)[self.layout.column_of]
        return np.where(is_number, scaled, rows)

    def target(self, rows: Array) -> Array:
        """Return what a network is to predict: numbers, 0 or 1 for categories; 0 for NaN."""
        return np.where(np.isnan(rows), rows.dtype.type(0), rows)

    def seen(self, rows: Array) -> Seen:
        """Return what a network sees of rows."""
        missing = self.layout.missing(rows).astype(rows.dtype)
        return Seen(np.hstack([np.clip(self.target(rows), -_MOST_SEEN, _MOST_SEEN), missing]))
