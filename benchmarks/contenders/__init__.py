"""The contenders: who can be timed, in which process, and what each of them has to offer.

A contender's module has a table from tasks to classes of :class:`Run`. Contenders of one library
share a process (`home`); all others have their own, for the thread pools of two libraries in one
process take the cores from each other even when idle, and memory could not be told apart.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.tasks import Task

# Rows of the training data that the final loss is computed on.
CHECKED = 2_000


class Skip(Exception):  # noqa: N818  (not an error)
    """A contender cannot run here; the message says why."""


@dataclass(frozen=True)
class Work:
    """What was done in a run. All contenders of a case must have done the same."""

    items: int  # what speed counts: rows, calls, searches
    steps: int | None = None
    rows: int | None = None
    loss: float | None = None


class Run:
    """A task in the hands of a contender. Only `run` is timed.

    Building and whatever else is done once belongs into ``__init__``.
    """

    def __init__(self, task: Any) -> None:
        self.task = task

    def reset(self, seed: int) -> None:
        """Go back to the start, with new random numbers."""

    def run(self) -> None:
        """Do the work, to its end: a device must have finished."""
        raise NotImplementedError

    def work(self) -> Work:
        """Tell what was done in the last run."""
        raise NotImplementedError

    def warm_up(self) -> None:
        """Compile, so that no run has to."""
        self.reset(0)
        self.run()


@dataclass(frozen=True)
class Contender:
    title: str
    home: str
    table: str  # module:name of its table of runs


CONTENDERS = {
    "tfae": Contender("tfae", "tfae", "tfae:RUNS"),
    "keras": Contender("Keras", "tensorflow", "keras:DEFAULT"),
    "keras-best": Contender("Keras, best settings", "tensorflow", "keras:BEST"),
    "loop": Contender("`tf.function` loop over `tf.data`", "tensorflow", "loop:RUNS"),
    "torch": Contender("PyTorch", "torch", "torch:EAGER"),
    "torch-compile": Contender("PyTorch, `torch.compile`", "torch", "torch:COMPILED"),
    "jax": Contender("JAX", "jax", "jax:RUNS"),
    "sklearn": Contender("`MLPRegressor` X → X", "sklearn", "sklearn:RUNS"),
    "pca": Contender("`PCA`", "sklearn", "sklearn:PCA_RUNS"),
    "pyod": Contender("PyOD `AutoEncoder`", "torch", "pyod:RUNS"),
    "import": Contender("a process that imports", "tfae", "processes:IMPORT"),
    "unpickle": Contender("tfae", "tfae", "processes:UNPICKLE"),
    "products-tf": Contender("matrix products alone, TensorFlow", "tensorflow", "limits:PRODUCTS"),
    "products-torch": Contender("matrix products alone, PyTorch", "torch", "limits:TORCH_PRODUCTS"),
    "copy": Contender("memory copy", "copy", "limits:COPY"),
}
LIMITS = ("products-tf", "products-torch", "copy")


def make_run(contender: str, task: Task) -> Run:
    """Prepare a contender for a task.

    Raises
    ------
    Skip
        If it is not installed, or cannot do this.
    """
    try:
        return runs_of(contender)[type(task)](task)
    except ModuleNotFoundError as error:
        raise Skip(f"{error.name} is not installed") from error


def runs_of(contender: str) -> dict[type[Task], type[Run]]:
    """Import a contender's table of runs, which imports its library."""
    module, _, name = CONTENDERS[contender].table.partition(":")
    found = importlib.import_module(f"benchmarks.contenders.{module}")
    table: dict[type[Task], type[Run]] = getattr(found, name)
    return table


def squared_error(X: np.ndarray, output: Any) -> float:
    """Return the mean squared error of the reconstructions of the first rows."""
    error = np.asarray(output, np.float32) - X[:CHECKED]
    return float(np.square(error, dtype=np.float64).mean())


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))
