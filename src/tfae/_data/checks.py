"""The checks of data: every kind of wrong data gets one clear error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse

from tfae._support.typing import Array


def float_dtype(X: Any) -> type[np.floating[Any]]:
    """Return the dtype of results for `X`: float32 for float32, otherwise float64."""
    return np.float32 if X.dtype == np.float32 else np.float64


@contextmanager
def explained(X: Any) -> Iterator[None]:
    """Turn scikit-learn's errors about data into ones that say what to do."""
    try:
        yield
    except (TypeError, ValueError) as error:
        _explain_path(X, error)
        _explain_images(X, error)
        _explain_list(X, error)
        _explain_column(with_names(X), error)
        raise


def as_numbers(rows: Any, X: Any) -> Any:
    """Return checked rows of `X` as numbers, because scikit-learn lets text and categories pass.

    Raises
    ------
    ValueError
        If they are not numbers.
    """
    if rows.dtype == object:
        rows = rows.astype(np.float64)
    if rows.dtype.kind in "mM" or _has_dates(X):
        raise ValueError(f"X must hold numbers only: {_no_numbers(rows.dtype)}.")
    return rows


def with_names(X: Any) -> Any:
    """Return an Arrow record batch as a table, because scikit-learn reads only a table's names."""
    arrow = nw.dependencies.get_pyarrow()
    if arrow is not None and isinstance(X, arrow.RecordBatch):
        return arrow.Table.from_batches([X])
    return X


def _explain_path(X: Any, error: Exception) -> None:
    """Raise an error that says how to read a file."""
    if isinstance(X, (str, PathLike)):
        raise ValueError(
            f"X must be rows of numbers. Got a path, {str(X)!r}; read it with "
            "tfae.streams.read_csv, tfae.streams.read_parquet or pandas."
        ) from error


def _explain_images(X: Any, error: Exception) -> None:
    """Raise an error that says how images become rows."""
    shape = tuple(getattr(X, "shape", ()))
    if len(shape) in (3, 4):
        raise ValueError(
            f"X must have 2 dimensions. Got the shape {shape}; for images pass "
            f"X.reshape(len(X), -1), and architecture_params={{'image_shape': {shape[1:]}}} with "
            "architecture='convolutional'. ConvolutionalAutoencoder takes images as they are."
        ) from error


def _explain_list(X: Any, error: Exception) -> None:
    """Raise an error that says what to do with a list of batches, or of rows and labels."""
    if isinstance(X, (list, tuple)) and X and len(getattr(X[0], "shape", ())) > 1:
        raise ValueError(
            f"X must be one array or data frame. Got a {type(X).__name__} of {len(X)}; map rows "
            "with labels to the rows alone, and pass batches by tfae.streams.from_batches."
        ) from error


def _has_dates(X: Any) -> bool:
    """Whether `X` is a frame with dates, which Polars and Arrow turn into numbers among numbers."""
    if nw.dependencies.is_pandas_dataframe(X):
        # A schema from narwhals would double the time that checking a few rows takes.
        return any(dtype.kind in "mM" for dtype in X.dtypes)
    return nw.dependencies.is_into_dataframe(X) and any(
        dtype.is_temporal() for dtype in nw.from_native(X).schema.dtypes()
    )


def _explain_column(X: Any, error: Exception) -> None:
    """Raise an error that names the first column of a frame that cannot be read as numbers."""
    if not nw.dependencies.is_into_dataframe(X):
        return
    for column in nw.from_native(X).iter_columns():
        try:
            values = column.to_numpy()
            if values.dtype.kind in "mMc":
                raise TypeError(_no_numbers(values.dtype))
            values.astype(np.float64)
        except (TypeError, ValueError) as reason:
            dtype = getattr(column.to_native(), "dtype", column.dtype)  # as the frame names it
            raise ValueError(
                f"X must hold numbers only. Column {column.name!r} has dtype {dtype}: {reason}. "
                "Encode or drop it first, for example with sklearn.compose.ColumnTransformer."
            ) from error


def _no_numbers(dtype: Any) -> str:
    return f"{dtype} values are not real numbers"


def check_finite(X: Any, names: Array | None, positions: Array | None = None) -> None:
    """Raise for NaN and infinity; `positions` are those of the rows if these are not all rows."""
    values = X.data if sparse.issparse(X) else X
    if not np.issubdtype(values.dtype, np.floating):
        return
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):  # one fast pass that almost always decides
            return
    bad = ~np.isfinite(values)
    if not bad.any():
        return
    if sparse.issparse(X):
        place = int(np.flatnonzero(bad)[0])
        row, column = int(np.searchsorted(X.indptr, place, "right")) - 1, int(X.indices[place])
        value = values[place]
    else:
        row, column = (int(position[0]) for position in np.nonzero(bad))
        value = values[row, column]
    among = "values in all" if positions is None else "values among the rows read with it"
    row = row if positions is None else int(positions[row])
    kind = "NaN" if np.isnan(value) else "infinity"
    column_name = column if names is None else repr(str(names[column]))
    raise ValueError(
        f"Input X contains {kind}: all values must be finite. The first is in column "
        f"{column_name}, row {row}; {int(bad.sum())} {among} are not finite. Impute them "
        "first, for example with sklearn.impute.SimpleImputer."
    )
