"""The checks of data: every kind of wrong data gets one clear error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from os import PathLike
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from scipy import sparse

from tfae._data.columns import ColumnError, too_large
from tfae._data.objects import with_numbers
from tfae._support.masks import check_unmasked
from tfae._support.typing import Array


def float_dtype(X: Any) -> type[np.floating[Any]]:
    """Return the dtype of results for `X`: float32 for float32, otherwise float64."""
    return np.float32 if X.dtype == np.float32 else np.float64


@contextmanager
def explained(X: Any) -> Iterator[None]:
    """Turn scikit-learn's errors about data into ones that say what to do."""
    try:
        yield
    except ColumnError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        _explain_path(X, error)
        _explain_collection(X, error)
        _explain_images(X, error)
        _explain_list(X, error)
        _explain_column(X, error)
        _explain_text(X, error)
        raise


def readable(X: Any, name: str = "X", *, missing: bool = False) -> Any:
    """Return `X` in a form that scikit-learn reads without losing or misreading a value.

    If entries may be `missing`, masked values become NaN.

    It drops masks, does not see the names of an Arrow record batch, takes dates in object arrays
    for numbers, and cannot read sparse columns whose other values are not 0.

    Raises
    ------
    ValueError
        For masked values, and for what :func:`.objects.with_numbers` refuses.
    """
    if missing and isinstance(X, np.ma.MaskedArray):
        X = np.ma.filled(X.astype(np.result_type(X.dtype, np.float32)), np.nan)
    check_unmasked(X, name)
    if nw.dependencies.is_pandas_dataframe(X):
        return _readable_frame(X, missing)
    if isinstance(X, (list, tuple)):
        X = _listed(X)
    if isinstance(X, np.ndarray):
        if X.ndim != 2:
            return X
        return with_numbers(X, missing=missing) if X.dtype == object else within_float64(X)
    arrow = nw.dependencies.get_pyarrow()
    if arrow is not None and isinstance(X, arrow.RecordBatch):
        return arrow.Table.from_batches([X])
    return X


def _readable_frame(X: Any, missing: bool) -> Any:
    dtypes, given = list(X.dtypes), X
    for column, dtype in enumerate(dtypes):
        if isinstance(dtype, np.dtype) and dtype.kind == "O":
            try:
                numbers = with_numbers(given.iloc[:, [column]].to_numpy(), missing=missing)
            except ColumnError as error:
                raise ColumnError(error.args[0], column) from None
            if missing and numbers.dtype != object:
                X = X.copy(deep=False) if X is given else X
                X.isetitem(column, numbers[:, 0])
    sparse_ones = [dtype for dtype in dtypes if isinstance(dtype, pd.SparseDtype)]
    if len(sparse_ones) == len(dtypes) and any(dtype.fill_value != 0 for dtype in sparse_ones):
        return X.sparse.to_dense()
    return X


def _listed(X: Any) -> Any:
    """Return a list as an array if its rows have one length."""
    try:
        return np.asarray(X)
    except (TypeError, ValueError):
        return X


def as_numbers(rows: Any, X: Any) -> Any:
    """Return checked rows of `X` as numbers, because scikit-learn lets text and categories pass.

    Raises
    ------
    ValueError
        If they are not numbers, or if float64 cannot hold them.
    """
    if rows.dtype == object:
        rows = rows.astype(np.float64)
    if rows.dtype.kind in "mM" or _has_dates(X):
        raise ValueError(f"X must hold numbers only: {_no_numbers(rows.dtype)}.")
    return within_float64(rows)


def within_float64(rows: Any) -> Any:
    """Return rows of a longer type as float64, and others as they are.

    Raises
    ------
    ColumnError
        If float64 cannot hold a number.
    """
    if rows.dtype.kind != "f" or rows.dtype.itemsize <= 8:
        return rows
    with np.errstate(over="ignore"):
        found = rows.astype(np.float64)
    given, got = (values.data if sparse.issparse(rows) else values for values in (rows, found))
    large = np.isinf(got) & np.isfinite(given)
    if large.any():
        raise too_large(given[large][0], *_place(rows, large))
    return found


def _place(rows: Any, chosen: Array) -> tuple[int, int]:
    """Return the row and the column of the first of some values."""
    if not sparse.issparse(rows):
        row, column = (int(position[0]) for position in np.nonzero(chosen))
        return row, column
    place = int(np.flatnonzero(chosen)[0])
    return int(np.searchsorted(rows.indptr, place, "right")) - 1, int(rows.indices[place])


def _explain_path(X: Any, error: Exception) -> None:
    """Raise an error that says how to read a file."""
    if isinstance(X, (str, PathLike)):
        raise ValueError(
            f"X must be rows of numbers. Got a path, {str(X)!r}; read it with "
            "tfae.streams.read_csv, tfae.streams.read_parquet or pandas."
        ) from error


def _explain_collection(X: Any, error: Exception) -> None:
    """Raise an error that says how a collection without rows becomes a table."""
    if isinstance(X, (Mapping, Set)):
        hint = "pandas.DataFrame(X)" if isinstance(X, Mapping) else "a list of rows"
        raise ValueError(
            f"X must be an array, a sparse matrix, a data frame or a list of rows. Got a "
            f"{type(X).__name__}; pass {hint}."
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
            if values.dtype == object:
                values = values[~pd.isna(values)]  # something else is no number either
            if values.dtype.kind in "mMc":
                raise TypeError(_no_numbers(values.dtype))
            values.astype(np.float64)
        except (TypeError, ValueError) as reason:
            dtype = getattr(column.to_native(), "dtype", column.dtype)  # as the frame names it
            raise ValueError(
                f"X must hold numbers only. Column {column.name!r} has dtype {dtype}: {reason}. "
                "Encode or drop it first, for example with sklearn.compose.ColumnTransformer."
            ) from error


def _explain_text(X: Any, error: Exception) -> None:
    """Raise an error that shows the first text of an array or of a list of rows."""
    values = _listed(X) if isinstance(X, (list, tuple)) else X
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype.kind not in "OSU":
        return
    for (row, column), value in np.ndenumerate(values):
        value = value.item() if isinstance(value, np.generic) else value
        if isinstance(value, (str, bytes)) and not _is_number(value):
            raise ValueError(
                f"X must hold numbers only. Row {row} has {value!r} in column {column}. Encode or "
                "drop that column first, or pass a data frame to an estimator that takes columns "
                "of all kinds: pandas.DataFrame(X)."
            ) from error


def _is_number(text: str | bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _no_numbers(dtype: Any) -> str:
    return f"{dtype} values are not real numbers"


def check_finite(X: Any, positions: Array | None = None, *, missing: bool = False) -> None:
    """Raise for infinity, and for NaN unless entries may be `missing`.

    `positions` are those of the rows if these are not all rows.
    """
    values = X.data if sparse.issparse(X) else X
    if not np.issubdtype(values.dtype, np.floating):
        return
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):  # one fast pass that almost always decides
            return
    bad = np.isinf(values) if missing else ~np.isfinite(values)
    if not bad.any():
        return
    row, column = _place(X, bad)
    kind = "NaN" if np.isnan(values[bad][0]) else "infinity"
    advice = {
        "NaN": "Impute them first, for example with sklearn.impute.SimpleImputer.",
        "infinity": "Imputers do not take infinity either. Put NaN in its place where it marks a "
        "missing value, and a finite number elsewhere.",
    }
    among = "values in all" if positions is None else "values among the rows read with it"
    row = row if positions is None else int(positions[row])
    raise ColumnError(
        f"Input X contains {kind}: all values must be finite. The first is in column {{column}}, "
        f"row {row}; {int(bad.sum())} {among} are not finite. {advice[kind]}",
        column,
    )
