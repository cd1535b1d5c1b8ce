"""Values as JSON and arrays, and back: what a file of a model can hold.

What JSON has is written as it is: None, true and false, whole and finite numbers, text, lists. Any
other value is an object with a single name, its kind: ``{"tuple": [8, 4]}``, ``{"array": "fitted.
weights.0"}``, where the array has that name in the file, or ``{"Affine": {"center": …}}``, a record
with its fields. A kind that is not in the tables is refused, in both directions: so a file holds
no code, and nothing of a model is left out without a word.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tfae._data.landmarks import Landmarks
from tfae._data.layout import Layout
from tfae._data.scaling import Affine, Logarithms, Quantiles
from tfae._data.schema import Dropped, Schema
from tfae._data.table_columns import CategoryColumn, InstantColumn, NumberColumn
from tfae._data.table_scaling import TableScaling
from tfae._inference.coder import Coder
from tfae._inference.compared_rows import Compared
from tfae._inference.error_quantiles import ErrorQuantiles
from tfae._inference.from_others import FromOthers
from tfae._inference.members import Members
from tfae._inference.outliers import Calibration, OutlierModel, Part
from tfae._inference.surprise import Surprise
from tfae._networks import codes, plain_layers
from tfae._networks.densities import Densities, Mixture
from tfae._networks.factor_analysis import FactorAnalysis
from tfae._networks.filling import Filling
from tfae._networks.imported import Imported
from tfae._networks.spec import Spec
from tfae._networks.structure import Structure, hashable_params
from tfae._networks.table_inputs import TableInputs
from tfae._saving import column_types
from tfae._saving.named_functions import TABLES, function_of, name_of
from tfae._support.typed_records import check_type, made, values_of
from tfae._support.typing import Array

# Deeper values are no model's; every level costs a few calls of Python.
_DEEPEST = 50
_SIZED = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_DTYPES = frozenset({"bool", *_SIZED, "float16", "float32", "float64"})
# Records, by the names that they have in files, which stay when a class gets another name.
RECORDS: dict[str, type] = {
    "Affine": Affine,
    "Quantiles": Quantiles,
    "Logarithms": Logarithms,
    "Layout": Layout,
    "TableScaling": TableScaling,
    "Filling": Filling,
    "FactorAnalysis": FactorAnalysis,
    "FromOthers": FromOthers,
    "Landmarks": Landmarks,
    "Mixture": Mixture,
    "Densities": Densities,
    "Coder": Coder,
    "Members": Members,
    "Surprise": Surprise,
    "Compared": Compared,
    "Part": Part,
    "Calibration": Calibration,
    "OutlierModel": OutlierModel,
    "Spec": Spec,
    "Imported": Imported,
    "Code": codes.Code,
    "Gaussian": codes.Gaussian,
    "LargestOfRow": codes.LargestOfRow,
    "LargestOfUnit": codes.LargestOfUnit,
    "Nested": codes.Nested,
    "Dense": plain_layers.Dense,
    "Activation": plain_layers.Activation,
    "BatchNormalization": plain_layers.BatchNormalization,
    "Rescaling": plain_layers.Rescaling,
    "EachFeature": plain_layers.EachFeature,
    "Logits": plain_layers.Logits,
    "Sum": plain_layers.Sum,
    "Schema": Schema,
    "Dropped": Dropped,
    "NumberColumn": NumberColumn,
    "InstantColumn": InstantColumn,
    "CategoryColumn": CategoryColumn,
    "TableInputs": TableInputs,
    "ErrorQuantiles": ErrorQuantiles,
}


class Writer:
    """Turns values into JSON, and collects the arrays among them, named by their places."""

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}

    def json(self, value: Any, place: str) -> Any:
        """Return a value as JSON.

        Raises
        ------
        ValueError
            If a file cannot hold it.
        """
        kind = type(value)
        if value is None or kind in (bool, int, str) or (kind is float and math.isfinite(value)):
            return value
        if kind is list:
            return self.parts(value, place)
        name = _NAMES.get(kind) or _name_of_base(value)
        if name is None:
            raise _refused(value, place)
        return {name: _KINDS[name].write(self, value, place)}

    def parts(self, values: Any, place: str) -> list[Any]:
        return [self.json(value, _within(place, i)) for i, value in enumerate(values)]

    def named(self, values: Mapping[Any, Any], place: str) -> dict[str, Any]:
        if not all(type(name) is str for name in values):
            raise _refused(values, place)
        return {name: self.json(value, _within(place, name)) for name, value in values.items()}


class Reader:
    """Turns JSON into values, with the arrays of a file."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.arrays = arrays
        self._depth = 0

    def value(self, given: Any) -> Any:
        """Return the value that JSON stands for.

        Raises
        ------
        ValueError, TypeError, LookupError, ArithmeticError
            If it stands for none.
        """
        if not isinstance(given, list | dict):
            return given
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError(f"Values must be at most {_DEEPEST} levels deep")
        found = self.parts(given) if isinstance(given, list) else self._of_kind(given)
        self._depth -= 1
        return found

    def parts(self, given: Any) -> list[Any]:
        return [self.value(part) for part in _checked(given, list)]

    def named(self, given: Any) -> dict[str, Any]:
        return {name: self.value(part) for name, part in _checked(given, dict).items()}

    def _of_kind(self, given: dict[str, Any]) -> Any:
        if len(given) != 1:
            raise ValueError(f"A value must have one kind. Got {sorted(given)[:5]}")
        ((name, content),) = given.items()
        if name not in _KINDS:
            raise ValueError(f"Values must be of a kind in {sorted(_KINDS)}. Got {name!r}")
        return _KINDS[name].read(self, content)


class _Kind(NamedTuple):
    """How the values of one kind become JSON, and back."""

    write: Callable[[Writer, Any, str], Any]
    read: Callable[[Reader, Any], Any]


def _within(place: str, name: str | int) -> str:
    return f"{place}.{name}" if place else str(name)


def _checked(given: Any, hint: Any) -> Any:
    check_type(given, hint, "A part of the file")
    return given


def _write_array(writer: Writer, value: Array, place: str) -> str:
    if value.dtype.name not in _DTYPES:
        raise _refused(value, place)
    if place in writer.arrays:  # a name may have a point in it
        place = f"{place}:{len(writer.arrays)}"
    # Arrays that are not contiguous would be written wrongly.
    writer.arrays[place] = np.ascontiguousarray(value).reshape(value.shape)
    return place


def _read_array(reader: Reader, given: Any) -> Array:
    return reader.arrays[_checked(given, str)]


def _write_number(writer: Writer, value: Any, place: str) -> list[Any]:
    if value.dtype.name not in _DTYPES:
        raise _refused(value, place)
    return [value.dtype.name, writer.json(value.item(), place)]


def _read_number(reader: Reader, given: Any) -> Any:
    name, number = reader.parts(given)
    if name not in _DTYPES:
        raise ValueError(f"A number must be of one of {sorted(_DTYPES)}. Got {name!r}")
    check_type(number, bool if name == "bool" else float, "A number")
    return np.dtype(name).type(number)


def _write_texts(writer: Writer, value: Array, place: str) -> list[str]:
    if value.ndim != 1 or not all(type(text) is str for text in value):
        raise _refused(value, place)
    return list(value)


def _read_texts(reader: Reader, given: Any) -> Array:
    texts = np.empty(len(_checked(given, list[str])), dtype=object)
    texts[:] = given
    return texts


def _read_float(reader: Reader, given: Any) -> float:
    if given not in ("nan", "inf", "-inf"):
        raise ValueError(f"A number beyond JSON must be nan or infinite. Got {given!r}")
    return float(given)


def _write_generator(writer: Writer, value: np.random.Generator, place: str) -> dict[str, Any]:
    bits = value.bit_generator
    seed = bits.seed_seq
    if not isinstance(bits, np.random.PCG64) or not isinstance(seed, np.random.SeedSequence):
        raise _refused(value, place)
    entropy = seed.entropy
    # Children of the generator are made from the seed.
    seeds = {**seed.state, "entropy": np.atleast_1d(np.asarray(entropy)).tolist()}
    return writer.named({"seed": seeds, "state": bits.state}, place)


def _read_generator(reader: Reader, given: Any) -> np.random.Generator:
    parts = reader.named(given)
    _checked(parts["seed"]["entropy"], list[int])
    bits = np.random.PCG64(np.random.SeedSequence(**parts["seed"]))
    _checked(parts["state"]["state"], dict[str, int])
    bits.state = parts["state"]
    return np.random.Generator(bits)


def _write_random_state(writer: Writer, value: np.random.RandomState, place: str) -> Any:
    state = value.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        raise _refused(value, place)
    return writer.named(state, place)


def _read_random_state(reader: Reader, given: Any) -> np.random.RandomState:
    found = np.random.RandomState(0)
    found.set_state(reader.named(given))
    return found


def _write_function(writer: Writer, value: Any, place: str) -> list[str]:
    name = name_of(value)
    if name is None:
        raise _refused(value, place)
    return list(name)


def _read_function(reader: Reader, given: Any) -> Any:
    kind, name = _checked(given, list[str])
    return function_of(kind, name)


def _write_pairs(writer: Writer, value: Mapping[Any, Any], place: str) -> list[Any]:
    return writer.parts([[key, of_key] for key, of_key in value.items()], place)


def _read_pairs(reader: Reader, given: Any) -> dict[Any, Any]:
    return dict(_checked(reader.parts(given), list[list]))


def _write_type(writer: Writer, value: Any, place: str) -> list[Any]:
    parts = column_types.parts_of_type(value)
    if parts is None:
        raise _refused(value, place)
    return writer.parts(parts, place)


def _write_structure(writer: Writer, value: Structure, place: str) -> dict[str, Any]:
    parts = {**values_of(value), "params": {name: given for name, given, _ in value.params}}
    return writer.named(parts, place)


def _read_structure(reader: Reader, given: Any) -> Structure:
    parts = reader.named(given)
    return made(Structure, {**parts, "params": hashable_params(_checked(parts["params"], dict))})


def _listed(parts_of: Callable[[Any], list[Any]], of_parts: Callable[[Any], Any]) -> _Kind:
    """Return the kind of values that become a list of others."""
    return _Kind(
        lambda writer, value, place: writer.parts(parts_of(value), place),
        lambda reader, given: of_parts(reader.parts(given)),
    )


def _record(kind: type) -> _Kind:
    return _Kind(
        lambda writer, value, place: writer.named(values_of(value), place),
        lambda reader, given: made(kind, reader.named(given)),
    )


_KINDS: dict[str, _Kind] = {
    "float": _Kind(lambda writer, value, place: repr(value), _read_float),
    "tuple": _Kind(Writer.parts, lambda reader, given: tuple(reader.parts(given))),
    "dict": _Kind(Writer.named, Reader.named),
    "pairs": _Kind(_write_pairs, _read_pairs),  # a dict whose names are not all text
    "number": _Kind(_write_number, _read_number),
    "array": _Kind(_write_array, _read_array),
    # In Fortran's order: a product with it may differ in its last bits from one in C's order.
    "transposed": _Kind(
        lambda writer, value, place: _write_array(writer, value.T, place),
        lambda reader, given: _read_array(reader, given).T,
    ),
    "texts": _Kind(_write_texts, _read_texts),
    "generator": _Kind(_write_generator, _read_generator),
    "random_state": _Kind(_write_random_state, _read_random_state),
    "function": _Kind(_write_function, _read_function),
    "type": _Kind(
        _write_type, lambda reader, given: column_types.type_of_parts(reader.parts(given))
    ),
    "Interval": _listed(lambda v: [v.left, v.right, v.closed], lambda parts: pd.Interval(*parts)),
    "Index": _listed(column_types.parts_of_index, column_types.index_of_parts),
    "Timestamp": _listed(column_types.parts_of_timestamp, column_types.timestamp_of_parts),
    "Timedelta": _listed(column_types.parts_of_timedelta, column_types.timedelta_of_parts),
    "Structure": _Kind(_write_structure, _read_structure),
    **{name: _record(kind) for name, kind in RECORDS.items()},
}
# The kinds of values of exactly these types.
_NAMES: dict[type, str] = {
    float: "float",
    tuple: "tuple",
    pd.Timestamp: "Timestamp",
    pd.Timedelta: "Timedelta",
    pd.Interval: "Interval",
    np.random.Generator: "generator",
    np.random.RandomState: "random_state",
    Structure: "Structure",
    **{kind: name for name, kind in RECORDS.items()},
}


def _name_of_base(value: Any) -> str | None:
    """Return the kind of a value that belongs to a family of types; None if it has none."""
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            return "texts"
        in_fortran_order = value.ndim > 1 and value.flags.f_contiguous
        return "transposed" if in_fortran_order and not value.flags.c_contiguous else "array"
    if isinstance(value, np.generic):
        return "number"
    if isinstance(value, Mapping):
        return "dict" if all(type(name) is str for name in value) else "pairs"
    if isinstance(value, pd.Index):
        return "Index"
    if column_types.is_column_type(value):
        return "type"
    return "function" if callable(value) else None


def _refused(value: Any, place: str) -> ValueError:
    """Return the error for a value that a file cannot hold, which says what to do."""
    parameter = re.match(r"parameters\.(\w+)", place)
    name = parameter[1] if parameter else ""
    if name in TABLES and callable(value):
        way_out = (
            f"Give it a name with tfae.register_{name}, in a module that is imported where the "
            "file is loaded; then save again"
        )
    elif parameter:
        way_out = (
            "If only training needs it, set another value before saving: "
            f"model.set_params({name}=...)"
        )
    else:
        way_out = "Where the file comes from a source that is trusted, use pickle"
    return ValueError(
        f"save cannot write {place}, because a file holds numbers, text and arrays but no code. "
        f"Got {value!r}. {way_out}."
    )
