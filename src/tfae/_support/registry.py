"""A table of named callables: a dict, a decorator, and an error that names the nearest name."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from tfae._support.by_value import from_bytes, to_bytes

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def nearest_name(name: str, names: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the closest of `names`, or an empty string."""
    by_lower_case = {known.lower(): known for known in names}
    close = difflib.get_close_matches(name.lower(), list(by_lower_case), n=1)
    return f" Did you mean {by_lower_case[close[0]]!r}?" if close else ""


class Registry(Generic[T]):
    """The named entries of one `kind` ("architecture", "loss", …).

    Packages can add entries through the entry-point group `group`. These are loaded only when a
    name is not found otherwise or when all names are listed. If an entry is not the registered
    function itself, `wrap` makes the entry from the function, and `function` returns the function
    of an entry. `known_as` has the names here of what other packages name otherwise, for errors.

    Entries that a process registers itself are its own. Others arrive with what is unpickled.
    """

    def __init__(
        self,
        kind: str,
        group: str | None = None,
        or_else: str = "a callable",
        wrap: Callable[[Any], T] = lambda function: function,
        function: Callable[[T], object] = lambda entry: entry,
        known_as: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._wrap, self._function, self._known_as = wrap, function, known_as
        self.kind = kind
        self.or_else = or_else
        self.group = group
        self._entries: dict[str, T] = {}
        self._arrived: dict[str, bytes] = {}  # what the entries that are not its own came from
        self._lost: dict[str, str] = {}  # why an entry could not come along

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that adds its argument under `name`."""
        if not isinstance(name, str) or not name:
            raise ValueError(f"The name of a {self.kind} must be a non-empty str. Got {name!r}.")

        def add(entry: T) -> T:
            taken = None if self._arrived.pop(name, None) else self._entries.get(name)
            known = None if taken is None else self._function(taken)
            if known is not None and not _same_definition(known, self._function(entry)):
                raise ValueError(f"The {self.kind} {name!r} is registered already: {known!r}.")
            self._entries[name] = entry
            return entry

        return add

    def register_function(self, name: str) -> Callable[[F], F]:
        """Return a decorator that adds a user's function under `name` and returns it unchanged."""
        add = self.register(name)

        def register(function: F) -> F:
            if not callable(function):
                raise ValueError(f"The {self.kind} {name!r} must be a function. Got {function!r}.")
            add(self._wrap(function))
            return function

        return register

    def find(self, wanted: Any) -> T:
        """Return the entry of that name, or make one from a function."""
        return self[wanted] if isinstance(wanted, str) else self._wrap(wanted)

    def __getitem__(self, name: str) -> T:
        if name not in self._entries:
            self._load_entry_points()
        if name not in self._entries:
            raise ValueError(
                f"The {self.kind!r} parameter must be one of {sorted(self._entries)} or "
                f"{self.or_else}. Got {name!r}."
                + (self._meant_by(name) or self._where_it_may_be(name))
            )
        return self._entries[name]

    def _meant_by(self, name: str) -> str:
        known = self._known_as.get(name)
        return f" Did you mean {known!r}?" if known else nearest_name(name, self._entries)

    def _where_it_may_be(self, name: str) -> str:
        """Return what to do if another process has registered the name."""
        if "callable" not in self.or_else:
            return ""
        lost = self._lost.get(name)
        known = f" Its function could not come from another process: {lost}." if lost else ""
        return (
            f"{known} If {name!r} is a name of your own, import the module that registers it here, "
            "too, or pass the function itself."
        )

    def name_of(self, function: object) -> str | None:
        """Return the name that a function is registered under; None if it has none."""
        for name, entry in self._entries.items():
            if self._function(entry) is function:
                return name
        return None

    def function_of(self, name: str) -> object:
        """Return the function that is registered under a name."""
        return self._function(self[name])

    def is_users(self, name: str) -> bool:
        """Whether a user has registered the name; the package's own are known everywhere."""
        if name not in self._entries:
            return False
        module = getattr(self._function(self._entries[name]), "__module__", None)
        return str(module).partition(".")[0] != __name__.partition(".")[0]

    def packed(self, name: str) -> bytes | None:
        """Return the function of that name for another process; None if it cannot be sent."""
        return to_bytes(self._function(self._entries[name]))

    def unpack(self, name: str, packed: bytes | None) -> None:
        """Add the function of that name from another process.

        An own function of that name stays. So does one that came from the same bytes, with the
        programs that are compiled for it; other bytes are a later definition.
        """
        own = name in self._entries and name not in self._arrived
        if own or (packed is not None and self._arrived.get(name) == packed):
            return
        if packed is None:
            self._lost[name] = "it cannot be pickled"
            return
        try:
            function = from_bytes(packed)
        except Exception as error:  # whatever its modules raise when they are imported
            self._lost[name] = repr(error)
            return
        if name not in self._entries or name in self._arrived:  # else its module has registered it
            self._entries[name] = self._wrap(function)
            self._arrived[name] = packed

    def describe(self) -> dict[str, str]:
        """Return every name with the first line of its documentation."""
        self._load_entry_points()
        return {
            name: (inspect.getdoc(self._function(entry)) or "").partition("\n")[0]
            for name, entry in sorted(self._entries.items())
        }

    def _load_entry_points(self) -> None:
        if self.group is None:
            return
        for point in entry_points(group=self.group):
            if point.name not in self._entries:
                self._entries[point.name] = point.load()


def _same_definition(old: object, new: object) -> bool:
    """Whether `new` is `old` defined again, for example by a notebook cell that runs twice."""

    def place(entry: object) -> tuple[object, object]:
        return getattr(entry, "__module__", None), getattr(entry, "__qualname__", id(entry))

    return old is new or (place(old) == place(new) and "<lambda>" not in str(place(new)))
