"""Fits that several processes share: these must be given the same parameters and the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfae._estimators.surviving import of_parameters, of_rows
from tfae._fitting.recipe import Recipe
from tfae._fitting.several_workers import shared
from tfae._support.sklearn import has_callbacks
from tfae._training.step.distribution import Workers


def with_workers(estimator: Any, workers: Workers, recipe: Recipe, rows: Any) -> Recipe:
    """Return the recipe of a fit for the workers that share it.

    Raises
    ------
    ValueError
        If the fit cannot be shared, or workers were given other parameters or rows.
    """
    if workers.strategy is None:
        return recipe
    recipe = shared(recipe, workers, rows)
    if workers.count > 1:
        _check_random_state(estimator.random_state)
        _check_callbacks(estimator)
        _check_same(estimator, workers, rows)
    return recipe


def _check_random_state(random_state: Any) -> None:
    if not isinstance(random_state, (int, np.integer)):
        raise ValueError(
            "With several workers 'random_state' must be an integer, the same for all, because "
            f"they must draw the same order of rows. Got {random_state!r}."
        )


def _check_callbacks(estimator: Any) -> None:
    callbacks = getattr(estimator, "callbacks", None)
    if has_callbacks(estimator) or (callbacks is not None and len(callbacks)):
        raise ValueError(
            "With several workers there must be neither 'callbacks' nor those of set_callbacks, "
            f"because they could end the training of one worker alone. Got {callbacks!r}."
        )


def _check_same(estimator: Any, workers: Workers, rows: Any) -> None:
    """Raise in all workers if one has other parameters or rows than worker 0."""
    params = of_parameters(estimator.get_params(deep=False))
    for what, value in [("parameters", params), ("X", of_rows(rows))]:
        different = workers.differing(value)
        if different:
            raise ValueError(
                f"All workers must be given the same {what}: the whole of 'X', of which every "
                "worker takes its own part of every batch, and the same parameters. Got other "
                f"{what} than those of worker 0 in workers {different}."
            )
