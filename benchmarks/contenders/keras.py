"""Keras: `fit` and `predict` as they come, and with the settings that are fastest on the task."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from benchmarks import data
from benchmarks.contenders import Run, Work
from benchmarks.contenders._fastest import fastest
from benchmarks.contenders._models import build, final_loss, loss_of, redraw
from benchmarks.contenders._search import search
from benchmarks.contenders._tensorflow import keras, need_device
from benchmarks.tasks import LEARNING_RATE, Network, Search, Training, Transform


class Fit(Run):
    task: Training

    def __init__(self, task: Training) -> None:
        super().__init__(task)
        need_device(task.device)
        self._X = data.rows(task.data, task.n_rows)
        self._model = build(task, self._X)
        self._compile()

    def _compile(self, **settings: Any) -> None:
        optimizer = keras.optimizers.Adam(LEARNING_RATE)
        self._model.compile(optimizer, loss_of(self.task.network), **settings)

    def reset(self, seed: int) -> None:
        # The same compiled model again: building anew would compile anew.
        redraw(self._model, self._model.optimizer, seed)

    def run(self) -> None:
        self._fit(self.task.epochs)

    def _fit(self, epochs: int) -> None:
        self._model.fit(self._X, self._X, batch_size=self.task.batch, epochs=epochs, verbose=0)

    def work(self) -> Work:
        rows = len(self._X) * self.task.epochs
        steps = int(self._model.optimizer.iterations)
        return Work(rows, steps, rows, final_loss(self.task.network, self._model, self._X))


class BestFit(Fit):
    """One XLA program a step or TensorFlow's executor, 50 steps a call."""

    def _compile(self) -> None:
        steps = min(50, -(-len(self._X) // self.task.batch))

        def way(xla: bool) -> None:
            super(BestFit, self)._compile(jit_compile=xla, steps_per_execution=steps)

        def trial(xla: bool) -> None:
            if self._tried != xla:
                way(xla)
                self._tried = xla
            self._fit(1)

        self._tried: bool | None = None
        ways = {"xla": lambda: trial(True), "executor": lambda: trial(False)}
        way(fastest(ways, self.task.tuned) == "xla")


class GridSearch(Run):
    task: Search

    def __init__(self, task: Search) -> None:
        super().__init__(task)
        self._X = data.rows("digits", 1_797)

    def reset(self, seed: int) -> None:
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        Wrapper.steps = 0
        self._model = Wrapper(epochs=self.task.epochs, batch_size=self.task.batch)

    def run(self) -> None:
        self._error = search(self._model, self._X, self.task)

    def work(self) -> Work:
        return Work(1, Wrapper.steps, loss=self._error)


class Wrapper(BaseEstimator):
    """A Keras model as an estimator, the way users write it."""

    steps = 0  # of all of them

    def __init__(
        self,
        hidden_layer_sizes: tuple[int, ...] = (32,),
        n_components: int = 8,
        learning_rate_init: float = LEARNING_RATE,
        epochs: int = 1,
        batch_size: int = 32,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.n_components = n_components
        self.learning_rate_init = learning_rate_init
        self.epochs = epochs
        self.batch_size = batch_size

    def fit(self, X: np.ndarray, y: None = None) -> Wrapper:
        network = Network(self.hidden_layer_sizes, self.n_components)
        self.model_ = build(Training(network=network, batch=self.batch_size), X)
        self.model_.compile(keras.optimizers.Adam(self.learning_rate_init), "mse")
        self.model_.fit(X, X, batch_size=self.batch_size, epochs=self.epochs, verbose=0)
        Wrapper.steps += int(self.model_.optimizer.iterations)
        return self

    def reconstruct(self, X: np.ndarray) -> np.ndarray:
        return np.asarray(self.model_(X))  # `predict` would compile first


class Predict(Run):
    task: Transform
    batch = 32  # Keras's own

    def __init__(self, task: Transform) -> None:
        super().__init__(task)
        self._X = data.rows(task.data, task.n_rows)
        sizes = [*task.network.hidden, task.network.code]
        self._model = keras.Sequential(
            [keras.Input((self._X.shape[1],)), *(keras.layers.Dense(n, "relu") for n in sizes)]
        )

    def run(self) -> None:
        for _ in range(self.task.calls):
            self._codes = self._model.predict(self._X, batch_size=self.batch, verbose=0)

    def work(self) -> Work:
        done = len(self._codes) * self.task.calls
        return Work(done, rows=done)


class BestPredict(Predict):
    batch = 4096


DEFAULT = {Training: Fit, Search: GridSearch, Transform: Predict}
BEST = {Training: BestFit, Transform: BestPredict}
