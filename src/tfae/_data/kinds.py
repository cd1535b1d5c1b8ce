"""The kinds of the columns of a table: what a column holds, found by its type alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from tfae._support.registry import nearest_name

NUMBER, INTEGER, BOOLEAN = "number", "integer", "boolean"
CATEGORY, TEXT = "category", "text"
DATETIME, TIMEDELTA = "datetime", "timedelta"
MISSING = "missing"  # a column without a single value, whose type says nothing
UNKNOWN = "unknown"  # what no network can learn from, such as lists

NUMBERS = frozenset({NUMBER, INTEGER})
INSTANTS = frozenset({DATETIME, TIMEDELTA})
# By their values, columns of these kinds are categories.
VALUED = frozenset({BOOLEAN, CATEGORY, TEXT})
# A frame with a column of one of these is a table of mixed kinds.
OF_TABLES = frozenset({CATEGORY, TEXT}) | INSTANTS

# The kinds that a user may ask for, and of which kinds a column may then be.
_ASKED: dict[str, frozenset[str]] = {
    NUMBER: NUMBERS | {BOOLEAN},
    INTEGER: NUMBERS | {BOOLEAN},
    BOOLEAN: frozenset({BOOLEAN}),
    CATEGORY: NUMBERS | VALUED,
    DATETIME: frozenset({DATETIME}),
    TIMEDELTA: frozenset({TIMEDELTA}),
}
ERROR = "error"

# What a user asks for a column: a kind, its categories, or an error where it cannot be learned.
Asked = str | Sequence[Any]


def kind_of(values: nw.Series) -> str:
    """Return the kind of a column."""
    native, dtype = values.to_native(), values.dtype
    if isinstance(native, pd.Series) and native.dtype == object:
        return _kind_of_objects(native[native.notna()])
    if dtype.is_integer():
        return INTEGER
    if dtype.is_float() or dtype.is_decimal():
        return NUMBER
    for kind, types in _TYPES.items():
        if isinstance(dtype, types):
            return kind
    return MISSING if len(values) and values.is_null().all() else UNKNOWN


_TYPES: dict[str, tuple[type, ...]] = {
    BOOLEAN: (nw.Boolean,),
    CATEGORY: (nw.Categorical, nw.Enum),
    TEXT: (nw.String,),
    DATETIME: (nw.Datetime, nw.Date),
    TIMEDELTA: (nw.Duration,),
}


def _kind_of_objects(objects: Any) -> str:
    """Return the kind of the Python objects of a column, none of which is missing.

    A text among numbers makes all of them text.
    """
    types = set(map(type, objects))
    if not types:
        return MISSING
    if all(issubclass(each, (bool, np.bool_)) for each in types):
        return BOOLEAN
    if all(issubclass(each, Integral) for each in types):
        return INTEGER
    if all(issubclass(each, _REAL) for each in types):
        return NUMBER
    return TEXT if all(issubclass(each, (str, *_REAL)) for each in types) else UNKNOWN


_REAL = (Real, Decimal, np.bool_)


def kind_as_asked(kind: str, asked: Asked | None, label: str, dtype: Any) -> str:
    """Return the kind that a column of some kind gets if a user asks for something.

    Raises
    ------
    ValueError
        If such a column cannot be of the kind that is asked for, or no network can learn from it.
    """
    if kind == UNKNOWN:
        raise ValueError(
            "X must hold numbers, booleans, categories, text, dates or durations. Column "
            f"{label} has dtype {dtype}; convert or drop it first."
        )
    if kind == MISSING or asked is None or asked == ERROR:
        return kind
    wanted = asked if isinstance(asked, str) else CATEGORY
    if kind not in _ASKED[wanted]:
        raise ValueError(
            f"'columns' asks for the kind {wanted!r} of column {label}, which has dtype {dtype}. "
            f"It must be a column of {' or '.join(sorted(_ASKED[wanted]))}; convert it first"
            + (f", for example with pandas.to_{wanted}." if wanted in INSTANTS else ".")
        )
    # Whatever has no fractions is rounded when it comes back.
    return INTEGER if wanted == NUMBER and kind != NUMBER else wanted


def checked_columns(columns: Mapping[Any, Asked] | None, labels: Sequence[Any]) -> None:
    """Raise if what a user asks for columns cannot be meant, or a column is not there.

    Raises
    ------
    ValueError
        It names the nearest name.
    """
    known = [str(label) for label in labels]
    for label, asked in ({} if columns is None else columns).items():
        if label not in labels:
            raise ValueError(
                f"The names in 'columns' must be those of columns of X. Got {label!r}."
                f"{nearest_name(str(label), known)}"
            )
        if isinstance(asked, str):
            if asked not in _ASKED and asked != ERROR:
                raise ValueError(
                    f"'columns' must give a kind, {', '.join(map(repr, _ASKED))}, a list of "
                    f"categories, or 'error'. Got {asked!r} for column {label!r}."
                    f"{nearest_name(asked, _ASKED)}"
                )
        elif len(set(asked)) != len(asked) or len(asked) < 2:
            raise ValueError(
                f"'columns' must give at least two categories, each once. Got {list(asked)!r} for "
                f"column {label!r}."
            )
