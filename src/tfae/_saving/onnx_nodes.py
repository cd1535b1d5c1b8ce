"""The nodes and constants of an ONNX graph that is being written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

# Old enough for most programs; all operators that are used are in them.
OPSET, ML_OPSET, _IR_VERSION = 17, 2, 8
ML = "ai.onnx.ml"


class Nodes:
    """Nodes and constants, added one after the other; each is known by the name of its output.

    Parameters
    ----------
    dtype : str
        That of the computation; it may change on the way.
    taken : iterable of str
        Names that are not to be used: those of the graph's inputs and outputs.
    """

    def __init__(self, dtype: str, taken: Iterable[str] = ()) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.dtype = np.dtype(dtype)
        self._taken = set(taken)

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        name = name or self.free(f"{kind}_{len(self.nodes)}")
        self.nodes.append(helper.make_node(kind, inputs, [name], name=f"{name}_", **attributes))
        return name

    def constant(self, values: Any, dtype: Any = None) -> str:
        """Add an array in the dtype of the graph; return its name."""
        name = self.free(f"constant_{len(self.constants)}")
        array = np.ascontiguousarray(np.asarray(values, dtype or self.dtype))
        array = array.reshape(np.shape(values))
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def cast(self, x: str, dtype: Any) -> str:
        return self.add("Cast", x, to=type_of(dtype))

    def columns(self, x: str, start: int, end: int) -> str:
        """Return some columns of rows."""
        places = [self.constant([place], np.int64) for place in (start, end, 1)]
        return self.add("Slice", x, *places)

    def clipped(self, x: str, low: float, high: float, dtype: Any = None) -> str:
        """Return numbers of a dtype, that of the graph by default, within a range."""
        x = self.add("Max", x, self.constant(low, dtype))
        return self.add("Min", x, self.constant(high, dtype))

    def model(self, name: str, inputs: list[Any], outputs: list[Any]) -> Any:
        """Return the checked model of all nodes, from the descriptions of inputs and outputs."""
        opsets = [helper.make_opsetid("", OPSET)]
        if any(node.domain == ML for node in self.nodes):
            opsets.append(helper.make_opsetid(ML, ML_OPSET))
        model = helper.make_model(
            helper.make_graph(self.nodes, name, inputs, outputs, self.constants),
            producer_name="tfae",
            opset_imports=opsets,
            ir_version=_IR_VERSION,
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def free(self, name: str) -> str:
        """Return a name that was not taken, and take it."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name


def type_of(dtype: Any) -> int:
    """Return the number that ONNX has for a dtype of NumPy."""
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
