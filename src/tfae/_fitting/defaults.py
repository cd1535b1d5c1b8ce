"""What ``"auto"`` stands for: the rules by which parameters follow from the shape of the data.

With a linear path they are those of docs/defaults.md, chosen on rows of the training sets of
``benchmarks/quality``. Without one they are fixed: a network that starts from nothing is what
papers describe, and there a user sets what they say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfae._networks.activations import get_activation
from tfae._objective.losses import LOSSES
from tfae._objective.penalties import NO_PENALTY, find_penalty
from tfae._support.typing import Array

# Features from which a step costs so much more that fewer are taken.
_WIDE = 256
# With fewer rows the held-out ones are too few to tell what a training gains.
_FEW = 5000
_LINEAR = ("auto", "identity", "linear")
# PCA of hardly more rows than components leaves next to nothing over, and what it leaves over is
# the unit of all corrections: digits in batches of 20 rows and 16 components train well, of 17 not.
_ROWS_A_COMPONENT = 1.25

# Without a linear path, whatever the data are.
_PURE: dict[str, Any] = {
    "hidden_layer_sizes": (256, 128),
    "activation": "relu",
    "batch_size": 256,
    "max_iter": 100,
    "learning_rate_init": 0.001,
    "early_stopping": False,
    "n_iter_no_change": 10,
    "validation_fraction": 0.1,
    "refit": False,
}


def settings(
    params: Mapping[str, Any], n_rows: int, n_features: int, linear_path: bool
) -> dict[str, Any]:
    """Return what "auto" parameters stand for, with a linear path or without."""
    warm_start = bool(params["warm_start"])
    rules = _with_linear_path(n_rows, n_features, warm_start) if linear_path else _PURE
    chosen = {name: value for name, value in rules.items() if is_auto(params[name])}
    # On few rows trained linear maps fit luck: of some 200 fits on small tables four lost to PCA.
    correction = linear_path and n_rows >= _FEW
    return {**chosen, "linear_path": linear_path, "linear_correction": correction}


def is_auto(value: Any) -> bool:
    """Whether a parameter is left to the rules."""
    return isinstance(value, str) and value == "auto"


def has_linear_path(params: Mapping[str, Any]) -> bool:
    """Whether there is a linear path, by what suits the other parameters if that is "auto"."""
    if is_auto(params["linear_path"]):
        return wants_linear_path(params)
    return bool(params["linear_path"])


def least_rows(n_components: int, n_features: int) -> int:
    """Return how many rows a first batch must have for a linear path, if others follow."""
    return math.ceil(_ROWS_A_COMPONENT * min(n_components, n_features))


def wants_linear_path(params: Mapping[str, Any]) -> bool:
    """Whether a linear path suits the other parameters: the plain code, the plain output."""
    return (
        params["architecture"] == "dense"
        and not params["tied"]
        and params["corruption"] is None  # a lossless linear code would leave nothing to clean
        and find_penalty(params["penalty"]) is NO_PENALTY
        and not LOSSES.find(params["loss"]).from_logits
        and all(
            params[name] in _LINEAR or get_activation(params[name], name).keras_name == "linear"
            for name in ("code_activation", "output_activation")
        )
    )


def _with_linear_path(n_rows: int, n_features: int, warm_start: bool) -> dict[str, Any]:
    batch = batch_size(n_rows, n_features)
    return {
        "hidden_layer_sizes": hidden_layer_sizes(n_features),
        "activation": "gelu",
        "batch_size": batch,
        "max_iter": max_iter(n_rows, n_features, batch),
        "learning_rate_init": 0.002,
        "early_stopping": True,
        "n_iter_no_change": 10,
        "validation_fraction": float(np.clip(100 / max(1, n_rows), 0.1, 0.3)),
        # Rows that a later fit holds out must be none that this one trained on.
        "refit": n_rows < _FEW and not warm_start,
    }


def usable_batch_size(batch_size: int, n_rows: int) -> int:
    """Cut a batch that is far larger than the data, to one of few sizes: each is compiled."""
    return min(batch_size, max(1024, 1 << (n_rows - 1).bit_length()))


def batch_size(n_rows: int, n_features: int) -> int:
    """Return a power of two, for 100 steps an epoch or more: 32 to 256, or to 64 for wide rows."""
    largest = 256 if n_features <= _WIDE else 64
    return int(np.clip(1 << int(np.log2(max(1, n_rows / 100))), 32, largest))


def max_iter(n_rows: int, n_features: int, batch: int) -> int:
    """Return the epochs that make 12,000 steps, or 4,000 if rows are wide: between 20 and 300."""
    steps = 12_000 if n_features <= _WIDE else 4_000
    return int(np.clip(round(steps * batch / max(1, n_rows)), 20, 300))


def hidden_layer_sizes(n_features: int) -> tuple[int, int]:
    """Return four units a feature, from 128 to 1,024, and half of them but at most 256.

    Fewer, but 64, where the first layer would have more than 400,000 weights; always a multiple of
    32, rounded down.
    """
    first = min(np.clip(4 * n_features, 128, 1024), max(64, 400_000 // n_features))
    first = 32 * int(first // 32)
    return first, min(256, first // 2)


def annealed(peak: float, n_steps: int) -> Callable[[Any], Array]:
    """Return a learning rate that rises over the first steps and falls to 0 as a cosine."""
    n_rising = max(1, min(100, n_steps // 20))

    def rate(step: Any) -> Array:
        step = np.asarray(step, np.float64)
        rising = (step + 1) / n_rising
        falling = 0.5 * (1 + np.cos(np.pi * np.minimum(step / n_steps, 1.0)))
        return peak * np.minimum(rising, falling)

    return rate
