"""The processes and devices that share a training, by a strategy of TensorFlow.

Every process has the whole network, and its own part of the rows of every step. Only sums pass
between them: of losses and gradients in every step, and of arrays of NumPy between steps. All that
TensorFlow knows of other processes is used here alone.
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np

from tfae._support.tensorflow import start, tf
from tfae._support.typing import Array
from tfae._training.step.chunk import Part

T = TypeVar("T")

_NUMBER = 8  # bytes; values are sent as numbers of this size
_JOBS = ("chief", "worker")  # in the order in which TensorFlow counts their tasks


@dataclass(frozen=True)
class Workers:
    """The processes of a training, seen from one of them, which is the only one by default.

    All of them must call the methods in the same order, because each waits for the others.

    Attributes
    ----------
    strategy : tf.distribute.Strategy or None
        None trains without one.
    index, count : int
        The number of this process, and how many there are. Number 0 decides for all.
    n_replicas : int
        How many devices of this process take parts of its rows.
    """

    strategy: Any = None
    index: int = 0
    count: int = 1
    n_replicas: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process decides for all, writes files and prints."""
        return self.index == 0

    def part(self, batch: int) -> Part:
        """Return the part of a batch of that size that this process takes."""
        width = self.n_replicas * -(-batch // (self.count * self.n_replicas))
        first = min(self.index * width, batch)
        return Part(first, min(first + width, batch), width)

    def summed(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return the sum of the tensors that a function returns on all devices of all processes.

        For compiled functions that XLA does not compile: it cannot wait for others. The function
        takes the number of its device in this process, and the arguments.
        """

        def of_replica(*args: Any) -> Any:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            return function(replica - self.index * self.n_replicas, *args)

        return self.strategy.reduce("SUM", self.strategy.run(of_replica, args), axis=None)

    def total(self, values: Array) -> Array:
        """Return the sum of an array of every process."""
        if self.count == 1:
            return values
        return np.asarray(_adding(self, values.shape, values.dtype)(tf.constant(values)))

    def agreed(self, value: T) -> T:
        """Return the value of process 0, which can be pickled."""
        if self.count == 1:
            return value
        data = pickle.dumps(value) if self.is_first else b""
        size = int(self.total(np.array([len(data)]))[0])
        # In few different lengths, because each is compiled.
        numbers = np.zeros(1 << (size // _NUMBER).bit_length(), np.int64)
        numbers.view(np.uint8)[: len(data)] = np.frombuffer(data, np.uint8)
        received: T = pickle.loads(self.total(numbers).tobytes()[:size])
        return received

    def differing(self, value: Any) -> list[int]:
        """Return the numbers of the processes whose value is not that of process 0."""
        differs = np.zeros(self.count, np.int64)
        differs[self.index] = self.agreed(value) != value
        return np.flatnonzero(self.total(differs)).tolist()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Say in one sentence what happened if another process ends within a ``with`` block.

        Raises
        ------
        RuntimeError
            If it does.
        """
        if self.count == 1:
            yield
            return
        errors = tf.errors
        try:
            yield
        except (
            errors.AbortedError,
            errors.CancelledError,
            errors.DeadlineExceededError,
            errors.FailedPreconditionError,
            errors.InternalError,
            errors.UnavailableError,
        ) as error:
            raise RuntimeError(
                f"Another worker has ended or cannot be reached, so that worker {self.index} of "
                f"{self.count} cannot go on. Start all workers again; with 'checkpoint' the fit "
                f"continues where it was. TensorFlow says: {error.message.strip().splitlines()[-1]}"
            ) from error


ALONE = Workers()


@cache
def _adding(workers: Workers, shape: tuple[int, ...], dtype: Any) -> Any:
    """Compile the sum of an array of every process."""

    def of_first(replica: Any, values: Any) -> Any:
        return values if workers.n_replicas == 1 else tf.where(replica == 0, values, 0)

    summed = tf.function(lambda values: workers.summed(of_first, values), autograph=False)
    return summed.get_concrete_function(tf.TensorSpec(shape, dtype))


def workers_of(strategy: str | Callable[[], Any] | None) -> Workers:
    """Return the processes of a training for a value of the parameter ``strategy``.

    Raises
    ------
    ValueError
        If there is no such strategy, or ``TF_CONFIG`` does not name the workers.
    RuntimeError
        If a strategy of several workers is made after TensorFlow has been used.
    """
    if strategy is None:
        return ALONE
    if strategy == "multi_worker":
        return _of_tf_config()
    if strategy == "mirrored":
        return _of_devices()
    assert callable(strategy)
    made: list[Any] = []
    start(lambda tensorflow: made.append(strategy()))
    return _workers(made[0] if made else strategy(), repr(strategy))


@cache
def _of_devices() -> Workers:
    """Return the strategy of all devices of this process, which is made once."""
    config = tf.config
    devices = config.list_logical_devices("GPU") or config.list_logical_devices("CPU")
    return _workers(tf.distribute.MirroredStrategy([d.name for d in devices]), "'mirrored'")


@cache
def _of_tf_config() -> Workers:
    """Return the strategy of the workers in ``TF_CONFIG``, which is made once."""
    given = os.environ.get("TF_CONFIG", "")
    try:
        parts = json.loads(given)
        named = isinstance(parts["cluster"], dict) and parts["task"]["type"] in _JOBS
    except (ValueError, KeyError, TypeError):
        named = False
    if not named:
        raise ValueError(
            "With strategy='multi_worker' the environment variable TF_CONFIG must name all workers "
            'and this one: {"cluster": {"worker": ["host1:port", "host2:port"]}, "task": {"type": '
            f'"worker", "index": 0}}}}. Got {given!r}.'
        )
    made: list[Any] = []
    start(lambda tensorflow: made.append(_multi_worker(tensorflow)))
    return _workers(made[0] if made else _multi_worker(tf), "'multi_worker'")


def _multi_worker(tensorflow: Any) -> Any:
    try:
        return tensorflow.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise RuntimeError(
            "strategy='multi_worker' must be the first use of TensorFlow in a process "
            f"({error}). Call this 'fit' before anything else that uses TensorFlow; or put "
            "'strategy = tf.distribute.MultiWorkerMirroredStrategy()' right after 'import "
            "tensorflow as tf', and pass strategy=lambda: strategy."
        ) from error


def _workers(strategy: Any, given: str) -> Workers:
    """Return the processes of a strategy, seen from this one."""
    distribute = tf.distribute
    known = (distribute.MirroredStrategy, distribute.MultiWorkerMirroredStrategy)
    if not isinstance(strategy, known):
        raise ValueError(
            "The 'strategy' parameter must be 'mirrored', 'multi_worker', None or a callable that "
            "returns a tf.distribute.MirroredStrategy or MultiWorkerMirroredStrategy. Got "
            f"{given}, which returned {strategy!r}."
        )
    resolver, index, count = strategy.cluster_resolver, 0, 1
    if isinstance(strategy, distribute.MultiWorkerMirroredStrategy) and resolver.task_type:
        spec = resolver.cluster_spec()
        sizes = {job: spec.num_tasks(job) for job in _JOBS if job in spec.jobs}
        count = sum(sizes.values())
        before = sizes.get("chief", 0) if resolver.task_type == "worker" else 0
        index = before + resolver.task_id
    return Workers(strategy, index, count, strategy.num_replicas_in_sync // count)
