"""An ensemble of trained networks at work: products of all members at once, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tfae._inference.coder import Coder
from tfae._inference.numpy_layers import run_layers
from tfae._inference.workspace import Workspace
from tfae._networks.plain_layers import Dense
from tfae._support.typing import Array, Weights


@dataclass(frozen=True, eq=False)
class Members:
    """Networks of one structure, with weights that have a first axis for the members."""

    encoder: Coder
    decoder: Coder
    encoder_weights: Weights
    decoder_weights: Weights

    @property
    def n_members(self) -> int:
        return len(self.encoder_weights[0])

    @property
    def floats_per_row(self) -> int:
        """How many numbers NumPy computes for a row; 0 if TensorFlow has a part in it."""
        if self.encoder.layers is None or self.decoder.layers is None:
            return 0
        weights = [*self.encoder_weights, *self.decoder_weights]
        return sum(weight.shape[0] * weight.shape[-1] for weight in weights)

    def some(self, chosen: Array) -> Members:
        """Return some of the members."""
        return replace(
            self,
            encoder_weights=[weight[chosen] for weight in self.encoder_weights],
            decoder_weights=[weight[chosen] for weight in self.decoder_weights],
        )

    def of_dtype(self, dtype: Any) -> Members:
        """Return the members with weights of a dtype, so that no product converts them."""
        return replace(
            self,
            encoder_weights=[weight.astype(dtype, copy=False) for weight in self.encoder_weights],
            decoder_weights=[weight.astype(dtype, copy=False) for weight in self.decoder_weights],
        )

    def outputs(self, inputs: Array, wanted: Sequence[Array], space: Workspace) -> Array:
        """Return the members' outputs for several versions of rows, some outputs of each version.

        Parameters
        ----------
        inputs : ndarray of shape (versions, n, inputs)
        wanted : sequence of ndarray of int
            The outputs to take of each version. Together they are all outputs, each once.
        space : Workspace

        Returns
        -------
        ndarray of shape (members, n, outputs)
        """
        n_versions, n = inputs.shape[:2]
        out = space.empty((self.n_members, n, sum(map(len, wanted))), inputs.dtype)
        rows = inputs.reshape(n_versions * n, -1)
        encoder, decoder = self.encoder.layers, self.decoder.layers
        if encoder is None or decoder is None:
            for member in range(self.n_members):
                _pick(self._of_member(member, rows), wanted, out[member])
            return out
        hidden = run_layers(encoder, _beside_rows(self.encoder_weights), rows, space)
        weights, last = _beside_rows(self.decoder_weights), decoder[-1] if decoder else None
        if not (isinstance(last, Dense) and last.activation == "linear"):
            _pick(run_layers(decoder, weights, hidden, space), wanted, out)
            return out
        # The last layer is the widest one: only what is wanted of it is computed.
        hidden = run_layers(decoder[:-1], weights, hidden, space)
        for version, outputs in enumerate(wanted):
            of = hidden[:, version * n : (version + 1) * n]
            kernel = weights[last.kernel][..., outputs]
            found = np.matmul(of, kernel)
            if last.bias is not None:
                found += weights[last.bias][..., outputs]
            out[..., outputs] = found
        return out

    def _of_member(self, member: int, rows: Array) -> Array:
        encoder, decoder = (
            [weight[member] for weight in weights]
            for weights in (self.encoder_weights, self.decoder_weights)
        )
        return self.decoder.run(decoder, self.encoder.run(encoder, rows))


def _beside_rows(weights: Weights) -> Weights:
    """Return weights in which every vector of a member stands beside all of its rows."""
    return [weight[:, None] if weight.ndim == 2 else weight for weight in weights]


def _pick(found: Array, wanted: Sequence[Array], out: Array) -> None:
    """Write what is wanted of every version; rows of all versions follow one another."""
    n = out.shape[-2]
    for version, outputs in enumerate(wanted):
        out[..., outputs] = found[..., version * n : (version + 1) * n, outputs]
