"""The level of noise in rows, from their singular values."""

from __future__ import annotations

import numpy as np
from scipy.integrate import quad
from scipy.linalg import eigvalsh
from scipy.optimize import brentq

from tfae._support.typing import Array


def noise_level(rows: Array) -> float:
    """Estimate the standard deviation of independent noise that is the same in all entries.

    The median singular value of centred rows is compared with that of noise alone (Gavish and
    Donoho, 2014, The optimal hard threshold for singular values is 4/sqrt(3), IEEE Transactions on
    Information Theory 60, 5040-5053). So the clean rows must vary in less than half as many
    directions as there are features and rows.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
    """
    centred = rows - rows.mean(axis=0, dtype=np.float64)
    n_rows, n_features = len(rows) - 1, rows.shape[1]  # the mean takes one row
    gram = centred.T @ centred if n_features <= n_rows else centred @ centred.T
    squares = eigvalsh(gram)[::-1][: min(n_rows, n_features)]
    few, many = sorted((max(1, n_rows), n_features))
    median = np.median(np.maximum(squares, 0)) if len(squares) else 0.0
    return float(np.sqrt(median / (many * marchenko_pastur_median(few / many))))


def marchenko_pastur_median(ratio: float) -> float:
    """Return the median eigenvalue of the covariance of noise alone, of variance 1.

    `ratio` is the number of features per row, above 0 and at most 1.
    """
    low, high = (1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2

    # With t = (1 - cos u) / 2 from one end of the spectrum to the other, the density is smooth.
    def mass(u: float) -> float:
        value = low + (high - low) * (1 - np.cos(u)) / 2
        return float(((high - low) * np.sin(u)) ** 2 / (8 * np.pi * ratio * value))

    middle = brentq(lambda u: quad(mass, 0, u)[0] - 0.5, 0, np.pi)
    return float(low + (high - low) * (1 - np.cos(middle)) / 2)
