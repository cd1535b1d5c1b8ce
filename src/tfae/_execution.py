"""How a compiled step runs: as one XLA program, or operation by operation in TensorFlow's executor.

For stacks of dense layers on the CPU one XLA program is faster, and for convolutions of small
images (``docs/benchmarks.md``). For all others (layers of other kinds, sorting, bfloat16, and
whatever runs on a GPU) either way may be several times faster, by the network and the machine;
there the first training of a plan times two steps each way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from tfae._convolution import are_fast_in_xla
from tfae._tensorflow import flat_layers, is_graph, keras, tf

# XLA must be clearly faster: the choice decides the last bits of a result, which should not hang
# on the machine's mood. What was chosen holds for the life of the process.
_CLEARLY = 1.25
_xla: dict[Hashable, bool] = {}


def prefers_xla(plan: Hashable, otherwise: bool) -> bool:
    """Return what was measured for a plan, or `otherwise`."""
    return _xla.get(plan, otherwise)


def by_rule(network: Any) -> bool | None:
    """Tell whether a network runs in XLA where that needs no measurement; otherwise None."""
    if tf.config.list_logical_devices("GPU"):
        return None
    layers = keras.layers
    plain = {
        *(layers.InputLayer, layers.Dense, layers.Activation, layers.BatchNormalization),
        *(layers.Rescaling, layers.Reshape, layers.Flatten, layers.ReLU, layers.LeakyReLU),
        *(layers.Add, layers.EinsumDense),
    }
    if all(map(_gives_dropout, network)):
        plain.add(layers.Dropout)
    # Faster in XLA on one machine and in the executor on another, by too little to measure in two
    # steps; and the two draw other numbers, which must not hang on the machine's mood.
    random = {layers.Dropout, layers.GaussianNoise, layers.GaussianDropout}
    convolutions = {layers.Conv2D, layers.Conv2DTranspose, layers.Cropping2D}
    kinds = {type(layer) for model in network for layer in flat_layers(model)}
    if kinds <= plain:
        return True
    if kinds <= (plain | convolutions) - random:
        return are_fast_in_xla(network)
    return False if kinds <= plain | random | convolutions else None


def _gives_dropout(model: Any) -> bool:
    """Whether :mod:`tfae._dropout` can stand for all dropout of a model.

    It can where Keras calls every layer once.
    """
    dropout = keras.layers.Dropout
    if all(type(layer) is not dropout for layer in flat_layers(model)):
        return True
    return _calls_once(model) and all(
        _gives_dropout(layer)
        if hasattr(layer, "layers")
        else type(layer) is not dropout
        or (layer.noise_shape is None and layer.activity_regularizer is None)
        for layer in model.layers
    )


def _calls_once(model: Any) -> bool:
    if not is_graph(model):
        return False
    try:
        return isinstance(model, keras.Sequential) or all(
            len(layer["inbound_nodes"]) <= 1 for layer in model.get_config()["layers"]
        )
    except Exception:  # a layer of the user's own that cannot say what it is
        return False


def fastest(
    plan: Hashable, compiled: Callable[[bool], Callable[..., Any]], inputs: tuple[Any, ...]
) -> Callable[..., Any]:
    """Return the faster of ``compiled(xla=True)`` and ``compiled(xla=False)`` on these inputs.

    It is measured once for equal plans.
    """
    if plan in _xla:
        return compiled(_xla[plan])
    functions = {xla: compiled(xla) for xla in (False, True)}
    seconds = {xla: _seconds(function, inputs) for xla, function in functions.items()}
    _xla[plan] = seconds[True] * _CLEARLY < seconds[False]
    return functions[_xla[plan]]


def _seconds(function: Callable[..., Any], inputs: tuple[Any, ...]) -> float:
    """Time the better of two calls after the one that compiles."""
    times = []
    try:
        for _ in range(3):
            start = time.perf_counter()
            np.asarray(function(*inputs)[0])
            times.append(time.perf_counter() - start)
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
        return float("inf")  # XLA cannot compile every operation
    return min(times[1:])
