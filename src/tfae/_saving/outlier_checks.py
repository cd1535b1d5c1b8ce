"""The check that a detector of outliers from a file can work."""

from __future__ import annotations

import numpy as np

from tfae._inference.outliers import OutlierModel, Part
from tfae._saving.checks import check, check_shape, check_surprise
from tfae._support.typing import Array


def check_outliers(model: OutlierModel) -> None:
    """Raise ValueError if parts of a fitted detector do not fit together."""
    levels, rows = model.layout.levels, model.rows
    check(len(levels) > 0 and min(levels) >= 0, "a table with columns", levels)
    check_shape(rows, (len(rows), model.layout.width), "training rows")
    check(len(rows) > 0 and not np.isinf(rows).any(), "finite training rows", len(rows))
    _check_positions(model.folds, len(rows), len(rows), "folds")
    compared = model.compared
    _check_positions(compared.places, len(compared.places), len(rows), "rows to compare with")
    check(len(compared.places) > 0, "rows to compare with", "none")
    for values in (compared.center, compared.scale, compared.limit):
        check_shape(values, (model.layout.width,), "units")
    check(bool((compared.scale > 0).all()), "positive units", compared.scale)
    check(model.n_neighbors >= 1, "at least one neighbour", model.n_neighbors)
    _check_parts(model)
    calibration = model.calibration
    check_shape(calibration.groups, calibration.scores.shape, "groups of calibration rows")
    _check_positions(calibration.groups, len(calibration.scores), None, "groups")


def _check_positions(found: Array, length: int, end: int | None, what: str) -> None:
    check_shape(found, (length,), what)
    check(found.dtype.kind == "i", f"{what} as integers", found.dtype)
    check(bool((found >= 0).all()), f"{what} from 0 on", found)
    check(end is None or bool((found < end).all()), f"{what} below {end}", found)


def _check_parts(model: OutlierModel) -> None:
    parts = [part for part in (model.distance_part, model.surprise_part) if part is not None]
    check(len(parts) > 0, "a part of the score", "none")
    for part in parts:
        _check_part(part)
    there = model.surprise is not None, model.surprise_part is not None
    check(there[0] == there[1], "a surprise with its part of the score", there)
    if model.surprise is not None:
        check(model.surprise.layout == model.layout, "one layout", "two")
        check_surprise(model.surprise)


def _check_part(part: Part) -> None:
    numbers = part.weight, part.location, part.spread
    check(bool(np.isfinite(numbers).all()) and part.spread > 0, "finite parts of the score", part)
