"""The fit of an embedding: the values of "auto", the first weights, and the facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfae._data.checks import float_dtype
from tfae._data.rows import dense_blocks
from tfae._data.scaling import Scaling
from tfae._fitting.defaults import is_auto
from tfae._fitting.first_weights import drawn
from tfae._fitting.recipe import Recipe, Split
from tfae._inference.fitted import Fitted
from tfae._networks.architectures.registry import own_sizes
from tfae._networks.linear_start import linear_start
from tfae._networks.principal_components import principal_components
from tfae._networks.spec import Network
from tfae._objective.affinities import Affinities
from tfae._support.typing import Array
from tfae._training.chunks import Noise
from tfae._training.neighbour_batches import Neighbourhoods
from tfae._training.step.chunk import ChunkShape

# The numbers in the rules for "auto"; see docs/embedding.md.
_MANY_ROWS, _N_STEPS, _LEARNING_RATE = 20_000, 4000, 0.003
# The standard deviation of the first component if the encoder starts as PCA.
_SPREAD = 1.0


def embedding_settings(params: Mapping[str, Any], n_rows: int) -> dict[str, Any]:
    """Return the values of "auto" parameters of an embedding."""
    batch_size = 512 if n_rows < _MANY_ROWS else 1024
    steps_per_epoch = -(-n_rows // batch_size)
    max_iter = int(np.clip(round(_N_STEPS / steps_per_epoch), 20, 300))
    epochs = max_iter if is_auto(params["max_iter"]) else int(params["max_iter"])
    rules = {
        "hidden_layer_sizes": own_sizes(params["architecture"]) or (512, 512, 512),
        "activation": "gelu",
        "learning_rate_init": _LEARNING_RATE,
        "batch_size": batch_size,
        "max_iter": max_iter,
        "n_exaggeration_iter": max(1, epochs // 10),
        "n_iter_no_change": epochs,  # losses of batches are too noisy to stop by
    }
    return {name: value for name, value in rules.items() if is_auto(params[name])}


def batch_that_fills(batch_size: int, n_rows: int) -> int:
    """Return a size that the rows can fill: a power of two, because each size is compiled."""
    return min(batch_size, 1 << (n_rows.bit_length() - 1))


def neighbour_batches(
    affinities: Affinities, X: Any, scaling: Scaling, shape: ChunkShape, rows: Any, noise: Noise
) -> Neighbourhoods:
    """Return all rows as batches with the affinities in them."""
    return Neighbourhoods(X, scaling, shape, affinities, noise)


def as_components(
    recipe: Recipe, network: Network, split: Split, scaling: Scaling, rng: np.random.Generator
) -> Fitted:
    """Draw weights with which the encoder gives the principal components."""
    begun = drawn(recipe, network, split, scaling, rng)
    seed = int(rng.integers(2**31))
    n_components = recipe.structure.spec.n_components
    found = principal_components(split.X, scaling, None, n_components, seed)
    kernel = found.axes.T * (_SPREAD / (found.spread[0] or 1.0))
    bias = -found.mean @ kernel
    encoder = linear_start(begun.encoder.layers, begun.encoder_weights, kernel, bias)
    return begun.with_weights([*encoder, *begun.decoder_weights])


def describe_embedding(
    affinities: Affinities,
    degrees_of_freedom: float,
    recipe: Recipe,
    fitted: Fitted,
    X: Any,
    rows: Array | None,
) -> dict[str, Any]:
    """Return the embedding of the rows, and its divergence."""
    embedding = np.empty((X.shape[0], fitted.structure.spec.n_components), float_dtype(X))
    for block, some in dense_blocks(X):
        embedding[block] = fitted.codec.encode(some, embedding.dtype)
    divergence = affinities.divergence(embedding, degrees_of_freedom)
    return {"embedding": embedding, "kl_divergence": divergence}
