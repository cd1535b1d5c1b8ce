"""How a compiled step runs: as one XLA program, or operation by operation in TensorFlow's executor.

The whole decision is here, with its reasons beside it; `docs/benchmarks.md` has the tables. A rule
decides for stacks of dense layers and for convolutions on the CPU. In all other cases (layers of
other kinds, sorting, bfloat16, and everything on a GPU) either way may be several times faster,
depending on the network and the machine. Then the first training of a key times two steps each way.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tfae._support.keras_graphs import flat_layers, inbound_nodes, is_graph
from tfae._support.tensorflow import keras, tf
from tfae._training.step.convolution import convolutions, has_stand_in

# XLA must be clearly faster: the choice decides the last bits of a result, which should not depend
# on the state of the machine. A choice holds for the life of the process.
_CLEARLY = 1.25
# If no layer's small image has more numbers, XLA is 1.15 to 1.9 times as fast as TensorFlow's
# executor on the CPU. Otherwise it is 0.86 to 1.02 times as fast, and it compiles for seconds.
_FEW_NUMBERS = 6_400
_ROUNDS = 3
# By the key of a program. A key holds the user's own builder and loss, so not all keys are kept.
_MOST_REMEMBERED = 256
_xla: OrderedDict[Hashable, bool] = OrderedDict()
_forced: bool | None = None  # see :func:`forced`


@contextmanager
def forced(xla: bool | None) -> Iterator[None]:
    """Have all steps compiled in a ``with`` block run in XLA, or all in the executor; for tests.

    None leaves the choice as it is. Either way no measurement from before counts.
    """
    global _forced, _xla
    before = _forced, _xla
    _forced, _xla = xla, OrderedDict()
    try:
        yield
    finally:
        _forced, _xla = before


def by_rule(network: Any) -> bool | None:
    """Return whether the layers of a network run in XLA; None if a measurement must tell."""
    if tf.config.list_logical_devices("GPU"):
        return None
    layers = keras.layers
    # XLA has 1.09 times the executor's speed, or 1.2 times with dropout on given numbers.
    plain = {
        *(layers.InputLayer, layers.Dense, layers.Activation, layers.BatchNormalization),
        *(layers.Rescaling, layers.Reshape, layers.Flatten, layers.ReLU, layers.LeakyReLU),
        *(layers.Add, layers.EinsumDense),
    }
    if all(map(_gives_dropout, network)):
        plain.add(layers.Dropout)
    # If the step itself draws, XLA is 1.1 to 1.6 times as fast on one machine and a third as fast
    # on another. The two also draw different numbers, which must not depend on a measurement.
    random = {layers.Dropout, layers.GaussianNoise, layers.GaussianDropout}
    convolving = {layers.Conv2D, layers.Conv2DTranspose, layers.Cropping2D}
    kinds = {type(layer) for model in network for layer in flat_layers(model)}
    if kinds <= plain:
        return True
    if kinds <= (plain | convolving) - random:
        return _convolves_fast(network)
    return False if kinds <= plain | random | convolving else None


def of_training(rule: bool | None, sorts: bool, mixed: bool) -> bool | None:
    """Return whether a network trains in XLA; `rule` is the result of :func:`by_rule`.

    None means that a measurement must tell. This is so for codes that are sorted, and for layers
    that compute in bfloat16, because the better way depends on the processor's instructions.
    """
    if _forced is not None:
        return _forced
    return None if sorts or (rule and mixed) else rule


def of_testing(key: Hashable, training: bool | None, grouped: bool) -> bool:
    """Return whether a test runs in XLA: if the training does, unless batches are `grouped`.

    Grouped batches go through the executor. That costs some 0.2 ms more per epoch than a step for
    every batch in XLA, and saves a second of compiling it.
    """
    return not grouped and _xla.get(key, bool(training))


def _convolves_fast(network: Any) -> bool:
    """Whether XLA is better for the convolutions of a network on the CPU."""
    try:
        return all(map(is_graph, network)) and all(
            has_stand_in(layer)
            and layer.compute_dtype == "float32"  # the only one that XLA hands to Eigen
            and _size_of_small_image(layer) <= _FEW_NUMBERS
            for layer in convolutions(network)
        )
    except AttributeError:  # within a model of the user's own class
        return False


def _size_of_small_image(layer: Any) -> int:
    transposed = isinstance(layer, keras.layers.Conv2DTranspose)
    return math.prod((layer.input if transposed else layer.output).shape[1:])


def _gives_dropout(model: Any) -> bool:
    """Whether :mod:`tfae._training.step.dropout` can replace all dropout of a model.

    It can if Keras calls every layer once.
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
    if type(model) is keras.Sequential:
        return True
    calls = inbound_nodes(model) if is_graph(model) else None
    return calls is not None and all(len(nodes) <= 1 for nodes in calls)


def chosen(key: Hashable) -> bool | None:
    """Return whether the training of a key runs in XLA by a measurement; None without one."""
    return _xla.get(key)


def remember(key: Hashable, xla: bool) -> None:
    """Let all trainings of a key run in one way, as if that had been measured."""
    _xla[key] = xla
    if len(_xla) > _MOST_REMEMBERED:
        _xla.popitem(last=False)


def fastest(
    key: Hashable, compiled: Callable[[bool], Callable[..., Any]], inputs: tuple[Any, ...]
) -> Callable[..., Any]:
    """Return the faster of ``compiled(xla=True)`` and ``compiled(xla=False)`` on these inputs.

    The speed is measured once for equal keys.
    """
    if key in _xla:
        return compiled(_xla[key])
    executor, xla = compiled(False), compiled(True)
    faster = _is_clearly_faster(xla, executor, inputs)
    remember(key, faster)
    return xla if faster else executor


def _is_clearly_faster(
    xla: Callable[..., Any], executor: Callable[..., Any], inputs: tuple[Any, ...]
) -> bool:
    """Compare the best times of some calls, after the calls that compile."""
    _seconds(executor, inputs)
    if math.isinf(_seconds(xla, inputs)):
        return False
    # In turns, because other work of the machine for a moment must not slow one side alone.
    rounds = [(_seconds(xla, inputs), _seconds(executor, inputs)) for _ in range(_ROUNDS)]
    best, of_executor = np.min(rounds, axis=0)
    return bool(best * _CLEARLY < of_executor)


def _seconds(function: Callable[..., Any], inputs: tuple[Any, ...]) -> float:
    """Time one call; the time is infinite if XLA cannot compile every operation."""
    start = time.perf_counter()
    try:
        np.asarray(function(*inputs)[0])
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
        return math.inf
    return time.perf_counter() - start
