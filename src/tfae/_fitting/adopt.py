"""Trained Keras models as a fitted value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tfae._fitting.fit import learned_scaling
from tfae._fitting.recipe import Recipe, Split
from tfae._inference.fitted import Fitted
from tfae._networks.imported import Imported, without_sigmoid
from tfae._networks.structure import tied_kernels
from tfae._objective.losses import LOSSES
from tfae._support.typing import Weights


def adopted(recipe: Recipe, weights: Weights) -> Fitted:
    """Return imported models and their weights as a fitted value.

    Raises
    ------
    ValueError
        If the recipe asks for tied weights and these are not tied.
    """
    structure, n_features = recipe.structure, recipe.structure.spec.n_features
    nothing = np.empty((0, n_features), recipe.dtype)
    network = structure.build(recipe.dtype)
    fitted = Fitted.of_network(
        structure,
        network,
        weights,
        dtype=recipe.dtype,
        weights_dtype=np.dtype(recipe.dtype),
        scaling=learned_scaling(recipe, Split(nothing)),
        settings=recipe.settings,
        to_agree_with=recipe.to_agree_with,
    )
    for tie in tied_kernels(structure, network):
        kernel = fitted.encoder_weights[tie.encoder]
        if not np.array_equal(
            kernel.T if tie.transposed else kernel, fitted.decoder_weights[tie.decoder]
        ):
            raise ValueError(
                "tied=True needs a decoder whose kernels are those of the encoder, mirrored. "
                "Got models whose kernels differ; use tied=False."
            )
    return fitted


def ended_before_sigmoid(
    imported: Imported, loss: Any, output_activation: str
) -> tuple[Imported, str]:
    """Return imported models and their output activation.

    If the decoder ends with a sigmoid and the loss or the output activation asks for one, the
    sigmoid is removed from the decoder, because the output activation applies it.

    Raises
    ------
    ValueError
        If the loss takes logits, and the decoder does not end with a sigmoid that can be removed.
    """
    from_logits = LOSSES.find(loss).link == "sigmoid"
    if from_logits or output_activation in ("sigmoid", "logistic"):
        shorter = without_sigmoid(imported.decoder)
        if shorter is not None:
            return replace(imported, decoder=shorter), "sigmoid"
    if output_activation != "auto":
        return imported, output_activation
    if from_logits:
        raise ValueError(
            f"With loss={loss!r} the decoder must end with a sigmoid, or give logits "
            "with output_activation='sigmoid'. Got a decoder without a sigmoid at its end."
        )
    return imported, "identity"
