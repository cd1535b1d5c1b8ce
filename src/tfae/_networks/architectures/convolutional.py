"""Convolutional encoders and decoders for images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np

from tfae._networks.architectures.hidden import hidden, row_input
from tfae._networks.architectures.registry import register_architecture
from tfae._networks.spec import Network, Spec
from tfae._support.images import square_image
from tfae._support.tensorflow import keras

# Rows of images do not follow the user's keras.config.image_data_format.
_LAST: dict[str, Any] = {"data_format": "channels_last"}
_HALVING: dict[str, Any] = {"strides": 2, "padding": "same", **_LAST}


@register_architecture("convolutional", hidden_layer_sizes=(16, 32))
def convolutional(
    spec: Spec, *, image_shape: Sequence[int] | None = None, kernel_size: int = 3
) -> Network:
    """Convolutions of stride 2 down to a dense code, and transposed ones back.

    Every hidden layer halves the image, rounding up. The decoder crops what the rounding added.
    Where a column has several inputs or outputs, dense layers come before and after.
    """
    if image_shape is None:
        raise no_image_shape(spec.n_features, "architecture_params={{'image_shape': {}}}")
    shape = image_shape_of(image_shape, spec.n_features)
    if not isinstance(kernel_size, Integral) or kernel_size < 1:
        raise ValueError(f"'kernel_size' must be an integer of at least 1. Got {kernel_size!r}.")
    return Network(_encoder(spec, shape, kernel_size), _decoder(spec, shape, kernel_size))


def image_shape_of(image_shape: Sequence[int], n_features: int) -> tuple[int, int, int]:
    """Return height, width and channels; one of them may be given as -1, which takes the rest.

    Raises
    ------
    ValueError
        If the shape is not that of an image, or does not match the number of features.
    """
    given = tuple(image_shape) if isinstance(image_shape, Sequence | np.ndarray) else ()
    whole = all(isinstance(size, Integral) and (size > 0 or size == -1) for size in given)
    shape = _with_the_rest(given, n_features) if whole else ()
    if len(shape) not in (2, 3) or min(shape) < 1 or math.prod(shape) != n_features:
        raise ValueError(
            "The 'image_shape' parameter must be (height, width) or (height, width, channels) with "
            f"a product of {n_features}, the number of features. Got {image_shape!r}."
        )
    height, width, channels = (int(size) for size in (*shape, 1)[:3])
    return height, width, channels


def _with_the_rest(shape: tuple[int, ...], n_features: int) -> tuple[int, ...]:
    """Return a shape with what is left of the features in place of a single -1."""
    if shape.count(-1) != 1:
        return shape
    rest = n_features // math.prod(size for size in shape if size != -1)
    return tuple(rest if size == -1 else size for size in shape)


def no_image_shape(n_features: int, given_as: str) -> ValueError:
    """Return the error for rows that nothing shows to be images; `given_as` is a parameter."""
    picture = square_image(n_features) or "(height, width)"
    return ValueError(
        "Flat rows need an 'image_shape', because their length does not show what they are. Got "
        f"rows of {n_features} values without one: pass {given_as.format(picture)} for images, or "
        f"{given_as.format((1, n_features))} for signals."
    )


def _encoder(spec: Spec, shape: tuple[int, int, int], kernel_size: int) -> Any:
    layers = [row_input(spec.n_inputs)]
    if spec.n_inputs != spec.n_features:
        layers.append(keras.layers.Dense(spec.n_features, name="image"))
    layers.append(keras.layers.Reshape(shape))
    for number, filters in enumerate(spec.hidden_layer_sizes, start=1):
        convolution = partial(keras.layers.Conv2D, filters, kernel_size, **_HALVING)
        layers += hidden(convolution, f"encoder_{number}", spec)
    code = keras.layers.Dense(
        spec.n_components,
        activation=spec.code_activation,
        kernel_initializer=spec.kernel_initializer,
        name="code",
    )
    return keras.Sequential([*layers, keras.layers.Flatten(**_LAST), code], name="encoder")


def _decoder(spec: Spec, shape: tuple[int, int, int], kernel_size: int) -> Any:
    height, width, channels = shape
    sizes = [(height, width)]  # from the image down to where the decoder starts
    for _ in spec.decoder_layer_sizes:
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    first, *others = (*spec.decoder_layer_sizes, channels)
    start = (*sizes.pop(), first)
    layers = [row_input(spec.n_components)]
    unfold = partial(keras.layers.Dense, math.prod(start))
    layers += hidden(unfold, "decoder_1", spec) if others else [_output(unfold, spec)]
    layers.append(keras.layers.Reshape(start))
    for number, (size, filters) in enumerate(zip(reversed(sizes), others, strict=True), start=2):
        widen = partial(keras.layers.Conv2DTranspose, filters, kernel_size, **_HALVING)
        last = number > len(others)
        layers += [_output(widen, spec)] if last else hidden(widen, f"decoder_{number}", spec)
        layers.append(_crop(size))
    layers.append(keras.layers.Flatten(**_LAST))
    if spec.n_outputs != spec.n_features:
        layers.append(keras.layers.Dense(spec.n_outputs, name="columns"))
    return keras.Sequential(layers, name="decoder")


def _output(make: Callable[..., Any], spec: Spec) -> Any:
    return make(kernel_initializer=spec.kernel_initializer, name="output")


def _crop(size: tuple[int, int]) -> Any:
    """Crop the last line and the last column if an odd number of them was halved."""
    height, width = size
    return keras.layers.Cropping2D(((0, height % 2), (0, width % 2)), **_LAST)
