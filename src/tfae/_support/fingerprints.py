"""A digest that tells values apart: parameters, functions, arrays, in this and other processes.

Functions are told apart by their code and what they are given, not by the file that they stand in;
other objects by their class and configuration or attributes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import fields, is_dataclass
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from scipy import sparse

_DEEPEST = 40


def fingerprint(*values: Any) -> str:
    """Return 64 hexadecimal digits that differ for other values.

    Raises
    ------
    TypeError
        If one of the values has nothing to be told apart by.
    """
    digest = hashlib.sha256()
    _add_all(digest.update, values, 0)
    return digest.hexdigest()


Add = Callable[[Any], None]


def _add_all(add: Add, values: Iterable[Any], depth: int) -> None:
    add(b"(")
    for value in values:
        _add(add, value, depth + 1)
    add(b")")


def _add(add: Add, value: Any, depth: int) -> None:
    if depth > _DEEPEST:
        raise TypeError(f"{type(value).__name__} refers to itself, or is too deep")
    kind = type(value)
    add(f"{kind.__module__}.{kind.__qualname__}:".encode())
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        add(repr(value).encode("utf-8", "surrogatepass"))
        add(b";")
    elif isinstance(value, np.ndarray | np.generic):
        _add_array(add, np.asarray(value), depth)
    else:
        _add_all(add, _parts(value), depth)


def _add_array(add: Add, array: Any, depth: int) -> None:
    add(f"{array.dtype.str}{array.shape}".encode())
    if array.dtype.hasobject:
        _add_all(add, array.ravel().tolist(), depth)
    else:
        add(np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def _parts(value: Any) -> Iterable[Any]:
    """Return what tells apart values of the same type."""
    match value:
        case list() | tuple():
            return value
        case Mapping():
            return [part for pair in value.items() for part in pair]
        case Set():
            return sorted(fingerprint(part) for part in value)
        case ModuleType():
            return [value.__name__]
        case type():
            return [value.__module__, value.__qualname__]
        case os.PathLike():
            return [os.fspath(value)]
        case np.dtype():
            return [value.str]
        case np.random.RandomState():
            return [value.get_state(legacy=False)]
        case np.random.Generator():
            return [value.bit_generator.state]
        case CodeType():
            names = value.co_names, value.co_varnames, value.co_freevars, value.co_cellvars
            return [value.co_code, value.co_consts, *names, value.co_flags]
        case FunctionType():
            cells = [cell.cell_contents for cell in value.__closure__ or ()]
            given = value.__defaults__, value.__kwdefaults__, cells
            return [value.__module__, value.__qualname__, value.__code__, *given]
        case MethodType():
            return [value.__func__, value.__self__]
        case partial():
            return [value.func, value.args, value.keywords]
    return _parts_of_object(value)


def _parts_of_object(value: Any) -> Iterable[Any]:
    if sparse.issparse(value):
        rows = value.tocsr()
        return [rows.shape, rows.indptr, rows.indices, rows.data]
    if is_dataclass(value):
        return [getattr(value, field.name) for field in fields(value)]
    if callable(getattr(value, "get_config", None)):
        # Keras numbers the names of its objects in a process.
        return [{k: v for k, v in value.get_config().items() if k != "name"}]
    if hasattr(value, "__dict__"):
        return [vars(value)]
    if callable(value) and hasattr(value, "__qualname__"):  # built in
        return [value.__module__, value.__qualname__]
    raise TypeError(f"a {type(value).__name__} has nothing to be told apart by")
