"""The first weights of a training."""

from __future__ import annotations

import numpy as np

from tfae._data.checks import float_dtype
from tfae._data.scaling import Scaling
from tfae._fitting.recipe import Recipe, Split
from tfae._inference.fitted import Fitted
from tfae._networks.initial_weights import initial_weights
from tfae._networks.linear_path import fixed_weights, start_at_zero
from tfae._networks.principal_components import principal_components
from tfae._networks.spec import Network


def drawn(
    recipe: Recipe, network: Network, split: Split, scaling: Scaling, rng: np.random.Generator
) -> Fitted:
    """Draw the weights of a network; with a linear path it starts as principal components."""
    structure = recipe.structure
    weights = initial_weights(structure, network, recipe.dtype, rng)
    if structure.linear_path:
        seed = int(rng.integers(2**31))
        n_components = structure.spec.n_components
        found = principal_components(split.X, scaling, split.train, n_components, seed)
        weights = start_at_zero(network, weights)
        for place, value in fixed_weights(network, found).items():
            weights[place] = value
    return Fitted.of_network(
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
