"""tfae as a user calls it: checking the data, scaling and reading the weights back included."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from benchmarks import data
from benchmarks.contenders import CHECKED, Run, Skip, Work, squared_error
from benchmarks.contenders._search import search
from benchmarks.contenders._tensorflow import need_device
from benchmarks.tasks import (
    LEARNING_RATE,
    ManyFits,
    MemmapTraining,
    Network,
    Search,
    Training,
    Transform,
)
from tfae import Autoencoder, ConvolutionalAutoencoder, VariationalAutoencoder
from tfae._training.step import program


class _Counter:
    """Counts what goes through the compiled programs of this process: the work really done."""

    def __init__(self) -> None:
        self.steps = self.rows = 0

    def watch(self, train: Callable[..., Any]) -> Callable[..., Any]:
        def watched(program: Any, chunk: Any, *others: Any) -> Any:
            self.steps += chunk.n_steps
            self.rows += int(chunk.weight.sum())
            return train(program, chunk, *others)

        return watched

    def reset(self) -> None:
        self.steps = self.rows = 0


_counter = _Counter()
program.Program.train = _counter.watch(program.Program.train)  # type: ignore[method-assign]

_ENOUGH_TO_COMPILE = 100_000  # rows: programs do not depend on their number

# How the step runs: as tfae chooses, or as it is told.
_RULES = {
    "chosen": program.by_rule,
    "xla": lambda network: True,
    "executor": lambda network: False,
}


def plain(epochs: int, batch: int, **parameters: Any) -> dict[str, Any]:
    """The parameters of a training that does just what every other contender does."""
    return {
        "learning_rate_init": LEARNING_RATE,
        "batch_size": batch,
        "max_iter": epochs,
        "n_iter_no_change": epochs,
        "tol": 0.0,
        "early_stopping": False,
        "linear_path": False,
        "scaling": None,
        **parameters,
    }


def estimator(network: Network, **parameters: Any) -> Autoencoder:
    classes = {
        "dense": (Autoencoder, {"activation": "relu", "code_activation": "relu"}),
        "convolutional": (
            ConvolutionalAutoencoder,
            {"activation": "relu", "image_shape": (28, 28)},
        ),
        "variational": (
            VariationalAutoencoder,
            {"activation": "relu", "loss": "bernoulli", "kl_warm_up": 0},
        ),
    }
    kind, own = classes[network.kind]
    return kind(
        network.code,
        hidden_layer_sizes=network.hidden,
        dropout=network.dropout,
        batch_normalization=network.batch_normalization,
        **own,
        **parameters,
    )


class Fit(Run):
    task: Training

    def __init__(self, task: Training) -> None:
        super().__init__(task)
        need_device(task.device)
        noise = {"corruption": "gaussian", "corruption_level": task.noise} if task.noise else {}
        self._model = estimator(
            task.network, precision=task.precision, **plain(task.epochs, task.batch), **noise
        )
        try:
            self._model._validate_params()
        except InvalidParameterError as error:
            raise Skip(f"tfae has no precision={task.precision!r} yet") from error
        self._X = data.rows(task.data, task.n_rows)

    def warm_up(self) -> None:
        self.reset(0)
        self._model.fit(self._X[:_ENOUGH_TO_COMPILE])

    def reset(self, seed: int) -> None:
        program.by_rule = _RULES[self.task.execution]
        self._model.set_params(random_state=seed)
        _counter.reset()

    def run(self) -> None:
        self._model.fit(self._X)

    def work(self) -> Work:
        loss = squared_error(self._X, self._model.reconstruct(self._X[:CHECKED]))
        return Work(_counter.rows, _counter.steps, _counter.rows, loss)


class Fits(Run):
    """The tenth fit is where memory must have settled: those before it are not counted."""

    task: ManyFits

    def __init__(self, task: ManyFits) -> None:
        super().__init__(task)
        self._X = data.rows("digits", 1_797)

    def reset(self, seed: int) -> None:
        self._fit(range(10))

    def run(self) -> None:
        self._fit(range(10, self.task.n_fits))

    def _fit(self, numbers: range) -> None:
        for number in numbers:
            estimator(
                self.task.network,
                random_state=number,
                **plain(2, self.task.batch, learning_rate_init=1e-4 * (1 + number % 10)),
            ).fit(self._X[: 700 + 10 * (number % 100)]).transform(self._X)

    def work(self) -> Work:
        return Work(self.task.n_fits - 10)


class MemmapFit(Run):
    task: MemmapTraining

    def __init__(self, task: MemmapTraining) -> None:
        super().__init__(task)
        X = np.memmap(_file(task.file_bytes), np.float32, "r").reshape(-1, 784)
        n_rows = task.part_bytes // X[0].nbytes
        self._X = np.array(X[:n_rows]) if n_rows else X
        self._model = estimator(task.network, **plain(task.epochs, task.batch))

    def warm_up(self) -> None:
        self._model.fit(np.array(self._X[: 2 * self.task.batch]))

    def reset(self, seed: int) -> None:
        self._model.set_params(random_state=seed)
        _counter.reset()

    def run(self) -> None:
        self._model.fit(self._X)

    def work(self) -> Work:
        return Work(_counter.rows, _counter.steps, _counter.rows)


def _file(n_bytes: int) -> Path:
    """Write random rows into the run's own temporary folder, which goes when the run ends."""
    path = Path(tempfile.gettempdir(), f"rows-{n_bytes}.float32")
    if not path.exists():
        if shutil.disk_usage(path.parent).free < 1.1 * n_bytes:
            raise Skip(f"needs {n_bytes / 1e9:g} GB on the disk of {path.parent.parent}")
        rng, row_bytes = np.random.default_rng(0), 784 * 4
        unfinished = path.with_suffix(".part")
        with open(unfinished, "wb") as file:
            for _ in range(n_bytes // row_bytes // 1000):
                rng.random((1000, 784), np.float32).tofile(file)
        os.replace(unfinished, path)
    return path


class GridSearch(Run):
    task: Search

    def __init__(self, task: Search) -> None:
        super().__init__(task)
        self._X = data.rows("digits", 1_797)

    def reset(self, seed: int) -> None:
        _counter.reset()
        self._model = estimator(
            Network((32,), 8), random_state=seed, **plain(self.task.epochs, self.task.batch)
        )

    def run(self) -> None:
        self._error = search(self._model, self._X, self.task)

    def work(self) -> Work:
        return Work(1, _counter.steps, loss=self._error)


class Encode(Run):
    """With the scaling of the default, which none of the others has to do."""

    task: Transform

    def __init__(self, task: Transform) -> None:
        super().__init__(task)
        self._X = data.rows(task.data, task.n_rows)
        self._model = estimator(task.network, **plain(1, 256, scaling="global"))
        self._model.fit(data.rows(task.data, 1_000))

    def run(self) -> None:
        calls = [self._X] * self.task.calls
        if self.task.threads == 1:
            *_, self._codes = map(self._model.transform, calls)
            return
        with ThreadPoolExecutor(self.task.threads) as pool:
            *_, self._codes = pool.map(self._model.transform, calls)

    def work(self) -> Work:
        done = len(self._codes) * self.task.calls
        return Work(done, rows=done)


RUNS = {
    Training: Fit,
    ManyFits: Fits,
    MemmapTraining: MemmapFit,
    Search: GridSearch,
    Transform: Encode,
}
