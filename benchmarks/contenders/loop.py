"""What an experienced user of TensorFlow writes: a training loop over `tf.data` in one function."""

from __future__ import annotations

from typing import Any

from benchmarks import data
from benchmarks.contenders import Run, Work
from benchmarks.contenders._fastest import fastest
from benchmarks.contenders._models import build, final_loss, loss_of, redraw
from benchmarks.contenders._tensorflow import keras, need_device, tf
from benchmarks.tasks import LEARNING_RATE, Training


class Fit(Run):
    """The step is one XLA program or runs in TensorFlow's executor, whichever is faster."""

    task: Training

    def __init__(self, task: Training) -> None:
        super().__init__(task)
        need_device(task.device)
        self._X = data.rows(task.data, task.n_rows)
        self._model = build(task, self._X)
        self._optimizer = keras.optimizers.Adam(LEARNING_RATE)
        self._optimizer.build(self._model.trainable_variables)
        self._loss = keras.losses.get(loss_of(task.network))
        self._epochs = {"xla": self._compiled(True), "executor": self._compiled(False)}
        self._epoch = self._epochs[fastest(self._epochs, task.tuned)]

    def _compiled(self, xla: bool) -> Any:
        rows, n_rows = tf.constant(self._X), len(self._X)
        # Numbers are shuffled, not rows, which are gathered a batch at a time.
        batches = (
            tf.data.Dataset.range(n_rows)
            .shuffle(n_rows)
            .batch(self.task.batch)
            .map(lambda index: tf.gather(rows, index))
            .prefetch(tf.data.AUTOTUNE)
        )
        step = tf.function(self._step, jit_compile=xla)

        @tf.function
        def epoch() -> Any:
            total = 0.0
            for batch in batches:
                total += step(batch)
            return total

        return epoch

    def _step(self, batch: Any) -> Any:
        with tf.GradientTape() as tape:
            output = self._model(batch, training=True)
            loss = tf.reduce_mean(self._loss(batch, output)) + sum(self._model.losses)
        variables = self._model.trainable_variables
        self._optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    def reset(self, seed: int) -> None:
        redraw(self._model, self._optimizer, seed)

    def run(self) -> None:
        for _ in range(self.task.epochs):
            self._epoch()
        self._optimizer.iterations.numpy()  # waits for the device

    def work(self) -> Work:
        rows = len(self._X) * self.task.epochs
        steps = int(self._optimizer.iterations)
        return Work(rows, steps, rows, final_loss(self.task.network, self._model, self._X))


RUNS = {Training: Fit}
