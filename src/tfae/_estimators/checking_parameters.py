"""Checks of parameters that scikit-learn's constraints cannot express."""

from __future__ import annotations

import inspect
import sys
from typing import Any

from tfae._fitting.recipe import Recipe
from tfae._support.registry import nearest_name
from tfae._support.tensorflow import keras
from tfae._training.callbacks import check_keras_callbacks, unknown_monitor


def check_architecture(estimator: Any) -> None:
    """Raise if ``architecture`` is made of Keras models, which are no function that builds them."""
    given = estimator.architecture
    if isinstance(given, str) or inspect.isroutine(given) or "keras" not in sys.modules:
        return
    for part in given if isinstance(given, list | tuple) else [given]:
        if isinstance(part, keras.layers.Layer):
            raise ValueError(
                "The 'architecture' parameter must be a name or a function that builds new models. "
                f"Got {part!r}; pass models that you have to from_keras(encoder, decoder)."
            )


def check_callbacks(estimator: Any, recipe: Recipe) -> None:
    """Raise if a callback cannot watch a training, before anything trains."""
    if not len(recipe.callbacks):
        return
    check_keras_callbacks(recipe.callbacks)
    unknown = unknown_monitor(recipe.callbacks, recipe.recorded)
    if unknown is None:
        return
    callback, monitor = unknown
    held_out = monitor.removeprefix("val_") in recipe.recorded
    if held_out and hasattr(estimator, "early_stopping"):
        hint = " Rows are held out, and their loss recorded, by fit with early_stopping=True."
    else:
        hint = nearest_name(monitor, recipe.recorded)
    raise ValueError(
        f"'callbacks' must monitor values that the training records: {recipe.recorded}. Got "
        f"{type(callback).__name__}(monitor={monitor!r}).{hint}"
    )
