"""Random numbers of 16 bits, four from each draw: many of them in little time."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from scipy.special import ndtri

from tfae._support.typing import Array

N_VALUES = 1 << 16  # values that a number may have
_BLOCK = 1 << 16  # numbers that are looked up while they are in the cache


def sixteen_bits(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Draw whole numbers from 0 to ``N_VALUES - 1``."""
    size = math.prod(shape)
    words = rng.integers(1 << 64, size=-(-size // 4), dtype=np.uint64)
    return words.view(np.uint16)[:size].reshape(shape)


def chosen(probability: Any, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Choose every place with a probability, rounded to a multiple of 1/65,536.

    `probability` is one number, or an array that broadcasts to the shape.
    """
    return np.asarray(sixteen_bits(shape, rng) < threshold(probability))


def threshold(probability: Any) -> Any:
    """Return the number that 16 bits are below with that probability; of an array, an array."""
    if np.ndim(probability) == 0:
        return round(probability * N_VALUES)  # comparisons with a NumPy number would take longer
    return np.round(probability * N_VALUES).astype(np.uint32)


def write_noisy(x: Array, deviation: Any, out: Array, rng: np.random.Generator) -> None:
    """Write rows with Gaussian noise into `out`, in a quarter of the time of NumPy's generator.

    The noise has 65,536 values: quantiles of the normal distribution, up to 4.3 deviations.
    `deviation` is one number, or an array that broadcasts to the shape of the rows.
    """
    values, alike = _normal_quantiles(out.dtype), np.ndim(deviation) == 0
    if alike:
        values = out.dtype.type(deviation) * values
    n_rows = max(1, _BLOCK // x.shape[1])
    for start in range(0, len(x), n_rows):
        block = slice(start, start + n_rows)
        rows = out[block]
        np.take(values, sixteen_bits(rows.shape, rng), out=rows, mode="clip")
        if not alike:
            rows *= np.broadcast_to(deviation, x.shape)[block].astype(rows.dtype)
        rows += x[block]


@cache
def _normal_quantiles(dtype: np.dtype) -> Array:
    values = ndtri((np.arange(N_VALUES) + 0.5) / N_VALUES)
    return np.asarray(values / values.std(), dtype)
