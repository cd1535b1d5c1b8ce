"""Predictions of entries from the other entries of their rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tfae._support.typing import Array


@dataclass(frozen=True, eq=False)
class FromOthers:
    """Which entries of a row are hidden at a time, so that none is predicted from itself."""

    groups: Array  # [features], a number for each: entries with the same number are hidden together
    fill: Array  # [features], in the place of hidden entries, in the user's units
    weight: Array  # [features], of the observed entry beside its prediction

    def __call__(self, rows: Array, rebuild: Callable[[Array], Array]) -> Array:
        """Return predictions, mixed with what was observed; `rebuild` takes and returns rows."""
        out, fill = np.empty_like(rows), self.fill.astype(rows.dtype, copy=False)
        for group in np.unique(self.groups):
            hidden = self.groups == group
            out[:, hidden] = rebuild(np.where(hidden, fill, rows))[:, hidden]
        out += self.weight.astype(rows.dtype, copy=False) * (rows - out)
        return out
