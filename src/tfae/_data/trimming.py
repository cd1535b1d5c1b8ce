"""The rows of a table that are left when the most remote ones are dropped."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import cho_factor, solve_triangular
from sklearn.metrics.pairwise import euclidean_distances

from tfae._data.rows import evenly_spaced
from tfae._support.typing import Array

# What is added to the variances of standardised columns, so that few rows and columns that are
# nearly sums of others do not decide what is remote.
_RIDGE = 0.1
# The share of all rows that makes a neighbourhood, found among so many rows, and not among fewer.
_NEIGHBOURHOOD, _N_SOME, _LEAST = 0.07, 1000, 100
_FENCE = 5.0
# The least deviation of what categories leave of a number, in units of the number's own. Otherwise
# a number that they decide would count for more than all others.
_LEAST_LEFT = 0.05
# The share of all rows that makes a category usual.
_LEAST_CATEGORY = 0.01


def rows_kept(
    X: Array, share: float = 0.7, n_steps: int = 3, categories: Array | None = None
) -> Array:
    """Return the positions of the rows nearest to their own mean, by a ridge Mahalanobis distance.

    In every step mean and covariance are those of the rows kept by the step before, and all rows
    are judged anew: the concentration steps of Rousseeuw and Van Driessen (1999, A fast algorithm
    for the minimum covariance determinant estimator, Technometrics 41, 212-223), from all rows and
    without random starts. So a cluster of odd rows cannot pull the mean and the covariance to
    itself, as long as it is no more than about 1 - `share` of the rows. A step costs one product
    of the rows and their transpose.

    Categories say where a row is expected, and not that it is remote. As columns of `X` they would
    make the rows of a rare category remote, and without these rows the category would not vary,
    which would make them more remote in the next step. So the distance is that of the numbers from
    what is usual for their categories.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
        Rows in any units; every column is standardised by the rows kept.
    share : float
        The share of the rows to keep, in (0, 1].
    n_steps : int
    categories : ndarray of int of shape (n, n_columns) or None
        The position of every row's category in each column of categories; -1 is missing.

    Returns
    -------
    ndarray of int of shape (ceil(share * n),)
        In order.
    """
    n_kept = math.ceil(share * len(X))
    kept = np.arange(len(X))
    for _ in range(n_steps):
        if categories is None:
            distances = _distances(X, X[kept])
        else:
            given = given_categories(X, categories, kept)
            distances = _distances(given, given[kept], least=1.0)
        # A stable order, so that equal rows are kept in their own order.
        kept = np.sort(np.argsort(distances, kind="stable")[:n_kept])
    return kept


def given_categories(X: Array, categories: Array, kept: Array) -> Array:
    """Return how far numbers are from what is usual for the categories of their rows.

    Usual are the sums of a median for each category, by two sweeps of median polish (Tukey, 1977,
    Exploratory data analysis, Addison-Wesley, chapter 11) over the rows kept. A mean would let one
    extreme row make its whole category remote. Categories of fewer than 1 % of the rows have no
    median of their own, because a few odd rows would explain themselves.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    categories : ndarray of int of shape (n, n_columns)
        See :func:`rows_kept`.
    kept : ndarray of int

    Returns
    -------
    ndarray of shape (n, n_features)
        In units of the deviations that are left, but not of smaller ones than a twentieth of those
        of the numbers.
    """
    left = _standardised(X, X[kept])
    for codes in (*categories.T, *categories.T):
        counts = np.bincount(codes[kept] + 1)
        for code in np.flatnonzero(counts >= _LEAST_CATEGORY * len(X)) - 1:
            here = codes == code
            left[here] -= np.median(left[kept[here[kept]]], axis=0)
    return _standardised(left, left[kept], _LEAST_LEFT)


def without_small_clusters(rows: Array) -> Array:
    """Return the positions of the rows that are not far from 7 % of all rows.

    A small cluster of odd rows, which lies where no other rows are, but not far out, stays among
    the :func:`rows_kept`, and its rows are near to each other. So the neighbourhood must be larger
    than such a cluster. "Far" is above the upper quartile of these distances by more than five
    times the distance of their quartiles: a generous fence of the boxplot (Tukey, 1977, Exploratory
    data analysis, Addison-Wesley, section 2D), because usual rows form small clusters, too.
    Distances are those to evenly spaced rows, 1,000 for each row.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
        In units in which distances make sense, near 0.

    Returns
    -------
    ndarray of int
        In order.
    """
    some = rows[evenly_spaced(rows, None, _N_SOME)]
    if len(some) < _LEAST:
        return np.arange(len(rows))
    place, distances = math.ceil(_NEIGHBOURHOOD * len(some)), np.empty(len(rows))
    for start in range(0, len(rows), _N_SOME):
        block = slice(start, start + _N_SOME)
        distances[block] = np.partition(euclidean_distances(rows[block], some), place, axis=1)[
            :, place
        ]
    low, high = np.quantile(distances, (0.25, 0.75))
    return np.flatnonzero(distances <= high + _FENCE * (high - low))


def _distances(X: Array, of: Array, least: float = 0.0) -> Array:
    """Return the squared distances of rows from the mean of others, in units of their covariance.

    A column in which the others are all equal, and some row differs, makes that row remote. No
    column has a smaller unit than `least`.
    """
    rows, known = _standardised(X, of, least), _standardised(of, of, least)
    if X.shape[1] > len(of):
        return _distances_of_wide(rows, known)
    covariance = known.T @ known / len(known) + _RIDGE * np.eye(X.shape[1])
    factor, lower = cho_factor(covariance, lower=True)
    return np.asarray(np.square(solve_triangular(factor, rows.T, lower=lower)).sum(axis=0))


def _standardised(X: Array, of: Array, least: float = 0.0) -> Array:
    """Return rows in deviations of others from their mean."""
    centre = of.mean(axis=0, dtype=np.float64)
    spread = of.std(axis=0, dtype=np.float64)
    rounding = len(of) * np.finfo(np.float64).eps * np.abs(centre)
    spread = np.where(spread > rounding, spread, np.maximum(rounding, np.finfo(np.float64).tiny))
    with np.errstate(over="ignore"):
        return np.clip((X - centre) / np.maximum(spread, least), -_FURTHEST, _FURTHEST)


def _distances_of_wide(rows: Array, known: Array) -> Array:
    """Return the same from products of rows, by the identity of Woodbury.

    With more columns than rows the covariance would be the larger matrix.
    """
    products = known @ known.T + len(known) * _RIDGE * np.eye(len(known))
    factor, lower = cho_factor(products, lower=True)
    explained = solve_triangular(factor, known @ rows.T, lower=lower)
    norms = np.einsum("ij,ij->i", rows, rows)
    return np.asarray((norms - np.square(explained).sum(axis=0)) / _RIDGE)


# Further out than this all rows are equally remote; squares of larger numbers would overflow.
_FURTHEST = 1e100
