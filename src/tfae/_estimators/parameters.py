"""The parameters that estimators share, each with its default and its constraints."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from numbers import Integral, Real
from typing import Any

import numpy as np

from tfae._networks.spec import Builder
from tfae._support.sklearn import HasMethods, Interval, MissingValues, RealNotInt, StrOptions

AUTO = StrOptions({"auto"})
AT_LEAST_0 = Interval(Integral, 0, None, closed="left")
AT_LEAST_1 = Interval(Integral, 1, None, closed="left")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
FRACTION = Interval(Real, 0, 1, closed="neither")


def parameter(default: Any, *constraints: Any) -> Any:
    """Declare a parameter by its default and the constraints that scikit-learn validates."""
    return field(default=default, metadata={"constraints": list(constraints)})


class Constraints:
    """The constraints by which scikit-learn validates parameters, gathered from their fields."""

    def __get__(self, instance: object | None, owner: type) -> dict[str, list[Any]]:
        return {
            name: declared.metadata["constraints"]
            for kind in reversed(owner.__mro__)
            for name, declared in vars(kind).get("__dataclass_fields__", {}).items()
            if "constraints" in declared.metadata
        }


@dataclass(eq=False, repr=False)
class EncoderParameters:
    """The parameters of all estimators, each of which has an encoder."""

    n_components: int | float | str | None = parameter(
        None, AT_LEAST_1, None, Interval(RealNotInt, 0, 1, closed="neither"), AUTO
    )
    _: KW_ONLY
    hidden_layer_sizes: int | Sequence[int] | str = parameter(
        "auto", "array-like", AT_LEAST_1, AUTO
    )
    decoder_layer_sizes: int | Sequence[int] | None = parameter(
        None, "array-like", AT_LEAST_1, None
    )
    activation: str = parameter("auto", str)
    output_activation: str = parameter("auto", str)
    kernel_initializer: str = parameter("glorot_uniform", str)
    dropout: float = parameter(0.0, Interval(Real, 0, 1, closed="left"))
    batch_normalization: bool = parameter(False, "boolean")
    architecture: str | Builder = parameter("dense", str, callable)
    architecture_params: Mapping[str, Any] | None = parameter(None, Mapping, None)
    corruption: str | Callable[..., Any] | None = parameter(None, str, callable, None)
    corruption_level: float | Sequence[float] | str | None = parameter(
        None, NOT_NEGATIVE, "array-like", None
    )
    corruption_range: Sequence[float] | None = parameter(None, "array-like", None)
    corruption_unit: str = parameter("spread", StrOptions({"spread", "data"}))
    fill_value: float | Sequence[float] = parameter(
        0.0, Interval(Real, None, None, closed="neither"), "array-like"
    )
    loss: str | Callable[[Any, Any], Any] = parameter("mse", str, callable)
    scaling: str | None = parameter("auto", str, None)
    alpha: float = parameter(0.0, NOT_NEGATIVE)
    optimizer: Any = parameter("adam", str, HasMethods(["get_config", "apply"]))
    learning_rate_init: float | Callable[[Any], Any] | str = parameter(
        "auto", POSITIVE, callable, AUTO
    )
    batch_size: int | str = parameter("auto", AT_LEAST_1, AUTO)
    max_iter: int | str = parameter("auto", AT_LEAST_1, AUTO)
    random_state: Any = parameter(None, "random_state")
    tol: float = parameter(1e-4, NOT_NEGATIVE)
    n_iter_no_change: int | str = parameter("auto", AT_LEAST_1, AUTO)
    warm_start: bool = parameter(False, "boolean")
    precision: str = parameter("float32", StrOptions({"float32", "float64", "mixed_bfloat16"}))
    callbacks: Sequence[Any] | None = parameter(None, "array-like", None)
    checkpoint: str | os.PathLike[str] | None = parameter(None, str, os.PathLike, None)
    verbose: int | bool = parameter(0, "verbose")

    _parameter_constraints = Constraints()


@dataclass(eq=False, repr=False)
class AutoencoderParameters(EncoderParameters):
    """The parameters that only make sense where each row is rebuilt from its own code."""

    _: KW_ONLY
    columns: Mapping[Any, str | Sequence[Any]] | None = parameter(None, Mapping, None)
    code_activation: str = parameter("auto", str)
    linear_path: bool | str = parameter("auto", "boolean", AUTO)
    keep_neighbors: bool | str = parameter(False, "boolean", AUTO)
    tied: bool = parameter(False, "boolean")
    output_range: Sequence[float] | None = parameter(None, "array-like", None)
    emphasis: float = parameter(0.5, Interval(Real, 0, 1, closed="both"))
    penalty: str | Callable[[Any], Any] | None = parameter(None, str, callable, None)
    penalty_weight: float | None = parameter(None, NOT_NEGATIVE, None)
    sparsity: float | None = parameter(None, POSITIVE, None)
    shuffle: bool = parameter(True, "boolean")
    strategy: str | Callable[[], Any] | None = parameter(
        None, StrOptions({"mirrored", "multi_worker"}), callable, None
    )
    early_stopping: bool | str = parameter("auto", "boolean", AUTO)
    validation_fraction: float | str = parameter("auto", FRACTION, AUTO)
    refit: bool | str = parameter("auto", "boolean", AUTO)


@dataclass(eq=False, repr=False)
class TableParameters:
    """The parameters of estimators whose networks guess hidden entries of tables."""

    _: KW_ONLY
    columns: Mapping[Any, str | Sequence[Any]] | None = parameter(None, Mapping, None)
    hidden_layer_sizes: int | Sequence[int] | str = parameter(
        "auto", "array-like", AT_LEAST_1, AUTO
    )
    activation: str = parameter("auto", str)
    dropout: float = parameter(0.0, Interval(Real, 0, 1, closed="left"))
    architecture: str | Builder = parameter("dense", str, callable)
    architecture_params: Mapping[str, Any] | None = parameter(None, Mapping, None)
    alpha: float = parameter(0.0, NOT_NEGATIVE)
    optimizer: Any = parameter("adam", str, HasMethods(["get_config", "apply"]))
    learning_rate_init: float | Callable[[Any], Any] | str = parameter(
        "auto", POSITIVE, callable, AUTO
    )
    batch_size: int | str = parameter("auto", AT_LEAST_1, AUTO)
    max_iter: int | str = parameter("auto", AT_LEAST_1, AUTO)
    random_state: Any = parameter(None, "random_state")
    precision: str = parameter("float32", StrOptions({"float32", "float64", "mixed_bfloat16"}))
    verbose: int | bool = parameter(0, "verbose")

    _parameter_constraints = Constraints()


@dataclass(eq=False, repr=False)
class ImputerParameters(TableParameters):
    """The parameters of an imputer."""

    _: KW_ONLY
    missing_values: Any = parameter(np.nan, MissingValues(numeric_only=True), None)
    add_indicator: bool = parameter(False, "boolean")
    keep_empty_features: bool = parameter(False, "boolean")
    sample_posterior: bool = parameter(False, "boolean")
    checkpoint: str | os.PathLike[str] | None = parameter(None, str, os.PathLike, None)


@dataclass(eq=False, repr=False)
class DetectorParameters(TableParameters):
    """The parameters of a detector of outliers."""

    _: KW_ONLY
    training_rows: str = parameter("mixed", StrOptions({"mixed", "clean"}))
    contamination: float | str = parameter("auto", AUTO, Interval(Real, 0, 0.5, closed="right"))
    false_alarm_rate: float | None = parameter(None, FRACTION, None)
    calibration_fraction: float = parameter(0.2, FRACTION)
    evidence: str = parameter("distance", StrOptions({"both", "surprise", "distance"}))
    n_neighbors: int = parameter(5, AT_LEAST_1)


def defaults(kind: type[EncoderParameters]) -> dict[str, Any]:
    """Return the default of every parameter of a class."""
    return {declared.name: declared.default for declared in fields(kind)}
