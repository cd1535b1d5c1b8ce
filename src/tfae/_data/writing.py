"""Columns of the types of pandas, polars and Arrow, made from arrays, and frames made from columns.

narwhals cannot name every type of pandas. So each library has a writer of its own, all with the
same methods, which keep to what the library itself converts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from tfae._support.typing import Array


class Writer(ABC):
    """Makes columns and frames of one library."""

    def labels(self, values: Sequence[Any]) -> list[Any]:
        """Return labels of columns, which must be text in most libraries."""
        return list(map(str, values))

    @abstractmethod
    def numbers(self, values: Array, dtype: Any = None) -> Any:
        """Return a column of numbers or booleans; NaN marks missing ones.

        Without a type it is one of float64.
        """

    @abstractmethod
    def instants(self, values: Array, dtype: Any) -> Any:
        """Return a column of dates in UTC, or of durations, given as those of NumPy."""

    @abstractmethod
    def choices(self, values: Sequence[Any], codes: Array, dtype: Any) -> Any:
        """Return the column of the values at some positions; -1 marks missing ones."""

    @abstractmethod
    def missing(self, n_rows: int, dtype: Any) -> Any:
        """Return a column of missing values."""

    @abstractmethod
    def objects(self, values: list[Any], dtype: Any) -> Any:
        """Return a column of Python objects, None where one is missing."""

    @abstractmethod
    def frame(self, labels: Any, columns: Sequence[Any], index: Any = None) -> Any:
        """Return a frame of columns."""


class _Pandas(Writer):
    def labels(self, values: Sequence[Any]) -> list[Any]:
        return list(values)

    def numbers(self, values: Array, dtype: Any = None) -> Any:
        dtype = values.dtype if dtype is None else dtype
        return pd.Series(values).astype(_holding_missing(dtype, bool(np.isnan(values).any())))

    def instants(self, values: Array, dtype: Any) -> Any:
        column: Any = pd.Series(values)
        if isinstance(dtype, pd.DatetimeTZDtype):
            column = column.dt.tz_localize("UTC")
        return column.astype(dtype)

    def choices(self, values: Sequence[Any], codes: Array, dtype: Any) -> Any:
        # Not of booleans themselves, of which pandas cannot take missing ones.
        dtype = _holding_missing(dtype, bool((codes < 0).any()))
        taken = pd.array(list(values), dtype=dtype).take(codes, allow_fill=True)
        return pd.Series(taken, dtype=dtype)

    def missing(self, n_rows: int, dtype: Any) -> Any:
        return pd.Series([None] * n_rows, dtype=_holding_missing(dtype, n_rows > 0))

    def objects(self, values: list[Any], dtype: Any) -> Any:
        absent = any(value is None for value in values)
        return pd.Series(values, dtype=_holding_missing(dtype, absent))

    def frame(self, labels: Any, columns: Sequence[Any], index: Any = None) -> Any:
        # Not their arrays, because pandas would find another type for one of objects.
        plain = [column.reset_index(drop=True) for column in columns]
        made = pd.DataFrame(dict(enumerate(plain)))
        made.columns = labels
        return made if index is None else made.set_axis(index)


def _holding_missing(dtype: Any, absent: bool) -> Any:
    """Return the type that pandas gives to a column of integers or booleans with missing ones."""
    if not absent or not isinstance(dtype, np.dtype) or dtype.kind not in "biu":
        return dtype
    return np.dtype(object) if dtype.kind == "b" else np.dtype(np.float64)


class _Polars(Writer):
    def __init__(self) -> None:
        self._polars = import_module("polars")

    def numbers(self, values: Array, dtype: Any = None) -> Any:
        column = self._polars.Series(values, nan_to_null=True)
        return column if dtype is None else column.cast(dtype)

    def instants(self, values: Array, dtype: Any) -> Any:
        return self._polars.Series(values).cast(dtype)

    def choices(self, values: Sequence[Any], codes: Array, dtype: Any) -> Any:
        places = self._polars.Series(codes.astype(np.float64)).replace(-1.0, None)
        return self._polars.Series(list(values), dtype=dtype).gather(places.cast(int))

    def missing(self, n_rows: int, dtype: Any) -> Any:
        return self._polars.Series([None] * n_rows, dtype=dtype)

    def objects(self, values: list[Any], dtype: Any) -> Any:
        return self._polars.Series(values, dtype=dtype)

    def frame(self, labels: Any, columns: Sequence[Any], index: Any = None) -> Any:
        return self._polars.DataFrame(dict(zip(labels, columns, strict=True)))


class _Arrow(Writer):
    def __init__(self) -> None:
        self._arrow = import_module("pyarrow")

    def numbers(self, values: Array, dtype: Any = None) -> Any:
        column = self._arrow.array(values, from_pandas=True)
        return column if dtype is None else column.cast(dtype)

    def instants(self, values: Array, dtype: Any) -> Any:
        return self._arrow.array(values).cast(dtype)

    def choices(self, values: Sequence[Any], codes: Array, dtype: Any) -> Any:
        places = self._arrow.array(codes, mask=codes < 0)
        return self._arrow.array(list(values)).take(places).cast(dtype)

    def missing(self, n_rows: int, dtype: Any) -> Any:
        return self._arrow.nulls(n_rows, dtype)

    def objects(self, values: list[Any], dtype: Any) -> Any:
        return self._arrow.array(values, dtype)

    def frame(self, labels: Any, columns: Sequence[Any], index: Any = None) -> Any:
        return self._arrow.table(list(columns), names=list(labels))


def library_of(frame: Any) -> str:
    """Return the name of the library of a frame."""
    if nw.dependencies.is_pyarrow_table(frame):
        return "pyarrow"
    return "polars" if nw.dependencies.is_polars_dataframe(frame) else "pandas"


def writer_of(library: str) -> Writer:
    """Return the writer of a library by its name."""
    writers: dict[str, Callable[[], Writer]] = {
        "pandas": _Pandas,
        "polars": _Polars,
        "pyarrow": _Arrow,
    }
    return writers[library]()


def joined(parts: Sequence[Any]) -> Any:
    """Return arrays, or frames of a library, as one with all their rows."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    if nw.dependencies.is_pandas_dataframe(parts[0]):
        return pd.concat(parts)
    return nw.concat([nw.from_native(part) for part in parts]).to_native()
