"""PyTorch: the usual loop over rows in memory with fused Adam, eager or compiled; inference."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks import data
from benchmarks.contenders import CHECKED, Run, Skip, Work, sigmoid, squared_error
from benchmarks.tasks import LEARNING_RATE, Network, Training, Transform


def device_of(name: str) -> torch.device:
    if name == "gpu" and not torch.cuda.is_available():
        raise Skip("PyTorch sees no GPU")
    return torch.device("cuda" if name == "gpu" else "cpu")


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


class Variational(nn.Module):
    def __init__(self, network: Network, n_features: int) -> None:
        super().__init__()
        sizes = n_features, *network.hidden
        code, drop = network.code, network.dropout
        self.encoder = nn.Sequential(*_stack(sizes, drop), nn.Linear(sizes[-1], 2 * code))
        sizes = code, *reversed(network.hidden)
        self.decoder = nn.Sequential(*_stack(sizes, drop), nn.Linear(sizes[-1], n_features))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits and the divergence."""
        mean, log_variance = self.encoder(x).chunk(2, dim=-1)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1).mean() / 2
        code = mean
        if self.training:
            code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        return self.decoder(code), divergence


def _stack(sizes: tuple[int, ...], dropout: float = 0.0) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for given, units in pairwise(sizes):
        layers += [nn.Linear(given, units), nn.ReLU()]
        if dropout:
            layers.append(nn.Dropout(dropout))
    return layers


def _dense(network: Network, n_features: int) -> nn.Module:
    sizes = n_features, *network.hidden, network.code, *reversed(network.hidden)
    return nn.Sequential(*_stack(sizes), nn.Linear(sizes[-1], n_features))


def _convolutional(network: Network, n_features: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Unflatten(1, (1, 28, 28))]
    for given, filters in zip((1, *network.hidden), network.hidden, strict=False):
        layers += [nn.Conv2d(given, filters, 3, 2, 1), nn.ReLU()]
    side, last = 28 >> len(network.hidden), network.hidden[-1]
    n_units = side * side * last
    layers += [nn.Flatten(), nn.Linear(n_units, network.code)]
    layers += [nn.Linear(network.code, n_units), nn.ReLU(), nn.Unflatten(1, (last, side, side))]
    back = (*reversed(network.hidden), 1)
    for given, filters in pairwise(back):
        layers += [nn.ConvTranspose2d(given, filters, 3, 2, 1, 1), nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Flatten())


_NETWORKS: dict[str, Callable[[Network, int], nn.Module]] = {
    "dense": _dense,
    "convolutional": _convolutional,
    "variational": Variational,
}


class Fit(Run):
    task: Training

    def __init__(self, task: Training) -> None:
        super().__init__(task)
        self._device = device_of(task.device)
        self._rows = data.rows(task.data, task.n_rows)
        self._noise = task.noise * data.spread(self._rows)
        self._X = torch.from_numpy(self._rows).to(self._device)
        self._model = _NETWORKS[task.network.kind](task.network, self._X.shape[1])
        self._model.to(self._device)
        self._loss = self._compiled(self._objective)

    def _compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function

    def _precision(self) -> AbstractContextManager[Any]:
        if self.task.precision == "float32":
            return nullcontext()
        return torch.autocast(self._device.type, torch.bfloat16)

    def _objective(self, batch: torch.Tensor) -> torch.Tensor:
        given = batch + self._noise * torch.randn_like(batch) if self._noise else batch
        with self._precision():
            output = self._model(given)
        if self.task.network.kind == "variational":
            logits, divergence = output
            loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), batch)
            return loss + divergence / batch.shape[1]
        return nn.functional.mse_loss(output.float(), batch)

    def reset(self, seed: int) -> None:
        torch.manual_seed(seed)
        for parameter in self._model.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)
        self._model.train()
        self._optimizer = torch.optim.Adam(self._model.parameters(), lr=LEARNING_RATE, fused=True)
        self._n_steps = self._n_rows = 0

    def run(self) -> None:
        X, optimizer = self._X, self._optimizer
        for _ in range(self.task.epochs):
            for index in torch.randperm(len(X), device=self._device).split(self.task.batch):
                optimizer.zero_grad()
                self._loss(X[index]).backward()
                optimizer.step()
                self._n_steps += 1
                self._n_rows += len(index)
        synchronize()

    def work(self) -> Work:
        self._model.eval()
        with torch.inference_mode(), self._precision():
            output = self._model(self._X[:CHECKED])
        variational = self.task.network.kind == "variational"
        output = (output[0] if variational else output).float().cpu().numpy()
        loss = squared_error(self._rows, sigmoid(output) if variational else output)
        return Work(self._n_rows, self._n_steps, self._n_rows, loss)


class CompiledFit(Fit):
    def _compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        # What was compiled for another case counts towards a limit, after which it would be eager.
        torch.compiler.reset()
        torch._dynamo.config.fail_on_recompile_limit_hit = True
        # Two shapes, the last batch having another, are faster than one that is open.
        return torch.compile(function, dynamic=False)

    def warm_up(self) -> None:
        try:
            super().warm_up()
        except torch._inductor.exc.InvalidCxxCompiler as error:
            raise Skip("torch.compile finds no C++ compiler") from error


class Inference(Run):
    task: Transform

    def __init__(self, task: Transform) -> None:
        super().__init__(task)
        self._X = data.rows(task.data, task.n_rows)
        sizes = self._X.shape[1], *task.network.hidden, task.network.code
        self._model = nn.Sequential(*_stack(sizes)).eval()

    def run(self) -> None:
        with torch.inference_mode():
            for _ in range(self.task.calls):
                # Blocks that stay in the cache: faster than all rows at once.
                blocks = torch.from_numpy(self._X).split(4096)
                self._codes: np.ndarray = torch.cat([self._model(x) for x in blocks]).numpy()

    def work(self) -> Work:
        done = len(self._codes) * self.task.calls
        return Work(done, rows=done)


EAGER = {Training: Fit, Transform: Inference}
COMPILED = {Training: CompiledFit}
