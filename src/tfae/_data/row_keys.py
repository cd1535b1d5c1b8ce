"""Keys of rows: equal rows have equal keys, and others almost certainly different ones."""

from __future__ import annotations

import numpy as np

from tfae._data.rows import block_size
from tfae._support.typing import Array

# The constants of splitmix64 (Steele, Lea and Flood, 2014, Fast splittable pseudorandom number
# generators, OOPSLA).
_STEP, _FIRST, _SECOND = (
    np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


def keys_of(rows: Array) -> Array:
    """Return a number of 64 bits for each row of float64 numbers; all NaN are equal.

    Two of a million different rows have the same key with a chance of about 3e-8.
    """
    keys = np.empty(len(rows), np.uint64)
    seeds = np.arange(1, rows.shape[1] + 1, dtype=np.uint64) * _STEP
    size = block_size(rows.shape[1])
    for start in range(0, len(rows), size):
        # -0 becomes 0, and a NaN the usual one.
        block = rows[start : start + size].astype(np.float64) + 0.0
        block[np.isnan(block)] = np.nan
        keys[start : start + size] = _mixed(block.view(np.uint64) + seeds).sum(axis=1)
    return _mixed(keys)


def _mixed(bits: Array) -> Array:
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return np.asarray(bits ^ (bits >> np.uint64(31)))
