"""From rows in the user's units to codes, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tfae._folding import Folding, Map
from tfae._inference import Coder
from tfae._scaling import Affine, Scaling
from tfae._types import Array, Source, Weights
from tfae._workspace import NEW, Workspace

# Numbers of an array beside which it is little work to make other weights.
_MANY = 1 << 20


class Coding(NamedTuple):
    """A trained encoder and decoder with their weights and what is around them.

    A scaling is None where the dense layers do it.
    """

    encoder: Coder
    decoder: Coder
    encoder_weights: Weights
    decoder_weights: Weights
    scaling: Scaling | None
    unscaling: Scaling | None
    thresholds: Array | None  # what components must reach to count for the decoder

    @property
    def in_numpy(self) -> bool:
        """Whether NumPy runs both sides, and not TensorFlow."""
        return self.encoder.in_numpy and self.decoder.in_numpy

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
        """Return rows encoded and decoded."""
        return self.decode(self.encode(rows, rows.dtype, space), space)

    def ready_for(self, X: Any) -> Coding:
        """Return what is the fastest for the rows or codes of `X`: many are worth a preparation."""
        few = isinstance(X, Source) or X.shape[0] * self.encoder.structure.spec.n_features < _MANY
        if few or not self.in_numpy:
            return self
        return self._folded(np.float32 if X.dtype == np.float32 else np.float64)

    def _folded(self, dtype: Any) -> Coding:
        """Leave scaling and all other affine maps to the dense layers, as far as they can."""
        scaling, unscaling = self.scaling, self.unscaling
        before = after = None
        if isinstance(scaling, Affine):
            factor = 1 / np.broadcast_to(scaling.scale, scaling.center.shape)
            before = Map(factor, -scaling.center * factor)
            before, scaling = (before, None) if before.is_harmless else (None, scaling)
        if isinstance(unscaling, Affine) and self.decoder.gives_its_output:
            after, unscaling = Map(np.asarray(unscaling.scale), unscaling.center), None
        encoder = Folding(self.encoder.layers or (), self.encoder_weights, dtype, before, None)
        decoder = Folding(self.decoder.layers or (), self.decoder_weights, dtype, None, after)
        return Coding(
            replace(self.encoder, layers=encoder.layers),
            replace(self.decoder, layers=decoder.layers),
            encoder.weights,
            decoder.weights,
            scaling,
            unscaling,
            self.thresholds,
        )
