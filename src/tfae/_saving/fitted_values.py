"""A fitted value as plain values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal

from tfae._inference.coder import Coder
from tfae._inference.fitted import Fitted
from tfae._networks.plain_layers import PlainLayer
from tfae._networks.structure import Structure
from tfae._saving.checks import check_fitted
from tfae._support.typed_records import check_type, made, values_of
from tfae._support.typing import Weights

_Side = Literal["encoder", "decoder"]
_SIDES: tuple[_Side, ...] = ("encoder", "decoder")
# What coders are made of; the weights are fields of the fitted value, too.
_CODERS: dict[str, Any] = {
    "structure": Structure,
    "dtype": Literal["float32", "float64"],
    "encoder": tuple[PlainLayer, ...] | None,
    "decoder": tuple[PlainLayer, ...] | None,
    "encoder_weights": Weights,
    "decoder_weights": Weights,
}


def values_of_fitted(fitted: Fitted) -> dict[str, Any]:
    """Return all that a fitted value holds: its fields, and in place of each coder its layers."""
    return {
        **values_of(fitted),
        "structure": fitted.structure,
        "dtype": fitted.encoder.dtype,
        **{side: getattr(fitted, side).layers for side in _SIDES},
    }


def fitted_of(values: Mapping[str, Any]) -> Fitted:
    """Return the fitted value of :func:`values_of_fitted`.

    Raises
    ------
    ValueError, TypeError, LookupError
        If these are no values of a fitted network.
    """
    for name, hint in _CODERS.items():
        check_type(values[name], hint, name)
    structure, dtype = values["structure"], values["dtype"]
    own = {f.name: values[f.name] for f in fields(Fitted) if f.name in values}
    coders: dict[str, Any] = {
        side: Coder.of_layers(
            structure, side, dtype, values[side], [w.shape for w in values[f"{side}_weights"]]
        )
        for side in _SIDES
    }
    if unknown := sorted(set(values) - set(own) - set(_CODERS)):
        raise ValueError(f"a fitted network has no {unknown}")
    fitted = made(Fitted, {**own, **coders})
    check_fitted(fitted)
    return fitted
