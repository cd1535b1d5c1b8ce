"""Warnings that name the user's line, however many frames lie between it and the cause."""

from __future__ import annotations

import inspect
import warnings

# Frames of these packages are passed over: scikit-learn calls `fit` for pipelines, searches and
# callbacks.
_PASSED_OVER = frozenset({"tfae", "sklearn", "joblib"})


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost line that is neither the package's own nor scikit-learn's."""
    frame = inspect.currentframe()
    level = 0
    while frame is not None and _package(frame.f_globals) in _PASSED_OVER:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level + 1)


def _package(names: dict[str, object]) -> str:
    return str(names.get("__name__", "")).partition(".")[0]
