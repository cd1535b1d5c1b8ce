"""What a file holds of an estimator besides its fitted value, and an estimator made of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, get_type_hints

from tfae._data.schema import Schema
from tfae._estimators.indicator import indicator_of
from tfae._inference.fitted import Fitted
from tfae._inference.imputation import Imputation
from tfae._saving.checks import check_schema
from tfae._support.registry import nearest_name
from tfae._support.typed_records import check_type
from tfae._support.typing import Array
from tfae._training.state import TrainingState

# Attributes that fits and scikit-learn write, and their types; of images, the shapes.
_ATTRIBUTES: dict[str, Any] = {
    "n_features_in_": int,
    "feature_names_in_": Array,
    "image_shape_": tuple[int, int, int],
    "_row_shape": tuple[int, ...],
    "_sklearn_output_config": dict[str, str],
    "indicator_": Array | None,  # its columns
    "_schema": Schema,  # only of an imputer, whose fitted value does not have it
}
_SHAPES = ("image_shape_", "_row_shape")
# Those that are written in another place.
_ELSEWHERE = ("_fitted", "_state", "_schema", "indicator_")
# Parameters that no file brings along: a folder in which a later fit would write, and its machines.
_OF_THIS_MACHINE = frozenset({"checkpoint", "strategy"})
_PARTS: dict[str, Any] = {
    "tfae": str,
    "estimator": str,
    "parameters": dict,
    "attributes": dict,
    "state": dict | None,
}


def contents_of(estimator: Any) -> dict[str, Any]:
    """Return what there is to know of a fitted estimator, besides its fitted value.

    Raises
    ------
    ValueError
        If it is of a class, or has parameters or attributes, that no file can hold.
    """
    kind = type(estimator)
    if kind.__module__.partition(".")[0] != __name__.partition(".")[0]:
        raise ValueError(
            f"save knows the estimators of tfae. Got a {kind.__module__}.{kind.__name__}; where "
            "the file comes from a source that is trusted, use pickle."
        )
    estimator._validate_params()
    params, state = estimator.get_params(deep=False), getattr(estimator, "_state", None)
    given = {k: v for k, v in vars(estimator).items() if k not in params and k not in _ELSEWHERE}
    params = {name: value for name, value in params.items() if name not in _OF_THIS_MACHINE}
    if unknown := sorted(set(given) - set(_ATTRIBUTES)):
        raise ValueError(
            f"save knows the attributes {list(_ATTRIBUTES)}, parameters and what fit learns. Got "
            f"{unknown[0]!r}, too: delete it before saving, and set it again after loading."
        )
    if isinstance(estimator._fitted, Imputation):
        given["indicator_"] = getattr(estimator.indicator_, "features_", None)
    if not isinstance(estimator._fitted, Fitted) and estimator._schema is not None:
        given["_schema"] = estimator._schema
    return {
        "tfae": version("tfae"),
        "estimator": kind.__name__,
        "parameters": params,
        "attributes": given,
        "state": None if state is None else state.values,
    }


def estimator_of(kind: type[Any], contents: Mapping[str, Any], fitted: Any) -> Any:
    """Return the estimator with these contents.

    Raises
    ------
    ValueError
        If they are not those of an estimator of this class with this fitted value.
    """
    for part, hint in _PARTS.items():
        check_type(contents[part], hint, part)
    check_type(fitted, get_type_hints(kind)["_fitted"], "a fitted value")
    params, attributes = contents["parameters"], dict(contents["attributes"])
    if unknown := sorted(
        set(params) - set(kind().get_params(deep=False)) | _OF_THIS_MACHINE & set(params)
    ):
        raise ValueError(f"a {kind.__name__} has no parameter {unknown[0]!r}")
    model = kind(**params)
    model._validate_params()
    schema = _schema_of(attributes, fitted)
    _check_attributes(kind, attributes, _n_columns(fitted, schema))
    columns = attributes.get("indicator_")
    if columns is not None and isinstance(fitted, Imputation):
        attributes["indicator_"] = indicator_of(columns, fitted.layout.n_columns)
    vars(model).update(attributes, _fitted=fitted, _schema=schema)
    if contents["state"] is not None:
        model._state = TrainingState.of_values(contents["state"])
    return model


def _schema_of(attributes: dict[str, Any], fitted: Any) -> Schema | None:
    """Return the schema of an estimator, which is in its fitted value if that is a network."""
    if isinstance(fitted, Fitted):
        return fitted.schema
    schema: Schema | None = attributes.pop("_schema", None)
    check_type(schema, Schema | None, "_schema")
    if schema is not None:
        check_schema(schema, fitted.layout)
    return schema


def _n_columns(fitted: Any, schema: Schema | None) -> int:
    """Return the number of columns of the data."""
    if schema is not None:
        return len(schema.labels)
    if isinstance(fitted, Fitted):
        return fitted.structure.spec.n_features
    return int(fitted.layout.n_columns)


def _check_attributes(kind: type[Any], attributes: Mapping[str, Any], n_features: int) -> None:
    """Raise if attributes are unknown or missing, or do not suit the number of features."""
    for name, value in attributes.items():
        if name not in _ATTRIBUTES:
            raise ValueError(f"no estimator has {name!r}.{nearest_name(name, _ATTRIBUTES)}")
        check_type(value, _ATTRIBUTES[name], name)
    if missing := sorted(set(kind._needs) - set(attributes)):
        raise ValueError(f"a {kind.__name__} needs {missing[0]!r}")
    names = attributes.get("feature_names_in_", ())
    sizes = [attributes["n_features_in_"], *([len(names)] if len(names) else [])]
    sizes += [math.prod(attributes[name]) for name in _SHAPES if name in attributes]
    if set(sizes) != {n_features}:
        raise ValueError(f"it must be about {n_features} features. Got {sizes}")
