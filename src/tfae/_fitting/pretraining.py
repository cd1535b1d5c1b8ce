"""First weights that come from other trainings: layer by layer, or from an autoencoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tfae._data.checks import check_finite
from tfae._data.scaling import Scaling
from tfae._data.schema import Schema
from tfae._data.source import weights_of
from tfae._data.weights import with_weights
from tfae._fitting.first_weights import drawn
from tfae._fitting.fit import fit_network
from tfae._fitting.from_parameters import make_recipe
from tfae._fitting.recipe import Recipe, Split
from tfae._fitting.several_workers import shared
from tfae._inference.fitted import Fitted
from tfae._networks.spec import Network
from tfae._support.typing import Array, Params, Weights
from tfae._training.state import TrainingState


def trained_within(
    recipe: Recipe, params: Params, rows: Any, seed: int, schema: Schema | None = None
) -> Fitted:
    """Train an autoencoder without a linear path, as a part of the fit of a recipe.

    `params` are all parameters of :class:`tfae.Autoencoder`; `schema` is that of the rows.
    """
    params = {**params, "random_state": seed}
    own = make_recipe(params, rows.shape, linear_path=False, schema=schema)
    own = replace(own, inner=True, checkpoints=recipe.checkpoints)
    if recipe.workers.strategy is not None:
        own = shared(own, recipe.workers)
    return fit_network(own, rows, TrainingState.new(seed))


def layer_by_layer(
    stages: Sequence[Params],
    then: str | None,
    recipe: Recipe,
    network: Network,
    split: Split,
    scaling: Scaling,
    rng: np.random.Generator,
) -> Fitted:
    """Train autoencoders of one layer, one after another, each on the codes of the one before.

    The encoders of all stages, and their decoders in reverse order, form the network. `then` is
    printed after the stages if the recipe is verbose.
    """
    begun = drawn(recipe, network, split, scaling, rng)
    if not stages:
        return begun.with_facts({"stage_histories": []})
    encoder: Weights = []
    decoder: Weights = []
    histories = []
    for stage in _trained_stages(stages, recipe, split, rng):
        encoder = [*encoder, *stage.encoder_weights]
        decoder = [*stage.decoder_weights, *decoder]
        histories.append(stage.history)
    if recipe.verbose and then is not None:
        print(then)
    return begun.with_weights([*encoder, *decoder]).with_facts({"stage_histories": histories})


def _trained_stages(
    stages: Sequence[Params],
    recipe: Recipe,
    split: Split,
    rng: np.random.Generator,
) -> Iterator[Fitted]:
    rows = split.X if split.train is None else split.X[split.train]
    for number, params in enumerate(stages, start=1):
        if recipe.verbose:
            print(f"Stage {number}/{len(stages)}")
        try:
            schema = recipe.schema if number == 1 else None  # codes are numbers
            stage = trained_within(recipe, params, rows, int(rng.integers(2**31)), schema)
            yield stage
            if number < len(stages):
                codes = stage.encode(rows)
                check_finite(codes)
                rows = with_weights(codes, weights_of(rows))
        except ValueError as error:
            raise ValueError(f"Stage {number} of the pretraining: {error}") from error


def after_autoencoder(
    params: Params,
    with_decoder: bool,
    recipe: Recipe,
    network: Network,
    split: Split,
    scaling: Scaling,
    rng: np.random.Generator,
) -> Fitted:
    """Start with the encoder of a trained autoencoder, and its decoder if that is asked for."""
    begun = drawn(recipe, network, split, scaling, rng)
    stage = trained_within(recipe, params, split.X, int(rng.integers(2**31)))
    decoder: list[Array] = stage.decoder_weights if with_decoder else begun.decoder_weights
    return begun.with_weights([*stage.encoder_weights, *decoder])
