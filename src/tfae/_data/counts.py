"""The check that numbers are counts."""

from __future__ import annotations

import numpy as np

from tfae._support.typing import Array

# Every whole number up to this one is a float32.
_MOST = 1 << 24


def check_counts(X: Array) -> None:
    """Raise if some numbers are not counts.

    Raises
    ------
    ValueError
        It tells the first number that is no count.
    """
    wrong = (X < 0) | (np.rint(X) != X) | (X > _MOST)
    if wrong.any():
        raise ValueError(
            "X must hold counts, whole numbers from 0 to 16,777,216, because rows are learned from "
            f"by thinning their counts. Got {X[wrong][0]:.6g}. Pass the raw counts, not their "
            "logarithms or shares."
        )
