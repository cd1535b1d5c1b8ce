"""The methods of a trained estimator as ONNX models: their inputs, their outputs and their errors.

Rows of numbers are one input and one output. Rows of a frame of mixed kinds are one of each a
column.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from onnx import helper
from onnx.reference import ReferenceEvaluator

from tfae._inference.fitted import Fitted
from tfae._saving.methods import METHODS, difference, exact_outputs
from tfae._saving.onnx_columns import Ports
from tfae._saving.onnx_network import Network
from tfae._saving.onnx_nodes import type_of
from tfae._support.typing import Array

INPUT = "X"


class Matrix:
    """Rows of numbers as one input and one output; see :class:`.onnx_columns.Ports`."""

    def __init__(self, n_features: int, dtype: str) -> None:
        self.names = [INPUT]
        self._described = partial(_described, dtype=dtype, width=n_features)

    def inputs(self) -> list[Any]:
        return [self._described(INPUT)]

    def rows(self, graph: Network) -> str:
        return INPUT

    def outputs(self, graph: Network, rows: str, output: str) -> list[Any]:
        return [self._described(graph.add("Identity", rows, name="rows"))]

    def given(self, rows: Array) -> dict[str, Array]:
        return {INPUT: rows}

    def error(self, found: list[Array], exact: Array) -> float:
        return difference(exact, found[0])


def onnx_model(fitted: Fitted, what: str, dtype: str) -> Any:
    """Return the ONNX model of one of the ``METHODS``, for rows of a dtype.

    All layers must be dense.
    """
    edge, n_components = edge_of(fitted, dtype), fitted.structure.spec.n_components
    graph = Network(fitted, what, dtype, edge.names)
    if what == "inverse_transform":
        inputs, codes = [_described(INPUT, dtype, n_components)], INPUT
    else:
        inputs, rows = edge.inputs(), edge.rows(graph)
        codes = graph.encoded(rows)
    if what == "transform":
        outputs = [_described(_put_out(graph, what, codes), dtype, n_components)]
    elif what == "score_samples":
        scores = graph.scores(rows, graph.decoded(codes))
        outputs = [_described(_put_out(graph, what, scores), "float64")]
    else:
        output = graph.decoded(codes)
        outputs = edge.outputs(graph, graph.in_units(output), output)
    return graph.model(f"tfae_{what}", inputs, outputs)


def edge_of(fitted: Fitted, dtype: str) -> Matrix | Ports:
    """Return what rows are outside of a graph: one matrix, or the columns of a frame."""
    if fitted.schema is None:
        return Matrix(fitted.structure.spec.n_features, dtype)
    return Ports(fitted.schema, dtype)


def error_of(model: Any, fitted: Fitted, what: str, dtype: str, given: Array) -> float:
    """Return the largest relative difference of a model's outputs from the method's.

    The model is run by the reference implementation of ONNX. `given` are complete rows or, for
    "inverse_transform", codes.
    """
    edge, exact = edge_of(fitted, dtype), exact_outputs(fitted, what, given)
    inputs = {INPUT: given} if what == "inverse_transform" else edge.given(given)
    found = ReferenceEvaluator(model).run(None, inputs)
    if what in ("transform", "score_samples"):
        return difference(exact, np.asarray(found[0]))
    return edge.error(found, exact)


def _described(name: str, dtype: str, width: int | None = None) -> Any:
    shape = ["N"] if width is None else ["N", width]
    return helper.make_tensor_value_info(name, type_of(dtype), shape)


def _put_out(graph: Network, what: str, x: str) -> str:
    """Add the output of a method; return its name."""
    return graph.add("Identity", x, name=graph.free(METHODS[what]))
