"""Masked arrays: their mask marks missing values, and NumPy drops it without a word."""

from __future__ import annotations

from typing import Any

import numpy as np

_AXES = "row", "column"


def check_unmasked(X: Any, name: str = "X") -> None:
    """Raise if a value of an array, or of an array in a list, is masked.

    Raises
    ------
    ValueError
        It says where the first masked value is.
    """
    place = first_masked(X)
    if place is not None:
        named = [f"{axis} {index}" for axis, index in zip(_AXES, place, strict=False)]
        where = f" The first is in {', '.join(named)}." if named else ""
        raise ValueError(
            f"Input {name} contains masked values: all values must be known and finite.{where} "
            "Impute them first, for example with sklearn.impute.SimpleImputer after "
            "filled(numpy.nan)."
        )


def first_masked(X: Any) -> tuple[int, ...] | None:
    """Return the position of the first masked value of an array or a list; None if none is."""
    if isinstance(X, np.ma.MaskedArray):
        return _first_of(np.ma.getmaskarray(X))
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim:
        X = X.tolist()
    if isinstance(X, (list, tuple)):
        for index, part in enumerate(X):
            if isinstance(part, (list, tuple, np.ndarray)):
                place = first_masked(part)
                if place is not None:
                    return index, *place
    return None


def _first_of(mask: Any) -> tuple[int, ...] | None:
    """Return the position of the first True; rows of several fields count as masked if one is."""
    if mask.dtype.names:
        mask = np.logical_or.reduce([mask[name] for name in mask.dtype.names])
    if not mask.any():
        return None
    return tuple(int(place[0]) for place in np.nonzero(mask)) if mask.ndim else ()
