"""A trained network as nodes of ONNX, written from its plain layers, without TensorFlow.

Every step of NumPy's is one of the graph's: rows are centred and then divided, layers follow, and
rows come back into the user's units. One dtype serves all of it, but for activations that
onnxruntime does not have in float64: then the network between the scalings works in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from onnx import helper

from tfae._data.layout import LEAST_PROBABILITY, Layout
from tfae._data.table_scaling import TableScaling
from tfae._inference.coder import Coder
from tfae._inference.fitted import Fitted
from tfae._inference.numpy_layers import factor_and_offset
from tfae._networks.activations import get_activation
from tfae._networks.codes import Gaussian, LargestOfRow
from tfae._networks.filling import table_of, without_filling
from tfae._networks.plain_layers import (
    Activation,
    BatchNormalization,
    Dense,
    EachFeature,
    Logits,
    PlainLayer,
    Rescaling,
    Sum,
)
from tfae._saving.methods import works_in_float32
from tfae._saving.onnx_nodes import Nodes
from tfae._support.typing import Weights


class Network(Nodes):
    """The nodes of a trained network.

    Parameters
    ----------
    fitted : Fitted
        All its layers must be dense, and its scaling affine.
    what : str
        The method that the nodes are for.
    dtype : str
        That of rows and codes.
    taken : iterable of str
        Names that nodes must not have.
    """

    def __init__(self, fitted: Fitted, what: str, dtype: str, taken: Iterable[str] = ()) -> None:
        super().__init__(dtype, taken)
        self._fitted = fitted
        self._outer = self.dtype
        self._inner = np.dtype("float32") if works_in_float32(fitted, what) else self._outer
        self._scaling = without_filling(fitted.scaling)

    def encoded(self, rows: str) -> str:
        """Return the codes of rows in the user's units."""
        if self._fitted.seen_as is not None:
            seen = self.add("Log", self._plus(rows, 1.0))
        else:
            seen = self._scaled(rows)
        return self._in_dtype(self._outer, self._code(self._in_dtype(self._inner, seen)))

    def decoded(self, codes: str) -> str:
        """Return the rows of codes as the network puts them out."""
        x = self._in_dtype(self._inner, codes)
        thresholds = self._fitted.facts.get("thresholds")
        if thresholds is not None:
            x = self._kept(x, self.constant(thresholds))
        x = self._through(self._fitted.decoder, self._fitted.decoder_weights, x)
        x = self._activated(x, self._fitted.structure.output_activation)
        return self._in_dtype(self._outer, x)

    def in_units(self, output: str) -> str:
        """Return what the network puts out in the user's units; of categories it means nothing."""
        x = self.add("Mul", output, self.constant(self._scaling.scale))
        return self._plus(x, self._scaling.center)

    def scores(self, rows: str, output: str) -> str:
        """Return the scores of rows in the user's units, from what the network puts out."""
        table = table_of(self._fitted.scaling)
        if table is not None:
            return self.add("Neg", self._mean_losses(table, self._scaled(rows), output))
        error = self.cast(self.add("Sub", rows, self.in_units(output)), np.float64)
        mean = self.add("ReduceMean", self.add("Mul", error, error), axes=[1], keepdims=0)
        return self.add("Neg", mean)

    def _scaled(self, rows: str) -> str:
        x = self.add("Sub", rows, self.constant(self._scaling.center))
        return self.add("Div", x, self.constant(self._scaling.scale))

    def _in_dtype(self, dtype: np.dtype[Any], x: str) -> str:
        """Go on in a dtype."""
        x = x if dtype == self.dtype else self.cast(x, dtype)
        self.dtype = dtype
        return x

    def _mean_losses(self, table: TableScaling, target: str, output: str) -> str:
        """Return the mean losses of the cells of rows; see :mod:`.cell_losses`."""
        layout, losses = table.layout, []
        if len(layout.numbers):
            of_numbers = self.constant(layout.numbers, np.int64)
            one, other = (self.add("Gather", x, of_numbers, axis=1) for x in (target, output))
            error = self.add("Sub", one, other)
            losses.append(self._sum(self.add("Mul", error, error)))
        for column, places in layout.categories():
            one, other = (self.columns(x, places.start, places.stop) for x in (target, output))
            there = self.cast(self.add("Greater", one, self.constant(0.0)), self.dtype)
            chance = self.add("LogSoftmax", other, axis=1)
            # A product, because NaN must stay NaN.
            loss = self._sum(self.add("Mul", there, chance))
            losses.append(self.add("Mul", loss, self.constant(-table.weights[column])))
        total = losses[0] if len(losses) == 1 else self.add("Sum", *losses)
        mean = self.cast(total, np.float64)
        return self.add("Div", mean, self.constant(float(layout.n_columns), np.float64))

    def _sum(self, x: str) -> str:
        """Return the sum of every row."""
        return self.add("ReduceSum", x, self.constant([1], np.int64), keepdims=0)

    def _code(self, x: str) -> str:
        x = self._through(self._fitted.encoder, self._fitted.encoder_weights, x)
        code = self._fitted.structure.code
        if isinstance(code, LargestOfRow):
            k = self.constant([code.k], np.int64)
            return self._kept(x, self.columns(self._largest(x, k), code.k - 1, code.k))
        if isinstance(code, Gaussian):
            return self.columns(x, 0, self._fitted.structure.spec.n_components)
        return x

    def _largest(self, x: str, k: str) -> str:
        """Return the k largest values of rows."""
        values = self.free(f"largest_{len(self.nodes)}")
        outputs = [values, self.free(f"{values}_places")]
        self.nodes.append(helper.make_node("TopK", [x, k], outputs, name=f"{values}_"))
        return values

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
            case Logits():
                return self._logits(layer.layout, x)
            case Sum():
                return self.add("Add", *(self._path(path, weights, x) for path in layer.paths))
            case _:
                raise ValueError(f"to_onnx knows no layer like {layer!r}.")

    def _logits(self, layout: Layout, x: str) -> str:
        """Return what :meth:`.layout.Layout.as_logits` does in NumPy."""
        logits = self.add("Log", self.clipped(x, LEAST_PROBABILITY, 1.0))
        return self.add("Where", self.constant(layout.is_number, bool), x, logits)

    def _plus(self, x: str, values: Any) -> str:
        return self.add("Add", x, self.constant(values))

    def _activated(self, x: str, name: str) -> str:
        return _ACTIVATIONS[get_activation(name).keras_name](self, x)

    # Of operators that onnxruntime has in float64, too.

    def negative_part(self, x: str) -> str:
        return self.add("Min", x, self.constant(0.0))

    def positive_part(self, x: str) -> str:
        return self.add("Max", x, self.constant(0.0))


def _gelu(graph: Network, x: str) -> str:
    share = graph.add("Erf", graph.add("Mul", x, graph.constant(math.sqrt(0.5))))
    share = graph.add("Add", share, graph.constant(1.0))
    return graph.add("Mul", graph.add("Mul", x, graph.constant(0.5)), share)


def _silu(graph: Network, x: str) -> str:
    return graph.add("Mul", x, graph.add("Sigmoid", x))


def _exponential(positive: float, negative: float) -> Callable[[Network, str], str]:
    """Return the activation with a slope above 0, and an exponential function below."""

    def activated(graph: Network, x: str) -> str:
        below = graph.add("Exp", graph.negative_part(x))
        below = graph.add("Sub", below, graph.constant(1.0))
        below = graph.add("Mul", below, graph.constant(negative))
        above = graph.add("Mul", graph.positive_part(x), graph.constant(positive))
        return graph.add("Add", above, below)

    return activated


def _leaky_relu(graph: Network, x: str) -> str:
    return graph.add("Max", x, graph.add("Mul", x, graph.constant(0.2)))


def _softplus(graph: Network, x: str) -> str:
    decayed = graph.add("Exp", graph.add("Neg", graph.add("Abs", x)))
    rest = graph.add("Log", graph.add("Add", decayed, graph.constant(1.0)))
    return graph.add("Add", graph.positive_part(x), rest)


_ACTIVATIONS: dict[str, Callable[[Network, str], str]] = {
    "linear": lambda graph, x: x,
    "exponential": lambda graph, x: graph.add("Exp", x),
    "relu": lambda graph, x: graph.add("Relu", x),
    "gelu": _gelu,
    "silu": _silu,
    "elu": _exponential(1.0, 1.0),
    "selu": _exponential(1.0507009873554805, 1.7580993408473766),
    "leaky_relu": _leaky_relu,
    "softplus": _softplus,
    "sigmoid": lambda graph, x: graph.add("Sigmoid", x),
    "tanh": lambda graph, x: graph.add("Tanh", x),
    "hard_tanh": lambda graph, x: graph.add("Clip", x, graph.constant(-1.0), graph.constant(1.0)),
    "softmax": lambda graph, x: graph.add("Softmax", x, axis=-1),
}
