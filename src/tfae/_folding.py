"""Affine maps around and within a trained stack, left to its dense layers.

To scale rows, and to standardise them for a network beside a linear path, are passes over the
whole of wide blocks, which cost up to a fifth of the time of encoding them; a dense layer of other
weights does both on the way. For many rows only: other weights must be made first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tfae._portable import BatchNormalization, Dense, EachFeature, PlainLayer, Rescaling, Sum
from tfae._types import Array, Weights

# The rounding errors of a sum grow with what its parts cancel of each other: an offset, in units
# of what it leaves. Larger ones stay with the rows.
_LARGEST_OFFSET = 4.0


class Map(NamedTuple):
    """A factor and an offset of every feature, or of all."""

    factor: Array
    offset: Array

    @property
    def is_harmless(self) -> bool:
        """Whether a dense layer that does it rounds about as well as without."""
        return bool(np.abs(self.offset).max() <= _LARGEST_OFFSET)

    def then(self, other: Map) -> Map:
        return Map(self.factor * other.factor, self.offset * other.factor + other.offset)


class Folding:
    """Layers and weights that give what others give after one map and before another.

    New weights come behind those given, so that layers that stay as they are find theirs.
    """

    def __init__(
        self,
        layers: Sequence[PlainLayer],
        weights: Weights,
        dtype: Any,
        before: Map | None = None,
        after: Map | None = None,
    ) -> None:
        self._dtype = dtype
        self.weights = [weight.astype(dtype, copy=False) for weight in weights]
        self.layers = self._folded(layers, before, after)

    def _folded(
        self, layers: Sequence[PlainLayer], before: Map | None, after: Map | None
    ) -> tuple[PlainLayer, ...]:
        folded: list[PlainLayer] = []
        for layer in layers:
            own = self._as_map(layer)
            if own is not None:
                before = own if before is None else before.then(own)
                continue
            if before is not None and not (before.is_harmless and isinstance(layer, Dense | Sum)):
                folded.append(self._alone(before))
                before = None
            folded.append(layer if before is None else self._after(before, layer))
            before = None
        if after is not None:
            before = after if before is None else before.then(after)
        return tuple(folded) if before is None else self._before(before, folded)

    def _after(self, before: Map, layer: PlainLayer) -> PlainLayer:
        """Fold a map into the layer that comes after it."""
        if isinstance(layer, Sum):
            one, other = (self._folded(path, before, None) for path in layer.paths)
            return Sum((one, other))
        assert isinstance(layer, Dense)
        kernel = self.weights[layer.kernel]
        factor, offset = (np.broadcast_to(values, len(kernel)) for values in before)
        bias = offset @ kernel
        if layer.bias is not None:
            bias = bias + self.weights[layer.bias]
        return replace(layer, kernel=self._new(factor[:, None] * kernel), bias=self._new(bias))

    def _before(self, after: Map, layers: list[PlainLayer]) -> tuple[PlainLayer, ...]:
        """Fold a map into the layer that comes before it."""
        others, last = layers[:-1], layers[-1] if layers else None
        if isinstance(last, Sum):
            one, other = last.paths
            factor = Map(after.factor, np.zeros_like(after.offset))
            last = Sum((self._before(after, [*one]), self._before(factor, [*other])))
        elif isinstance(last, Dense) and last.activation == "linear":
            kernel = self.weights[last.kernel] * after.factor
            bias = np.broadcast_to(after.offset, kernel.shape[1])
            if last.bias is not None:
                bias = bias + self.weights[last.bias] * after.factor
            last = replace(last, kernel=self._new(kernel), bias=self._new(bias))
        else:
            return (*layers, self._alone(after))
        return (*others, last)

    def _as_map(self, layer: PlainLayer) -> Map | None:
        if isinstance(layer, EachFeature):
            return Map(self.weights[layer.kernel], self.weights[layer.bias])
        if isinstance(layer, Rescaling):
            return Map(np.asarray(layer.scale), np.asarray(layer.offset))
        if isinstance(layer, BatchNormalization):
            return Map(*layer.factor_and_offset(self.weights))
        return None

    def _alone(self, given: Map) -> PlainLayer:
        return EachFeature(self._new(given.factor), self._new(given.offset))

    def _new(self, weight: Array) -> int:
        self.weights.append(np.asarray(weight, self._dtype))
        return len(self.weights) - 1
