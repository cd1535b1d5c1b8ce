"""Public attributes that are read from what a fit has made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar, overload

from tfae._inference.fitted import Fitted

T = TypeVar("T")


class Learned(Generic[T]):
    """An attribute that a fitted estimator has, or only some fitted estimators have.

    It raises AttributeError where there is none, so that ``hasattr`` tells.

    Parameters
    ----------
    read : callable
        Returns the attribute's value from a :class:`.fitted.Fitted`, None if there is none.
    """

    def __init__(self, read: Callable[[Fitted], T | None]) -> None:
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
                f"This {owner.__name__} was fitted without what gives it {self._name!r}."
            )
        return value

    def __set__(self, instance: object, value: T) -> None:
        raise AttributeError(f"{self._name!r} is what a fit has made, and cannot be set.")


class Fact(Learned[T]):
    """An attribute that only some fits know, by its name among the facts of a fitted value."""

    def __init__(self, name: str) -> None:
        super().__init__(lambda fitted: fitted.facts.get(name))


def without_missing(instance: object, names: list[str]) -> list[str]:
    """Return the names without those of learned attributes that an object does not have."""
    return [
        name
        for name in names
        if not isinstance(getattr(type(instance), name, None), Learned) or hasattr(instance, name)
    ]
