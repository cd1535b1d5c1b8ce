"""Errors about a column, and the columns' names in them."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import narwhals.stable.v2 as nw


class ColumnError(ValueError):
    """An error about a column by somebody who does not know its name.

    Parameters
    ----------
    text : str
        With "{column}" in the place of the name.
    column : int
    """

    def __init__(self, text: str, column: int) -> None:
        super().__init__(text, int(column))

    def __str__(self) -> str:
        return self.named(())

    def named(self, names: Any) -> str:
        """Return the text with the name of the column, or its number if it has none."""
        text, column = self.args
        return str(text).replace("{column}", name_of(column, names))


class naming_columns:  # noqa: N801  # a generator would take longer
    """A context in which errors about columns get the names that the user gave them.

    Parameters
    ----------
    X : object
        The user's data.
    estimator : object
        It may know the names of the features if `X` has none.
    """

    def __init__(self, X: Any, estimator: Any = None) -> None:
        self._given = X, estimator

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None
    ) -> None:
        if isinstance(error, ColumnError):
            raise ValueError(error.named(names_of(*self._given))) from error.__cause__


def names_of(X: Any, estimator: Any = None) -> Any:
    """Return the names of the columns of a frame, or those that an estimator knows, or none.

    With a schema, columns are those of its rows of numbers, each with the name of the column that
    it is a part of.
    """
    schema = getattr(estimator, "_schema", None)
    if schema is not None:
        return schema.place_labels
    if nw.dependencies.is_pandas_dataframe(X):
        return X.columns  # any labels, also those of several levels
    if nw.dependencies.is_into_dataframe(X):
        return nw.from_native(X).columns
    return getattr(estimator, "feature_names_in_", ())


def name_of(column: int, names: Any) -> str:
    """Return the name of a column as it is told of, or its number if it has none."""
    if column >= len(names):
        return str(column)
    name = names[column]
    return repr(str(name)) if isinstance(name, str) else str(name)


def too_large(value: Any, row: int, column: int) -> ColumnError:
    """Return the error about a number that float64 cannot hold."""
    said = f"an integer of {value.bit_length()} bits" if isinstance(value, int) else f"{value!s}"
    return ColumnError(
        "X must hold numbers within the range of float64, up to 1.8e+308. Got "
        f"{said} in column {{column}}, row {row}. If it marks a missing value, impute it; "
        "otherwise divide the column by a large number.",
        column,
    )
