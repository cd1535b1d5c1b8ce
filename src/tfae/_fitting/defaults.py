"""The values of ``"auto"`` parameters: the rules by which they follow from the shape of the data.

The rules are those of docs/defaults.md, chosen on rows of the training sets of
``benchmarks/quality``. Without a linear path fewer values follow the data, because papers describe
such networks, and users then set what the papers say.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np

from tfae._fitting.noise_parameters import range_of
from tfae._networks.activations import get_activation
from tfae._networks.architectures.registry import own_sizes
from tfae._objective.corruptions import Pairs
from tfae._objective.losses import LOSSES
from tfae._objective.penalties import NO_PENALTY, find_penalty
from tfae._support.typing import Array, Params

# With more features a step costs so much more that fewer steps are taken.
_WIDE = 256
# With fewer rows, the held-out ones are too few to measure the gain of a training.
_FEW = 5000
_LINEAR = ("auto", "identity", "linear")
# PCA of hardly more rows than components leaves almost no residual, and the residual is the unit of
# all corrections: digits with 16 components train well in batches of 20 rows, but not of 17.
_ROWS_A_COMPONENT = 1.25

# The noise of a denoiser, as far as nothing is said about it.
_NOISE, _LEVEL = "gaussian", 0.25
# The sizes of dense layers without a linear path, and their epochs on few rows.
_PURE_SIZES, _PURE_EPOCHS = (256, 128), 100


def settings(
    params: Params, n_rows: int, n_features: int, linear_path: bool, mixed: bool = False
) -> dict[str, Any]:
    """Return the values of "auto" parameters, with or without a linear path.

    `mixed` says whether the rows come from columns of several kinds, which share no unit.
    """
    rules = _rules(params, n_rows, n_features, linear_path)
    rules["scaling"] = "standard" if mixed else "global"
    chosen = {name: value for name, value in rules.items() if is_auto(params[name])}
    chosen |= _corruption(params)
    chosen |= _output_range(params, linear_path and not mixed)
    if is_auto(params["keep_neighbors"]):
        chosen["keep_neighbors"] = linear_path and _says_nothing(params)
    # On few rows, trained linear maps overfit: of some 200 fits on small tables four lost to PCA.
    correction = linear_path and n_rows >= _FEW
    return {**chosen, "linear_path": linear_path, "linear_correction": correction}


def _rules(params: Params, n_rows: int, n_features: int, linear_path: bool) -> dict[str, Any]:
    if linear_path:
        rules = _with_linear_path(params, n_rows, n_features)
    else:
        rules = _without_linear_path(params, n_rows, n_features)
        rules["hidden_layer_sizes"] = _as_wide_as_the_code(params)
    own = own_sizes(params["architecture"])
    return rules if own is None else {**rules, "hidden_layer_sizes": own}


def _corruption(params: Params) -> dict[str, Any]:
    """Return what is meant by noise of which only a part is said, or nothing."""
    if params["corruption"] is None or isinstance(params["corruption"], Pairs):
        return {}
    if has_only_noisy_rows(params):
        return _noise_of_rows(params)
    kind = {"corruption": _NOISE} if is_auto(params["corruption"]) else {}
    level = {"corruption_level": _LEVEL} if params["corruption_level"] is None else {}
    return kind | level


def _output_range(params: Params, takes_sensors: bool) -> dict[str, Any]:
    """Return the range of a sensor as that of rebuilt rows, and no scaling beside a range.

    Without a linear path a network learns badly in a range that is much wider than the rows.
    """
    if not is_auto(params["scaling"]):
        return {}
    if params["output_range"] is not None:
        return {"scaling": None}
    is_open = is_auto(params["output_activation"]) and not LOSSES.find(params["loss"]).from_logits
    is_told = params["corruption_range"] is not None and not has_only_noisy_rows(params)
    if not (takes_sensors and is_told and is_open):
        return {}
    return {"output_range": range_of(params, "corruption_range"), "scaling": None}


def has_only_noisy_rows(params: Params) -> bool:
    """Whether there are no clean rows to learn from; most estimators have no such parameter."""
    return bool(params.get("training_rows", "clean") == "noisy")


def _noise_of_rows(params: Params) -> dict[str, Any]:
    """Return the kind of noise that noisy rows have, and "auto" for a level to be estimated.

    Only for hidden entries, None says that the noise may be of any size.
    """
    kind = "thinning" if params["loss"] == "poisson" else _NOISE
    chosen = {"corruption": kind} if is_auto(params["corruption"]) else {}
    level = params["corruption_level"]
    gaussian = {**params, **chosen}["corruption"] == "gaussian"
    if is_auto(level) or (level is None and gaussian):
        return {**chosen, "corruption_level": "auto", "corruption_unit": "data"}
    return chosen


def _says_nothing(params: Params) -> bool:
    """Whether nothing is said about noise, an encoder or its code: then neighbours count."""
    asked = params["corruption"], params["hidden_layer_sizes"]
    return (
        all(map(is_auto, asked))
        and params["corruption_level"] is None
        and params["corruption_range"] is None
        and not has_only_noisy_rows(params)
        and params["architecture"] == "dense"
        and find_penalty(params["penalty"]) is NO_PENALTY
    )


def is_auto(value: Any) -> bool:
    """Whether a parameter is left to the rules."""
    return isinstance(value, str) and value == "auto"


def has_linear_path(params: Params) -> bool:
    """Whether there is a linear path; "auto" follows from the other parameters."""
    if is_auto(params["linear_path"]):
        return wants_linear_path(params)
    return bool(params["linear_path"])


def least_rows(n_components: int, n_features: int) -> int:
    """Return how many rows the first batch of several must have for a linear path."""
    return math.ceil(_ROWS_A_COMPONENT * min(n_components, n_features))


def wants_linear_path(params: Params) -> bool:
    """Whether a linear path suits the other parameters: a plain code and a plain output."""
    return (
        params["architecture"] == "dense"
        and not params["tied"]
        and find_penalty(params["penalty"]) is NO_PENALTY
        and not LOSSES.find(params["loss"]).from_logits
        and all(
            params[name] in _LINEAR or get_activation(params[name], name).keras_name == "linear"
            for name in ("code_activation", "output_activation")
        )
    )


def _with_linear_path(params: Params, n_rows: int, n_features: int) -> dict[str, Any]:
    batch = batch_size(n_rows, n_features)
    return {
        "hidden_layer_sizes": hidden_layer_sizes(n_features),
        "activation": "gelu",
        "batch_size": batch,
        "max_iter": max_iter(n_rows, n_features, batch),
        "learning_rate_init": 0.002,
        "early_stopping": True,
        "n_iter_no_change": 10,
        "validation_fraction": _validation_fraction(n_rows),
        "refit": _is_refitted(params, n_rows),
    }


def _without_linear_path(params: Params, n_rows: int, n_features: int) -> dict[str, Any]:
    batch = batch_size(n_rows, n_features)
    compared = _is_compared(params)
    return {
        "activation": "relu",
        "batch_size": batch,
        "max_iter": min(_PURE_EPOCHS, max_iter(n_rows, n_features, batch)),
        "learning_rate_init": 0.001,
        "early_stopping": compared,
        "n_iter_no_change": 10,
        "validation_fraction": _validation_fraction(n_rows) if compared else 0.1,
        "refit": compared and _is_refitted(params, n_rows),
    }


def _is_compared(params: Params) -> bool:
    """Whether a network tells how it compares with the linear denoiser, on rows it has not seen.

    Where a penalty asks for more than clean rows, or the network of a paper is meant, it does not.
    """
    denoises = params["corruption"] is not None and find_penalty(params["penalty"]) is NO_PENALTY
    return denoises and is_auto(params["linear_path"])


def _validation_fraction(n_rows: int) -> float:
    return float(np.clip(100 / max(1, n_rows), 0.1, 0.3))


def _is_refitted(params: Params, n_rows: int) -> bool:
    # After a warm start, a later fit must hold out rows that this one has not trained on.
    return n_rows < _FEW and not params["warm_start"]


def _as_wide_as_the_code(params: Params) -> tuple[int, ...]:
    """Return sizes of dense layers that are no bottleneck before a long code.

    Sparse codes are long, but hold few values at a time.
    """
    length = params["n_components"]
    if not isinstance(length, Integral) or find_penalty(params["penalty"]).sparse:
        return _PURE_SIZES
    return tuple(max(size, int(length)) for size in _PURE_SIZES)


def usable_batch_size(batch_size: int, n_rows: int) -> int:
    """Cut a batch far larger than the data to one of few sizes, because each size is compiled."""
    return min(batch_size, max(1024, 1 << (n_rows - 1).bit_length()))


def batch_size(n_rows: int, n_features: int) -> int:
    """Return the largest power of two with 100 steps an epoch, but 32 to 256 (wide rows: to 64)."""
    largest = 256 if n_features <= _WIDE else 64
    return int(np.clip(1 << int(np.log2(max(1, n_rows / 100))), 32, largest))


def max_iter(n_rows: int, n_features: int, batch: int) -> int:
    """Return the number of epochs for 12,000 steps, or 4,000 if rows are wide: from 20 to 300."""
    steps = 12_000 if n_features <= _WIDE else 4_000
    return int(np.clip(round(steps * batch / max(1, n_rows)), 20, 300))


def hidden_layer_sizes(n_features: int) -> tuple[int, int]:
    """Return the sizes of two layers: four units per feature, then half as many.

    The first has from 128 to 1,024 units; fewer, but at least 64, where it would have more than
    400,000 weights. It is rounded down to a multiple of 32. The second has at most 256.
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
