"""A linear code in the units of near rows, so that its distances find better neighbours.

Directions in which a row differs from its nearest neighbours say little about what the row is. So
they are shortened: the code is multiplied by ``(S + m I)^(-1/2)``. Here ``S`` is the mean outer
product of these differences, and ``m`` the mean of its eigenvalues. It is relevant component
analysis (Shental, Hertz, Weinshall and Pavel, 2002, Adjustment learning and relevant component
analysis, ECCV), with nearest neighbours where that has rows known to be alike.

The matrix is symmetric and well conditioned, and the decoder takes the inverse. So what is rebuilt
stays the same.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tfae._networks.principal_components import Components, unit_of
from tfae._support.typing import Array


def in_local_units(found: Components, codes: Array, neighbors: Array) -> Components:
    """Return the same linear code in the units of near rows.

    Parameters
    ----------
    found : Components
        A code whose components are uncorrelated.
    codes : ndarray of shape (n_rows, n_components)
        The codes of some clean rows.
    neighbors : ndarray of shape (n_rows, n_neighbors)
        The positions of each row's nearest other rows.
    """
    change = _whitening(_scatter(codes, neighbors))
    covariance = change @ np.diag(np.square(found.spread)) @ change
    # The whole code keeps its variance: a unit of it stays about a unit of the scaled data.
    before, after = np.square(found.spread).sum(), np.trace(covariance)
    change *= np.sqrt(before / after) if after > 0 else 1.0
    # Components that do not exist have no variance, and the matrix leaves them alone.
    spread = np.sqrt(np.diag(change @ np.diag(np.square(found.spread)) @ change))
    changed = (codes - codes.mean(axis=0)) @ change
    return replace(
        found,
        encoding=change @ found.encoding,
        axes=np.linalg.solve(change, found.axes),
        spread=spread,
        spread_seen=unit_of(spread, np.abs(changed).max(axis=0)),
    )


def _scatter(codes: Array, neighbors: Array) -> Array:
    """Return the mean outer product of the differences between rows and their neighbours."""
    n_components = codes.shape[1]
    total = np.zeros((n_components, n_components))
    for column in neighbors.T:
        difference = codes - codes[column]
        total += difference.T @ difference
    return total / neighbors.size


def _whitening(scatter: Array) -> Array:
    values, vectors = np.linalg.eigh(scatter)
    values = np.maximum(values, 0)
    mean = values.mean()
    if mean == 0:  # every row is its neighbours' equal
        return np.eye(len(scatter))
    return np.asarray(vectors / np.sqrt(values / mean + 1) @ vectors.T)
