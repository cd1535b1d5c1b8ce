"""Pictures of the values of a table: errors, and what is missing."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform
from sklearn.utils.validation import check_is_fitted

from tfae._plotting.drawing import SAFE_COLORS, axes, dense, diverging_image, positive
from tfae._support.masks import check_unmasked

# Times the usual error of a column at which the colours of `column_errors` end.
_ERROR_LIMIT = 3.0


def column_errors(estimator: Any, X: Any, *, n_rows: int = 20, ax: Axes | None = None) -> Axes:
    """Draw how far every value of the first rows is from its reconstruction.

    Columns have different units, so the colours show errors as multiples of the root mean squared
    error of their column in `X`. Missing values are grey.

    Parameters
    ----------
    estimator : estimator
        A fitted autoencoder with ``column_errors``.
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        The table. All its rows determine what is usual.
    n_rows : int, default=20
        The number of rows to draw; all of them if `X` has fewer.
    ax : matplotlib.axes.Axes, default=None
        The axes to draw on. By default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.

    Raises
    ------
    TypeError
        If the estimator has no ``column_errors``.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from tfae import Autoencoder, plotting
    >>> X = load_wine(as_frame=True).data
    >>> ax = plotting.column_errors(Autoencoder(4, max_iter=5).fit(X), X)
    >>> ax.get_xticklabels()[0].get_text()
    'alcohol'
    """
    if not hasattr(estimator, "column_errors"):
        raise TypeError(
            f"estimator must have column_errors, got {type(estimator).__name__} without it."
        )
    errors = _as_pandas(estimator.column_errors(X))
    usual = np.sqrt(np.square(errors).mean())
    ratios = (errors / usual.where(usual > 0, 1.0)).to_numpy()[: positive(n_rows, "n_rows")]
    size = 1.5 + 0.3 * errors.shape[1], 1.5 + 0.22 * len(ratios)
    ax = axes(ax, width=max(5.0, size[0]), height=size[1])
    drawn = ax.imshow(
        ratios, cmap="viridis", vmin=0, vmax=_ERROR_LIMIT, aspect="auto", interpolation="nearest"
    )
    ax.set_facecolor("0.8")  # shows where an error is missing
    label = "error, in usual errors of the column"
    ax.figure.colorbar(drawn, ax=ax, label=label, extend="max")
    _name_columns(ax, list(map(str, errors.columns)))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylabel("row")
    return ax


def imputation_errors(imputer: Any, X: Any, *, ax: Axes | None = None) -> Axes:
    """Draw how well every column of a table can be filled, beside the best guess without the row.

    For a number it is the error that the imputer found in `fit` over the standard deviation in `X`;
    for a category the share of wrong guesses over that of the most frequent one. So 1 means that
    the other columns say nothing, and 0 that they say all. Columns in which nothing was hidden have
    no bar.

    Parameters
    ----------
    imputer : AutoencoderImputer
        A fitted imputer.
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        The table that it was fitted to.
    ax : matplotlib.axes.Axes, default=None
        The axes to draw on. By default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.

    Raises
    ------
    ValueError
        If the imputer compared nothing, because it had fewer than 20 rows, or `X` has other
        columns.
    sklearn.exceptions.NotFittedError
        If the imputer is not fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from tfae import AutoencoderImputer, plotting
    >>> X = load_wine(as_frame=True).data
    >>> imputer = AutoencoderImputer(max_iter=20, random_state=0).fit(X)
    >>> len(plotting.imputation_errors(imputer, X).patches)
    13
    """
    check_is_fitted(imputer)
    errors = getattr(imputer, "imputation_errors_", None)
    if errors is None:
        raise ValueError("imputer must have imputation_errors_: fit it to at least 20 rows.")
    frame = _as_pandas(X)
    left_out = getattr(imputer, "dropped_columns_", None) or {}
    frame = frame[[name for name in frame if name not in left_out]]
    if frame.shape[1] != len(errors):
        raise ValueError(
            f"X must have the {len(errors)} columns that the imputer learned from, got "
            f"{frame.shape[1]}."
        )
    asked = getattr(imputer, "columns", None) or {}
    usual = [_error_of_the_mean(frame[name], asked.get(name)) for name in frame]
    ratios = np.asarray(errors) / np.where(np.array(usual) > 0, usual, np.nan)
    order = np.argsort(np.where(np.isnan(ratios), np.inf, ratios), kind="stable")[::-1]
    ax = axes(ax, width=6.0, height=1.2 + 0.25 * len(order))
    names = [str(frame.columns[place]) for place in order]
    ax.barh(np.arange(len(order)), ratios[order], color=SAFE_COLORS[0], height=0.7)
    ax.set_yticks(np.arange(len(order)), names)
    ax.axvline(1.0, color="0.3", linewidth=1.0)
    ax.set_xlim(0, max(1.08, 1.05 * float(np.nanmax(ratios, initial=0.0))))
    ax.set_xlabel("error of imputed values (1: the mean, or the most frequent value)")
    return ax


def missing_together(X: Any, *, ax: Axes | None = None) -> Axes:
    """Draw which columns of a table are missing together: the correlation of their holes.

    Red columns are missing in the same rows, blue ones in different rows. Columns that are missing
    in no row or in all of them are left out; the others are sorted so that those missing together
    lie side by side. The label of a column says how much of it is missing.

    Parameters
    ----------
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        The table, with NaN, None and the like for missing values.
    ax : matplotlib.axes.Axes, default=None
        The axes to draw on. By default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.

    Raises
    ------
    ValueError
        If no column is missing in some rows only.

    Examples
    --------
    >>> import numpy as np
    >>> from tfae import plotting
    >>> nan = np.nan
    >>> ax = plotting.missing_together([[nan, 1, nan], [2, 3, 4], [5, nan, 6], [nan, 7, nan]])
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['1 (25 %)', '0 (50 %)', '2 (50 %)']
    """
    holes = _as_pandas(X).isna()
    share = holes.mean()
    holes = holes.loc[:, (share > 0) & (share < 1)]
    if holes.empty:
        raise ValueError("X must have a column that is missing in some rows, got none.")
    correlation = np.atleast_2d(np.corrcoef(holes.to_numpy(np.float64).T))
    order = _side_by_side(correlation)
    ax = axes(ax, width=3.0 + 0.35 * len(order), height=1.8 + 0.3 * len(order))
    correlation = correlation[np.ix_(order, order)]
    diverging_image(ax, correlation, 1.0, "correlation of missing values", aspect="equal")
    names = [str(holes.columns[place]) for place in order]
    _name_columns(ax, names)
    shares = [f"{100 * share[holes.columns[place]]:.0f} %" for place in order]
    labels = [f"{name} ({part})" for name, part in zip(names, shares, strict=True)]
    ax.set_yticks(np.arange(len(order)), labels)
    return ax


def _as_pandas(table: Any) -> pd.DataFrame:
    """Return a frame of any library, or rows, as a frame of pandas."""
    check_unmasked(table)
    if nw.dependencies.is_into_dataframe(table):
        return nw.from_native(table).to_pandas()
    return pd.DataFrame(dense(table) if hasattr(table, "toarray") else table)


def _error_of_the_mean(values: pd.Series, asked: Any) -> float:
    """Return the error of guessing the mean, or the most frequent value of categories."""
    if pd.api.types.is_datetime64_any_dtype(values) or pd.api.types.is_timedelta64_dtype(values):
        return pd.Timedelta(values.std(ddof=0)).total_seconds()
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if is_number and asked in (None, "number", "integer", "error"):
        return float(values.std(ddof=0))
    return 1 - float(values.value_counts(normalize=True).max())


def _side_by_side(correlation: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return an order of columns in which correlated ones are neighbours."""
    if len(correlation) < 3:
        return np.arange(len(correlation))
    distance = np.clip(1 - correlation, 0, None)
    joined = hierarchy.linkage(squareform(distance, checks=False), "average")
    return np.asarray(hierarchy.leaves_list(joined))


def _name_columns(ax: Axes, names: list[str]) -> None:
    ax.set_xticks(np.arange(len(names)), names, rotation=90)
    ax.tick_params(axis="x", length=0)
