"""One fit of a detector: from a recipe and rows to a fitted value.

Calibration rows are split off at random first; nothing is learned from them. Of the other rows the
most remote are dropped if outliers may be among them. Those kept give the units of the columns, and
are what others are compared with. The training rows then say where the parts of the score lie.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tfae._data.layout import Layout
from tfae._data.row_keys import keys_of
from tfae._fitting.fence import upper_fence
from tfae._fitting.recipe import Recipe
from tfae._fitting.surprise import fit_surprise, random_folds
from tfae._inference.compared_rows import compared_rows
from tfae._inference.conformal import calibration_rows_needed
from tfae._inference.outliers import Calibration, Evidence, OutlierModel, Part
from tfae._inference.surprise import surprise_of_rows
from tfae._support.typing import Array
from tfae._support.warn import warn
from tfae._training.state import TrainingState

# The share of the calibration rows that are outliers at least, where nothing is asked for.
_LEAST_ODD = 0.01


@dataclass(frozen=True)
class OutlierRecipe:
    """What one fit of a detector is to do."""

    trims: bool  # whether the rows may hold outliers
    n_neighbors: int
    calibration_fraction: float
    contamination: float | None  # the share of the rows to flag; None: see `false_alarm_rate`
    false_alarm_rate: float | None  # None, too: the fence decides
    weights: tuple[float, float]  # of surprise and distance; the part of weight 0 is not learned
    surprise: Callable[[int], Recipe]  # the recipe of a member for a number of training rows


def fit_outliers(
    recipe: OutlierRecipe,
    rows: Array,
    layout: Layout,
    state: TrainingState,
    groups: Array | None = None,
) -> OutlierModel:
    """Fit a detector.

    Parameters
    ----------
    recipe : OutlierRecipe
    rows : ndarray of shape (n, places), float64
        At least two rows in the user's units, with NaN in the places of missing entries.
    layout : Layout
    state : TrainingState
    groups : ndarray of shape (n,) or None
        The labels of groups whose calibration rows are kept apart.

    Raises
    ------
    KeyboardInterrupt
        If the training is interrupted.

    Warns
    -----
    UserWarning
        If there are too few calibration rows for the rate of false alarms.
    """
    train, held_out = _split(len(rows), recipe.calibration_fraction, state.split_rng)
    model = _uncalibrated(recipe, rows[train], layout, state)
    calibration = _calibration(model.scores(rows[held_out]), groups, held_out)
    model = replace(model, calibration=calibration)
    return replace(model, offset=_offset(recipe, model, rows))


def _split(n_rows: int, fraction: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the positions of the training and of the calibration rows, in order."""
    n_held_out = min(max(1, round(fraction * n_rows)), n_rows - 1)
    order = rng.permutation(n_rows)
    return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])


def _uncalibrated(
    recipe: OutlierRecipe, rows: Array, layout: Layout, state: TrainingState
) -> OutlierModel:
    """Return the detector without calibration rows and threshold."""
    folds = _folds(rows, state.split_rng)
    compared = compared_rows(rows, layout, recipe.trims, np.arange(len(rows)))
    of_surprise, of_distance = recipe.weights
    surprise, facts = None, {}
    if of_surprise:
        seen = compared.places
        surprise = fit_surprise(recipe.surprise, rows[seen], layout, folds[seen], state)
        facts = dict(surprise.facts)
    nothing = Calibration(np.zeros(0), np.zeros(0, np.int64), ())
    standard = Part(1.0, 0.0, 1.0)
    model = OutlierModel(
        layout,
        rows,
        folds,
        compared,
        recipe.trims,
        recipe.n_neighbors,
        surprise,
        standard if of_distance else None,
        standard if of_surprise else None,
        nothing,
        0.0,
        facts,
    )
    return _with_parts(model, model.evidence(rows), recipe.weights)


def _folds(rows: Array, rng: np.random.Generator) -> Array:
    """Return a fold for every row; equal rows are in one fold."""
    _, first, of_distinct = np.unique(keys_of(rows), return_index=True, return_inverse=True)
    return np.asarray(random_folds(len(first), rng)[of_distinct])


def _with_parts(
    model: OutlierModel, evidence: Evidence, weights: tuple[float, float]
) -> OutlierModel:
    """Learn where the parts of the score lie from the evidence against the training rows."""
    of_surprise, of_distance = weights
    distance = surprise = None
    if evidence.distances is not None:
        distance = _part(of_distance, evidence.distances.values)
    if evidence.surprises is not None:
        surprise = _part(of_surprise, surprise_of_rows(evidence.surprises))
    return replace(model, distance_part=distance, surprise_part=surprise)


def _part(weight: float, values: Array) -> Part:
    """Return a part with the median, and the distance of the quartiles, of the training rows."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Part(weight, 0.0, 1.0)
    low, middle, high = np.quantile(known, (0.25, 0.5, 0.75))
    spread = high - low
    if not spread > 0:
        spread = np.abs(known - middle).mean()
    return Part(weight, float(middle), float(spread) if spread > 0 else 1.0)


def _calibration(scores: Array, groups: Array | None, held_out: Array) -> Calibration:
    if groups is None:
        return Calibration(scores, np.zeros(len(scores), np.int64), ())
    names, places = np.unique(groups, return_inverse=True)
    return Calibration(scores, places[held_out].astype(np.int64), tuple(names.tolist()))


def _offset(recipe: OutlierRecipe, model: OutlierModel, rows: Array) -> float:
    """Return the score below which a row is an outlier."""
    calibration = np.sort(model.calibration.scores)
    if recipe.contamination is not None:
        return float(np.percentile(model.scores(rows), 100 * recipe.contamination))
    if recipe.false_alarm_rate is not None:
        return _offset_of_rate(calibration, recipe.false_alarm_rate)
    return max(float(np.quantile(calibration, _LEAST_ODD)), -upper_fence(-calibration))


def _offset_of_rate(calibration: Array, rate: float) -> float:
    """Return the score below which a row's p-value is at most a rate."""
    n = len(calibration)
    if n < (needed := calibration_rows_needed(rate)):
        warn(
            f"A false_alarm_rate of {rate:g} needs at least {needed} calibration rows. Got {n}: "
            "rows are outliers if they are odder than all of these, of which up to "
            f"{1 / (n + 1):.3g} are false alarms. Give fit more rows, or raise "
            "'calibration_fraction'."
        )
    # Rounding must not take one row less where the rate is a multiple of 1 / (n + 1).
    return float(calibration[max(0, math.floor(round(rate * (n + 1), 9)) - 1)])
