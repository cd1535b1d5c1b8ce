"""Names for types that are used everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Weights: TypeAlias = list[Array]
Params: TypeAlias = Mapping[str, Any]  # those of an estimator, by name
History: TypeAlias = dict[str, list[float]]  # one number for every epoch


def stored_dtype(precision: str) -> str:
    """Return the dtype of rows, weights and losses; in mixed precision layers compute in less."""
    return "float32" if precision == "mixed_bfloat16" else precision
