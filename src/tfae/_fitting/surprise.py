"""One fit of the surprise: an ensemble of networks that predict hidden columns of a table's rows.

Every network learns the density of each column given those that it sees, from rows in which columns
are hidden at random (a masked autoencoder: Germain et al., 2015, MADE, ICML, with masks of the
input in place of masks of the weights; Uria, Murray and Larochelle, 2014, A deep and tractable
density estimator, ICML). Each trains on the rows of some folds, so that there are members for every
row that have not seen it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from tfae._data.layout import Layout
from tfae._data.observed import observed_range, standard_scaling
from tfae._data.rows import evenly_spaced
from tfae._data.scaling import Affine, Scaling
from tfae._fitting.members import train_members
from tfae._fitting.recipe import Recipe
from tfae._fitting.table_network import Open, table_recipe
from tfae._inference.fitted import Fitted
from tfae._inference.members import Members
from tfae._inference.surprise import Surprise
from tfae._networks.densities import Densities, Mixture
from tfae._networks.visible_columns import VisibleColumns
from tfae._objective.densities import density_loss
from tfae._support.typing import Array, Params
from tfae._support.warn import warn
from tfae._training.chunks import Noise
from tfae._training.hidden_entries import HiddenEntries, QuickHiding
from tfae._training.state import TrainingState
from tfae._training.step.chunk import ChunkShape

_AUTO = Open(sizes=(64, 64), activation="relu", n_steps=800, batch_size=64, rate=0.005)
# With more places a step costs so much more that fewer are taken.
_WIDE, _LEAST_STEPS = 64, 300
_MIXTURE = Mixture()
# The share of the columns of a row that are hidden in training, and into how many groups they are
# divided, one of which is hidden at a time afterwards.
_HIDING, _N_GROUPS = QuickHiding(0.05, 0.5), 8
# As many members as folds. Each leaves out some of them, so a row has as many judges.
_N_FOLDS, _N_LEFT_OUT = 5, 2
# The most rows that the usual surprise of columns is learned from.
_MOST_USUAL = 2000


def random_folds(n_rows: int, rng: np.random.Generator) -> Array:
    """Return the folds of rows: integers from 0 on, each as often as any other."""
    return rng.permutation(n_rows) % _N_FOLDS


def surprise_recipe(params: Params, layout: Layout, n_rows: int) -> Recipe:
    """Return the recipe of a member for the parameters of a detector.

    Parameters
    ----------
    params : mapping
        All parameters of :class:`tfae.Autoencoder`, with "auto" for those that are left open. The
        last of the hidden layers takes the place of the code, which is no bottleneck.
    layout : Layout
    n_rows : int
    """
    densities = Densities(layout, _MIXTURE)
    widths = VisibleColumns(layout).n_inputs, densities.n_outputs
    n_steps = max(_LEAST_STEPS, min(1.0, _WIDE / layout.width) * _AUTO.n_steps)
    auto = _AUTO._replace(n_steps=round(n_steps))
    return table_recipe(params, layout, n_rows, density_loss(densities), widths, auto)


def fit_surprise(
    make_recipe: Callable[[int], Recipe],
    rows: Array,
    layout: Layout,
    folds: Array,
    state: TrainingState,
) -> Surprise:
    """Fit the surprise to rows.

    Parameters
    ----------
    make_recipe : callable
        Takes the number of training rows of a member and returns its recipe.
    rows : ndarray of shape (n, places), float64
        With NaN in the places of missing entries.
    layout : Layout
    folds : ndarray of int of shape (n,)
        The fold of every row, from 0 on. There is a member for every fold, which has seen neither
        the rows of this fold nor those of the next few.
    state : TrainingState

    Raises
    ------
    KeyboardInterrupt
        If the training is interrupted.

    Warns
    -----
    UserWarning
        If the training diverged.
    """
    left_out = _left_out(int(folds.max()) + 1)
    members = [_rows_of(member, folds) for member in left_out]
    scaling = standard_scaling(rows, layout)
    view, groups = VisibleColumns(layout), _groups(layout.n_columns, state.split_rng)
    scaled = view.scaled(rows, scaling)
    recipe = make_recipe(max(map(len, members)))
    recipe = replace(recipe, batches=partial(_batches, view))
    nothing = Affine(np.zeros(layout.width), 1.0)  # the rows are scaled already
    trained, outcomes = train_members(recipe, scaled.astype(recipe.dtype), members, nothing, state)
    if any(outcome.interrupted for outcome in outcomes):
        raise KeyboardInterrupt
    _tell_of_divergence([o.diverged_at for o in outcomes if o.diverged_at is not None])
    low, high = observed_range(scaled)
    facts = {"history": trained[0].history, "settings": recipe.settings}
    densities, together = Densities(layout, _MIXTURE), _together(trained)
    usual = np.zeros(layout.n_columns)
    fitted = Surprise(scaling, densities, together, left_out, groups, low, high, usual, facts)
    return replace(fitted, usual=_usual(fitted, rows, folds))


def _usual(fitted: Surprise, rows: Array, folds: Array) -> Array:
    """Return the median surprise of every column; 0 if nothing of it is observed."""
    some = evenly_spaced(rows, None, _MOST_USUAL)
    found = fitted.columns(rows[some], folds[some])
    observed = ~np.isnan(found).all(axis=0)
    usual = np.zeros(found.shape[1])
    usual[observed] = np.nanmedian(found[:, observed], axis=0)
    return usual


def _left_out(n_folds: int) -> Array:
    """Return which folds every member leaves out, of shape [members, folds]."""
    distance = np.subtract.outer(np.arange(n_folds), np.arange(n_folds)) % n_folds
    return np.asarray(distance < max(1, min(_N_LEFT_OUT, n_folds - 1)))


def _rows_of(left_out: Array, folds: Array) -> Array:
    """Return the rows of a member; all of them if it would have none."""
    found = np.flatnonzero(~left_out[folds])
    return found if len(found) else np.arange(len(folds))


def _groups(n_columns: int, rng: np.random.Generator) -> Array:
    return rng.permutation(n_columns) % min(_N_GROUPS, n_columns)


def _together(members: list[Fitted]) -> Members:
    encoder, decoder = (
        [np.stack(weights) for weights in zip(*of_members, strict=True)]
        for of_members in (
            [fitted.encoder_weights for fitted in members],
            [fitted.decoder_weights for fitted in members],
        )
    )
    return Members(members[0].encoder, members[0].decoder, encoder, decoder)


def _batches(
    view: VisibleColumns, X: Array, scaling: Scaling, shape: ChunkShape, rows: Any, noise: Noise
) -> HiddenEntries:
    """Return training rows in batches; see :data:`.recipe.MakeBatches`."""
    assert noise.rng is not None
    weights = np.ones(view.layout.n_columns)
    return HiddenEntries(X[rows], view, _HIDING, weights, shape, noise.rng)


def _tell_of_divergence(epochs: list[int]) -> None:
    if epochs:
        warn(
            "The loss of the networks became infinite or NaN in epoch "
            f"{min(epochs)}, and the last good weights were kept. Lower 'learning_rate_init', or "
            "look for extreme values in the data."
        )
