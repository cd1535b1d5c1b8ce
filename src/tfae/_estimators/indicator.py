"""scikit-learn's indicator of missing entries, made from places alone."""

from __future__ import annotations

import numpy as np
from sklearn.impute import MissingIndicator

from tfae._support.typing import Array


def as_holes(missing: Array) -> Array:
    """Return numbers with NaN in the missing places, for scikit-learn's indicator."""
    return np.where(missing, np.nan, 0.0)


def learned_indicator(missing: Array) -> MissingIndicator:
    """Return the indicator of the columns with missing entries, of shape [rows, columns]."""
    return MissingIndicator(error_on_new=False).fit(as_holes(missing))


def indicator_of(features: Array, n_columns: int) -> MissingIndicator:
    """Return the indicator with these ``features_``, the places of columns.

    Raises
    ------
    ValueError
        If they are no places of columns, each once and in order.
    """
    places = np.arange(n_columns)
    missing = np.isin(places, features)[None]
    if features.ndim != 1 or not np.array_equal(places[missing[0]], features):
        raise ValueError(f"Columns of an indicator must be among {n_columns}. Got {features}")
    return learned_indicator(missing)
