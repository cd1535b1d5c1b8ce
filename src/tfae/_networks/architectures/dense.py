"""Fully connected encoders and decoders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from tfae._networks.architectures.hidden import hidden, row_input
from tfae._networks.architectures.registry import register_architecture
from tfae._networks.spec import Network, Spec
from tfae._support.tensorflow import keras


@register_architecture("dense")
def dense(spec: Spec) -> Network:
    """Fully connected layers, narrowing to the code and widening again."""
    layer = partial(keras.layers.Dense, kernel_initializer=spec.kernel_initializer)
    encoder = [
        *_stack("encoder", spec.hidden_layer_sizes, spec),
        layer(spec.n_components, activation=spec.code_activation, name="code"),
    ]
    decoder = [
        *_stack("decoder", spec.decoder_layer_sizes, spec),
        layer(spec.n_outputs, name="output"),
    ]
    return Network(
        keras.Sequential([row_input(spec.n_inputs), *encoder], name="encoder"),
        keras.Sequential([row_input(spec.n_components), *decoder], name="decoder"),
    )


def _stack(side: str, sizes: Sequence[int], spec: Spec) -> Iterator[Any]:
    for number, units in enumerate(sizes, start=1):
        yield from hidden(partial(keras.layers.Dense, units), f"{side}_{number}", spec)
