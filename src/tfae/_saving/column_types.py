"""Types of columns, labels and time stamps of pandas, polars and Arrow as plain values, and back.

A type is a list: the name of a maker in a table, and what the maker takes. So a file names no class
or module, and a library is imported only if a type of its own is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionDtype

_OF_NUMPY = re.compile(r"[<>|=][biufOMm]\d{0,2}(\[\d{0,4}[a-zA-Z]{1,2}\])?")
_SIZES = (8, 16, 32, 64)
_MASKED = frozenset(
    {"boolean", "Float32", "Float64", *(f"{u}Int{size}" for size in _SIZES for u in ("", "U"))}
)
# The types of polars, each with its attributes that its class takes in this order.
_OF_POLARS: dict[str, tuple[str, ...]] = {
    **{f"{u}Int{size}": () for size in (*_SIZES, 128) for u in ("", "U")},
    **dict.fromkeys(("Float32", "Float64", "Boolean", "String", "Categorical", "Date", "Null"), ()),
    "Datetime": ("time_unit", "time_zone"),
    "Duration": ("time_unit",),
    "Decimal": ("precision", "scale"),
    "Enum": ("categories",),
}


def is_column_type(value: Any) -> bool:
    """Whether a value is the type of a column of pandas, polars or Arrow."""
    if isinstance(value, np.dtype | ExtensionDtype):
        return True
    kinds = [kind for kind in type(value).__mro__ if kind.__name__ == "DataType"]
    return any(_root(kind) in ("polars", "pyarrow") for kind in kinds)


def parts_of_type(value: Any) -> list[Any] | None:
    """Return the type of a column as a list; None if no file can hold it."""
    try:
        parts = _DESCRIBED[_root(type(value))](value)
        return parts if type_of_parts(parts) == value else None
    except (LookupError, TypeError, ValueError):
        return None


def type_of_parts(parts: list[Any]) -> Any:
    """Return the type of :func:`parts_of_type`.

    Raises
    ------
    ValueError, TypeError, LookupError
        If there is none, or its library is not installed.
    """
    name, *rest = parts
    if name not in _MAKERS:
        raise ValueError(f"The type of a column must be one of {sorted(_MAKERS)}. Got {name!r}")
    try:
        return _MAKERS[name](*rest)
    except ImportError as error:
        raise ValueError(f"it needs a library that is not installed: {error}") from error


def parts_of_index(index: pd.Index) -> list[Any]:
    """Return the labels of a frame of pandas as a list."""
    if isinstance(index, pd.MultiIndex):
        return ["levels", list(index), list(index.names)]
    kind = "range" if isinstance(index, pd.RangeIndex) else "labels"
    return [kind, index.tolist(), [index.name], index.dtype]


def index_of_parts(parts: list[Any]) -> pd.Index:
    """Return the labels of :func:`parts_of_index`, or raise ValueError or TypeError."""
    kind, values, names, *dtype = parts
    if kind == "levels":
        return pd.MultiIndex.from_tuples(values, names=names)
    found = pd.Index(values, dtype=dtype[0], name=names[0])
    if kind == "labels" or not len(found):
        return found
    first, step = values[0], values[1] - values[0] if len(values) > 1 else 1
    ranged = pd.RangeIndex(first, first + len(values) * step, step, name=names[0])
    if not ranged.equals(found):
        raise ValueError("Labels must be a range")
    return ranged


def parts_of_timestamp(value: pd.Timestamp) -> list[Any]:
    """Return an instant as its ticks, their unit and its time zone."""
    plain = value if value.tz is None else value.tz_convert(None)
    zone = None if value.tz is None else str(value.tz)
    return [int(plain.asm8.view(np.int64)), value.unit, zone]


def timestamp_of_parts(parts: list[Any]) -> pd.Timestamp:
    """Return the instant of :func:`parts_of_timestamp`, or raise ValueError or TypeError."""
    ticks, unit, zone = parts
    plain = pd.Timestamp(np.datetime64(ticks, _unit(unit)))
    return plain if zone is None else plain.tz_localize("UTC").tz_convert(_zone(zone))


def parts_of_timedelta(value: pd.Timedelta) -> list[Any]:
    """Return a duration as its ticks and their unit."""
    return [int(value.asm8.view(np.int64)), value.unit]


def timedelta_of_parts(parts: list[Any]) -> pd.Timedelta:
    """Return the duration of :func:`parts_of_timedelta`, or raise ValueError or TypeError."""
    ticks, unit = parts
    return pd.Timedelta(np.timedelta64(ticks, _unit(unit)))


def _root(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _unit(unit: Any) -> Any:
    if unit not in ("s", "ms", "us", "ns"):
        raise ValueError(f"A unit of time must be one of s, ms, us and ns. Got {unit!r}")
    return unit


def _zone(name: Any) -> Any:
    """Return the name of a time zone, which must be one of the database or an offset from UTC."""
    if not isinstance(name, str):
        raise ValueError(f"A time zone must have a name. Got {name!r}")
    if not re.fullmatch(r"UTC([+-]\d\d:\d\d)?", name):
        ZoneInfo(name)
    return name


def _parts_of_pandas(value: Any) -> list[Any]:
    match value:
        case pd.StringDtype():
            return ["string", value.storage, value.na_value is pd.NA]
        case pd.CategoricalDtype():
            return ["categorical", value.categories, bool(value.ordered)]
        case pd.DatetimeTZDtype():
            return ["zoned", value.unit, str(value.tz)]
        case pd.IntervalDtype():
            return ["interval", value.subtype, value.closed]
        case pd.ArrowDtype():
            return ["arrow", value.pyarrow_dtype]
    return ["masked", value.name]


def _parts_of_arrow(value: Any) -> list[Any]:
    arrow = import_module("pyarrow")
    match value:
        case arrow.TimestampType(tz=str()):
            return ["pyarrow.timestamp", value.unit, value.tz]
        case arrow.DictionaryType():
            return ["pyarrow.dictionary", value.index_type, value.value_type, value.ordered]
        case arrow.Decimal128Type():
            return ["pyarrow.decimal", value.precision, value.scale]
    return ["pyarrow", str(value)]


def _parts_of_polars(value: Any) -> list[Any]:
    name = type(value).__name__
    taken = [getattr(value, attribute) for attribute in _OF_POLARS[name]]
    return ["polars", name, *(list(each) if name == "Enum" else each for each in taken)]


# By the library of the type.
_DESCRIBED: dict[str, Callable[[Any], list[Any]]] = {
    "numpy": lambda value: ["numpy", value.str],
    "pandas": _parts_of_pandas,
    "pyarrow": _parts_of_arrow,
    "polars": _parts_of_polars,
}


def _numpy(name: str) -> np.dtype:
    if not _OF_NUMPY.fullmatch(name):
        raise ValueError(f"NumPy has no type of a column {name!r}")
    return np.dtype(name)


def _string(storage: str, with_na: bool) -> Any:
    missing: Any = pd.NA if with_na else np.nan
    return pd.StringDtype(storage, na_value=missing)


def _masked(name: str) -> Any:
    if name not in _MASKED:
        raise ValueError(f"pandas has no type {name!r}")
    return pd.api.types.pandas_dtype(name)


def _arrow() -> Any:
    return import_module("pyarrow")


def _polars(name: str, *given: Any) -> Any:
    if name not in _OF_POLARS or len(given) != len(_OF_POLARS[name]):
        raise ValueError(f"polars has no type {name!r} of {given}")
    if name == "Datetime" and given[1] is not None:
        _zone(given[1])
    return getattr(import_module("polars"), name)(*given)


_MAKERS: dict[str, Callable[..., Any]] = {
    "numpy": _numpy,
    "string": _string,
    "masked": _masked,
    "categorical": pd.CategoricalDtype,
    "zoned": lambda unit, zone: pd.DatetimeTZDtype(_unit(unit), _zone(zone)),
    "interval": pd.IntervalDtype,
    "arrow": pd.ArrowDtype,
    "pyarrow": lambda name: _arrow().type_for_alias(name),
    "pyarrow.timestamp": lambda unit, zone: _arrow().timestamp(_unit(unit), _zone(zone)),
    "pyarrow.dictionary": lambda index, value, ordered: _arrow().dictionary(index, value, ordered),
    "pyarrow.decimal": lambda precision, scale: _arrow().decimal128(precision, scale),
    "polars": _polars,
}
