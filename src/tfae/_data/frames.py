"""Frames of pandas, polars and Arrow, read as columns with types."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from tfae._data.kinds import OF_TABLES, kind_of


def as_frame(X: Any) -> Any:
    """Return `X` if it is a frame with typed columns, a batch of Arrow as a table, or None."""
    if isinstance(X, np.ndarray):
        return None  # the case of the fewest microseconds to spare
    if nw.dependencies.is_pandas_dataframe(X) or nw.dependencies.is_polars_dataframe(X):
        return X
    arrow = nw.dependencies.get_pyarrow()
    if arrow is not None and isinstance(X, arrow.RecordBatch):
        return arrow.Table.from_batches([X])
    return X if nw.dependencies.is_pyarrow_table(X) else None


def first_of_tables(frame: Any) -> int | None:
    """Return the position of the first column that makes a table: not of numbers, but known.

    None if there is no such column.
    """
    places = list(range(frame.shape[1]))
    if nw.dependencies.is_pandas_dataframe(frame):
        # To make a column takes longer than to look at its type.
        places = [place for place, dtype in enumerate(frame.dtypes) if not _is_numeric(dtype)]
    found = (place for place in places if kind_of(column_of(frame, place)) in OF_TABLES)
    return next(found, None)


def _is_numeric(dtype: Any) -> bool:
    if isinstance(dtype, np.dtype):
        return dtype.kind in "biufc"
    return bool(pd.api.types.is_numeric_dtype(dtype))


def labels_of(frame: Any) -> Any:
    """Return the labels of the columns: an index if the frame is of pandas, otherwise a list."""
    return frame.column_names if nw.dependencies.is_pyarrow_table(frame) else frame.columns


def index_of(X: Any) -> Any:
    """Return the index of a frame of pandas, or None."""
    return X.index if nw.dependencies.is_pandas_dataframe(X) else None


def column_of(frame: Any, place: int) -> nw.Series:
    """Return a column by its position."""
    if nw.dependencies.is_pyarrow_table(frame):
        native = frame.column(place)
    elif nw.dependencies.is_polars_dataframe(frame):
        native = frame.to_series(place)
    else:
        native = frame.iloc[:, place]
        if isinstance(native.dtype, pd.SparseDtype):
            native = native.sparse.to_dense()
    return nw.from_native(native, series_only=True)


def dtype_of(frame: Any, place: int) -> Any:
    """Return the type of a column, as its library names it."""
    if nw.dependencies.is_pyarrow_table(frame):
        return frame.schema.field(place).type
    if nw.dependencies.is_polars_dataframe(frame):
        return frame.dtypes[place]
    return frame.iloc[:, place].dtype
