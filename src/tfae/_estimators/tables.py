"""Frames of mixed kinds: read by the schema of an estimator, and made from what it computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from tfae._data.checks import check_finite
from tfae._data.columns import ColumnError, name_of
from tfae._data.frames import (
    as_frame,
    column_of,
    dtype_of,
    first_of_tables,
    index_of,
    labels_of,
)
from tfae._data.schema import Schema
from tfae._data.streams import Stream
from tfae._data.table_survey import survey_of_all
from tfae._data.writing import Writer, library_of, writer_of
from tfae._inference.fitted import Fitted
from tfae._inference.table_errors import probabilities
from tfae._support.typing import Array


def learned_schema(estimator: Any, X: Any, whole: Stream | None = None) -> Schema | None:
    """Return the schema of the data of a fit; None for arrays, and for frames of numbers only.

    Parameters
    ----------
    estimator : BaseEncoder
        Its ``columns``, if it has them, say what is asked for.
    X : object
        The data of a fit.
    whole : Stream or None
        The stream that `X` is the first batch of, if it can be read more than once. All its batches
        are then read to find the categories.

    Raises
    ------
    ValueError
        If the frame cannot be learned from, the estimator takes none, or ``columns`` are given and
        there is no frame.
    """
    asked, frame = getattr(estimator, "columns", None), as_frame(X)
    if frame is None:
        if asked is not None:
            raise ValueError(
                "'columns' must be None unless X is a data frame, because it names columns. Got "
                f"{type(X).__name__}."
            )
        return None
    mixed = first_of_tables(frame)
    if mixed is None and asked is None:
        return None
    if not estimator.takes_tables:
        raise _takes_numbers_only(estimator, frame, mixed)
    frames = [frame] if whole is None else map(_frame_of, whole)
    return Schema.learned(survey_of_all(frames, asked))


def _frame_of(batch: Any) -> Any:
    frame = as_frame(batch)
    if frame is None:
        raise ValueError(
            "Batches must all be data frames if the first one is a frame of mixed kinds. Got "
            f"{type(batch).__name__}."
        )
    return frame


def _takes_numbers_only(estimator: Any, frame: Any, place: int | None) -> ValueError:
    got = "'columns'"
    if place is not None:
        name, dtype = name_of(place, labels_of(frame)), dtype_of(frame, place)
        got = f"column {name}, which has dtype {dtype}"
    return ValueError(
        f"X must hold numbers only. A {type(estimator).__name__} takes neither frames of mixed "
        f"kinds nor missing values. Got {got}. Encode or drop it first, for example with "
        "sklearn.compose.ColumnTransformer, or give it the codes of an Autoencoder."
    )


def read_table(
    estimator: Any,
    X: Any,
    schema: Schema,
    *,
    reset: bool,
    min_samples: int,
    learning: bool,
    missing: bool,
) -> Array:
    """Return the rows of a frame as float64, and note its columns as scikit-learn does.

    Raises
    ------
    ValueError
        If `X` is no frame or has other columns, or a value cannot be used.
    """
    frame = as_frame(X)
    if frame is None:
        raise ValueError(
            f"X must be a data frame with the columns that it had in fit. Got {type(X).__name__}."
        )
    frame = schema.in_order(frame)
    validate_data(estimator, frame, reset=reset, skip_check_array=True)
    rows = schema.encode(frame, learning=learning)
    check_array(rows, ensure_all_finite=False, ensure_min_samples=min_samples)
    _check_entries(rows, schema, missing)
    return rows


def _check_entries(rows: Array, schema: Schema, missing: bool) -> None:
    """Raise for infinity, and for missing values where there may be none."""
    try:
        check_finite(rows[:, schema.layout.starts], missing=missing)
    except ColumnError as error:
        raise ValueError(error.named([column.label for column in schema.columns])) from None


def given_as(fitted: Fitted, rows: Array, like: Any = None, index: Any = None) -> Any:
    """Return rows in the user's units as the data of the fit were: an array or a frame.

    Parameters
    ----------
    fitted : Fitted
    rows : ndarray of shape (n_rows, places)
    like : object
        The data that the rows were computed for; columns that are not learned from are carried over
        if it is a frame.
    index : object
        Data whose index the frame gets if both are of pandas.
    """
    if fitted.schema is None:
        return rows
    return fitted.schema.decode(rows, like=as_frame(like), index=index_of(index))


def with_filled(schema: Schema, rows: Array, X: Any) -> Any:
    """Return a frame with values of rows in the place of its missing values.

    Other values stay as they are, unknown categories and columns that are not learned from too. Of
    these constant ones are filled.

    Parameters
    ----------
    schema : Schema
    rows : ndarray of shape (n_rows, places)
        In the user's units, without NaN.
    X : DataFrame
    """
    return _with_cells(schema, rows, X, lambda number, given: _missing(given))


def with_changed(schema: Schema, rows: Array, X: Any, changed: Array) -> Any:
    """Return a frame with values of rows in some cells.

    Parameters
    ----------
    schema : Schema
    rows : ndarray of shape (n_rows, places)
    X : DataFrame
    changed : ndarray of bool of shape (n_rows, columns)
        Of the columns that are learned from.
    """
    frame = as_frame(X)
    write = writer_of(library_of(frame))

    def chosen(number: int | None, given: nw.Series) -> nw.Series | None:
        if number is None:
            return None
        cells = write.frame(["chosen"], [write.numbers(changed[:, number])], index_of(frame))
        return column_of(cells, 0)

    return _with_cells(schema, rows, X, chosen)


def _missing(given: nw.Series) -> nw.Series:
    missing = given.is_null()
    return missing | given.is_nan() if given.dtype.is_float() else missing


def _with_cells(
    schema: Schema, rows: Array, X: Any, chosen: Callable[[int | None, nw.Series], nw.Series | None]
) -> Any:
    """Return a frame with values of rows in cells that are chosen column by column.

    `chosen` takes the number of a column that is learned from, None for a constant one, and the
    column as it was given.
    """
    frame = schema.in_order(as_frame(X))
    library, made = library_of(frame), schema.complete(rows, frame)
    learned = {column.label: number for number, column in enumerate(schema.columns)}
    write, labels, columns = writer_of(library), labels_of(frame), []
    for place, label in enumerate(labels):
        given = column_of(frame, place)
        cells = chosen(learned.get(label), given) if label in made else None
        if cells is not None and cells.any():
            new, dtype = made[label], dtype_of(frame, place)
            if library != schema.library:
                new = _of_type(write, new, dtype)
            filled = given.zip_with(~cells, new.cast(given.dtype))
            given = filled if filled.dtype == given.dtype else _of_type(write, filled, dtype)
        columns.append(given.to_native())
    return write.frame(labels, columns, index_of(frame))


def _of_type(write: Writer, values: Any, dtype: Any) -> Any:
    """Return a column of another type or library, which takes a pass over Python objects."""
    return column_of(write.frame(["values"], [write.objects(values.to_list(), dtype)]), 0)


def chances(fitted: Fitted, rows: Array, like: Any) -> dict[Any, Any]:
    """Return the probabilities of the categories of every column that has some, as frames.

    Raises
    ------
    ValueError
        If no column has categories.
    """
    schema = fitted.schema
    if schema is None or not schema.layout.has_categories:
        raise ValueError(
            "probabilities=True must be used after a fit on a data frame with columns of "
            "categories. Got a fit without any."
        )
    write, chance = writer_of(schema.library), probabilities(schema.layout, rows)
    found = {}
    for number, places in schema.layout.categories():
        column = schema.columns[number]
        labels = write.labels(column.places)
        columns = [write.numbers(values) for values in chance[:, places].T]
        found[column.label] = write.frame(labels, columns, index_of(like))
    return found


def frame_of_numbers(labels: Any, values: Array, X: Any) -> Any:
    """Return numbers as a frame of the library of `X`, with its index; of pandas if `X` is none."""
    frame = as_frame(X)
    write = writer_of("pandas" if frame is None else library_of(frame))
    columns = [write.numbers(values[:, place]) for place in range(values.shape[1])]
    return write.frame(write.labels(labels), columns, index_of(frame))


def errors_as_given(fitted: Fitted, errors: Array, X: Any) -> Any:
    """Return the errors of every row and column as a frame if `X` is one."""
    frame = as_frame(X)
    if frame is None:
        return errors
    write, schema = writer_of(library_of(frame)), fitted.schema
    labels = labels_of(frame) if schema is None else [column.label for column in schema.columns]
    columns = [write.numbers(values) for values in np.asarray(errors).T]
    return write.frame(labels, columns, index_of(frame))
