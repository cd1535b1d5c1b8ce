"""The values of a column as arrays: numbers, instants or codes of its distinct values."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from tfae._support.typing import Array

# How many of a unit a second has.
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_NOT_A_TIME = np.iinfo(np.int64).min  # how NumPy stores NaT


def numbers_in(values: nw.Series) -> Array:
    """Return numbers and booleans as float64, with NaN where one is missing."""
    native = values.to_native()
    if isinstance(native, pd.Series) and native.dtype == object:
        return native.where(native.notna(), np.nan).to_numpy().astype(np.float64)
    return np.asarray(values.cast(nw.Float64).to_numpy(), np.float64)


def instants_in(values: nw.Series) -> tuple[Array, Array, str]:
    """Return dates or durations as integers, which of them are there, and the unit.

    Dates count from 1970 in UTC. The integers of missing ones mean nothing.
    """
    if isinstance(values.dtype, nw.Date):
        values = values.cast(nw.Datetime("ms"))
    found = values.to_numpy()
    unit, step = np.datetime_data(found.dtype)
    if unit not in PER_SECOND or step != 1:
        found, unit = found.astype(f"{found.dtype.kind}8[ms]"), "ms"
    ticks = found.view(np.int64)
    return ticks, ticks != _NOT_A_TIME, unit


def codes_in(values: nw.Series) -> tuple[Array, list[Any]]:
    """Return the position of every value among the distinct ones, -1 if missing, and these."""
    native, dtype = values.to_native(), values.dtype
    of_text = isinstance(dtype, (nw.String, nw.Categorical, nw.Enum))
    distinct: Any
    if isinstance(native, pd.Series):
        codes, distinct = pd.factorize(native)
    elif of_text:
        return (_texts_of_arrow if values.implementation.is_pyarrow() else _texts_of_polars)(native)
    else:
        codes, distinct = pd.factorize(values.to_numpy())
    plain = int if dtype.is_integer() else _plain
    return codes, [plain(value) for value in distinct]


def _texts_of_arrow(native: Any) -> tuple[Array, list[Any]]:
    # A column of categories may list some that do not come, and other ones in every chunk.
    of = getattr(native.type, "value_type", native.type)
    encoded = native.cast(of).combine_chunks().dictionary_encode()
    return encoded.indices.fill_null(-1).to_numpy(), encoded.dictionary.to_pylist()


def _texts_of_polars(native: Any) -> tuple[Array, list[Any]]:
    # As Python objects they would take several times as long.
    texts = native.cast(str)
    distinct = texts.drop_nulls().unique(maintain_order=True).to_list()
    codes = texts.replace_strict(distinct, list(range(len(distinct))), default=-1)
    return codes.to_numpy().astype(np.intp), distinct


def _plain(value: Any) -> Any:
    """Return a number of NumPy as one of Python, and others as they are."""
    return value.item() if isinstance(value, np.generic) else value
