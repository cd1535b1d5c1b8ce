"""Limits: the least that any training must do, by itself.

The matrix products of a step, forwards and backwards, without what lies between them; and a copy
of the bytes that a step must move: the weights and Adam's two moments, which are read and written,
and the rows of the batch, which are gathered.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchmarks.contenders import Run, Work
from benchmarks.data import N_FEATURES
from benchmarks.tasks import Training


class _Limit(Run):
    """So many calls of one function as a training has steps."""

    task: Training

    def __init__(self, task: Training) -> None:
        super().__init__(task)
        self._n_steps = task.epochs * -(-task.n_rows // task.batch)
        self._step, self._wait = self._prepare()

    def _prepare(self) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
        """Return the function of one step, and one that waits for what it returns."""
        raise NotImplementedError

    def _layers(self) -> list[tuple[int, int]]:
        return self.task.network.products(N_FEATURES[self.task.data])

    def run(self) -> None:
        for _ in range(self._n_steps):
            last = self._step()
        self._wait(last)

    def work(self) -> Work:
        return Work(self.task.epochs * self.task.n_rows)


class _Products(_Limit):
    def _operands(self, make: Callable[[tuple[int, int]], Any]) -> list[tuple[Any, Any, Any]]:
        """The input, the kernel and the gradient of every layer."""
        batch = self.task.batch
        return [
            (make((batch, given)), make((given, units)), make((batch, units)))
            for given, units in self._layers()
        ]


class TensorflowProducts(_Products):
    def _prepare(self) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
        from benchmarks.contenders._tensorflow import need_device, tf

        need_device(self.task.device)
        dtype = tf.float32 if self.task.precision == "float32" else tf.bfloat16
        operands = self._operands(lambda shape: tf.cast(tf.random.normal(shape), dtype))

        @tf.function
        def products(operands: Any) -> Any:
            first = operands[0][0]
            return [
                product
                for x, kernel, gradient in operands
                for product in (
                    tf.matmul(x, kernel),
                    tf.matmul(x, gradient, transpose_a=True),
                    *([] if x is first else [tf.matmul(gradient, kernel, transpose_b=True)]),
                )
            ]

        function = products.get_concrete_function(operands)
        return lambda: function(operands), lambda last: last[-1].numpy()


class TorchProducts(_Products):
    def _prepare(self) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
        import torch

        from benchmarks.contenders.torch import device_of, synchronize

        dtype = torch.float32 if self.task.precision == "float32" else torch.bfloat16
        device = device_of(self.task.device)
        operands = self._operands(lambda shape: torch.randn(shape, dtype=dtype, device=device))
        pairs = []
        for x, kernel, gradient in operands:
            pairs += [(x, kernel), (x.T, gradient), (gradient, kernel.T)]
        del pairs[2]  # the gradient of the rows themselves
        outputs = [left @ right for left, right in pairs]

        def products() -> None:
            for (left, right), output in zip(pairs, outputs, strict=True):
                torch.mm(left, right, out=output)

        return products, lambda last: synchronize()


class Copy(_Limit):
    def _prepare(self) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
        layers = self._layers()
        n_weights = sum((given + 1) * units for given, units in layers)
        n_numbers = 3 * n_weights + self.task.batch * layers[0][0]
        return _COPIES[self.task.device](n_numbers)


def _copy_in_memory(n_numbers: int) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """Copy on all cores, if there is enough for each."""
    n_parts = min(os.cpu_count() or 1, max(1, n_numbers >> 18))
    threads = ThreadPoolExecutor(n_parts)
    sources, targets = (np.array_split(np.ones(n_numbers, np.float32), n_parts) for _ in range(2))
    if n_parts == 1:
        return lambda: np.copyto(targets[0], sources[0]), lambda last: None
    return lambda: [*threads.map(np.copyto, targets, sources)], lambda last: None


def _copy_on_gpu(n_numbers: int) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    from benchmarks.contenders._tensorflow import need_device, tf

    need_device("gpu")
    source, target = tf.ones(n_numbers), tf.Variable(tf.zeros(n_numbers))
    copy = tf.function(lambda: target.assign(source)).get_concrete_function()
    return copy, lambda last: target[-1].numpy()


_COPIES = {"cpu": _copy_in_memory, "gpu": _copy_on_gpu}
PRODUCTS = {Training: TensorflowProducts}
TORCH_PRODUCTS = {Training: TorchProducts}
COPY = {Training: Copy}
