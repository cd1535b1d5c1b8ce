"""Numbers that come as Python objects: in arrays and columns of objects, and in lists."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd

from tfae._data.columns import ColumnError, too_large
from tfae._support.typing import Array

_DATES = np.datetime64, np.timedelta64, datetime.date, datetime.time, datetime.timedelta


def with_numbers(objects: Array, *, missing: bool = False) -> Array:
    """Return a matrix of objects as float64, or as it is if it has other objects than numbers.

    If entries may be `missing`, None, NA and NaT become NaN.

    Raises
    ------
    ColumnError
        For dates, which NumPy takes for numbers; for missing values among numbers; and for numbers
        beyond the range of float64.
    """
    values = objects.ravel().tolist()
    _refuse_dates(objects, values)
    if missing:
        objects = np.where(pd.isna(objects), np.nan, objects)
    try:
        with np.errstate(over="ignore"):
            found = objects.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        _refuse_missing_or_large(objects, values)
        return objects
    for row, column in np.argwhere(np.isinf(found)):
        value = objects[row, column]
        if not isinstance(value, str) and value != found[row, column]:
            raise too_large(value, row, column)
    return found


def _refuse_dates(objects: Array, values: list[Any]) -> None:
    dates = [kind for kind in set(map(type, values)) if issubclass(kind, _DATES)]
    for place, value in enumerate(values if dates else []):
        if value is not pd.NaT and isinstance(value, _DATES):
            row, column = divmod(place, objects.shape[1])
            raise ColumnError(
                f"X must hold numbers only. Column {{column}} has the date or time {value!s} in "
                f"row {row}. Encode or drop it first, for example with "
                "sklearn.compose.ColumnTransformer.",
                column,
            )


def _refuse_missing_or_large(objects: Array, values: list[Any]) -> None:
    """Raise for the first of these, unless something else is no number either."""
    missing: list[int] = []
    for place, value in enumerate(values):
        row, column = divmod(place, objects.shape[1])
        try:
            float(value)
        except OverflowError:
            raise too_large(value, row, column) from None
        except (TypeError, ValueError):
            if value is not None and value is not pd.NA and value is not pd.NaT:
                return
            missing.append(place)
    if not missing:
        return
    row, column = divmod(missing[0], objects.shape[1])
    raise ColumnError(
        f"Input X contains a missing value, {values[missing[0]]!s}: all values must be finite. The "
        f"first is in column {{column}}, row {row}; {len(missing)} values in all are missing. "
        "Impute them first, for example with sklearn.impute.SimpleImputer.",
        column,
    )
