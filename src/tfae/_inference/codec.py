"""From rows in the user's units to codes, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tfae._data.checks import float_dtype
from tfae._data.scaling import Affine, Forward, Scaling
from tfae._data.source import Source
from tfae._inference.coder import Coder
from tfae._inference.folding import Map, folded
from tfae._inference.workspace import NEW, Workspace
from tfae._support.typing import Array, Weights

# With this many rows, it is little extra work to make other weights.
_MANY = 4096


class Codec(NamedTuple):
    """A trained encoder and decoder with their weights, scalings and thresholds.

    A scaling is None if the dense layers do it.
    """

    encoder: Coder
    decoder: Coder
    encoder_weights: Weights
    decoder_weights: Weights
    scaling: Forward | None
    unscaling: Scaling | None
    thresholds: Array | None  # the decoder gets 0 for components below

    @property
    def floats_per_row(self) -> int:
        """How many numbers NumPy computes to rebuild a row; 0 if TensorFlow has a part in it."""
        sides = self.encoder.floats_per_row, self.decoder.floats_per_row
        return sum(sides) if all(sides) else 0

    def encode(self, rows: Array, dtype: Any, space: Workspace = NEW) -> Array:
        """Return the codes of rows."""
        if self.scaling is not None:
            rows = self.scaling.forward(rows, dtype, out=space.empty(rows.shape, dtype))
        return self.encoder(self.encoder_weights, rows, space)

    def decode(self, codes: Array, space: Workspace = NEW) -> Array:
        """Return the rows of codes in the user's units."""
        output = self.output(codes, space)
        return output if self.unscaling is None else self.unscaling.backward(output)

    def output(self, codes: Array, space: Workspace = NEW) -> Array:
        """Return the rows of codes as the network sees them."""
        if self.thresholds is not None:
            counts = codes >= self.thresholds.astype(codes.dtype)
            codes = np.where(counts, codes, codes.dtype.type(0))
        return self.decoder(self.decoder_weights, codes, space)

    def rebuilt(self, rows: Array, space: Workspace = NEW) -> Array:
        """Encode and decode rows."""
        return self.decode(self.encode(rows, rows.dtype, space), space)

    def ready_to_encode(self, X: Any) -> Codec:
        """Return the fastest codec for the rows of `X`; many rows are worth other weights."""
        encoder = self.encoder
        # Rounding must not change which components of a code are kept.
        if not _are_many(X) or encoder.layers is None or encoder.structure.code.sorts:
            return self
        ways: list[tuple[Forward | None, Map | None]] = [(self.scaling, None)]
        if isinstance(self.scaling, Affine):
            factor = 1 / np.broadcast_to(self.scaling.scale, self.scaling.center.shape)
            ways.insert(0, (None, Map(factor, -self.scaling.center * factor)))
        for scaling, before in ways:
            found = folded(encoder.layers, self.encoder_weights, float_dtype(X), before=before)
            if found is not None:
                layers, weights = found
                encoder = replace(encoder, layers=layers)
                return self._replace(encoder=encoder, encoder_weights=weights, scaling=scaling)
        return self

    def ready_to_decode(self, X: Any) -> Codec:
        """Return the fastest codec for as many codes as `X` has rows."""
        decoder, unscaling, after = self.decoder, self.unscaling, None
        if not _are_many(X) or decoder.layers is None:
            return self
        if isinstance(unscaling, Affine) and decoder.structure.output_activation == "linear":
            after, unscaling = Map(np.asarray(unscaling.scale), unscaling.center), None
        found = folded(decoder.layers, self.decoder_weights, float_dtype(X), after=after)
        if found is None:
            return self
        layers, weights = found
        decoder = replace(decoder, layers=layers)
        return self._replace(decoder=decoder, decoder_weights=weights, unscaling=unscaling)


def _are_many(X: Any) -> bool:
    return not isinstance(X, Source) and X.shape[0] >= _MANY
