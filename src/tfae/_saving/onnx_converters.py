"""Converters of skl2onnx, so that a pipeline becomes one ONNX model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from onnx import helper
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, guess_proto_type

from tfae._inference.fitted import Fitted
from tfae._saving.methods import check_exportable
from tfae._saving.onnx_graph import INPUT, onnx_model
from tfae._saving.onnx_nodes import ML, ML_OPSET, OPSET


def register(kinds: Mapping[str, type]) -> None:
    """Register a converter for classes of estimators."""
    for name, kind in kinds.items():
        update_registered_converter(kind, f"Tfae{name}", _set_shapes, _convert)


def _set_shapes(operator: Any) -> None:
    kind = DoubleTensorType if _dtype(operator) == "float64" else FloatTensorType
    n_components = _fitted(operator).structure.spec.n_components
    operator.outputs[0].type = kind([operator.inputs[0].type.shape[0], n_components])


def _dtype(operator: Any) -> str:
    """Return the dtype of the graph: float64 if any input has it."""
    in_double = any(isinstance(given.type, DoubleTensorType) for given in operator.inputs)
    return "float64" if in_double else "float32"


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of `transform`, under names that are free in the whole graph."""
    graph = onnx_model(_fitted(operator), "transform", _dtype(operator)).graph
    names = _names_of_inputs(scope, operator, container, graph.input)
    names[graph.output[0].name] = operator.outputs[0].full_name

    def free(name: str) -> str:
        if name not in names:
            names[name] = scope.get_unique_variable_name(name)
        return names[name]

    for constant in graph.initializer:
        container.add_initializer(free(constant.name), constant.data_type, None, constant)
    for node in graph.node:
        container.add_node(
            node.op_type,
            [free(name) for name in node.input],
            [free(name) for name in node.output],
            op_domain=node.domain,
            op_version=ML_OPSET if node.domain == ML else OPSET,
            name=scope.get_unique_operator_name(node.op_type),
            **{a.name: helper.get_attribute_value(a) for a in node.attribute},
        )


def _names_of_inputs(
    scope: Any, operator: Any, container: Any, inputs: Iterable[Any]
) -> dict[str, str]:
    """Return the names that inputs of our graph have in the whole one.

    Columns are found by their names. Their numbers may be of any type.
    """
    matrix = operator.inputs[0] if len(operator.inputs) == 1 else None
    columns, names = {given.raw_name: given for given in operator.inputs}, {}
    for wanted in inputs:
        given = columns.get(wanted.name, matrix if wanted.name == INPUT else None)
        if given is None:
            raise ValueError(
                f"The pipeline must be given the columns that its autoencoder learned from, each "
                f"as an input. Got {sorted(columns)}, and no {wanted.name!r}."
            )
        names[wanted.name], kind = given.full_name, wanted.type.tensor_type.elem_type
        if guess_proto_type(given.type) != kind and wanted.name != INPUT:
            names[wanted.name] = scope.get_unique_variable_name(wanted.name)
            container.add_node(
                "Cast", given.full_name, names[wanted.name], op_version=OPSET, to=kind
            )
    return names


def _fitted(operator: Any) -> Fitted:
    fitted: Fitted = operator.raw_operator._checked_fitted()
    check_exportable(fitted, "transform")
    if fitted.encoder.layers is None:
        raise ValueError(
            "A pipeline can be converted only if its autoencoder has dense layers. Got the "
            f"architecture {fitted.structure.name!r}; export it alone with tfae.export.to_onnx."
        )
    return fitted
