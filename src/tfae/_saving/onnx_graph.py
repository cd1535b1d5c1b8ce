"""A trained network as a graph of ONNX, written from its plain layers, without TensorFlow.

Every step of NumPy's is one of the graph's: rows are centred and then divided, layers follow, and
rows come back into the user's units. One dtype serves all of it, but for activations that
onnxruntime does not have in float64: then the network between the scalings works in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tfae._data.scaling import Affine
from tfae._inference.coder import Coder
from tfae._inference.fitted import Fitted
from tfae._inference.numpy_layers import factor_and_offset
from tfae._networks.activations import get_activation
from tfae._networks.codes import Gaussian, LargestOfRow
from tfae._networks.filling import table_of
from tfae._networks.plain_layers import (
    Activation,
    BatchNormalization,
    Dense,
    EachFeature,
    PlainLayer,
    Rescaling,
    Sum,
)
from tfae._support.typing import Array, Weights

# Old enough for most programs; all operators that are used are in it.
_OPSET, _IR_VERSION = 17, 8
_INPUT = "X"
_OUTPUTS = {
    "transform": "codes",
    "inverse_transform": "rows",
    "reconstruct": "rows",
    "score_samples": "scores",
}
WHAT = tuple(_OUTPUTS)
_ONLY_IN_FLOAT32 = frozenset({"gelu"})


def onnx_model(fitted: Fitted, what: str, dtype: str) -> Any:
    """Return the ONNX model of one of the methods in ``WHAT``, for rows of a dtype.

    Raises
    ------
    ValueError
        If the graph cannot have a part of the fitted value; the message names it.
    """
    _check_exportable(fitted, what)
    graph = _Graph(dtype)
    spec = fitted.structure.spec
    n_in = spec.n_components if what == "inverse_transform" else spec.n_features
    found = graph.steps(fitted, what, _INPUT)
    of_dtype = TensorProto.DOUBLE if what == "score_samples" else graph.type_of(dtype)
    shape = ["N"] if what == "score_samples" else ["N", _width(fitted, what)]
    output = _OUTPUTS[what]
    graph.add("Identity", found, name=output)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            f"tfae_{what}",
            [helper.make_tensor_value_info(_INPUT, graph.type_of(dtype), ["N", n_in])],
            [helper.make_tensor_value_info(output, of_dtype, shape)],
            graph.constants,
        ),
        producer_name="tfae",
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def works_in_float32(fitted: Fitted, what: str) -> bool:
    """Whether the network has an activation that makes it work in float32 in any case."""
    coders = {"transform": [fitted.encoder], "inverse_transform": [fitted.decoder]}
    names = {
        name
        for coder in coders.get(what, [fitted.encoder, fitted.decoder])
        for name in _activations(coder.layers or ())
    }
    return bool(names & _ONLY_IN_FLOAT32)


def outputs_of(model: Any, rows: Array) -> Array:
    """Run a model by the reference implementation of ONNX."""
    from onnx.reference import ReferenceEvaluator

    return np.asarray(ReferenceEvaluator(model).run(None, {_INPUT: rows})[0])


def _width(fitted: Fitted, what: str) -> int:
    spec = fitted.structure.spec
    return spec.n_components if what == "transform" else spec.n_features


def _check_exportable(fitted: Fitted, what: str) -> None:
    if table_of(fitted.scaling) is not None:
        raise ValueError(
            "to_onnx takes rows of numbers, so the estimator must be fitted to those. Got one that "
            "was fitted to a frame with columns of categories."
        )
    if not isinstance(fitted.scaling, Affine):
        raise ValueError(
            "to_onnx needs a 'scaling' that is affine: 'global', 'standard', 'robust', 'minmax' or "
            f"None. Got {fitted.to_agree_with['scaling']!r}; use scaling=None, and put "
            "sklearn.preprocessing.QuantileTransformer before the estimator."
        )
    if fitted.encoder.layers is None or fitted.decoder.layers is None:
        raise ValueError(
            "to_onnx needs dense layers. Got an architecture with others, "
            f"{fitted.structure.name!r}; export the models of to_keras() with Keras: "
            'encoder.export(path, format="onnx").'
        )
    if what == "score_samples" and isinstance(fitted.structure.code, Gaussian):
        raise ValueError(
            "to_onnx cannot export the 'score_samples' of a VariationalAutoencoder, which draws "
            "random codes. Export 'reconstruct'."
        )


def _activations(layers: Iterable[PlainLayer]) -> Iterable[str]:
    for layer in layers:
        if isinstance(layer, Dense | Activation):
            yield get_activation(layer.activation).keras_name
        elif isinstance(layer, Sum):
            for path in layer.paths:
                yield from _activations(path)


class _Graph:
    """The nodes and constants of a graph that is being written."""

    def __init__(self, dtype: str) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.dtype = np.dtype(dtype)

    @staticmethod
    def type_of(dtype: Any) -> int:
        return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        name = name or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=f"{name}_", **attributes))
        return name

    def constant(self, values: Any, dtype: Any = None) -> str:
        """Add an array in the dtype of the graph; return its name."""
        name = f"constant_{len(self.constants)}"
        array = np.ascontiguousarray(np.asarray(values, dtype or self.dtype))
        array = array.reshape(np.shape(values))
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def cast(self, x: str, dtype: Any) -> str:
        return self.add("Cast", x, to=self.type_of(dtype))

    def steps(self, fitted: Fitted, what: str, x: str) -> str:
        """Add all steps of a method; return the name of the result."""
        outer = self.dtype
        inner = np.dtype("float32") if works_in_float32(fitted, what) else outer
        scaling = fitted.scaling
        assert isinstance(scaling, Affine)
        given = x
        if what != "inverse_transform":
            x = self.add("Sub", x, self.constant(scaling.center))
            x = self.add("Div", x, self.constant(scaling.scale))
        x = self._in_dtype(inner, x)
        if what != "inverse_transform":
            x = self._encoded(fitted, x)
        if what != "transform":
            x = self._decoded(fitted, x)
        x = self._in_dtype(outer, x)
        if what != "transform":
            x = self.add("Mul", x, self.constant(scaling.scale))
            x = self.add("Add", x, self.constant(scaling.center))
        return self._score(given, x) if what == "score_samples" else x

    def _in_dtype(self, dtype: np.dtype[Any], x: str) -> str:
        """Go on in a dtype."""
        x = x if dtype == self.dtype else self.cast(x, dtype)
        self.dtype = dtype
        return x

    def _score(self, rows: str, rebuilt: str) -> str:
        error = self.cast(self.add("Sub", rows, rebuilt), np.float64)
        mean = self.add("ReduceMean", self.add("Mul", error, error), axes=[1], keepdims=0)
        return self.add("Neg", mean)

    def _encoded(self, fitted: Fitted, x: str) -> str:
        x = self._through(fitted.encoder, fitted.encoder_weights, x)
        code, n_components = fitted.structure.code, fitted.structure.spec.n_components
        if isinstance(code, LargestOfRow):
            values = f"largest_{len(self.nodes)}"
            k = self.constant([code.k], np.int64)
            outputs = [values, f"{values}_places"]
            self.nodes.append(helper.make_node("TopK", [x, k], outputs, name=f"{values}_"))
            return self._kept(x, self._columns(values, code.k - 1, code.k))
        if isinstance(code, Gaussian):
            return self._columns(x, 0, n_components)
        return x

    def _decoded(self, fitted: Fitted, x: str) -> str:
        thresholds = fitted.facts.get("thresholds")
        if thresholds is not None:
            x = self._kept(x, self.constant(thresholds))
        x = self._through(fitted.decoder, fitted.decoder_weights, x)
        return self._activated(x, fitted.structure.output_activation)

    def _columns(self, x: str, start: int, end: int) -> str:
        places = (self.constant([place], np.int64) for place in (start, end, 1))
        return self.add("Slice", x, *places)

    def _kept(self, x: str, least: str) -> str:
        """Set values below others to 0."""
        keeps = self.add("GreaterOrEqual", x, least)
        return self.add("Where", keeps, x, self.constant(0.0))

    def _through(self, coder: Coder, weights: Weights, x: str) -> str:
        assert coder.layers is not None
        return self._path(coder.layers, weights, x)

    def _path(self, layers: Iterable[PlainLayer], weights: Weights, x: str) -> str:
        for layer in layers:
            x = self._layer(layer, weights, x)
        return x

    def _layer(self, layer: PlainLayer, weights: Weights, x: str) -> str:
        match layer:
            case Dense():
                x = self.add("MatMul", x, self.constant(weights[layer.kernel]))
                if layer.bias is not None:
                    x = self.add("Add", x, self.constant(weights[layer.bias]))
                return self._activated(x, layer.activation)
            case Activation():
                return self._activated(x, layer.activation)
            case BatchNormalization():
                factor, _ = factor_and_offset(layer, weights)
                x = self.add("Sub", x, self.constant(weights[layer.mean]))
                x = self.add("Mul", x, self.constant(factor))
                return x if layer.beta is None else self._plus(x, weights[layer.beta])
            case Rescaling():
                x = self.add("Mul", x, self.constant(layer.scale))
                return self._plus(x, layer.offset)
            case EachFeature():
                x = self.add("Mul", x, self.constant(weights[layer.kernel]))
                return self._plus(x, weights[layer.bias])
            case Sum():
                return self.add("Add", *(self._path(path, weights, x) for path in layer.paths))
            case _:
                raise ValueError(f"to_onnx knows no layer like {layer!r}.")

    def _plus(self, x: str, values: Any) -> str:
        return self.add("Add", x, self.constant(values))

    def _activated(self, x: str, name: str) -> str:
        return _ACTIVATIONS[get_activation(name).keras_name](self, x)

    # Of operators that onnxruntime has in float64, too.

    def negative_part(self, x: str) -> str:
        return self.add("Min", x, self.constant(0.0))

    def positive_part(self, x: str) -> str:
        return self.add("Max", x, self.constant(0.0))


def _gelu(graph: _Graph, x: str) -> str:
    share = graph.add("Erf", graph.add("Mul", x, graph.constant(math.sqrt(0.5))))
    share = graph.add("Add", share, graph.constant(1.0))
    return graph.add("Mul", graph.add("Mul", x, graph.constant(0.5)), share)


def _silu(graph: _Graph, x: str) -> str:
    return graph.add("Mul", x, graph.add("Sigmoid", x))


def _exponential(positive: float, negative: float) -> Callable[[_Graph, str], str]:
    """Return the activation with a slope above 0, and an exponential function below."""

    def activated(graph: _Graph, x: str) -> str:
        below = graph.add("Exp", graph.negative_part(x))
        below = graph.add("Sub", below, graph.constant(1.0))
        below = graph.add("Mul", below, graph.constant(negative))
        above = graph.add("Mul", graph.positive_part(x), graph.constant(positive))
        return graph.add("Add", above, below)

    return activated


def _leaky_relu(graph: _Graph, x: str) -> str:
    return graph.add("Max", x, graph.add("Mul", x, graph.constant(0.2)))


def _softplus(graph: _Graph, x: str) -> str:
    decayed = graph.add("Exp", graph.add("Neg", graph.add("Abs", x)))
    rest = graph.add("Log", graph.add("Add", decayed, graph.constant(1.0)))
    return graph.add("Add", graph.positive_part(x), rest)


_ACTIVATIONS: dict[str, Callable[[_Graph, str], str]] = {
    "linear": lambda graph, x: x,
    "relu": lambda graph, x: graph.add("Relu", x),
    "gelu": _gelu,
    "silu": _silu,
    "elu": _exponential(1.0, 1.0),
    "selu": _exponential(1.0507009873554805, 1.7580993408473766),
    "leaky_relu": _leaky_relu,
    "softplus": _softplus,
    "sigmoid": lambda graph, x: graph.add("Sigmoid", x),
    "tanh": lambda graph, x: graph.add("Tanh", x),
    "softmax": lambda graph, x: graph.add("Softmax", x, axis=-1),
}
