"""A fit that several processes or devices share: what it can be, and how they stay the same.

Every process is given all rows, and does all that is outside the steps of trainings itself, so that
its sums, orders and decisions are those of the others. Process 0 decides where rounding errors of
other processors might decide otherwise.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from tfae._data.holes import has_holes
from tfae._data.scaling import Scaling
from tfae._data.streams import Streamed
from tfae._fitting.recipe import Recipe
from tfae._inference.fitted import Fitted
from tfae._objective.views import Views
from tfae._training.chunks import Noise, Rows
from tfae._training.step.chunk import ChunkShape
from tfae._training.step.distribution import Workers

# Of a fitted value, what every process makes from its own parameters alike.
_OWN = frozenset({"encoder", "decoder", "schema", "layout"})


def agreed(workers: Workers, fitted: Fitted) -> Fitted:
    """Return the fitted value of process 0, with the functions of this one."""
    if workers.count == 1:
        return fitted
    names = {field.name for field in fields(Fitted)} - _OWN
    return replace(fitted, **workers.agreed({name: getattr(fitted, name) for name in names}))


def shared(recipe: Recipe, workers: Workers, X: Any) -> Recipe:
    """Return the recipe of a fit that several processes or devices share.

    Raises
    ------
    ValueError
        If it cannot be shared.
    """
    _check_rows(recipe, X)
    _check_training(recipe)
    of_process = workers.index if workers.count > 1 else None

    def batches(X: Any, scaling: Scaling, shape: ChunkShape, index: Any, noise: Noise) -> Rows:
        noise = replace(noise, stream=of_process)
        return Rows(X, scaling, shape, index, noise, workers.part(shape.batch))

    verbose = recipe.verbose and workers.is_first
    return replace(recipe, workers=workers, batches=batches, verbose=verbose)


def _check_rows(recipe: Recipe, X: Any) -> None:
    if isinstance(X, Streamed):
        said = "Got a stream that is too large for memory; pass a memory map of a file, say"
    elif has_holes(X):
        said = "Got missing entries; fill them with an AutoencoderImputer, say"
    elif recipe.has_categories:
        said = "Got columns of categories"
    else:
        return
    raise ValueError(
        "With 'strategy' X must be an array, a sparse matrix, a memory map or a frame of numbers, "
        f"without missing entries. {said}."
    )


def _check_training(recipe: Recipe) -> None:
    """Raise if parts of a batch would not add up to it, or other trainings belong to the fit."""
    if not recipe.objective.adds_up:
        said = (
            "'loss' and 'penalty' must be those whose value for a row does not depend on the other "
            "rows of its batch: not 'gaussian', 'kl', 'lifetime' or functions of your own"
        )
    elif isinstance(recipe.corruption, Views):
        said = "'training_rows' must be 'clean'"
    elif recipe.length is not None:
        said = "'n_components' must be an integer or None"
    elif recipe.pretrains:
        said = "there must be no pretraining"
    else:
        return
    raise ValueError(f"With 'strategy' {said}.")
