"""Public attributes that are read from the fitted value."""

from __future__ import annotations

from collections.abc import Callable
from inspect import getattr_static
from typing import Any, Generic, NoReturn, TypeVar, overload

T = TypeVar("T")


class Learned(Generic[T]):
    """A public attribute that is read from the fitted value of an estimator.

    It raises AttributeError if the estimator does not have it, so that ``hasattr`` works.

    Parameters
    ----------
    read : callable
        Takes the fitted value, such as a :class:`.fitted.Fitted`, and returns the attribute's
        value, or None if it has none.
    """

    def __init__(self, read: Callable[[Any], T | None]) -> None:
        self._read = read

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Learned[T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> Learned[T] | T:
        if instance is None:
            return self
        fitted = vars(instance).get("_fitted")
        if fitted is None:
            raise AttributeError(
                f"This {owner.__name__} is not fitted yet: it has no {self._name!r}."
            )
        value = self._read(fitted)
        if value is None:
            raise AttributeError(
                f"This {owner.__name__} has no attribute {self._name!r}: its fit made none."
            )
        return value

    def __set__(self, instance: object, value: T) -> None:
        raise AttributeError(f"{self._name!r} is the result of a fit and cannot be set.")


class Fact(Learned[T]):
    """An attribute that only some fits produce: a fact of the fitted value, by its name."""

    def __init__(self, name: str) -> None:
        super().__init__(lambda fitted: fitted.facts.get(name))


class Absent:
    """Stands for a method that other estimators have and this class cannot have.

    The AttributeError says why. ``hasattr`` is False, for the class and its instances.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object | None, owner: type) -> NoReturn:
        raise AttributeError(f"{owner.__name__} has no {self._name!r}: {self._reason}.")


def without_missing(instance: object, names: list[str]) -> list[str]:
    """Return the names without those of attributes that an object does not have."""
    return [
        name
        for name in names
        if not isinstance(getattr_static(type(instance), name, None), Learned | Absent)
        or hasattr(instance, name)
    ]
