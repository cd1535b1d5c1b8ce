"""The observer that reports every epoch to scikit-learn's own callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfae._training.callbacks import Logs, Observer


class SklearnCallbacks(Observer):
    """Reports every epoch as a task of scikit-learn's callback protocol (1.9, experimental).

    Parameters
    ----------
    estimator : estimator
        The estimator that has the callbacks.
    max_iter : int
    fitted : callable
        Returns the attributes that the estimator would have if the training ended now.
    """

    def __init__(self, estimator: Any, max_iter: int, fitted: Callable[[], dict[str, Any]]) -> None:
        self._estimator = estimator
        self._fitted = fitted
        self._context = estimator._init_callback_context(max_subtasks=max_iter)
        self._epoch: Any = None

    def on_train_begin(self) -> None:
        self._context.call_on_fit_task_begin(estimator=self._estimator)

    def on_epoch_begin(self, epoch: int) -> float | None:
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self._estimator)
        return None

    def on_epoch_end(self, epoch: int, logs: Logs) -> bool:
        stop = self._epoch.call_on_fit_task_end(
            estimator=self._estimator,
            metadata={"logs": logs},
            reconstruction_attributes=self._fitted,
        )
        return bool(stop)

    def on_train_end(self, logs: Logs) -> None:
        self._context.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=self._fitted
        )
