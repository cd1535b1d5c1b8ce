"""The recipe of a network that predicts hidden entries of a table's rows from the visible ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tfae._data.layout import Layout
from tfae._fitting.from_parameters import make_recipe
from tfae._fitting.recipe import Recipe
from tfae._inference.fitted import Fitted
from tfae._objective.losses import Loss
from tfae._objective.objective import Objective
from tfae._support.typing import Array, Params


class Open(NamedTuple):
    """What "auto" stands for."""

    sizes: tuple[int, ...]
    activation: str
    n_steps: int  # of a training
    batch_size: int
    rate: float


def table_recipe(
    params: Params,
    layout: Layout,
    n_rows: int,
    loss: Loss,
    widths: tuple[int, int],
    auto: Open,
    *,
    has_offset: bool = False,
) -> Recipe:
    """Return the recipe of a network of the given widths of inputs and outputs.

    Parameters
    ----------
    params : mapping
        All parameters of :class:`tfae.Autoencoder`, with "auto" for those that are left open. The
        last of the hidden layers takes the place of the code, which is no bottleneck.
    layout : Layout
    n_rows : int
    loss : Loss
    widths : tuple of int
    auto : Open
    has_offset : bool
        Whether the network corrects something.
    """
    settings = _settings(params, n_rows, auto)
    *hidden, last = settings["hidden_layer_sizes"]
    recipe = make_recipe(
        {
            **params,
            **settings,
            "hidden_layer_sizes": tuple(hidden),
            "decoder_layer_sizes": (),
            "n_components": last,
            "code_activation": settings["activation"],
            "n_iter_no_change": settings["max_iter"],
            "early_stopping": False,
            "refit": False,
            "scaling": None,
        },
        (n_rows, layout.n_columns),
        linear_path=False,
    )
    n_inputs, n_outputs = widths
    spec = replace(recipe.structure.spec, n_inputs=n_inputs, n_outputs=n_outputs)
    by_rule = params["learning_rate_init"] == "auto" and isinstance(params["optimizer"], str)
    return replace(
        recipe,
        structure=replace(recipe.structure, spec=spec),
        objective=Objective(loss, corrupted=True, masked=True, has_offset=has_offset),
        anneal_over=settings["max_iter"] if by_rule else None,
        describe=_nothing,
        settings=settings,
        inner=True,
    )


def _settings(params: Params, n_rows: int, auto: Open) -> dict[str, Any]:
    def or_auto(name: str, otherwise: Any) -> Any:
        given = params[name]
        return otherwise if isinstance(given, str) and given == "auto" else given

    sizes = np.atleast_1d(or_auto("hidden_layer_sizes", auto.sizes)).tolist()
    batch = int(or_auto("batch_size", auto.batch_size))
    epochs = -(-auto.n_steps // -(-n_rows // batch))
    return {
        "hidden_layer_sizes": tuple(sizes),
        "activation": or_auto("activation", auto.activation),
        "batch_size": batch,
        "max_iter": int(or_auto("max_iter", epochs)),
        "learning_rate_init": or_auto("learning_rate_init", auto.rate),
    }


def _nothing(recipe: Recipe, fitted: Fitted, X: Any, rows: Array | None) -> Mapping[str, Any]:
    return {}
