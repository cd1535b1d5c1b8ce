"""From parameters to the noise that is meant: a corruption with its levels and its range."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from tfae._objective.corruptions import CORRUPTIONS, Corrupter, Levels, Pairs
from tfae._support.masks import check_unmasked
from tfae._support.typing import Array, Params
from tfae._support.warn import warn

# Gaussian noise of more spreads than this leaves a hundredth of the rows' variance, or less.
_MOST_SPREADS = 10.0
# Squares of larger noise or larger fill values, scaled, would not stay within float32.
LARGEST = 1e15
# The square of a range must be a float.
_FURTHEST_END = 1e150


def corrupter_of(params: Params, n_features: int) -> Corrupter | Pairs | None:
    """Return how rows are corrupted; None if they are not.

    The parameter ``corruption`` may also be pairs, which a method was given.

    Raises
    ------
    ValueError
        If a parameter is invalid, or the corruption makes no use of it.
    """
    if isinstance(params["corruption_level"], str):
        raise ValueError(
            "corruption_level='auto' estimates the noise of rows, so it needs "
            "training_rows='noisy'. Clean rows do not tell how noisy others will be."
        )
    name = params["corruption"]
    if name is None or isinstance(name, Pairs):
        _check_unused(params, "corruption_level", "corruption_range")
        _check_unused(params, "corruption_unit", "fill_value")
        return name
    corruption = CORRUPTIONS.find(name)
    if name != "masking":
        _check_unused(params, "fill_value")
    if name != "gaussian":
        _check_unused(params, "corruption_unit")
    absolute = params["corruption_unit"] == "data"
    if absolute and params["scaling"] == "quantile":
        raise ValueError(
            "corruption_unit='data' needs a 'scaling' that keeps units, because the noise is "
            "added to scaled rows. Got scaling='quantile'."
        )
    levels = _levels(params, corruption.partial and not corruption.in_users_units)
    if name == "gaussian" and not absolute and levels.high > _MOST_SPREADS:
        warn(
            f"The noise is {levels.high:g} times as large as the rows' own spread, so that next to "
            "nothing of the rows can be rebuilt. If 'corruption_level' is meant in the units of X, "
            "set corruption_unit='data'."
        )
    return Corrupter(
        corruption,
        levels,
        range_of(params, "corruption_range"),
        _fill_value(params["fill_value"], n_features),
        absolute,
    )


def _levels(params: Params, of_entries: bool) -> Levels:
    level = params["corruption_level"]
    low, high = _pair([level, level] if np.ndim(level) == 0 else level)
    if not 0 <= low <= high < LARGEST:
        raise ValueError(
            "'corruption_level' must be a finite number of at least 0, or a pair of them (low, "
            f"high). Got {level!r}."
        )
    if of_entries and high > 1:
        raise ValueError(
            f"With corruption={params['corruption']!r}, 'corruption_level' must be a fraction of "
            f"the entries, from 0 to 1. Got {level!r}."
        )
    return Levels(low, high)


def range_of(params: Params, name: str) -> tuple[float, float] | None:
    """Return the range that a parameter gives in the user's units; None if it gives none.

    Raises
    ------
    ValueError
        If it is no range.
    """
    asked = params[name]
    if asked is None:
        return None
    low, high = _pair(asked)
    if not (-_FURTHEST_END < low < high < _FURTHEST_END):
        rows = "corrupted" if name == "corruption_range" else "rebuilt"
        raise ValueError(
            f"{name!r} must be a pair (low, high) of numbers within ±{_FURTHEST_END:g}, low below "
            f"high: the range that {rows} rows are clipped to. Got {asked!r}."
        )
    return low, high


def _fill_value(asked: Any, n_features: int) -> float | Array:
    check_unmasked(asked, "fill_value")
    try:
        value = np.asarray(asked, np.float64)
    except (TypeError, ValueError):
        value = np.array(np.nan)
    if value.shape not in ((), (n_features,)) or not np.isfinite(value).all():
        raise ValueError(
            f"'fill_value' must be a finite number, or {n_features} of them, one for each feature. "
            f"Got {asked!r}."
        )
    return value


def _pair(given: Any) -> tuple[float, float]:
    """Return two numbers; NaN, which no comparison lets pass, in place of anything else."""
    ends = [end.item() if isinstance(end, np.ndarray) and end.ndim == 0 else end for end in given]
    if len(ends) != 2 or not all(isinstance(end, Real) for end in ends):
        return math.nan, math.nan
    try:
        return float(ends[0]), float(ends[1])
    except OverflowError:  # integers and fractions may be larger than any float
        return math.nan, math.nan


_UNUSED: dict[str, Any] = {
    "corruption_level": None,
    "corruption_range": None,
    "corruption_unit": "spread",
    "fill_value": 0.0,
}


def _check_unused(params: Params, *names: str) -> None:
    for name in names:
        value, default = params[name], _UNUSED[name]
        if value is not default and np.any(value != default):
            with_what = params["corruption"]
            said = "'X_clean'" if isinstance(with_what, Pairs) else f"corruption={with_what!r}"
            raise ValueError(
                f"With {said} {name!r} is not used, so it must be {default!r}. Got {value!r}."
            )
