"""Pairs of noisy and clean rows, as a user gives them to a denoiser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfae._data.paired_streams import halves, pairs_of
from tfae._data.reading import is_stream
from tfae._data.streams import Opened
from tfae._objective.corruptions import Pairs


def check_pairs(X: Any, X_clean: Any, corruption: Any) -> None:
    """Raise if clean rows cannot go with these rows, or with a corruption.

    Raises
    ------
    ValueError
        If a corruption is asked for besides, or only one of them comes as a stream.
    """
    if corruption not in ("auto", None):
        raise ValueError(
            "With 'X_clean', which says what the noise is, 'corruption' must be 'auto' or None. "
            f"Got {corruption!r}."
        )
    if is_stream(X) != is_stream(X_clean):
        raise ValueError(
            "'X' and 'X_clean' must both be arrays or data frames, or both be streams, whose rows "
            f"match in their order. Got {type(X).__name__} and {type(X_clean).__name__}."
        )


def paired(
    noisy: Any, X_clean: Any, read: Callable[[Any], Any], in_memory: Callable[[Any], Any]
) -> tuple[Any, Pairs]:
    """Read clean rows; return them and the noisy ones that were read before as pairs.

    `in_memory` returns a small stream as an array.

    Raises
    ------
    ValueError
        If clean rows cannot be used, or there is not one for every noisy row.
    """
    try:
        clean = read(X_clean)
    except (TypeError, ValueError) as error:  # they speak of X
        raise ValueError(f"'X_clean': {error}") from error
    if isinstance(noisy, Opened):
        noisy, clean = halves(in_memory(pairs_of(noisy, clean)))
    elif noisy.shape[0] != clean.shape[0]:
        raise ValueError(
            f"'X_clean' must have a clean row for each of the {noisy.shape[0]} rows of X. Got "
            f"{clean.shape[0]}."
        )
    return clean, Pairs(noisy)
