"""A network without its weights: how it is described, built and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfae._tensorflow import keras, private_keras
from tfae._types import Builder, Network, Spec


@dataclass(frozen=True)
class Structure:
    """All that is needed to build a network; equal structures share compiled programs."""

    builder: Builder
    params: tuple[tuple[str, Any], ...]
    spec: Spec
    output_activation: str

    def build(self, dtype: str, seed: int | None = None) -> Network:
        """Build the Keras models anew, untrained, and check what the builder returns."""
        name = getattr(self.builder, "__name__", repr(self.builder))
        sizes = self.spec.n_features, self.spec.n_components
        with private_keras(dtype, seed):
            built = self.builder(self.spec, **dict(self.params))
            if not (isinstance(built, tuple) and len(built) == 2):
                raise ValueError(
                    f"The architecture {name!r} must return a pair (encoder, decoder) of Keras "
                    f"models. Got {built!r}."
                )
            network = Network(*built)
            _check_shape(name, "encoder", network.encoder, sizes)
            _check_shape(name, "decoder", network.decoder, sizes[::-1])
        return network


def _check_shape(name: str, side: str, model: Any, sizes: tuple[int, int]) -> None:
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"The {side} of the architecture {name!r} must be a Keras model. Got {model!r}."
        )
    shape = tuple(model(keras.Input((sizes[0],))).shape)
    if shape != (None, sizes[1]):
        raise ValueError(
            f"The {side} of the architecture {name!r} must map shape (None, {sizes[0]}) to "
            f"(None, {sizes[1]}). It returns shape {shape}."
        )


def hashable_params(params: Mapping[str, Any] | None) -> tuple[tuple[str, Any], ...]:
    """Return ``architecture_params`` as a hashable tuple, lists as tuples.

    Raises
    ------
    ValueError
        If a value cannot be hashed, for then equal structures could not be told.
    """
    pairs = tuple(sorted((params or {}).items()))
    frozen = tuple((name, tuple(v) if isinstance(v, list) else v) for name, v in pairs)
    for name, value in frozen:
        try:
            hash(value)
        except TypeError:
            raise ValueError(
                "The values of 'architecture_params' must be hashable (numbers, str, tuples, …). "
                f"Got {value!r} for {name!r}."
            ) from None
    return frozen
