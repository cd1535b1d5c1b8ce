"""The one place where TensorFlow and Keras are imported: on first use, and without log noise.

``from tfae._support.tensorflow import keras, tf`` costs nothing; the first attribute that is read
imports TensorFlow (seconds). During that import, TensorFlow's C++ code writes notes about CPU
features and missing GPUs straight to file descriptor 2, and more when XLA first compiles. The log
level belongs to the process and is not changed. Instead this module watches the descriptor in that
time: it drops those notes and passes on everything else. If the import fails, it passes on all,
because the notes may say why. What a user's own ``import keras`` writes is not held back. If a
signal ends the process in that time, what TensorFlow wrote is lost.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import random
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

_NOISE = re.compile(
    rb"^(WARNING: All log messages before absl::InitializeLog"
    rb"|To enable the following instructions:"
    rb"|[IWE]\d{4} \d\d[:.\d]+ +\d+ (cpu_feature_guard|cudart_stub|cuda_platform|service|"
    rb"device_compiler|dump_mlir_util|port|cpu_utils|gpu_device|cuda_executor|mlir_graph_optimization_pass|"
    rb"grpc_server_lib|coordination_service|coordination_service_agent)\.|/job:\w+/replica:0/task:\d+$)"
)
_NAMES = ("keras", "tensorflow")
_LOCK = threading.RLock()
_started = False
_forked = False


class _Lazy:
    """A module that is imported when its first attribute is read."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, attribute: str) -> Any:
        start()
        return getattr(importlib.import_module(self._name), attribute)


tf: Any = _Lazy("tensorflow")
keras: Any = _Lazy("keras")


def start(first: Callable[[Any], None] | None = None) -> None:
    """Import TensorFlow and wake its devices and XLA once, so that their notes come now.

    Parameters
    ----------
    first : callable or None
        Takes TensorFlow before its devices wake, unless they are awake already.

    Raises
    ------
    RuntimeError
        In a child of a process that used TensorFlow before it was forked.
    """
    global _started
    if _forked:
        raise RuntimeError(
            "TensorFlow must not run in a forked process whose parent has used it, because it "
            "would wait forever. Start processes with 'spawn' or 'forkserver' of multiprocessing, "
            "or with joblib's loky."
        )
    if _started:
        return
    with _LOCK:
        if _started:
            return
        with without_noise(), _numpys_state():
            tensorflow = importlib.import_module("tensorflow")
            keras = importlib.import_module("keras")
            backend = keras.backend.backend()
            if backend != "tensorflow":
                raise ImportError(
                    "tfae runs on Keras's TensorFlow backend. Keras was configured for "
                    f"{backend!r}: set KERAS_BACKEND=tensorflow before Keras is imported."
                )
            if first is not None:
                first(tensorflow)
            tensorflow.config.list_logical_devices()
            _wake(tensorflow, keras)
        if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
            os.register_at_fork(after_in_child=_note_fork)
        _started = True


def _wake(tensorflow: Any, keras: Any) -> None:
    """Let XLA and Keras do their one-time work at the same time, for some 40 ms."""
    zero = tensorflow.constant(0.0)
    # AutoGraph would rewrite TensorFlow's own code first, for half a second.
    function = tensorflow.function(tensorflow.math.is_finite, autograph=False, jit_compile=True)
    program = function.get_concrete_function(zero)
    with ThreadPoolExecutor(1, thread_name_prefix="tfae-xla") as thread:
        compiling = thread.submit(program, zero)
        # The layer has a fixed dtype, a name and no random numbers, so it changes no Keras state.
        layer = keras.layers.Dense(1, kernel_initializer="zeros", dtype="float32", name="first")
        layer.build((None, 1))
        compiling.result()


def _note_fork() -> None:
    """Note that TensorFlow's threads stayed behind in the parent."""
    global _forked
    _forked = True


@contextlib.contextmanager
def _numpys_state() -> Iterator[None]:
    """Put NumPy's global random state back, because the import of TensorFlow draws from it."""
    state = np.random.get_state(legacy=False)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


@contextlib.contextmanager
def without_noise() -> Iterator[None]:
    """Hold back the output to descriptor 2, and pass on all but TensorFlow's start-up notes.

    If the block raises an error, the notes are passed on, too.
    """
    _flush_stderr()
    try:
        saved = os.dup(2)
    except OSError:  # no standard error to watch
        yield
        return
    ended_well = False
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
            ended_well = True
        finally:
            _flush_stderr()
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            for line in held:
                if not (ended_well and _NOISE.match(line)):
                    os.write(2, line)


def _flush_stderr() -> None:
    """Write out what Python holds back; a program may have put anything in place of stderr."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sys.stderr.flush()


def brings_keras(value: Any) -> bool:
    """Whether unpickling an object imports Keras or TensorFlow: theirs, or a function with them.

    Nothing is imported to find out.
    """
    parts = value if isinstance(value, list | tuple) else [value]
    return any(
        _root(type(part).__module__) in _NAMES
        or any(
            inspect.ismodule(used) and _root(used.__name__) in _NAMES
            for used in getattr(part, "__globals__", {}).values()
        )
        for part in parts
    )


def _root(module: str) -> str:
    return module.partition(".")[0]


@contextlib.contextmanager
def private_keras(dtype: str, seed: int | None = None) -> Iterator[None]:
    """Build Keras layers in `dtype` and leave no trace in the user's process.

    Keras draws the seeds of unseeded initializers from Python's global ``random``, which here
    starts from `seed`. Keras gives layers the dtype policy of the thread. Both are put back.
    """
    with _LOCK:
        state = random.getstate()
        policy = keras.config.dtype_policy()
        random.seed(seed)
        keras.config.set_dtype_policy(dtype)
        try:
            yield
        finally:
            keras.config.set_dtype_policy(policy)
            random.setstate(state)


def variable_dtype() -> str:
    """Return the dtype of the weights of layers that are being built."""
    return str(keras.config.dtype_policy().variable_dtype)


def read(variables: list[Any]) -> list[Any]:
    """Return the values of TensorFlow variables as tensors, not copied until a step changes them.

    The variables' own methods take ten times as long, which would slow the epochs of a small
    network.
    """
    op = tf.raw_ops.ReadVariableOp
    return [op(resource=variable.handle, dtype=variable.dtype) for variable in variables]


def as_arrays(tensors: list[Any]) -> list[Any]:
    """Copy tensors into NumPy arrays."""
    return [tensor.numpy() for tensor in tensors]


def write(variables: list[Any], values: list[Any]) -> None:
    """Set TensorFlow variables to NumPy arrays or tensors of their shapes."""
    op, constant = tf.raw_ops.AssignVariableOp, tf.constant
    for variable, value in zip(variables, values, strict=True):
        if tuple(value.shape) != tuple(variable.shape):
            raise ValueError(f"A weight must have shape {variable.shape}. Got {value.shape}.")
        tensor = value if tf.is_tensor(value) else constant(value, variable.dtype)
        op(resource=variable.handle, value=tensor)


def excluded_from_weight_decay(optimizer: Any) -> tuple[bool, str | None]:
    """Return whether an optimizer's weight decay leaves out some variables, and which names.

    The names are a regular expression. Keras has no public way to read either.
    """
    variables = getattr(optimizer, "_exclude_from_weight_decay", None)
    names = getattr(optimizer, "_exclude_from_weight_decay_pattern", None)
    return bool(variables), None if names is None else str(names.pattern)
