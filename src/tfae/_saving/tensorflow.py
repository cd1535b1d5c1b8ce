"""A trained network in the formats of TensorFlow: a SavedModel and a LiteRT model.

Both are written from Keras models that work in the user's units, in float32.
"""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tfae._inference.fitted import Fitted
from tfae._saving.keras import keras_method
from tfae._saving.methods import METHODS
from tfae._support.tensorflow import tf
from tfae._support.typing import Array

# Rows that int8 learns the ranges of its numbers from.
_N_RANGED = 500


def write_saved_model(fitted: Fitted, what: str, folder: Path) -> None:
    """Write a method as a SavedModel into a folder that does not exist."""
    keras_method(fitted, what).export(folder, format="tf_saved_model", verbose=False)


def saved_model_outputs(folder: Path, rows: Array) -> Array:
    """Run the method of a SavedModel."""
    loaded = tf.saved_model.load(folder)  # its functions live as long as this object
    return np.asarray(loaded.serve(tf.constant(rows, "float32")))


def litert_model(fitted: Fitted, what: str, quantize: str | None, rows: Array) -> bytes:
    """Return a method as the bytes of a LiteRT model; `rows` are what it will be given."""
    with tempfile.TemporaryDirectory() as folder:
        write_saved_model(fitted, what, Path(folder) / "model")
        converter = tf.lite.TFLiteConverter.from_saved_model(os.path.join(folder, "model"))
        return bytes(_quantizing(converter, quantize, rows).convert())


def _quantizing(converter: Any, quantize: str | None, rows: Array) -> Any:
    if quantize is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantize == "int8":
        converter.representative_dataset = _one_by_one(rows)
    return converter


def onnx_model(fitted: Fitted, what: str) -> Any:
    """Return a method as an ONNX model that Keras writes by tf2onnx, which must be there."""
    import onnx

    with tempfile.TemporaryDirectory() as folder:
        path, method = Path(folder) / "model.onnx", keras_method(fitted, what)
        method(np.zeros((1, *method.input.shape[1:]), "float32"))  # Keras asks for a call
        with warnings.catch_warnings(), _no_word_of("Erfc"):
            warnings.simplefilter("ignore", FutureWarning)  # of NumPy, to Keras
            method.export(path, format="onnx", verbose=False)
        model = onnx.load(path)
    _write_erfc(model.graph)
    # Keras chooses the names.
    graph, name = model.graph, METHODS[what]
    for node, of in ((graph.input[0], "X"), (graph.output[0], name)):
        _renamed(graph, node.name, of)
    onnx.checker.check_model(model, full_check=True)
    return model


@contextmanager
def _no_word_of(operation: str) -> Iterator[None]:
    """Keep tf2onnx from logging that it cannot write an operation."""
    logger = logging.getLogger("tf2onnx.tfonnx")

    def says_other(record: logging.LogRecord) -> bool:
        return operation not in record.getMessage()

    logger.addFilter(says_other)
    try:
        yield
    finally:
        logger.removeFilter(says_other)


def _write_erfc(graph: Any) -> None:
    """Write the complement of the error function, of GELU, by that function: ONNX has none."""
    from onnx import helper

    made: list[Any] = []
    for node in graph.node:
        if node.op_type != "Erfc":
            made.append(node)
            continue
        (x,), (found,) = node.input, node.output
        one, erf = f"{found}_one", f"{found}_erf"
        made += [
            helper.make_node("Constant", [], [one], value_float=1.0),
            helper.make_node("Erf", [x], [erf]),
            helper.make_node("Sub", [one, erf], [found]),
        ]
    del graph.node[:]
    graph.node.extend(made)


def _renamed(graph: Any, old: str, new: str) -> None:
    for value in (*graph.input, *graph.output):
        if value.name == old:
            value.name = new
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]


def _one_by_one(rows: Array) -> Callable[[], Iterator[list[Array]]]:
    some = rows[:: max(1, len(rows) // _N_RANGED)].astype(np.float32)
    return lambda: ([row[None]] for row in some)


def litert_outputs(model: bytes, rows: Array) -> Array:
    """Run a LiteRT model.

    Raises
    ------
    ModuleNotFoundError
        Without ai_edge_litert.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=model)
    (given,), (found,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(given["index"], rows.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], rows.astype(np.float32))
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(found["index"]))
