"""Functions that a file can hold: those that are registered under a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfae._networks.architectures.registry import ARCHITECTURES
from tfae._objective.corruptions import CORRUPTIONS
from tfae._objective.losses import LOSSES
from tfae._objective.penalties import PENALTIES
from tfae._support.registry import Registry

# By the name of the parameter.
TABLES: dict[str, Registry[Any]] = {
    table.kind: table for table in (ARCHITECTURES, CORRUPTIONS, LOSSES, PENALTIES)
}


def name_of(function: Callable[..., Any]) -> tuple[str, str] | None:
    """Return the kind and the name of a registered function; None if it is not registered."""
    for kind, table in TABLES.items():
        name = table.name_of(function)
        if name is not None:
            return kind, name
    return None


def function_of(kind: str, name: str) -> Any:
    """Return the function of that name.

    Raises
    ------
    ValueError
        If nothing is registered here under that name.
    """
    if kind not in TABLES:
        raise ValueError(f"Functions must be of a kind in {list(TABLES)}. Got {kind!r}")
    return TABLES[kind].function_of(name)
