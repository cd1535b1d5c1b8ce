"""The level of noise in rows, from their singular values."""

from __future__ import annotations

import numpy as np
from scipy.integrate import quad
from scipy.linalg import eigvalsh
from scipy.optimize import brentq

from tfae._support.typing import Array
from tfae._support.warn import warn

# Noise alone makes the level by this quantile of the singular values that by the median, except for
# chance: the more values, the less.
_LOWER, _LEAST_RATIO, _CHANCE = 0.1, 0.93, 0.5
# Squared singular values below this share of the largest are rounding errors.
_ROUNDING = 1e-12


def noise_level(rows: Array) -> float:
    """Estimate the standard deviation of independent noise that is the same in all entries.

    The median singular value of centred rows is compared with that of noise alone (Gavish and
    Donoho, 2014, The optimal hard threshold for singular values is 4/sqrt(3), IEEE Transactions on
    Information Theory 60, 5040-5053). So the clean rows must vary in less than half as many
    directions as there are features and rows.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)

    Warns
    -----
    UserWarning
        If the small singular values are not like those of noise, so that the level found is too
        high.
    """
    centred = rows - rows.mean(axis=0, dtype=np.float64)
    n_rows, n_features = len(rows) - 1, rows.shape[1]  # the mean takes one row
    gram = centred.T @ centred if n_features <= n_rows else centred @ centred.T
    squares = np.maximum(eigvalsh(gram)[::-1][: min(n_rows, n_features)], 0)
    few, many = sorted((max(1, n_rows), n_features))

    def level_by(share: float) -> float:
        found = np.quantile(squares, share) if len(squares) else 0.0
        return float(np.sqrt(found / (many * marchenko_pastur_quantile(few / many, share))))

    level = level_by(0.5)
    if level**2 * many > _ROUNDING * squares.max(initial=0.0):
        lower = level_by(_LOWER)
        if lower < (_LEAST_RATIO - _CHANCE / few) * level:
            _warn_of_no_gap(level, lower)
    return level


def _warn_of_no_gap(level: float, lower: float) -> None:
    warn(
        f"The level of noise is estimated as {level:.3g}, and is probably lower: no gap separates "
        f"the singular values of the rows from those of noise, and the smallest are as if it was "
        f"{lower:.3g}. Clean rows must vary in less than half as many directions as there are "
        "features. Set 'corruption_level' if the noise is known."
    )


def marchenko_pastur_quantile(ratio: float, share: float) -> float:
    """Return a quantile of the eigenvalues of the covariance of noise alone, of variance 1.

    `ratio` is the number of features per row, above 0 and at most 1; `share` that of the
    eigenvalues below, between 0 and 1.
    """
    low, high = (1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2

    # With t = (1 - cos u) / 2 from one end of the spectrum to the other, the density is smooth.
    def mass(u: float) -> float:
        value = low + (high - low) * (1 - np.cos(u)) / 2
        return float(((high - low) * np.sin(u)) ** 2 / (8 * np.pi * ratio * value))

    end = brentq(lambda u: quad(mass, 0, u)[0] - share, 0, np.pi)
    return float(low + (high - low) * (1 - np.cos(end)) / 2)
