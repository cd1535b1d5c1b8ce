"""Random numbers of 16 bits, four from each draw: many of them in little time."""

from __future__ import annotations

import math
from functools import cache

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


def chosen(probability: float, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Choose every place with a probability, rounded to a multiple of 1/65,536."""
    return sixteen_bits(shape, rng) < round(probability * N_VALUES)


def write_noisy(x: Array, deviation: float, out: Array, rng: np.random.Generator) -> None:
    """Write rows with Gaussian noise into `out`, in a quarter of the time of NumPy's generator.

    The noise has 65,536 values: quantiles of the normal distribution, up to 4.3 deviations.
    """
    values = out.dtype.type(deviation) * _normal_quantiles(out.dtype)
    n_rows = max(1, _BLOCK // x.shape[1])
    for start in range(0, len(x), n_rows):
        rows = out[start : start + n_rows]
        np.take(values, sixteen_bits(rows.shape, rng), out=rows, mode="clip")
        rows += x[start : start + n_rows]


@cache
def _normal_quantiles(dtype: np.dtype) -> Array:
    values = ndtri((np.arange(N_VALUES) + 0.5) / N_VALUES)
    return np.asarray(values / values.std(), dtype)
