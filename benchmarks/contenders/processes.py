"""Whole processes, from the start of Python to its end."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import data
from benchmarks.contenders import Run, Work
from benchmarks.contenders.tfae import estimator, plain
from benchmarks.tasks import NewProcess

_UNPICKLE = """
import pickle, sys
import numpy as np
with open(sys.argv[1], "rb") as file:
    model = pickle.load(file)
assert model.transform(np.load(sys.argv[2])).shape[1] == model.n_components_
"""


class _Process(Run):
    task: NewProcess

    def __init__(self, task: NewProcess) -> None:
        super().__init__(task)
        self._arguments = self._prepare()

    def _prepare(self) -> list[str]:
        raise NotImplementedError

    def run(self) -> None:
        subprocess.run(
            [sys.executable, "-c", *self._arguments], check=True, stderr=subprocess.DEVNULL
        )

    def work(self) -> Work:
        return Work(1)


class Import(_Process):
    def _prepare(self) -> list[str]:
        return [f"import {self.task.module}"]


class Unpickle(_Process):
    """A process that unpickles a fitted model and encodes rows."""

    def _prepare(self) -> list[str]:
        X = data.rows("mnist", self.task.n_rows)
        folder = Path(tempfile.mkdtemp())
        model, rows = folder / "model.pickle", folder / "rows.npy"
        fitted = estimator(self.task.network, **plain(1, 256, scaling="global")).fit(X)
        model.write_bytes(pickle.dumps(fitted))
        np.save(rows, X)
        return [_UNPICKLE, str(model), str(rows)]


IMPORT = {NewProcess: Import}
UNPICKLE = {NewProcess: Unpickle}
