"""The columns of a table as inputs and outputs of an ONNX graph: one of shape [N, 1] each.

=========================  =======================================================================
numbers                    in the dtype of the graph; NaN is a missing value
booleans                   0.0 and 1.0, and so are categories that are numbers
text and other categories  their text; a text that is said in the graph is a missing value
dates and durations        int64 in the unit of the column, dates since 1970 in UTC; the least
                           int64, as which NumPy stores NaT, is a missing value
=========================  =======================================================================

Missing values, and categories that `fit` did not know, are NaN in all places of rows, so that all
outputs of their rows are missing: to fill them, the linear model solves another system of equations
for every pattern of holes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Real
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from tfae._data.column_values import PER_SECOND
from tfae._data.kinds import DATETIME, INTEGER
from tfae._data.schema import Schema
from tfae._data.table_columns import CategoryColumn, Column, InstantColumn, NumberColumn
from tfae._saving.onnx_nodes import ML, Nodes, type_of
from tfae._support.typing import Array

_NANO = 10**9
_NOT_A_TIME = np.iinfo(np.int64).min
_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


class Port(ABC):
    """A column of a table at the edge of a graph.

    Parameters
    ----------
    column : Column
    dtype : dtype
        That of the graph's rows.
    """

    def __init__(self, column: Any, dtype: np.dtype[Any]) -> None:
        self._column, self._dtype = column, dtype
        self.name = str(column.label)

    @property
    @abstractmethod
    def kind(self) -> int:
        """The type of the tensors, as ONNX numbers it."""

    @property
    @abstractmethod
    def about(self) -> str:
        """What the graph says of its values."""

    @abstractmethod
    def encoded(self, graph: Nodes, x: str) -> str:
        """Return the places of a column's values in rows, from the graph's input."""

    @abstractmethod
    def decoded(self, graph: Nodes, rows: str, output: str) -> str:
        """Return a column's values, from its places in rows and in what the network puts out."""

    @abstractmethod
    def given(self, values: Array) -> Array:
        """Return the input for values as :meth:`.layout.Layout.decoded` returns them."""

    @abstractmethod
    def error(self, found: Array, exact: Array) -> float:
        """Return how far an output is from the exact places of rows, relative to the largest.

        That a value is rounded to an integer is no error, nor which of two equally likely
        categories is found.
        """

    def described(self, name: str) -> Any:
        """Return the description of an input or an output."""
        return helper.make_tensor_value_info(name, self.kind, ["N", 1], self.about)


class _Numbers(Port):
    _column: NumberColumn

    @property
    def kind(self) -> int:
        return type_of(self._dtype)

    @property
    def about(self) -> str:
        return "numbers; NaN is a missing value"

    def encoded(self, graph: Nodes, x: str) -> str:
        return x

    def decoded(self, graph: Nodes, rows: str, output: str) -> str:
        if self._column.kind != INTEGER:
            return rows
        return graph.clipped(graph.add("Round", rows), self._column.low, self._column.high)

    def given(self, values: Array) -> Array:
        return values.astype(self._dtype)

    def error(self, found: Array, exact: Array) -> float:
        exact, rounded = exact[:, 0], 0.0
        if self._column.kind == INTEGER:
            exact, rounded = np.clip(exact, self._column.low, self._column.high), 0.5
        return _relative(found, exact, rounded)


class _Instants(Port):
    _column: InstantColumn

    @property
    def kind(self) -> int:
        return int(TensorProto.INT64)

    @property
    def about(self) -> str:
        since = " since 1970 in UTC" if self._column.kind == DATETIME else ""
        return f"{_UNITS[self._column.unit]}{since}; {_NOT_A_TIME} is a missing value"

    @property
    def _per_second(self) -> int:
        return PER_SECOND[self._column.unit]

    @property
    def _center(self) -> int:
        return self._column.center * self._per_second

    def encoded(self, graph: Nodes, x: str) -> str:
        ticks = graph.add("Sub", x, graph.constant(self._center, np.int64))
        per_second = graph.constant(self._per_second, np.float64)
        seconds = graph.add("Div", graph.cast(ticks, np.float64), per_second)
        missing = graph.add("Equal", x, graph.constant(_NOT_A_TIME, np.int64))
        return graph.add("Where", missing, graph.constant(np.nan), graph.cast(seconds, self._dtype))

    def decoded(self, graph: Nodes, rows: str, output: str) -> str:
        column, missing = self._column, graph.add("IsNaN", rows)
        seconds = graph.cast(graph.add("Where", missing, graph.constant(0.0), rows), np.float64)
        seconds = graph.clipped(seconds, column.low, column.high, np.float64)
        # One of these is 1, as in NumPy.
        for kind, factor in (
            ("Mul", max(1, _NANO // column.resolution)),
            ("Div", max(1, column.resolution // _NANO)),
        ):
            seconds = graph.add(kind, seconds, graph.constant(float(factor), np.float64))
        steps = graph.cast(graph.add("Round", seconds), np.int64)
        step = graph.constant(column.resolution * self._per_second // _NANO, np.int64)
        ticks = graph.add("Mul", steps, step)
        ticks = graph.add("Add", ticks, graph.constant(self._center, np.int64))
        return graph.add("Where", missing, graph.constant(_NOT_A_TIME, np.int64), ticks)

    def given(self, values: Array) -> Array:
        there = ~np.isnan(values)
        ticks = np.rint(np.where(there, values, 0.0) * self._per_second).astype(np.int64)
        return np.where(there, ticks + self._center, _NOT_A_TIME)

    def error(self, found: Array, exact: Array) -> float:
        exact = np.clip(exact[:, 0], self._column.low, self._column.high)
        seconds = (found - self._center) / self._per_second
        return _relative(seconds, exact, self._column.resolution / _NANO / 2)


class _Categories(Port):
    """Categories, whose values are given and put out as other ones."""

    _column: CategoryColumn
    _values: list[Any]  # the values of the categories

    def _check_distinct(self, way_out: str) -> None:
        if len(set(self._values)) < len(self._values):
            raise ValueError(
                f"The categories of column {self._column.name} must differ {way_out}. Got "
                f"{self._values}."
            )

    def given(self, values: Array) -> Array:
        places = np.where(np.isnan(values), len(self._values) + 1, values).astype(np.intp)
        return self._all_values[places]

    @property
    @abstractmethod
    def _all_values(self) -> Array:
        """The values of the categories, of another category, and of a missing one."""

    def _likeliest(self, graph: Nodes, output: str) -> str:
        """Return the positions of the likeliest categories, -1 for missing ones."""
        known = graph.columns(output, 0, len(self._values))
        missing = graph.add("IsNaN", graph.columns(output, 0, 1))
        place = graph.add("ArgMax", known, axis=1, keepdims=1)
        return graph.add("Where", missing, graph.constant(-1, np.int64), place)

    def error(self, found: Array, exact: Array) -> float:
        place = {value: number for number, value in enumerate(self._values)}
        chance = exact[:, : len(place)]
        try:
            places = [place[value] for value in found.tolist()]
        except KeyError:
            return np.inf
        return float((chance.max(axis=1) - chance[np.arange(len(chance)), places]).max())


class _Texts(_Categories):
    def __init__(self, column: CategoryColumn, dtype: np.dtype[Any]) -> None:
        super().__init__(column, dtype)
        self._values = [str(value) for value in column.categories]
        self._check_distinct("as text")
        self._missing = _free_text("", self._values)

    @property
    def kind(self) -> int:
        return int(TensorProto.STRING)

    @property
    def about(self) -> str:
        return f"text; {self._missing!r} is a missing value"

    @property
    def _all_values(self) -> Array:
        other = _free_text("other", [*self._values, self._missing])
        return np.array([*self._values, other, self._missing], dtype=object)

    def encoded(self, graph: Nodes, x: str) -> str:
        n = len(self._values)
        place = graph.add(
            "LabelEncoder",
            x,
            domain=ML,
            keys_strings=[*self._values, self._missing],
            values_int64s=[*range(n), -1],
            default_int64=n if self._column.has_other else -1,
        )
        places = graph.constant(np.arange(n + self._column.has_other), np.int64)
        ones = graph.cast(graph.add("Equal", place, places), self._dtype)
        missing = graph.add("Less", place, graph.constant(0, np.int64))
        return graph.add("Where", missing, graph.constant(np.nan), ones)

    def decoded(self, graph: Nodes, rows: str, output: str) -> str:
        return graph.add(
            "LabelEncoder",
            self._likeliest(graph, output),
            domain=ML,
            keys_int64s=list(range(len(self._values))),
            values_strings=self._values,
            default_string=self._missing,
        )


class _Codes(_Categories):
    """Categories that are numbers or booleans."""

    def __init__(self, column: CategoryColumn, dtype: np.dtype[Any]) -> None:
        super().__init__(column, dtype)
        self._values = [float(dtype.type(value)) for value in column.categories]
        self._check_distinct(f"in {dtype}; use dtype='float64'")

    @property
    def kind(self) -> int:
        return type_of(self._dtype)

    @property
    def about(self) -> str:
        return "numbers that stand for categories; NaN is a missing value"

    @property
    def _all_values(self) -> Array:
        other = 2 * max(map(abs, self._values)) + 1
        return np.array([*self._values, other, np.nan], self._dtype)

    def encoded(self, graph: Nodes, x: str) -> str:
        ones = graph.cast(graph.add("Equal", x, graph.constant(self._values)), self._dtype)
        axis = graph.constant([1], np.int64)
        rest = graph.add("Sub", graph.constant(1.0), graph.add("ReduceSum", ones, axis, keepdims=1))
        if self._column.has_other:
            ones, missing = graph.add("Concat", ones, rest, axis=1), graph.add("IsNaN", x)
        else:
            missing = graph.add("Greater", rest, graph.constant(0.5))
        return graph.add("Where", missing, graph.constant(np.nan), ones)

    def decoded(self, graph: Nodes, rows: str, output: str) -> str:
        values = graph.constant([*self._values, np.nan])  # the last one is at -1
        return graph.add("Gather", values, self._likeliest(graph, output), axis=0)


def _relative(found: Array, exact: Array, rounded: float) -> float:
    """Return the largest error beyond that of rounding, relative to the largest exact number."""
    largest = max(np.abs(exact).max(), np.finfo(np.float64).tiny)
    return float(np.maximum(np.abs(found - exact) - rounded, 0).max() / largest)


def _free_text(text: str, taken: list[str]) -> str:
    while text in taken:
        text += "?"
    return text


def _port(column: Column, dtype: np.dtype[Any]) -> Port:
    if isinstance(column, NumberColumn):
        return _Numbers(column, dtype)
    if isinstance(column, InstantColumn):
        return _Instants(column, dtype)
    assert isinstance(column, CategoryColumn)
    if all(isinstance(value, Real | np.bool_) for value in column.categories):
        return _Codes(column, dtype)
    return _Texts(column, dtype)


class Ports:
    """All columns of a table, of those that are learned from.

    Parameters
    ----------
    schema : Schema
    dtype : str
        That of the graph's rows.

    Raises
    ------
    ValueError
        If columns or categories cannot be told apart in a graph.
    """

    def __init__(self, schema: Schema, dtype: str) -> None:
        self._layout = schema.layout
        self._ports = [_port(column, np.dtype(dtype)) for column in schema.columns]
        self.names = [port.name for port in self._ports]
        if "" in self.names or len(set(self.names)) < len(self.names):
            raise ValueError(
                "The columns must have names that differ as text, because they become the names of "
                f"inputs. Got {self.names}."
            )

    def inputs(self) -> list[Any]:
        """Return the descriptions of the inputs."""
        return [port.described(port.name) for port in self._ports]

    def rows(self, graph: Nodes) -> str:
        """Add the nodes that make rows of all inputs."""
        parts = [port.encoded(graph, port.name) for port in self._ports]
        return graph.add("Concat", *parts, axis=1)

    def outputs(self, graph: Nodes, rows: str, output: str) -> list[Any]:
        """Add the nodes of the outputs; return their descriptions.

        `rows` are in the user's units, `output` is what the network puts out.
        """
        made = []
        for port, places in zip(self._ports, self._places(), strict=True):
            parts = (graph.columns(x, places.start, places.stop) for x in (rows, output))
            name = graph.free(f"rebuilt_{port.name}")
            graph.add("Identity", port.decoded(graph, *parts), name=name)
            made.append(port.described(name))
        return made

    def given(self, rows: Array) -> dict[str, Array]:
        """Return the inputs for rows."""
        values = self._layout.decoded(rows)
        return {
            port.name: port.given(of)[:, None]
            for port, of in zip(self._ports, values.T, strict=True)
        }

    def error(self, found: list[Array], exact: Array) -> float:
        """Return the largest error of outputs beside exact rows."""
        return max(
            port.error(values[:, 0], exact[:, places])
            for port, values, places in zip(self._ports, found, self._places(), strict=True)
        )

    def _places(self) -> list[slice]:
        widths = np.maximum(self._layout.levels, 1)
        starts = self._layout.starts
        return [slice(int(s), int(s + w)) for s, w in zip(starts, widths, strict=True)]
