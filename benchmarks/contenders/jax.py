"""JAX: a hand-written Adam, an epoch as one `lax.scan` or step by step, whichever is faster."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import data
from benchmarks.contenders import CHECKED, Run, Skip, Work, sigmoid, squared_error
from benchmarks.contenders._fastest import fastest
from benchmarks.tasks import LEARNING_RATE, Training

DECAY_1, DECAY_2, EPSILON = 0.9, 0.999, 1e-7


class Fit(Run):
    task: Training

    def __init__(self, task: Training) -> None:
        super().__init__(task)
        if task.device == "gpu" and jax.default_backend() != "gpu":
            raise Skip("JAX sees no GPU")
        self._rows = data.rows(task.data, task.n_rows)
        self._X = jnp.asarray(self._rows)
        self._noise = task.noise * data.spread(self._rows)
        self._dtype = jnp.float32 if task.precision == "float32" else jnp.bfloat16
        self._step = jax.jit(self._update, donate_argnums=0)
        self._scan = jax.jit(self._whole_batches, donate_argnums=0)
        self.reset(0)
        ways = {"scan": self._epoch_by_scan, "steps": self._epoch_by_steps}
        self._epoch = ways[fastest(ways, task.tuned)]

    def reset(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        # The fastest of its generators on a CPU.
        self._key = jax.random.key(seed, impl="rbg")
        weights = [
            (_glorot(self._rng, *shape), np.zeros(shape[1], np.float32))
            for shape in self.task.network.products(self._X.shape[1])
        ]
        zeros = jax.tree.map(np.zeros_like, weights)
        self._state = jax.device_put((weights, zeros, zeros, np.float32(0)))
        self._n_rows = 0
        self._losses: list[Any] = []

    def run(self) -> None:
        for _ in range(self.task.epochs):
            self._epoch()
        jax.block_until_ready((self._state, self._losses))

    def _epoch_by_scan(self) -> None:
        order, rest = self._order()
        self._state, losses = self._scan(self._state, self._X, order, self._next_key())
        self._losses.append(losses)
        if len(rest):
            self._take_step(rest)

    def _epoch_by_steps(self) -> None:
        order, rest = self._order()
        for index in (*order, *([rest] if len(rest) else [])):
            self._take_step(index)

    def _take_step(self, index: np.ndarray) -> None:
        self._state, loss = self._step(self._state, self._X, index, self._next_key())
        self._losses.append(loss)

    def _order(self) -> tuple[np.ndarray, np.ndarray]:
        order = self._rng.permutation(len(self._X)).astype(np.int32)
        self._n_rows += len(order)
        whole = len(order) - len(order) % self.task.batch
        return order[:whole].reshape(-1, self.task.batch), order[whole:]

    def _next_key(self) -> Any:
        if not (self._noise or self.task.network.kind == "variational"):
            return self._key  # nobody draws from it
        self._key, key = jax.random.split(self._key)
        return key

    def _whole_batches(self, state: Any, X: Any, order: Any, key: Any) -> Any:
        def step(state: Any, batch: Any) -> tuple[Any, Any]:
            number, index = batch
            return self._update(state, X, index, jax.random.fold_in(key, number))

        return jax.lax.scan(step, state, (jnp.arange(len(order)), order))

    def _update(self, state: Any, X: Any, index: Any, key: Any) -> tuple[Any, Any]:
        """Take a step. Its loss comes too: XLA would leave out what nobody asks for."""
        weights, first, second, step = state
        loss, gradients = jax.value_and_grad(self._objective)(weights, X[index], key)
        step = step + 1
        first = jax.tree.map(lambda m, g: DECAY_1 * m + (1 - DECAY_1) * g, first, gradients)
        second = jax.tree.map(lambda v, g: DECAY_2 * v + (1 - DECAY_2) * g * g, second, gradients)
        rate = LEARNING_RATE * jnp.sqrt(1 - DECAY_2**step) / (1 - DECAY_1**step)
        weights = jax.tree.map(
            lambda w, m, v: w - rate * m / (jnp.sqrt(v) + EPSILON), weights, first, second
        )
        return (weights, first, second, step), loss

    def _objective(self, weights: Any, x: Any, key: Any) -> Any:
        if self.task.network.kind == "variational":
            return self._evidence(weights, x, key)
        given = x + self._noise * jax.random.normal(key, x.shape) if self._noise else x
        return jnp.square(self._stack(weights, given) - x).mean()

    def _evidence(self, weights: Any, x: Any, key: Any) -> Any:
        draw, drop_1, drop_2 = jax.random.split(key, 3)
        encoder, decoder = self._sides(weights)
        mean, log_variance = jnp.split(self._stack(encoder, x, drop_1), 2, axis=-1)
        divergence = (mean**2 + jnp.exp(log_variance) - 1 - log_variance).sum(-1).mean() / 2
        code = mean + jnp.exp(log_variance / 2) * jax.random.normal(draw, mean.shape)
        logits = self._stack(decoder, code, drop_2)
        loss = (jax.nn.softplus(logits) - x * logits).mean()
        return loss + divergence / x.shape[1]

    def _sides(self, weights: Any) -> tuple[Any, Any]:
        n_layers = len(self.task.network.hidden) + 1
        return weights[:n_layers], weights[n_layers:]

    def _stack(self, weights: Any, x: Any, key: Any = None) -> Any:
        """Run dense layers, ReLU but for the last; dropout where there is a key for it."""
        for number, (kernel, bias) in enumerate(weights):
            x = x.astype(self._dtype) @ kernel.astype(self._dtype) + bias.astype(self._dtype)
            if number < len(weights) - 1:
                x = jax.nn.relu(x)
                x = x if key is None else self._dropped(x, jax.random.fold_in(key, number))
        return x.astype(jnp.float32)

    def _dropped(self, x: Any, key: Any) -> Any:
        keep = 1 - self.task.network.dropout
        return jnp.where(jax.random.bernoulli(key, keep, x.shape), x / keep, 0)

    def work(self) -> Work:
        weights, _, _, steps = self._state
        output = self._reconstructed(weights, self._X[:CHECKED])
        return Work(self._n_rows, int(steps), self._n_rows, squared_error(self._rows, output))

    def _reconstructed(self, weights: Any, x: Any) -> np.ndarray:
        if self.task.network.kind == "dense":
            return np.asarray(self._stack(weights, x))
        encoder, decoder = self._sides(weights)
        mean, _ = jnp.split(self._stack(encoder, x), 2, axis=-1)
        return sigmoid(np.asarray(self._stack(decoder, mean)))


def _glorot(rng: np.random.Generator, given: int, units: int) -> np.ndarray:
    bound = np.sqrt(6 / (given + units))
    return rng.uniform(-bound, bound, (given, units)).astype(np.float32)


RUNS = {Training: Fit}
