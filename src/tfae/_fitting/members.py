"""The training of an ensemble: networks of one recipe, each on its own rows of the same data.

Stacks of plain layers are trained side by side in one compiled program. Others, such as
convolutional networks, and those whose fit compares them with a linear model, are trained one after
the other. A member gets the same random numbers either way, so its weights differ in rounding only.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from tfae._data.reading import rows_to_describe
from tfae._data.scaling import Scaling
from tfae._fitting.network_training import Training, first_fitted, train_network
from tfae._fitting.recipe import MakeBatches, Recipe, Split
from tfae._inference.fitted import Fitted
from tfae._networks.structure import Structure
from tfae._support.typing import Array
from tfae._training.chunks import Noise
from tfae._training.loop import Outcome
from tfae._training.members import MemberBatches, shape_of_member
from tfae._training.state import TrainingState
from tfae._training.step.chunk import ChunkShape
from tfae._training.step.optimizers import FusedRule
from tfae._training.step.program import PROGRAMS
from tfae._training.step.side_by_side import can_stand_side_by_side


def train_members(
    recipe: Recipe, X: Any, rows: Sequence[Array], scaling: Scaling, state: TrainingState
) -> tuple[list[Fitted], list[Outcome]]:
    """Train a network for every member of an ensemble.

    Parameters
    ----------
    recipe : Recipe
        That of one member; without held-out rows.
    X : ndarray, CSR matrix or Source
    rows : sequence of ndarray of int
        The positions of every member's rows. Members with fewer rows than others see some of them
        twice in an epoch.
    scaling : Scaling
    state : TrainingState
        Every member draws from streams that are spawned from it.

    Returns
    -------
    list of Fitted
    list of Outcome
        One for all that were trained together.
    """
    longest = max(map(len, rows))
    rows = [np.resize(some, longest) for some in rows]
    states = _spawned(state, len(rows))
    if len(rows) > 1 and _trains_side_by_side(recipe):
        recipe = replace(recipe, members=len(rows))
        members, outcome = _side_by_side(recipe, X, rows, scaling, states)
        return members, [outcome]
    trained = [
        train_network(recipe, Split(X, some), scaling, own)
        for some, own in zip(rows, states, strict=True)
    ]
    return [fitted for fitted, _ in trained], [outcome for _, outcome in trained]


def _spawned(state: TrainingState, n: int) -> list[TrainingState]:
    streams = state.split_rng, state.weights_rng, state.order_rng, state.noise_rng
    return [TrainingState(*own) for own in zip(*(rng.spawn(n) for rng in streams), strict=True)]


def _trains_side_by_side(recipe: Recipe) -> bool:
    """Whether nothing but the layers knows of members, and no member of another."""
    structure = recipe.structure
    is_compared = structure.linear_path or recipe.corruption is not None or recipe.early_stopping
    watched = recipe.objective.penalty.cost is not None or len(recipe.callbacks)
    # Fused kernels work on every number alone, and Keras optimizers may clip norms of all.
    fused = isinstance(recipe.optimizer.rule, FusedRule)
    if is_compared or watched or structure.tied or not fused:
        return False
    return recipe.precision == recipe.dtype and _is_plain(structure, recipe.dtype)


@lru_cache(maxsize=64)
def _is_plain(structure: Structure, dtype: str) -> bool:
    return can_stand_side_by_side(structure.build(dtype), dtype)


def _side_by_side(
    recipe: Recipe, X: Any, rows: Sequence[Array], scaling: Scaling, states: list[TrainingState]
) -> tuple[list[Fitted], Outcome]:
    optimizer = recipe.optimizer_for(len(rows[0]))
    recipe = replace(recipe, batches=_of_members(recipe.batches, rows, states))
    with PROGRAMS.lease(recipe.program_key(optimizer.rule)) as program:
        firsts = [
            first_fitted(recipe, program, Split(X, some), scaling, own)
            for some, own in zip(rows, states, strict=True)
        ]
        each = zip(*(first.weights for first in firsts), strict=True)
        weights = [np.stack(of_members) for of_members in each]
        begun = firsts[0].with_weights(weights)
        training = Training(recipe, Split(X), program, optimizer, begun, 1.0)
        outcome = training.run(states[0].copy(), None)
        together = training.kept(outcome)
    members = []
    for member, some in enumerate(rows):
        fitted = together.with_weights([weight[member] for weight in together.weights])
        facts = recipe.describe(recipe, fitted, *rows_to_describe(X, some))
        members.append(fitted.with_facts(facts))
    return members, outcome


def _of_members(
    batches: MakeBatches, rows: Sequence[Array], states: Sequence[TrainingState]
) -> MakeBatches:
    """Return the function that makes the batches of all members from that of one member."""

    def of_all(X: Any, scaling: Scaling, shape: ChunkShape, _: Any, noise: Noise) -> MemberBatches:
        # A training that diverges begins anew, and must then draw the same numbers.
        own = copy.deepcopy(list(states))
        shape_of_one = shape_of_member(shape, len(rows))
        members = [
            batches(X, scaling, shape_of_one, some, replace(noise, rng=state.noise_rng))
            for some, state in zip(rows, own, strict=True)
        ]
        return MemberBatches(members, shape, [state.order_rng for state in own])

    return of_all
