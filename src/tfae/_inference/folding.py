"""Folding the affine maps around and within a trained stack into its dense layers.

Scaling rows, and standardising them for a network beside a linear path, are passes over whole wide
blocks. They cost 10 to 15 % of the time of encoding or decoding. A dense layer with other weights
does both on the way. This pays for many rows only, because the other weights must be made first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tfae._inference.numpy_layers import factor_and_offset
from tfae._networks.plain_layers import (
    BatchNormalization,
    Dense,
    EachFeature,
    PlainLayer,
    Rescaling,
    Sum,
)
from tfae._support.typing import Array, Weights

# The rounding errors of a sum grow as its parts cancel each other. An offset may be at most this
# large, in units of the result.
_LARGEST_OFFSET = 4.0

Layers = tuple[PlainLayer, ...]


class Map(NamedTuple):
    """A factor and an offset, one for each feature or one for all."""

    factor: Array
    offset: Array

    def then(self, other: Map) -> Map:
        return Map(self.factor * other.factor, self.offset * other.factor + other.offset)


class _LostDigitsError(ArithmeticError):
    """The weights would be so large, or cancel so much, that digits would be lost."""


def folded(
    layers: Sequence[PlainLayer],
    weights: Weights,
    dtype: Any,
    before: Map | None = None,
    after: Map | None = None,
) -> tuple[Layers, Weights] | None:
    """Return layers and weights that do the work of a map `before`, these layers and a map `after`.

    Return None if digits would be lost. New weights come after the given ones, so that unchanged
    layers find theirs.
    """
    folding = _Folding([weight.astype(dtype, copy=False) for weight in weights], dtype)
    try:
        return folding.path(layers, before, after), folding.weights
    except _LostDigitsError:
        return None


class _Folding:
    def __init__(self, weights: Weights, dtype: Any) -> None:
        self.weights, self._dtype = weights, dtype

    def path(self, layers: Sequence[PlainLayer], before: Map | None, after: Map | None) -> Layers:
        done: list[PlainLayer] = []
        for layer in layers:
            own = self._as_map(layer)
            if own is not None:
                before = own if before is None else before.then(own)
            else:
                done += self._after(before, layer)
                before = None
        if before is not None and not done:
            done.append(self._alone(before))
            before = None
        if after is not None:
            before = after if before is None else before.then(after)
        return tuple(done) if before is None else self._before(before, done)

    def _after(self, before: Map | None, layer: PlainLayer) -> Layers:
        """Fold a map into the layer that comes after it."""
        if isinstance(layer, Sum):
            one, other = (self.path(path, before, None) for path in layer.paths)
            return (Sum((one, other)),)
        if before is None:
            return (layer,)
        if not isinstance(layer, Dense):
            return (self._alone(before), layer)
        _check(before)
        kernel = self.weights[layer.kernel]
        factor, offset = (np.broadcast_to(values, len(kernel)) for values in before)
        bias = offset @ kernel
        if layer.bias is not None:
            bias = bias + self.weights[layer.bias]
        return (self._dense(factor[:, None] * kernel, bias, layer.activation),)

    def _before(self, after: Map, layers: Sequence[PlainLayer]) -> Layers:
        """Fold a map into the layer that comes before it."""
        others, last = layers[:-1], layers[-1] if layers else None
        if isinstance(last, Sum):
            one, other = last.paths
            factor = Map(after.factor, np.zeros_like(after.offset))
            last = Sum((self._before(after, one), self._before(factor, other)))
        elif isinstance(last, Dense) and last.activation == "linear":
            kernel = self.weights[last.kernel] * after.factor
            bias = np.broadcast_to(after.offset, kernel.shape[1])
            if last.bias is not None:
                bias = bias + self.weights[last.bias] * after.factor
            last = self._dense(kernel, bias, "linear")
        else:
            return (*layers, self._feature(after))
        return (*others, last)

    def _as_map(self, layer: PlainLayer) -> Map | None:
        if isinstance(layer, EachFeature):
            return Map(self.weights[layer.kernel], self.weights[layer.bias])
        if isinstance(layer, Rescaling):
            return Map(np.asarray(layer.scale), np.asarray(layer.offset))
        if isinstance(layer, BatchNormalization):
            return Map(*factor_and_offset(layer, self.weights))
        return None

    def _alone(self, before: Map) -> PlainLayer:
        _check(before)
        return self._feature(before)

    def _feature(self, of: Map) -> PlainLayer:
        return EachFeature(self._new(of.factor), self._new(of.offset))

    def _dense(self, kernel: Array, bias: Array, activation: str) -> PlainLayer:
        return Dense(self._new(kernel), self._new(bias), activation)

    def _new(self, weight: Array) -> int:
        with np.errstate(over="ignore"):
            self.weights.append(np.asarray(weight, self._dtype))
        if not np.isfinite(self.weights[-1]).all():
            raise _LostDigitsError
        return len(self.weights) - 1


def _check(before: Map) -> None:
    if np.abs(before.offset).max() > _LARGEST_OFFSET:
        raise _LostDigitsError
