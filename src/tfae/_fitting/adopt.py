"""Trained Keras models as a fitted value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tfae._networks.imported import without_sigmoid
from tfae._objective.losses import LOSSES


def end_before_sigmoid(model: Any) -> None:
    """Settle where the decoder of a model's imported pair ends and what its output activation is.

    Raises
    ------
    ValueError
        If the loss takes logits, and the decoder does not end with a sigmoid that can be taken off.
    """
    from_logits = LOSSES.find(model.loss).from_logits
    shorter = None
    if from_logits or model.output_activation in ("sigmoid", "logistic"):
        shorter = without_sigmoid(model.architecture.decoder)
    if shorter is not None:
        model.architecture = replace(model.architecture, decoder=shorter)
        model.output_activation = "sigmoid"
    elif model.output_activation == "auto":
        if from_logits:
            raise ValueError(
                f"With loss={model.loss!r} the decoder must end with a sigmoid, or give logits "
                "with output_activation='sigmoid'. Got a decoder without a sigmoid at its end."
            )
        model.output_activation = "identity"
