"""From parameters and noisy rows to the two views that training makes of every row."""

from __future__ import annotations

import math
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np

from tfae._data.holes import has_holes
from tfae._data.noise_level import noise_level
from tfae._data.rows import dense_rows, evenly_spaced
from tfae._data.source import Source
from tfae._fitting.recipe import Recipe, Split
from tfae._inference.fitted import Fitted
from tfae._inference.from_others import FromOthers
from tfae._objective.corruptions import Pairs
from tfae._objective.views import N_GROUPS, GaussianViews, MaskedViews, ThinnedCounts, Views
from tfae._support.typing import Array, Params

_KINDS = ("gaussian", "masking", "thinning")
# The level of noise, and the errors of features, come from at most this many rows and entries.
_MAX_ROWS, _MAX_ENTRIES = 10_000, 1 << 24
# By less than this factor many rows of noise alone seem to vary less than it does; few by more.
_CHANCE, _ENOUGH = 1.3, 30


def views_of(params: Params) -> Views:
    """Return the views of noisy rows that parameters ask for.

    A level that is still "auto" is not a number yet; see :func:`with_found_level`.

    Raises
    ------
    ValueError
        If parameters are invalid, or do not go together.
    """
    kind = params["corruption"]
    if isinstance(kind, Pairs):
        raise ValueError("With training_rows='noisy' 'X_clean' must be None. Got clean rows.")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError(
            "With training_rows='noisy' 'corruption' must say what noise the rows have: 'auto' or "
            f"one of {list(_KINDS)}. Got {kind!r}."
        )
    _check_unbiased(params)
    _check_loss(params, kind)
    if kind == "thinning":
        return ThinnedCounts()
    level, absolute = _level(params), params["corruption_unit"] == "data"
    if kind == "masking":
        return MaskedViews(level, absolute)
    assert level is not None  # the settings have one
    return GaussianViews(level, absolute)


def with_found_level(recipe: Recipe, X: Any, *, first: bool = True) -> Recipe:
    """Return a recipe with a known level of noise; estimate it from rows if the recipe asks.

    Only the `first` rows of a training must vary by as much as their noise: later batches may be
    rows that are alike.

    Raises
    ------
    ValueError
        If entries of noisy rows are missing, or the rows vary less than their noise.
    """
    if isinstance(recipe.corruption, Views) and has_holes(X):
        raise ValueError(
            "With training_rows='noisy' no entry of X may be missing. Got missing entries; impute "
            "them first, for example with tfae.AutoencoderImputer."
        )
    if recipe.settings.get("corruption_level") != "auto":
        if first:
            _check_is_part(recipe.corruption, X)
        return recipe
    assert isinstance(recipe.corruption, GaussianViews | MaskedViews)
    level = recipe.workers.agreed(noise_level(_some(X, None)))
    return replace(
        recipe,
        corruption=replace(recipe.corruption, level=level),
        settings={**recipe.settings, "corruption_level": level},
    )


def _check_is_part(noise: Any, X: Any) -> None:
    """Raise if noise in the user's units is larger than the rows that it is a part of."""
    if not isinstance(noise, GaussianViews | MaskedViews) or not (noise.level and noise.absolute):
        return
    rows = _some(X, None)
    spread = float(np.sqrt(rows.var(axis=0, dtype=np.float64).mean()))
    if len(rows) >= _ENOUGH and noise.level > _CHANCE * spread:
        raise ValueError(
            "With training_rows='noisy' the noise is a part of the rows, so 'corruption_level' "
            f"must not be larger than the rows' own spread, {spread:.4g}. Got {noise.level!r}."
        )


def predicting_from_others(
    fitted: Fitted, views: MaskedViews, split: Split, rng: np.random.Generator
) -> Fitted:
    """Let a network predict every entry of a row from the others, and mix it with the entry.

    The mean of a prediction with error e and an observation with noise s has the smallest error if
    the observation weighs e / (e + s). The prediction's error on noisy rows is e + s. It is
    measured on held-out rows if there are some.
    """
    marks, scaling = fitted.landmarks, fitted.scaling
    assert marks is not None
    n_features = len(marks.mean)
    groups = rng.permutation(n_features) % min(N_GROUPS, n_features)
    fill = scaling.backward(marks.mean[None])[0]
    fitted = replace(fitted, from_others=FromOthers(groups, fill, np.zeros(n_features)))
    if views.level is None:
        return fitted
    rows = _some(split.X, split.train if split.held_out is None else split.held_out)
    loss = fitted.errors(rows, scaled=True, per_feature=True).mean(axis=0)
    weight = observation_weight(loss, views.noise_of(marks.mean, scaling, marks))
    return replace(fitted, from_others=FromOthers(groups, fill, weight))


def _some(X: Any, rows: Any) -> Array:
    if isinstance(X, Source):
        return X.some(rows)
    n_most = max(2, min(_MAX_ROWS, _MAX_ENTRIES // X.shape[1]))
    return dense_rows(X, evenly_spaced(X, rows, n_most))


def observation_weight(loss: Array, noise: Array) -> Array:
    """Return the weights of observations from the errors of predictions of them, and their noise.

    Both are mean squares, of shape [features].
    """
    error = np.maximum(loss - noise, 0)
    return np.divide(error, loss, out=np.zeros_like(loss), where=loss > 0)


def _check_unbiased(params: Params) -> None:
    """Raise if what is said of the rows would make a mean of noisy ones another than the clean."""
    if params["corruption_range"] is not None:
        raise ValueError(
            "With training_rows='noisy' 'corruption_range' must be None, because the mean of "
            f"clipped noise is not 0. Got {params['corruption_range']!r}."
        )
    if np.any(np.asarray(params["fill_value"]) != 0):
        raise ValueError(
            "With training_rows='noisy' 'fill_value' must be 0.0, because the means of the "
            f"features stand for hidden entries. Got {params['fill_value']!r}."
        )
    if params["scaling"] == "quantile":
        raise ValueError(
            "training_rows='noisy' needs a 'scaling' that keeps means. Got scaling='quantile'."
        )


def _check_loss(params: Params, kind: str) -> None:
    wanted = "poisson" if kind == "thinning" else "mse"
    if params["loss"] != wanted:
        raise ValueError(
            f"With training_rows='noisy' and corruption={kind!r}, 'loss' must be {wanted!r}, which "
            f"noise with a mean of 0 does not shift. Got {params['loss']!r}."
        )
    if kind != "thinning":
        return
    if params["corruption_level"] is not None:
        raise ValueError(
            "With corruption='thinning' 'corruption_level' must be None, because the noise of "
            f"counts follows from the counts. Got {params['corruption_level']!r}."
        )
    if params["scaling"] not in ("global", None):
        raise ValueError(
            "Counts are thinned as they are, so with corruption='thinning' 'scaling' must be "
            f"'global', which then scales nothing, or None. Got {params['scaling']!r}."
        )


def _level(params: Params) -> float | None:
    level = params["corruption_level"]
    if level is None:
        return None
    if isinstance(level, str):
        return math.nan
    if not (isinstance(level, Real) and 0 <= float(level) < math.inf):
        raise ValueError(
            "With training_rows='noisy' 'corruption_level' must be 'auto' or a finite number of at "
            f"least 0, the standard deviation of the noise. Got {level!r}."
        )
    if params["corruption_unit"] == "spread" and float(level) > _CHANCE:
        raise ValueError(
            "With training_rows='noisy' the noise is a part of the rows, so 'corruption_level' "
            "must not be larger than the rows' own spread, 1. If it is meant in the units of X, "
            f"set corruption_unit='data'. Got {level!r}."
        )
    return float(level)
