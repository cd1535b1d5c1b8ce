"""The fence of the boxplot for skewed numbers, beyond which they are outliers."""

from __future__ import annotations

import numpy as np

from tfae._support.typing import Array

# So many quantiles stand for more numbers, because all pairs of them are compared.
_MOST = 1001


def upper_fence(values: Array) -> float:
    """Return the upper fence of the adjusted boxplot.

    It is the upper quartile plus ``1.5 exp(3 m)`` times the distance of the quartiles, where m is
    the :func:`medcouple`; ``exp(4 m)`` if that is negative (Hubert and Vandervieren, 2008, An
    adjusted boxplot for skewed distributions, Computational Statistics & Data Analysis 52,
    5186-5201). Of normal numbers and of many skewed ones about .7 % are outside of both fences.
    """
    low, high = np.quantile(values, (0.25, 0.75))
    skew = medcouple(values)
    return float(high + 1.5 * np.exp((3 if skew >= 0 else 4) * skew) * (high - low))


def medcouple(values: Array) -> float:
    """Return a measure of skewness from -1 to 1 that a quarter of outliers does not spoil.

    It is the median, over all pairs of a number above the median and one below, of the difference
    of their distances from the median, as a share of the sum (Brys, Hubert and Struyf, 2004, A
    robust measure of skewness, Journal of Computational and Graphical Statistics 13, 996-1017).
    Pairs of two medians do not count.
    """
    if len(values) > _MOST:
        values = np.quantile(values, np.linspace(0, 1, _MOST))
    from_median = np.asarray(values, np.float64) - np.median(values)
    above = from_median[from_median >= 0][:, None]
    below = -from_median[from_median <= 0]
    total = above + below
    return float(np.median(((above - below)[total > 0]) / total[total > 0])) if total.any() else 0.0
