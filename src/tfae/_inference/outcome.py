"""The check that a network gives finite numbers for finite rows.

Looking at the result is enough, and it is smaller than what was computed for it: an infinite number
on the way shows in it, or does no harm.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tfae._data.columns import ColumnError
from tfae._data.scaling import Scaling
from tfae._support.typing import Array


def of_rows(outcome: Array, rows: Array, scaling: Scaling, what: str) -> Array:
    """Return what was computed for rows in the user's units.

    Raises
    ------
    ColumnError
        If it is not finite: about the value that is the furthest from the training rows.
    """
    if _is_finite(outcome):
        return outcome
    row = rows[_first(outcome)].astype(np.float64)
    with np.errstate(all="ignore"):
        distance = np.abs(scaling.forward(row[None], np.float64)[0])
    column = int(np.nan_to_num(distance, nan=np.inf, posinf=np.inf).argmax())
    raise ColumnError(
        f"X must hold numbers small enough for {what} in {rows.dtype}. Got a row for which they "
        f"overflow: column {{column}} has {row[column]:.6g}. If that marks a missing value, impute "
        f"it; otherwise clip it to the range of the training rows{_wider(rows)}.",
        column,
    )


def of_codes(outcome: Array, codes: Array) -> Array:
    """Return the rows that were computed for codes.

    Raises
    ------
    ValueError
        If they are not finite: about the largest component.
    """
    if _is_finite(outcome):
        return outcome
    code = codes[_first(outcome)]
    column = int(np.abs(code).argmax())
    raise ValueError(
        f"X must hold codes small enough for rows in {codes.dtype}. Got a code whose row "
        f"overflows: component {column} is {code[column]:.6g}. Clip it to the range of the "
        f"training rows' codes{_wider(codes)}."
    )


def _is_finite(outcome: Array) -> bool:
    """Whether all is finite: a product takes half the time, but its sum may overflow."""
    return math.isfinite(np.vdot(outcome, outcome)) or bool(np.isfinite(outcome).all())


def _first(outcome: Array) -> Any:
    """Return the position of the first row that is not finite."""
    return np.argmax(~np.isfinite(outcome).reshape(len(outcome), -1).all(axis=1))


def _wider(rows: Array) -> str:
    return ", or pass float64" if rows.dtype == np.float32 else ""
