"""What comes in: parameters and data, each wrong one answered by one clear error."""

from __future__ import annotations

import functools
from collections.abc import Callable
from os import PathLike
from typing import Any, TypeVar

import numpy as np
from scipy import sparse
from sklearn.utils.validation import validate_data

from tfae._support.typing import Array

__all__ = [
    "check_finite",
    "check_rows",
    "float_dtype",
    "put_back",
    "unchanged_on_error",
]

F = TypeVar("F", bound=Callable[..., Any])


def unchanged_on_error(method: F) -> F:
    """Decorate a method so that the estimator's attributes are put back if it raises."""

    @functools.wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = dict(vars(self))
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            put_back(self, before)
            raise

    return wrapper  # type: ignore[return-value]


def put_back(estimator: Any, before: dict[str, Any]) -> None:
    """Give an estimator the attributes that it had before, and no others."""
    vars(estimator).clear()
    vars(estimator).update(before)


def float_dtype(X: Any) -> type[np.floating[Any]]:
    """Return the dtype that results for `X` come in: float32 for float32, else float64."""
    return np.float32 if X.dtype == np.float32 else np.float64


def check_rows(estimator: Any, X: Any, *, reset: bool, min_samples: int = 1) -> Any:
    """Check the data of fit (``reset=True``) or of a fitted estimator.

    Returns
    -------
    ndarray or CSR matrix of shape (n_samples, n_features)
        Numbers of the given dtype, all finite. It is not copied unless it must be.
    """
    if not reset and _is_as_fitted(estimator, X, min_samples):
        check_finite(X, None)
        return X
    try:
        rows = validate_data(
            estimator,
            _with_names(X),
            reset=reset,
            accept_sparse="csr",
            dtype="numeric",
            ensure_all_finite=False,
            ensure_min_samples=min_samples,
        )
        if rows.dtype == object:  # text and categories that scikit-learn left as they are
            rows = rows.astype(np.float64)
        if rows.dtype.kind in "mM" or _has_dates(X):
            raise ValueError(f"X must hold numbers only: {_no_numbers(rows.dtype)}.")
    except (TypeError, ValueError) as error:
        _explain_path(X, error)
        _explain_images(X, error)
        _explain_list(X, error)
        _explain_column(X, error)
        raise
    check_finite(rows, getattr(estimator, "feature_names_in_", None))
    return rows


def _is_as_fitted(estimator: Any, X: Any, min_samples: int) -> bool:
    """Whether `X` is a plain array of the shape that was fitted.

    scikit-learn takes some 50 µs to find that out, as long as all the rest of a row's code.
    """
    return (
        type(X) is np.ndarray
        and X.dtype in (np.float32, np.float64)
        and X.ndim == 2
        and X.shape[1] == estimator.n_features_in_
        and len(X) >= min_samples
        and not hasattr(estimator, "feature_names_in_")
    )


def _with_names(X: Any) -> Any:
    """Return a record batch of Arrow as a table: of these scikit-learn reads the names."""
    if type(X).__module__.startswith("pyarrow.") and type(X).__name__ == "RecordBatch":
        from pyarrow import Table

        return Table.from_batches([X])
    return X


def _explain_path(X: Any, error: Exception) -> None:
    """Raise an error that says how a file is read."""
    if isinstance(X, (str, PathLike)):
        raise ValueError(
            f"X must be rows of numbers. Got a path, {str(X)!r}; read it by tfae.streams.read_csv, "
            "tfae.streams.read_parquet or pandas."
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


def _is_of_polars(X: Any) -> bool:
    return type(X).__module__.startswith("polars.") and type(X).__name__ == "DataFrame"


def _has_dates(X: Any) -> bool:
    """Whether `X` is a frame of Polars with dates, which beside numbers become numbers."""
    return _is_of_polars(X) and any(dtype.is_temporal() for dtype in X.dtypes)


def _explain_column(X: Any, error: Exception) -> None:
    """Raise an error that names the first column of a frame that cannot be read as numbers."""
    columns = X if _is_of_polars(X) else getattr(X, "iloc", None)
    if columns is None or not hasattr(X, "columns"):  # other frames are indexed in other ways
        return
    for place, name in enumerate(X.columns):
        column = columns[:, place]
        try:
            values = np.asarray(column)
            if values.dtype.kind in "mMc":
                raise TypeError(_no_numbers(values.dtype))
            values.astype(np.float64)
        except (TypeError, ValueError) as reason:
            raise ValueError(
                f"X must hold numbers only. Column {name!r} has dtype {column.dtype}: {reason}. "
                "Encode or drop it first, for example with sklearn.compose.ColumnTransformer."
            ) from error


def _no_numbers(dtype: Any) -> str:
    return f"{dtype} values are no real numbers"


def check_finite(X: Any, names: Array | None, numbers: Array | None = None) -> None:
    """Refuse NaN and infinity; `numbers` are those of the rows, if these are not all of them."""
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
    among = "values in all" if numbers is None else "values among the rows read with it"
    row = row if numbers is None else int(numbers[row])
    kind = "NaN" if np.isnan(value) else "infinity"
    column_name = column if names is None else repr(str(names[column]))
    raise ValueError(
        f"Input X contains {kind}: all values must be finite. The first is in column "
        f"{column_name}, row {row}; {int(bad.sum())} {among} are not finite. Impute them "
        "first, for example with sklearn.impute.SimpleImputer."
    )
