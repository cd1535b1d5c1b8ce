"""Observers of a training: Keras callbacks, printed lines and others.

The epoch loop knows only :class:`Observer`, none of its subclasses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfae._support.tensorflow import keras
from tfae._training.step.program import Program

Logs = dict[str, float]


class Observer:
    """Watches a training, and may end it. The methods of this base class do nothing."""

    def on_train_begin(self) -> None:
        """Training begins."""

    def on_epoch_begin(self, epoch: int) -> float | None:
        """An epoch begins; a number returned is the learning rate from now on."""
        return None

    def on_chunk_end(self, step: int, logs: Logs) -> None:
        """The device has finished a chunk; `step` is the number of its last batch."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> bool:
        """An epoch ends; True ends the training."""
        return False

    def on_train_end(self, logs: Logs) -> None:
        """Training ends normally."""

    def close(self) -> None:
        """Training is over, however it ended."""


class PrintedLines(Observer):
    """Prints a line for every epoch."""

    def __init__(self, max_iter: int) -> None:
        self._max_iter = max_iter

    def on_epoch_end(self, epoch: int, logs: Logs) -> bool:
        values = ", ".join(f"{name} {value:.6g}" for name, value in logs.items())
        print(f"Epoch {epoch + 1}/{self._max_iter}: {values}")
        return False


def check_keras_callbacks(callbacks: Sequence[Any]) -> None:
    """Raise if something in ``callbacks`` is no Keras callback."""
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise ValueError(
                f"'callbacks' must be instances of keras.callbacks.Callback. Got {callback!r}."
            )


def unknown_monitor(callbacks: Sequence[Any], recorded: Sequence[str]) -> tuple[Any, str] | None:
    """Return the first Keras callback whose ``monitor`` will never have a value, and the monitor.

    Such a callback warns after every epoch and does nothing else. A callback of the user's may
    write values of its own to the logs, so nothing is known of those that come after it.
    """
    for callback in callbacks:
        if not getattr(callback.on_epoch_end, "__module__", "").startswith("keras."):
            return None
        monitor = getattr(callback, "monitor", None)
        if not isinstance(monitor, str) or not getattr(callback, "save_best_only", True):
            continue  # it reads no value, like a checkpoint of every epoch
        if monitor not in (*recorded, "learning_rate"):  # which a scheduler writes to the logs
            return callback, monitor
    return None


class KerasCallbacks(Observer):
    """Passes everything on to Keras callbacks. Their model is the program's live one.

    As with Keras's ``steps_per_execution``, the batch methods are called once for every run of the
    compiled program. A callback may set ``model.stop_training`` and
    ``model.optimizer.learning_rate``.
    """

    def __init__(
        self, callbacks: Sequence[Any], program: Program, learning_rate: float, **params: int
    ) -> None:
        self._model = program.model
        self._model.compile(keras.optimizers.SGD(learning_rate), jit_compile=False)
        self._model.stop_training = False
        self._rate = self._current_rate()
        self._callbacks = keras.callbacks.CallbackList(
            list(callbacks),
            model=self._model,
            steps=None,  # unknown in advance, as in Keras with a generator; some callbacks ask
            **params,
        )

    def _current_rate(self) -> float:
        return float(self._model.optimizer.learning_rate)

    def on_train_begin(self) -> None:
        self._callbacks.on_train_begin()

    def on_epoch_begin(self, epoch: int) -> float | None:
        self._callbacks.on_epoch_begin(epoch)
        before, self._rate = self._rate, self._current_rate()
        return self._rate if self._rate != before else None

    def on_chunk_end(self, step: int, logs: Logs) -> None:
        self._callbacks.on_train_batch_begin(step)
        self._callbacks.on_train_batch_end(step, logs)

    def on_epoch_end(self, epoch: int, logs: Logs) -> bool:
        self._callbacks.on_epoch_end(epoch, dict(logs))
        return bool(self._model.stop_training)

    def on_train_end(self, logs: Logs) -> None:
        self._callbacks.on_train_end(dict(logs))

    def close(self) -> None:
        # The model goes to another fit: a callback that kept it would see the weights of that fit.
        for callback in self._callbacks.callbacks:
            callback.set_model(None)
