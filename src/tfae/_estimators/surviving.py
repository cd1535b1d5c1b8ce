"""Fits that survive: their checkpoints, named by all that decides the bits of the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np

from tfae._data.source import Source
from tfae._data.streams import Streamed
from tfae._fitting.checkpoint_files import checkpoints_in
from tfae._fitting.recipe import Recipe
from tfae._inference.fitted import Fitted
from tfae._objective.corruptions import Pairs
from tfae._support.fingerprints import fingerprint
from tfae._support.tensorflow import keras, tf
from tfae._training.checkpoints import NO_CHECKPOINTS, Checkpoints, KeptCheckpoints

# Parameters that do not decide what comes out.
_OF_NO_EFFECT = ("checkpoint", "verbose", "callbacks", "strategy")
_DIGITS = 32


def check_can_survive(estimator: Any) -> None:
    """Raise if another call of a fit could not repeat what this one does."""
    if estimator.checkpoint is None:
        return
    if estimator.random_state is None:
        raise ValueError(
            "With 'checkpoint' 'random_state' must be an integer or a RandomState, because a fit "
            "that is called again must draw the same random numbers. Got None."
        )
    callbacks = getattr(estimator, "callbacks", None)
    if callbacks is not None and len(callbacks):
        raise ValueError(
            "With 'checkpoint' 'callbacks' must be None, because Keras's callbacks keep values of "
            f"their own that no file holds. Got {callbacks!r}."
        )


@contextmanager
def surviving(
    estimator: Any, recipe: Recipe, rows: Any, start: Fitted | None = None
) -> Iterator[Recipe]:
    """Yield the recipe of a fit with the checkpoints that the estimator asks for.

    Raises
    ------
    ValueError
        If a parameter cannot be told from others, or a stream does not repeat its rows.
    """
    with _checkpoints(estimator, recipe, rows, start) as checkpoints:
        yield replace(recipe, checkpoints=checkpoints)


@contextmanager
def _checkpoints(
    estimator: Any, recipe: Recipe, rows: Any, start: Fitted | None
) -> Iterator[Checkpoints]:
    if estimator.checkpoint is None:
        yield NO_CHECKPOINTS
        return
    noise = recipe.corruption
    data = (rows, noise.noisy) if isinstance(noise, Pairs) else (rows,)
    digits = fingerprint(
        [version("tfae"), np.__version__, tf.__version__, keras.__version__],
        of_parameters(estimator.get_params(deep=False)),
        # Registered functions and configured optimizers, which parameters may only name.
        [recipe.structure, recipe.objective, recipe.optimizer],
        None if isinstance(noise, Pairs) else noise,
        None if start is None else [start.weights, start.n_epochs],
        [of_rows(each) for each in data],
    )
    name = f"{type(estimator).__name__}-{digits[:_DIGITS]}"
    workers = recipe.workers
    if not workers.is_first:
        yield KeptCheckpoints(workers.agreed(None), save=lambda values: None)
        return
    with checkpoints_in(estimator.checkpoint, name) as kept:
        workers.agreed(kept.values)
        yield kept


def of_parameters(params: Mapping[str, Any]) -> dict[str, str]:
    """Return what tells parameters from others, without those that do not decide what comes out.

    Raises
    ------
    ValueError
        If one cannot be told from others.
    """
    found = {}
    for name in sorted(set(params) - set(_OF_NO_EFFECT)):
        try:
            found[name] = fingerprint(params[name])
        except TypeError as error:
            raise ValueError(
                f"With 'checkpoint' or several workers {name!r} must be a value, a function or an "
                f"object of Keras: {error}. Got {params[name]!r}."
            ) from error
    return found


def of_rows(X: Any) -> str:
    """Return what tells rows from others: all of them, of a stream the statistics or the digest.

    Raises
    ------
    ValueError
        If a stream does not repeat its rows.
    """
    if not isinstance(X, Source):
        return fingerprint(X)
    about = [X.shape, str(X.dtype), X.weights()]
    if isinstance(X, Streamed):
        _check_repeats(X)
        if X.digest is not None:
            return fingerprint(about, X.digest)
        of = X.statistics(None)
        return fingerprint(about, of.mean, of.variance, of.low, of.high)
    return fingerprint(about, *map(fingerprint, X.blocks()))


def _check_repeats(X: Streamed) -> None:
    """Raise unless the first block of two passes over a stream is the same."""
    one, other = (next(X.blocks()) for _ in range(2))
    if not np.array_equal(one, other, equal_nan=True):
        raise ValueError(
            "With 'checkpoint' or several workers a stream must give the same rows in the same "
            "order in every pass. Got other rows in a second pass; leave the shuffling to the "
            "estimator."
        )
