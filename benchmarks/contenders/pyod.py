"""PyOD's autoencoder, with everything switched off that the others do not do."""

from __future__ import annotations

import numpy as np
import torch
from pyod.models.auto_encoder import AutoEncoder

from benchmarks import data
from benchmarks.contenders import CHECKED, Run, Work, squared_error
from benchmarks.contenders.torch import device_of
from benchmarks.tasks import LEARNING_RATE, Training


class Same(AutoEncoder):
    """Keeps the last batch, which PyOD leaves out; scores no rows, for only training is timed."""

    n_steps = n_rows = 0

    def train(self, train_loader: torch.utils.data.DataLoader) -> None:
        super().train(
            torch.utils.data.DataLoader(train_loader.dataset, self.batch_size, shuffle=True)
        )

    def training_forward(self, batch_data: torch.Tensor) -> float:
        self.n_steps += 1
        self.n_rows += len(batch_data)
        return super().training_forward(batch_data)

    def decision_function(self, X: np.ndarray, batch_size: int | None = None) -> np.ndarray:
        return np.zeros(len(X))


class Fit(Run):
    task: Training

    def __init__(self, task: Training) -> None:
        super().__init__(task)
        self._device = device_of(task.device)
        self._X = data.rows(task.data, task.n_rows)

    def reset(self, seed: int) -> None:
        self._model = Same(
            hidden_neuron_list=[*self.task.network.hidden, self.task.network.code],
            epoch_num=self.task.epochs,
            batch_size=self.task.batch,
            lr=LEARNING_RATE,
            device=self._device,
            random_state=seed,
            preprocessing=False,
            batch_norm=False,
            dropout_rate=0.0,
            optimizer_params={},
            verbose=0,
        )

    def run(self) -> None:
        self._model.fit(self._X)

    def work(self) -> Work:
        self._model.model.eval()
        with torch.inference_mode():
            rows = torch.from_numpy(self._X[:CHECKED]).to(self._device)
            output = self._model.model(rows).cpu().numpy()
        rows_seen = self._model.n_rows
        return Work(rows_seen, self._model.n_steps, rows_seen, squared_error(self._X, output))


RUNS = {Training: Fit}
