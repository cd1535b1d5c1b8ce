"""The rows of a table that are left when the most remote ones are dropped."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import cho_factor, solve_triangular

from tfae._support.typing import Array

# What is added to the variances of standardised columns, so that few rows and columns that are
# nearly sums of others do not decide what is remote.
_RIDGE = 0.1


def rows_kept(X: Array, share: float = 0.7, n_steps: int = 3) -> Array:
    """Return the positions of the rows nearest to their own mean, by a ridge Mahalanobis distance.

    In every step mean and covariance are those of the rows kept by the step before, and all rows
    are judged anew: the concentration steps of Rousseeuw and Van Driessen (1999, A fast algorithm
    for the minimum covariance determinant estimator, Technometrics 41, 212-223), from all rows and
    without random starts. So a cluster of odd rows cannot pull the mean and the covariance to
    itself, as long as it is no more than about 1 - `share` of the rows. A step costs one product
    of the rows and their transpose.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        Rows in any units; every column is standardised by the rows kept.
    share : float
        The share of the rows to keep, in (0, 1].
    n_steps : int

    Returns
    -------
    ndarray of int of shape (ceil(share * n),)
        In order.
    """
    n_kept = math.ceil(share * len(X))
    kept = np.arange(len(X))
    for _ in range(n_steps):
        distances = _distances(X, X[kept])
        # A stable order, so that equal rows are kept in their own order.
        kept = np.sort(np.argsort(distances, kind="stable")[:n_kept])
    return kept


def _distances(X: Array, of: Array) -> Array:
    """Return the squared distances of rows from the mean of others, in units of their covariance.

    A column in which the others are all equal, and some row differs, makes that row remote.
    """
    centre = of.mean(axis=0, dtype=np.float64)
    spread = of.std(axis=0, dtype=np.float64)
    rounding = len(of) * np.finfo(np.float64).eps * np.abs(centre)
    spread = np.where(spread > rounding, spread, np.maximum(rounding, np.finfo(np.float64).tiny))
    with np.errstate(over="ignore"):
        rows = np.clip((X - centre) / spread, -_FURTHEST, _FURTHEST)
        known = np.clip((of - centre) / spread, -_FURTHEST, _FURTHEST)
    covariance = known.T @ known / len(known) + _RIDGE * np.eye(X.shape[1])
    factor, lower = cho_factor(covariance, lower=True)
    return np.asarray(np.square(solve_triangular(factor, rows.T, lower=lower)).sum(axis=0))


# Further out than this all rows are equally remote; squares of larger numbers would overflow.
_FURTHEST = 1e100
