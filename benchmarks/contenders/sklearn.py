"""scikit-learn: a regression of X on X, and PCA as the cheapest code there is."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from benchmarks import data
from benchmarks.contenders import CHECKED, Run, Skip, Work, squared_error
from benchmarks.tasks import LEARNING_RATE, Training, Transform


class Fit(Run):
    task: Training

    def __init__(self, task: Training) -> None:
        super().__init__(task)
        if task.device == "gpu":
            raise Skip("scikit-learn's networks run on the CPU only")
        self._X = data.rows(task.data, task.n_rows)

    def reset(self, seed: int) -> None:
        network, epochs = self.task.network, self.task.epochs
        self._model = MLPRegressor(
            hidden_layer_sizes=(*network.hidden, network.code, *reversed(network.hidden)),
            alpha=0.0,
            batch_size=self.task.batch,
            learning_rate_init=LEARNING_RATE,
            max_iter=epochs,
            tol=0.0,
            n_iter_no_change=epochs,
            random_state=seed,
        )

    def run(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._model.fit(self._X, self._X)

    def work(self) -> Work:
        loss = squared_error(self._X, self._model.predict(self._X[:CHECKED]))
        return Work(self._model.t_, self._model._optimizer.t, self._model.t_, loss)


class Project(Run):
    task: Transform

    def __init__(self, task: Transform) -> None:
        super().__init__(task)
        self._X = data.rows(task.data, task.n_rows)
        self._model = PCA(task.network.code, random_state=0).fit(data.rows(task.data, 1_000))

    def run(self) -> None:
        for _ in range(self.task.calls):
            self._codes: np.ndarray = self._model.transform(self._X)

    def work(self) -> Work:
        done = len(self._codes) * self.task.calls
        return Work(done, rows=done)


RUNS = {Training: Fit}
PCA_RUNS = {Transform: Project}
