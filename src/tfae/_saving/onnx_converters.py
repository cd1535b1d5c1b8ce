"""Converters of skl2onnx, so that a pipeline becomes one ONNX model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onnx import helper
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

from tfae._inference.fitted import Fitted
from tfae._saving.methods import check_exportable
from tfae._saving.onnx_graph import INPUT, OPSET, onnx_model


def register(kinds: Mapping[str, type]) -> None:
    """Register a converter for classes of estimators."""
    for name, kind in kinds.items():
        update_registered_converter(kind, f"Tfae{name}", _set_shapes, _convert)


def _set_shapes(operator: Any) -> None:
    given = operator.inputs[0].type
    kind = DoubleTensorType if isinstance(given, DoubleTensorType) else FloatTensorType
    n_components = _fitted(operator).structure.spec.n_components
    operator.outputs[0].type = kind([given.shape[0], n_components])


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of `transform`, under names that are free in the whole graph."""
    fitted, given = _fitted(operator), operator.inputs[0]
    dtype = "float64" if isinstance(given.type, DoubleTensorType) else "float32"
    graph = onnx_model(fitted, "transform", dtype).graph
    names = {INPUT: given.full_name, graph.output[0].name: operator.outputs[0].full_name}

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
            name=scope.get_unique_operator_name(node.op_type),
            op_version=OPSET,
            **{a.name: helper.get_attribute_value(a) for a in node.attribute},
        )


def _fitted(operator: Any) -> Fitted:
    fitted: Fitted = operator.raw_operator._checked_fitted()
    check_exportable(fitted, "transform")
    if fitted.encoder.layers is None:
        raise ValueError(
            "A pipeline can be converted only if its autoencoder has dense layers. Got the "
            f"architecture {fitted.structure.name!r}; export it alone with tfae.export.to_onnx."
        )
    return fitted
