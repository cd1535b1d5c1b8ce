"""What goes before an estimator in its pickle, to processes that lack it.

``GridSearchCV(n_jobs=2)`` pickles an estimator for a process that has not run the user's script. So
a pickle carries every function that the user registered under a name among the parameters. It does
not do so in ``__getstate__``: formats that are safe to load, such as skops, read that, and a file
of theirs must not bring code along.

Parameters that are Keras objects import TensorFlow when they are unpickled, in a worker that has
not imported it. So TensorFlow is started before them, without its notes on standard error.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from tfae._saving.named_functions import TABLES
from tfae._support.tensorflow import brings_keras, start

Name = tuple[str, str]  # kind and name


def with_what_goes_before(reduced: Any, attributes: Mapping[str, Any]) -> Any:
    """Return what ``__reduce_ex__`` returned, with what the attributes need before them."""
    names = {name for name in _names(attributes) if TABLES[name[0]].is_users(name[1])}
    brings = any(map(brings_keras, attributes.values()))
    if not (names or brings) or not isinstance(reduced, tuple):
        return reduced
    make, arguments, *rest = reduced
    return (_made, (_Before(sorted(names), brings), make, arguments), *rest)


def _names(params: Mapping[str, Any]) -> Iterator[Name]:
    """Yield all that may be registered names, in parameters and in dicts among them."""
    for parameter, value in params.items():
        if parameter in TABLES and isinstance(value, str):
            yield parameter, value
        for part in value if isinstance(value, list | tuple) else [value]:
            if isinstance(part, Mapping):
                yield from _names(part)


class _Before:
    """Names that are registered here; unpickling registers them there. A copy costs nothing."""

    def __init__(self, names: list[Name], brings_keras: bool) -> None:
        self._names, self._brings_keras = names, brings_keras

    def __reduce__(self) -> tuple[Any, ...]:
        functions = [(*name, TABLES[name[0]].packed(name[1])) for name in self._names]
        return _arrive, (functions, self._brings_keras)


def _arrive(functions: list[tuple[str, str, bytes | None]], brings_keras: bool) -> None:
    if brings_keras and "tensorflow" not in sys.modules:
        with contextlib.suppress(ImportError):  # which the first use will raise again
            start()
    for kind, name, packed in functions:
        TABLES[kind].unpack(name, packed)


def _made(before: Any, make: Any, arguments: tuple[Any, ...]) -> Any:
    """Make an estimator after what goes before it has arrived."""
    return make(*arguments)
