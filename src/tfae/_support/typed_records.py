"""Dataclasses and named tuples from values that nothing is known of yet, checked by their types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from numbers import Integral, Real
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def made(kind: Callable[..., T], values: Mapping[str, Any]) -> T:
    """Return an object of a dataclass or a named tuple, made of its fields.

    Fields that have a default may be left out.

    Raises
    ------
    ValueError
        If a field is unknown or missing, or its value is not of the type that it is declared with.
    """
    hints, required = _declared(kind)
    if unknown := sorted(set(values) - set(hints)):
        raise ValueError(f"{_name(kind)} has no fields {unknown}")
    if missing := sorted(required - set(values)):
        raise ValueError(f"{_name(kind)} needs the fields {missing}")
    for name, value in values.items():
        check_type(value, hints[name], f"{_name(kind)}.{name}")
    return kind(**values)


def values_of(record: Any) -> dict[str, Any]:
    """Return the fields of an object of a dataclass or a named tuple, which :func:`made` takes."""
    kind: Any = type(record)
    return {name: getattr(record, name) for name in _declared(kind)[0]}


def _name(kind: Any) -> str:
    return str(kind.__name__)


def check_type(value: Any, hint: Any, name: str) -> None:
    """Raise ValueError if a value is not of a type, given as in an annotation."""
    if not _is_of(value, hint):
        raise ValueError(f"{name} must be of the type {hint}. Got {type(value).__name__}")


@cache
def _declared(kind: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the types of the fields, and the names of those without a default."""
    hints = get_type_hints(kind)
    if not is_dataclass(kind):
        own: tuple[str, ...] = kind._fields
        defaults: Mapping[str, Any] = kind._field_defaults
        return {name: hints[name] for name in own}, frozenset(set(own) - set(defaults))
    declared = [field for field in fields(kind) if field.init]
    required = (f.name for f in declared if f.default is MISSING and f.default_factory is MISSING)
    return {field.name: hints[field.name] for field in declared}, frozenset(required)


def _is_of(value: Any, hint: Any) -> bool:
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if hint is Any:
        return True
    if kind in (Union, UnionType):
        return any(_is_of(value, part) for part in parts)
    if kind is Literal:
        return value in parts
    if hint is None:
        return value is None
    if kind in _NUMBERS:
        return isinstance(value, _NUMBERS[kind]) and not isinstance(value, bool)
    if not isinstance(value, kind):
        return False
    return not parts or _are_of(value, kind, parts)


_NUMBERS: dict[Any, Any] = {int: Integral, float: Real}


def _are_of(value: Any, kind: type, parts: tuple[Any, ...]) -> bool:
    """Whether the parts of a value of a kind are of their types."""
    if kind is tuple and parts[-1] is not Ellipsis:
        return len(value) == len(parts) and all(map(_is_of, value, parts))
    if issubclass(kind, Mapping):
        return all(_is_of(k, parts[0]) and _is_of(v, parts[1]) for k, v in value.items())
    if issubclass(kind, Sequence):
        return all(_is_of(part, parts[0]) for part in value)
    return True  # the shape and dtype of arrays are not checked
