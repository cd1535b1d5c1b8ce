"""The first weights of a training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tfae._data.checks import float_dtype
from tfae._data.landmarks import Landmarks, find_landmarks
from tfae._data.scaling import Scaling
from tfae._data.source import Statistics
from tfae._data.statistics import statistics
from tfae._fitting.denoiser_start import NoisyRows
from tfae._fitting.recipe import Recipe, Split
from tfae._inference.fitted import Fitted
from tfae._networks.filling import model_of
from tfae._networks.initial_weights import initial_weights
from tfae._networks.linear_path import fixed_weights, start_at_zero
from tfae._networks.principal_components import principal_components
from tfae._networks.spec import Network
from tfae._objective.corruptions import Corrupter, Pairs
from tfae._objective.views import Views
from tfae._support.typing import Weights


def drawn(
    recipe: Recipe, network: Network, split: Split, scaling: Scaling, rng: np.random.Generator
) -> Fitted:
    """Draw the weights of a network; with a linear path it starts as the best linear code.

    That is the principal components, or the linear denoiser if rows are corrupted.
    """
    structure, noise = recipe.structure, recipe.corruption
    marks = landmarks_of(noise, split, scaling)
    weights = initial_weights(structure, network, recipe.dtype, rng)
    if recipe.objective.loss.link == "exponential":
        weights = _at_means(weights, statistics(split.X, split.train))
    model = None
    if structure.linear_path:
        seed = int(rng.integers(2**31))
        n_components = structure.spec.n_components
        X, rows = split.X, split.train
        if noise is None:
            found = principal_components(X, scaling, rows, n_components, seed)
        else:
            found = NoisyRows(noise, X, scaling, rows, marks, seed).components(n_components)
        weights = start_at_zero(network, weights)
        for place, value in fixed_weights(network, found).items():
            weights[place] = value
        model = model_of(found)
    fitted = Fitted.of_network(
        structure,
        network,
        weights,
        dtype=recipe.dtype,
        # The data's dtype if it is the finer one, so that NumPy need not convert at every use.
        weights_dtype=np.result_type(float_dtype(split.X), recipe.dtype),
        scaling=scaling,
        settings=recipe.settings,
        to_agree_with=recipe.to_agree_with,
    )
    return replace(fitted, landmarks=marks, linear_model=model)


def _at_means(weights: Weights, of: Statistics) -> Weights:
    """Return weights with which the output before ``exp`` starts near the means of the rows.

    Means of counts differ by orders of magnitude, which many small steps would have to learn.
    """
    *others, last = weights
    if last.shape != of.mean.shape:  # not a bias of every feature
        return weights
    return [*others, np.log(np.maximum(of.mean, 0.5 / of.n_rows)).astype(last.dtype)]


def landmarks_of(
    noise: Corrupter | Views | Pairs | None, split: Split, scaling: Scaling
) -> Landmarks | None:
    """Return the landmarks of the training rows if a corruption needs them."""
    if noise is None or isinstance(noise, Pairs):
        return None
    return find_landmarks(split.X, scaling, split.train)
