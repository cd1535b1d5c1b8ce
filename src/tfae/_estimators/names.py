"""The functions behind an estimator's names go with its pickle, to processes that lack them.

``GridSearchCV(n_jobs=2)`` pickles an estimator for a process that has not run the user's script. So
a pickle carries every function that the user registered under a name among the parameters. It does
not do so in ``__getstate__``: formats that are safe to load, such as skops, read that, and a file
of theirs must not bring code along.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tfae._networks.architectures.registry import ARCHITECTURES
from tfae._objective.corruptions import CORRUPTIONS
from tfae._objective.losses import LOSSES
from tfae._objective.penalties import PENALTIES
from tfae._support.registry import Registry

# By the name of the parameter.
_TABLES: dict[str, Registry[Any]] = {
    table.kind: table for table in (ARCHITECTURES, CORRUPTIONS, LOSSES, PENALTIES)
}

Name = tuple[str, str]  # kind and name


def with_functions(reduced: Any, params: Mapping[str, Any]) -> Any:
    """Return what ``__reduce_ex__`` returned, with the functions behind names in parameters."""
    names = {name for name in _names(params) if _TABLES[name[0]].is_users(name[1])}
    if not names or not isinstance(reduced, tuple):
        return reduced
    make, arguments, *rest = reduced
    return (_made, (_Functions(sorted(names)), make, arguments), *rest)


def _names(params: Mapping[str, Any]) -> Iterator[Name]:
    """Yield all that may be registered names, in parameters and in dicts among them."""
    for parameter, value in params.items():
        if parameter in _TABLES and isinstance(value, str):
            yield parameter, value
        for part in value if isinstance(value, list | tuple) else [value]:
            if isinstance(part, Mapping):
                yield from _names(part)


class _Functions:
    """Names that are registered here; unpickling registers them there. A copy costs nothing."""

    def __init__(self, names: list[Name]) -> None:
        self._names = names

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpack, ([(*name, _TABLES[name[0]].packed(name[1])) for name in self._names],)


def _unpack(functions: list[tuple[str, str, bytes | None]]) -> None:
    for kind, name, packed in functions:
        _TABLES[kind].unpack(name, packed)


def _made(functions: Any, make: Any, arguments: tuple[Any, ...]) -> Any:
    """Make an estimator after its functions have arrived."""
    return make(*arguments)
