"""A fit that several processes or devices share: what it can be, and how they stay the same.

Every process is given all rows, and does all that is outside the steps of trainings itself, so that
its sums, orders and decisions are those of the others. Process 0 decides where rounding errors of
other processors might decide otherwise.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from tfae._data.scaling import Scaling
from tfae._fitting.recipe import Recipe
from tfae._inference.fitted import Fitted
from tfae._training.chunks import Noise
from tfae._training.holed_rows import batches_of
from tfae._training.loop import Batches
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


def shared(recipe: Recipe, workers: Workers) -> Recipe:
    """Return the recipe of a fit that several processes or devices share.

    Raises
    ------
    ValueError
        If it cannot be shared.
    """
    _check_adds_up(recipe)
    of_process = workers.index if workers.count > 1 else None

    def batches(
        X: Any, scaling: Scaling, shape: ChunkShape, index: Any, noise: Noise, **cells: Any
    ) -> Batches:
        noise, part = replace(noise, stream=of_process), workers.part(shape.batch)
        return batches_of(X, scaling, shape, index, noise, **cells, part=part)

    verbose = recipe.verbose and workers.is_first
    return replace(recipe, workers=workers, batches=batches, verbose=verbose)


def _check_adds_up(recipe: Recipe) -> None:
    """Raise if parts of a batch would not add up to it."""
    if not recipe.objective.adds_up:
        raise ValueError(
            "With 'strategy' 'loss' and 'penalty' must be those whose value for a row does not "
            "depend on the other rows of its batch: not 'gaussian', 'kl', 'lifetime' or functions "
            "of your own."
        )
