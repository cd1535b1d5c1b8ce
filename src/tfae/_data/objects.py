"""Numbers that come as Python objects: in arrays and columns of objects, and in lists."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfae._data.columns import too_large
from tfae._support.typing import Array


def with_numbers(objects: Array) -> Array:
    """Return a matrix of objects as float64, or as it is if it has other objects than numbers.

    Raises
    ------
    ColumnError
        For numbers beyond the range of float64.
    """
    values = objects.ravel().tolist()
    try:
        with np.errstate(over="ignore"):
            found = objects.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        _refuse_large(objects, values)
        return objects
    for row, column in np.argwhere(np.isinf(found)):
        value = objects[row, column]
        if not isinstance(value, str) and value != found[row, column]:
            raise too_large(value, row, column)
    return found


def _refuse_large(objects: Array, values: list[Any]) -> None:
    for place, value in enumerate(values):
        row, column = divmod(place, objects.shape[1])
        try:
            float(value)
        except OverflowError:
            raise too_large(value, row, column) from None
        except (TypeError, ValueError):
            return
