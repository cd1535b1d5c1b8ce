"""A fitted value as plain values, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Literal

from tfae._inference.coder import Coder
from tfae._inference.fitted import Fitted
from tfae._inference.outliers import OutlierModel
from tfae._networks.plain_layers import PlainLayer
from tfae._networks.structure import Structure
from tfae._saving.checks import check_fitted
from tfae._saving.outlier_checks import check_outliers
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


# Fitted values that are records themselves, and what checks that their parts fit together.
_CHECKS: dict[type, Callable[[Any], None]] = {OutlierModel: check_outliers}


def to_write(fitted: Any) -> Any:
    """Return a fitted value as what a file can hold."""
    return values_of_fitted(fitted) if isinstance(fitted, Fitted) else fitted


def as_read(found: Any) -> Any:
    """Return the fitted value of what :func:`to_write` returned.

    Raises
    ------
    ValueError, TypeError, LookupError
        If it is none.
    """
    if isinstance(found, dict):
        return fitted_of(found)
    if type(found) not in _CHECKS:
        raise ValueError(f"it must hold a fitted value. Got {type(found).__name__}")
    _CHECKS[type(found)](found)
    return found


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
