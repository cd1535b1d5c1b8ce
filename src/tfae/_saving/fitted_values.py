"""A fitted value or imputation as plain values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal

from tfae._inference.coder import Coder
from tfae._inference.fitted import Fitted
from tfae._inference.imputation import Imputation
from tfae._inference.outliers import OutlierModel
from tfae._networks.plain_layers import PlainLayer
from tfae._networks.structure import Structure
from tfae._saving.checks import check_fitted, check_imputation
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


def values_of_model(model: Fitted | Imputation | OutlierModel) -> dict[str, Any]:
    """Return all that a model holds as one named value."""
    if isinstance(model, Fitted):
        return {"fitted": _values_of(model)}
    if isinstance(model, OutlierModel):
        return {"outliers": model}
    network = None if model.network is None else _values_of(model.network)
    return {"imputation": {**values_of(model), "network": network}}


def model_of(values: dict[str, Any]) -> Fitted | Imputation | OutlierModel:
    """Return the model of :func:`values_of_model`, and take its value out of others.

    Raises
    ------
    ValueError, TypeError, LookupError
        If these are no values of a model.
    """
    if "imputation" in values:
        return _imputation_of(values.pop("imputation"))
    if "outliers" in values:
        outliers: OutlierModel = values.pop("outliers")
        check_type(outliers, OutlierModel, "outliers")
        check_outliers(outliers)
        return outliers
    fitted = _fitted_of(values.pop("fitted"))
    check_fitted(fitted)
    return fitted


def _imputation_of(values: Mapping[str, Any]) -> Imputation:
    network = values["network"]
    given = {**values, "network": None if network is None else _fitted_of(network)}
    imputation = made(Imputation, given)
    check_imputation(imputation)
    return imputation


def _values_of(fitted: Fitted) -> dict[str, Any]:
    """Return the fields of a fitted value, and in place of each coder its layers."""
    return {
        **values_of(fitted),
        "structure": fitted.structure,
        "dtype": fitted.encoder.dtype,
        **{side: getattr(fitted, side).layers for side in _SIDES},
    }


def _fitted_of(values: Mapping[str, Any]) -> Fitted:
    """Return the fitted value of :func:`_values_of`, whose parts may not fit together."""
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
    return made(Fitted, {**own, **coders})
