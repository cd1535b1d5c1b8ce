"""The check that a detector of outliers from a file can work."""

from __future__ import annotations

import numpy as np

from tfae._inference.members import Members
from tfae._inference.outliers import OutlierModel, Part
from tfae._inference.surprise import Surprise
from tfae._networks.visible_columns import VisibleColumns
from tfae._saving.checks import check, check_coder, check_shape
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
        _check_surprise(model.surprise)


def _check_part(part: Part) -> None:
    numbers = part.weight, part.location, part.spread
    check(bool(np.isfinite(numbers).all()) and part.spread > 0, "finite parts of the score", part)


def _check_surprise(surprise: Surprise) -> None:
    layout, members = surprise.layout, surprise.members
    _check_positions(surprise.groups, layout.n_columns, layout.n_columns, "groups of columns")
    left_out = surprise.left_out
    check_shape(left_out, (members.n_members, *left_out.shape[1:]), "folds of members")
    check(left_out.ndim == 2 and bool(left_out.any(axis=0).all()), "a judge for every fold", "none")
    for values in (surprise.low, surprise.high, surprise.scaling.center):
        check_shape(values, (layout.width,), "statistics of the surprise")
    _check_members(members)
    check_shape(surprise.usual, (layout.n_columns,), "usual surprises")
    check(1 <= surprise.densities.mixture.n_outputs < 1000, "densities of few parts", "others")
    widths = VisibleColumns(layout).n_inputs, surprise.densities.n_outputs
    spec = members.encoder.structure.spec
    check((spec.n_inputs, spec.n_outputs) == widths, f"networks of the widths {widths}", spec)


def _check_members(members: Members) -> None:
    sides = (members.encoder, members.encoder_weights), (members.decoder, members.decoder_weights)
    for coder, weights in sides:
        check(len(weights) > 0, "weights of networks", "none")
        for weight in weights:
            check(len(weight) == members.n_members, "weights for every member", weight.shape)
        check_coder(coder, [weight[0] for weight in weights])
