"""Fully connected encoders and decoders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tfae._registry import register_architecture
from tfae._tensorflow import keras
from tfae._types import Network, Spec


@register_architecture("dense")
def dense(spec: Spec) -> Network:
    """Fully connected layers, narrowing to the code and widening again."""
    encoder = [*_hidden("encoder", spec.hidden_layer_sizes, spec)]
    encoder.append(_layer("code", spec.n_components, spec.code_activation, spec))
    decoder = [*_hidden("decoder", spec.decoder_layer_sizes, spec)]
    decoder.append(_layer("output", spec.n_features, "linear", spec))
    return Network(
        keras.Sequential([keras.Input((spec.n_features,)), *encoder], name="encoder"),
        keras.Sequential([keras.Input((spec.n_components,)), *decoder], name="decoder"),
    )


def _hidden(side: str, sizes: Sequence[int], spec: Spec) -> Iterator[Any]:
    for number, units in enumerate(sizes, start=1):
        yield _layer(f"{side}_{number}", units, spec.activation, spec)


def _layer(name: str, units: int, activation: str, spec: Spec) -> Any:
    return keras.layers.Dense(
        units, activation=activation, kernel_initializer=spec.kernel_initializer, name=name
    )
