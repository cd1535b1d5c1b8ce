"""Fits that several processes share: these must be given the same parameters and the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfae._data.streams import Streamed
from tfae._estimators.surviving import of_parameters, of_rows
from tfae._fitting.recipe import Recipe
from tfae._fitting.several_workers import shared
from tfae._inference.fitted import Fitted
from tfae._objective.corruptions import Pairs
from tfae._support.fingerprints import fingerprint
from tfae._support.sklearn import has_callbacks
from tfae._training.step.distribution import Workers


def with_workers(
    estimator: Any, workers: Workers, recipe: Recipe, rows: Any, start: Fitted | None
) -> Recipe:
    """Return the recipe of a fit, which continues from `start`, for the workers that share it.

    Raises
    ------
    ValueError
        If the fit cannot be shared, or workers were given other parameters or rows.
    """
    if workers.strategy is None:
        return recipe
    if isinstance(rows, Streamed) and rows.once:
        raise ValueError(
            "With 'strategy' partial_fit takes rows in memory, because workers must compare them "
            "before they train, and it reads a stream only once. Got a stream that is too large "
            "for memory; call partial_fit for each of its batches, or fit."
        )
    recipe = shared(recipe, workers)
    if workers.count > 1:
        _check_random_state(estimator.random_state)
        _check_callbacks(estimator)
        _check_same(estimator, recipe, rows, start)
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


def _check_same(estimator: Any, recipe: Recipe, rows: Any, start: Fitted | None) -> None:
    """Raise in all workers if one has other parameters, rows or weights than worker 0."""
    noise = recipe.corruption
    columns = () if recipe.schema is None else recipe.schema.columns
    given = {
        "parameters": of_parameters(estimator.get_params(deep=False)),
        "X": (of_rows(rows), [(each.name, each.kind, str(each.places)) for each in columns]),
        "noisy rows": of_rows(noise.noisy) if isinstance(noise, Pairs) else None,
        "weights to continue from": None if start is None else fingerprint(start.weights),
    }
    for what, value in given.items():
        different = recipe.workers.differing(value)
        if different:
            raise ValueError(
                f"All workers must be given the same {what}: the whole of 'X', of which every "
                "worker takes its own part of every batch, and the same parameters. Got other "
                f"{what} than those of worker 0 in workers {different}."
            )
