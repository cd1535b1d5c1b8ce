"""The first weights of a training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tfae._data.checks import float_dtype
from tfae._data.distances import EuclideanDistances
from tfae._data.landmarks import Landmarks, find_landmarks
from tfae._data.scaling import Scaling
from tfae._data.source import Statistics
from tfae._data.statistics import statistics
from tfae._data.table_scaling import TableScaling
from tfae._fitting.denoiser_start import NoisyRows, some_scaled
from tfae._fitting.recipe import Recipe, Split
from tfae._inference.fitted import Fitted
from tfae._networks.filling import model_of, table_of
from tfae._networks.initial_weights import initial_weights
from tfae._networks.linear_path import fixed_weights, start_at_zero
from tfae._networks.local_units import in_local_units
from tfae._networks.principal_components import Components, principal_components
from tfae._networks.spec import Network
from tfae._objective.corruptions import Corrupter, Pairs
from tfae._objective.views import Views
from tfae._support.typing import Array, Weights

# Neighbours are found among at most this many rows: the time grows with the square.
_MAX_NEIGHBORING, _N_NEIGHBORS = 5000, 3


def drawn(
    recipe: Recipe, network: Network, split: Split, scaling: Scaling, rng: np.random.Generator
) -> Fitted:
    """Draw the weights of a network; with a linear path it starts as the best linear code.

    That is the principal components, or the linear denoiser if rows are corrupted. A code that is
    to keep neighbours is brought into the units of near rows.
    """
    structure, noise, table = recipe.structure, recipe.corruption, table_of(scaling)
    marks = landmarks_of(noise, split, scaling)
    weights = initial_weights(structure, network, recipe.dtype, rng)
    if recipe.objective.loss.link == "exponential":
        weights = _at_means(weights, statistics(split.X, split.train))
    if table is not None:
        weights = _at_frequencies(weights, table)
    model = None
    if structure.linear_path:
        seed = int(rng.integers(2**31))
        n_components = structure.spec.n_components
        X, rows = split.X, split.train
        if noise is None:
            found = principal_components(X, scaling, rows, n_components, seed)
        else:
            found = NoisyRows(noise, X, scaling, rows, marks, seed).components(n_components)
        model = model_of(found)
        if structure.keeps_neighbors:
            found = _with_neighbors(found, some_scaled(X, scaling, rows, _MAX_NEIGHBORING)[0])
        weights = start_at_zero(network, weights)
        found = found if table is None else _with_probabilities(found, table)
        for place, value in fixed_weights(network, found).items():
            weights[place] = value
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


def _at_frequencies(weights: Weights, table: TableScaling) -> Weights:
    """Return weights with which logits start near those of the frequencies of categories."""
    *others, last = weights
    logits = np.where(table.layout.is_number, 0.0, table.layout.as_logits(table.frequencies))
    return [*others, logits.astype(last.dtype)] if last.shape == logits.shape else weights


def _with_probabilities(found: Components, table: TableScaling) -> Components:
    """Return a linear code whose rows have probabilities in the places of categories.

    They become logits there, whose corrections have the unit 1.
    """
    categories, scale = ~table.layout.is_number, np.broadcast_to(table.scale, found.mean.shape)
    return replace(
        found,
        mean=np.where(categories, table.center + scale * found.mean, found.mean),
        axes=np.where(categories, scale * found.axes, found.axes),
        residual=np.where(categories, 1.0, found.residual),
    )


def _with_neighbors(found: Components, rows: Array) -> Components:
    codes = (rows - found.mean_seen) @ found.encoding.T
    if len(codes) <= _N_NEIGHBORS:
        return found
    _, neighbors = EuclideanDistances(codes).nearest(_N_NEIGHBORS)
    return in_local_units(found, codes, neighbors)


def landmarks_of(
    noise: Corrupter | Views | Pairs | None, split: Split, scaling: Scaling
) -> Landmarks | None:
    """Return the landmarks of the training rows if a corruption needs them."""
    if noise is None or isinstance(noise, Pairs):
        return None
    return find_landmarks(split.X, scaling, split.train)
