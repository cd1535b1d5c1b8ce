"""Pictures of a trained autoencoder and its codes; each function draws on one ``Axes``.

Every function returns its Matplotlib ``Axes``. It takes ``ax=`` and makes a figure only if that is
left out. No function shows or saves anything, or changes Matplotlib's global settings. Nothing else
in the package needs Matplotlib, except the demo.
"""

from __future__ import annotations

import math
from itertools import cycle
from numbers import Integral
from typing import Any, Literal

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform
from sklearn.utils.validation import check_is_fitted

from tfae._support.images import square_image
from tfae._support.masks import check_unmasked

__all__ = [
    "code_scatter",
    "column_errors",
    "contribution_map",
    "contributions",
    "contributions_over_time",
    "drift",
    "embedding_scores",
    "first_layer_weights",
    "imputation_errors",
    "loss_curves",
    "missing_together",
    "reconstructed_rows",
    "reconstructions",
]

# A tab20 legend is the longest that still has a colour of its own for each entry.
_MAX_LEGEND = 20
_LEGEND_SIZE = 36.0
# A loss that falls by less than this factor is easier to read on a linear axis.
_LOG_FROM_RATIO = 5.0
# Standard deviations at which the colours of `reconstructed_rows` end.
_ROW_LIMIT = 3.0
# Times the usual error of a column at which the colours of `column_errors` end.
_ERROR_LIMIT = 3.0
# The colours of Okabe and Ito that show on white: colour-blind readers can tell them apart.
_SAFE_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = "osD^v<>h"
# Errors are in the units of the data, so they cannot share an axis with scores.
_NO_SCORES = frozenset({"mse", "rmse", "mae", "max_error"})
# The least width of a measure's name and the gap between two measures. Both are in steps from one
# size of neighbourhoods to the next.
_MEASURE_WIDTH, _MEASURE_GAP = 1.6, 1.4


def reconstructions(
    estimator: Any,
    X: Any,
    *,
    X_clean: Any = None,
    image_shape: tuple[int, int] | None = None,
    n_images: int = 10,
    ax: Axes | None = None,
) -> Axes:
    """Draw the first rows of `X` as images, each above its reconstruction.

    All lines have the scale of the originals, so that they can be compared. It is grey, or in
    colour if images have three channels.

    Parameters
    ----------
    estimator : estimator
        A fitted autoencoder, or any fitted transformer with ``inverse_transform``.
    X : array-like of shape (n_samples, n_features) or images
        The rows to reconstruct, in the units that the estimator was fitted on. If the estimator
        takes images, like :class:`tfae.ConvolutionalAutoencoder`, `X` may have the shape
        (n_samples, height, width), or (n_samples, height, width, channels) with 1 or 3 channels.
    X_clean : array-like of the shape of `X`, default=None
        The rows without noise, if `X` is noisy. They are drawn above `X`, and set the scale.
    image_shape : tuple of (height, width), default=None
        The shape of the image in a row. By default it is the shape of the images in `X`; for flat
        rows it is a square, if `n_features` is a perfect square.
    n_images : int, default=10
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
        If the estimator cannot reconstruct.
    ValueError
        If `image_shape` does not fit the number of features, if it is needed and was not given, if
        `X` has no rows, if `X_clean` has another shape, or if images do not have 1 or 3 channels.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from tfae import plotting
    >>> X, _ = load_digits(return_X_y=True)
    >>> ax = plotting.reconstructions(PCA(16).fit(X), X, n_images=5)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['original', 'reconstruction']
    >>> ax = plotting.reconstructions(PCA(16).fit(X), X + 1, X_clean=X, n_images=5)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['clean', 'noisy', 'cleaned']
    """
    rows = _first_rows(X, n_images, "n_images", images=True)
    rebuilt = _reconstruct(estimator, rows)  # first: it checks the number of features
    originals = _as_images(_dense(rows), image_shape)
    bands = _named(originals, rebuilt, X, X_clean)
    first, *_ = bands.values()
    ax = _axes(ax, width=len(originals), height=1.1 * len(bands))
    mosaic = _tile(np.concatenate(list(bands.values())), n_columns=len(originals))
    low, high = first.min(), first.max()
    if mosaic.ndim == 3:
        mosaic = _as_colours(mosaic, low, high)
    ax.imshow(mosaic, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    _label_bands(ax, list(bands), mosaic.shape[0])
    return ax


def reconstructed_rows(
    estimator: Any, X: Any, *, X_clean: Any = None, n_rows: int = 5, ax: Axes | None = None
) -> Axes:
    """Draw the first rows of a table as bands of colour, each above its reconstruction.

    This is `reconstructions` for data that are not images. The columns of a table may differ
    widely in size. So the colours show standard deviations from the mean of each column in `X`, or
    in `X_clean`.

    Parameters
    ----------
    estimator : estimator
        A fitted autoencoder, or any fitted transformer with ``inverse_transform``.
    X : array-like of shape (n_samples, n_features)
        The table, in the units that the estimator was fitted on. All its rows determine the
        colours.
    X_clean : array-like of the shape of `X`, default=None
        The rows without noise, if `X` is noisy. They are drawn above `X`, and determine the
        colours.
    n_rows : int, default=5
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
        If the estimator cannot reconstruct.
    ValueError
        If `X` has no rows, or masked values, or `X_clean` another shape.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.decomposition import PCA
    >>> from tfae import plotting
    >>> X, _ = load_wine(return_X_y=True)
    >>> ax = plotting.reconstructed_rows(PCA(3).fit(X), X, n_rows=4)
    >>> ax.get_xlabel()
    'column'
    """
    rows = _first_rows(X, n_rows, "n_rows")
    table = _dense(X if X_clean is None else X_clean)
    center, spread = table.mean(axis=0), table.std(axis=0)
    spread[spread == 0] = 1.0  # a constant column is drawn as zero, not as an error
    named = _named(_dense(rows), _reconstruct(estimator, rows), X, X_clean)
    bands = (np.stack(list(named.values()), axis=1) - center) / spread
    blank = np.full((len(bands), 1, bands.shape[2]), np.nan)
    mosaic = np.concatenate([bands, blank], axis=1).reshape(-1, bands.shape[2])[:-1]
    ax = _axes(ax, width=8.0, height=0.3 * len(named) * len(bands) + 1.0)
    _diverging_image(ax, mosaic, _ROW_LIMIT, "standard deviations from the mean", aspect="auto")
    ax.set_yticks(
        [line for line in range(len(mosaic)) if line % (len(named) + 1) < len(named)],
        list(named) * len(bands),
    )
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("column")
    return ax


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
    ratios = (errors / usual.where(usual > 0, 1.0)).to_numpy()[: _positive(n_rows, "n_rows")]
    size = 1.5 + 0.3 * errors.shape[1], 1.5 + 0.22 * len(ratios)
    ax = _axes(ax, width=max(5.0, size[0]), height=size[1])
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
    ax = _axes(ax, width=6.0, height=1.2 + 0.25 * len(order))
    names = [str(frame.columns[place]) for place in order]
    ax.barh(np.arange(len(order)), ratios[order], color=_SAFE_COLORS[0], height=0.7)
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
    ax = _axes(ax, width=3.0 + 0.35 * len(order), height=1.8 + 0.3 * len(order))
    correlation = correlation[np.ix_(order, order)]
    _diverging_image(ax, correlation, 1.0, "correlation of missing values", aspect="equal")
    names = [str(holes.columns[place]) for place in order]
    _name_columns(ax, names)
    shares = [f"{100 * share[holes.columns[place]]:.0f} %" for place in order]
    labels = [f"{name} ({part})" for name, part in zip(names, shares, strict=True)]
    ax.set_yticks(np.arange(len(order)), labels)
    return ax


def loss_curves(estimator: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the training loss of every epoch and, where there is one, the validation loss.

    The loss is drawn on a logarithmic scale where it falls by a large factor and stays positive.

    Parameters
    ----------
    estimator : estimator
        A fitted autoencoder. Its ``history_`` is drawn.
    ax : matplotlib.axes.Axes, default=None
        The axes to draw on. By default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.

    Raises
    ------
    TypeError
        If the estimator keeps no ``history_``.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from tfae import Autoencoder, plotting
    >>> X = np.random.default_rng(0).normal(size=(40, 6))
    >>> estimator = Autoencoder(n_components=2, hidden_layer_sizes=(4,), max_iter=3, tol=0.0)
    >>> ax = plotting.loss_curves(estimator.fit(X))
    >>> ax.get_xlabel(), ax.get_ylabel(), len(ax.lines[0].get_xdata())
    ('epoch', 'loss', 3)
    """
    history = _history(estimator)
    ax = _axes(ax, width=6.0, height=4.0)
    drawn = [
        _loss_line(ax, history[key], label)
        for key, label in [("loss", "training"), ("val_loss", "validation")]
        if key in history
    ]
    if _wants_log(np.concatenate(drawn)):
        ax.set_yscale("log")
        # Losses span few powers of ten, so the default has too few ticks to show their values.
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("epoch")
    ax.set_ylabel("loss")
    ax.legend()
    return ax


def code_scatter(
    codes: Any,
    labels: ArrayLike | None = None,
    *,
    size: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw codes of two components as points, coloured by label.

    Up to 20 different labels are classes, with a legend. If there are more, numbers are a quantity,
    with a colour bar, and other labels are coloured without a legend.

    Parameters
    ----------
    codes : array-like of shape (n_samples, 2)
        The output of ``transform``, or a two-dimensional map of it.
    labels : array-like of shape (n_samples,), default=None
        The label of each row.
    size : float, default=None
        The area of a point in square points. By default it shrinks as rows are added.
    ax : matplotlib.axes.Axes, default=None
        The axes to draw on. By default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.

    Raises
    ------
    ValueError
        If `codes` does not have two columns, `labels` does not have one entry for every row, or
        values are masked.

    Examples
    --------
    >>> import numpy as np
    >>> from tfae import plotting
    >>> codes = np.random.default_rng(0).normal(size=(30, 2))
    >>> ax = plotting.code_scatter(codes, ["cat", "dog", "owl"] * 10)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['cat', 'dog', 'owl']
    """
    points = _two_columns(codes)
    names = None if labels is None else _checked_labels(labels, len(points))
    ax = _axes(ax, width=6.0, height=5.0)
    if size is None:
        size = float(np.clip(8000 / max(len(points), 1), 4, 36))
    elif not size > 0:
        raise ValueError(f"size must be above 0, got {size}.")
    if names is None:
        ax.scatter(points[:, 0], points[:, 1], s=size, linewidths=0)
    elif len(np.unique(names)) <= _MAX_LEGEND:
        _scatter_classes(ax, points, names, size)
    else:
        _scatter_values(ax, points, names, size)
    ax.set_xlabel("code 1")
    ax.set_ylabel("code 2")
    return ax


def embedding_scores(report: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw a report on several embeddings: every score of each, higher is better.

    A line joins the scores of an embedding for neighbourhoods of several sizes. Points are moved
    aside a little, so that they do not hide each other.

    Parameters
    ----------
    report : DataFrame
        The result of :func:`tfae.metrics.embedding_report`. Every column is drawn, except the
        errors "mse", "rmse", "mae" and "max_error", which are in the units of the data.
    ax : matplotlib.axes.Axes, default=None
        The axes to draw on. By default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.

    Raises
    ------
    TypeError
        If `report` is not a data frame.
    ValueError
        If it has no rows or no scores.

    See Also
    --------
    tfae.metrics.embedding_report : The scores.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from tfae import plotting
    >>> from tfae.metrics import embedding_report
    >>> X, y = load_digits(return_X_y=True)
    >>> embeddings = {f"PCA {k}": PCA(k).fit_transform(X) for k in (2, 16)}
    >>> ax = plotting.embedding_scores(embedding_report(X, embeddings, y=y))
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['PCA 2', 'PCA 16']
    """
    places, columns = _score_places(_checked_report(report))
    ax = _axes(ax, width=max(8.0, 2.5 + 0.42 * places[-1]), height=4.5)
    scores = report.reindex(columns=columns).to_numpy(np.float64)
    aside = 0.6 * ((np.arange(len(scores)) + 0.5) / len(scores) - 0.5)
    for (name, line), offset, color, marker in zip(
        zip(report.index, scores, strict=True),
        aside,
        cycle(_SAFE_COLORS),
        cycle(_MARKERS),
        strict=False,
    ):
        ax.plot(
            places + offset,
            line,
            color=color,
            marker=marker,
            markeredgecolor="white",
            markeredgewidth=0.6,
            label=str(name),
        )
    _name_scores(ax, places, columns)
    ax.set_xlim(-_MEASURE_GAP / 2, places[-1])
    ax.set_ylim(min(0.0, float(np.nanmin(scores, initial=0.0)) - 0.03), 1.03)
    ax.set_ylabel("score")
    ax.grid(axis="y", alpha=0.4)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return ax


def contributions(
    explained: Any,
    row: Any = 0,
    *,
    offset: float | None = None,
    n_columns: int = 10,
    ax: Axes | None = None,
) -> Axes:
    """Draw what every column adds to the oddness of one row, one bar after the other.

    The bars start with the remainder, which belongs to no column, and end at the negative score.

    Parameters
    ----------
    explained : DataFrame
        The result of :meth:`tfae.OutlierDetector.explain`.
    row : int, default=0
        The position of the row.
    offset : float, default=None
        The ``offset_`` of the detector. A line marks the oddness from which a row is an outlier.
    n_columns : int, default=10
        The number of columns with a bar of their own, those that add most; others share one.
    ax : matplotlib.axes.Axes, default=None
        The axes to draw on. By default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.

    Raises
    ------
    TypeError
        If `explained` is no data frame.
    ValueError
        If there is no such row.

    Examples
    --------
    >>> import pandas as pd
    >>> from tfae import plotting
    >>> explained = pd.DataFrame({"a": [2.0], "b": [0.5], "remainder": [-1.0]})
    >>> ax = plotting.contributions(explained, offset=-1.2)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['remainder', 'b', 'a']
    """
    table = _contribution_table(explained)
    if not 0 <= row < len(table):
        raise ValueError(f"row must be a position from 0 to {len(table) - 1}, got {row!r}.")
    bars = _bars(table.iloc[row], _positive(n_columns, "n_columns"))
    ends = np.cumsum(bars.to_numpy())
    ax = _axes(ax, width=6.5, height=1.2 + 0.32 * len(bars))
    colors = [_SAFE_COLORS[1] if value > 0 else _SAFE_COLORS[0] for value in bars]
    ax.barh(range(len(bars)), bars, left=ends - bars, color=colors)
    ax.vlines(ends[:-1], np.arange(len(bars) - 1), np.arange(1, len(bars)), color="0.6", lw=0.8)
    ax.axvline(0, color="0.6", lw=0.8)
    if offset is not None:
        ax.axvline(-offset, color="black", ls="--", lw=1, label="outliers lie to the right")
        ax.legend(loc="lower right", frameon=False)
    ax.set_yticks(range(len(bars)), [str(name) for name in bars.index])
    ax.set_xlabel("oddness, the negative score")
    return ax


def contribution_map(
    explained: Any, *, n_rows: int = 20, n_columns: int = 20, ax: Axes | None = None
) -> Axes:
    """Draw what every column adds to the oddness of the oddest rows as a map of colours.

    Parameters
    ----------
    explained : DataFrame
        The result of :meth:`tfae.OutlierDetector.explain`.
    n_rows : int, default=20
        The number of rows, the oddest first.
    n_columns : int, default=20
        The number of columns, those that add most to these rows.
    ax : matplotlib.axes.Axes, default=None
        The axes to draw on. By default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.

    Raises
    ------
    TypeError
        If `explained` is no data frame.
    ValueError
        If it has no rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from tfae import plotting
    >>> explained = pd.DataFrame({"a": [0.1, 2.0], "b": [0.5, 0.2], "remainder": [-1.0, -1.0]})
    >>> ax = plotting.contribution_map(explained)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['1', '0']
    """
    table = _contribution_table(explained)
    oddest = table.sum(axis=1).to_numpy().argsort(kind="stable")[::-1]
    shown = table.iloc[oddest[: _positive(n_rows, "n_rows")], :-1]
    most = shown.sum().to_numpy().argsort(kind="stable")[::-1]
    shown = shown.iloc[:, np.sort(most[: _positive(n_columns, "n_columns")])]
    values = shown.to_numpy()
    ax = _axes(ax, width=3.0 + 0.4 * values.shape[1], height=1.5 + 0.25 * len(values))
    limit = float(np.abs(values).max(initial=0.0)) or 1.0
    _diverging_image(ax, values, limit, "contribution to the oddness", aspect="auto")
    ax.set_xticks(range(values.shape[1]), [str(name) for name in shown.columns], rotation=90)
    ax.set_yticks(range(len(values)), [str(label) for label in shown.index])
    ax.set_ylabel("row")
    return ax


def contributions_over_time(
    explained: Any, times: Any = None, *, n_columns: int = 5, ax: Axes | None = None
) -> Axes:
    """Draw what the columns that add most add to the oddness of rows, in their order.

    Parameters
    ----------
    explained : DataFrame
        The result of :meth:`tfae.OutlierDetector.explain`, in the order of time.
    times : array-like of shape (n_samples,), default=None
        The times of the rows. By default the index of `explained`, or their numbers.
    n_columns : int, default=5
        The number of columns with an area of their own.
    ax : matplotlib.axes.Axes, default=None
        The axes to draw on. By default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.

    Raises
    ------
    TypeError
        If `explained` is no data frame.
    ValueError
        If it has no rows, or not as many as there are `times`.

    Examples
    --------
    >>> import pandas as pd
    >>> from tfae import plotting
    >>> explained = pd.DataFrame({"a": [0.1, 2.0], "b": [0.5, 0.2], "remainder": [-1.0, -1.0]})
    >>> ax = plotting.contributions_over_time(explained, n_columns=1)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['a', 'others', 'oddness']
    """
    table = _contribution_table(explained)
    times = table.index if times is None else np.asarray(times)
    if len(times) != len(table):
        raise ValueError(f"times must have one for each of {len(table)} rows, got {len(times)}.")
    added = table.iloc[:, :-1].clip(lower=0)
    most = added.sum().to_numpy().argsort(kind="stable")[::-1]
    own, others = np.split(most, [_positive(n_columns, "n_columns")])
    areas = {str(added.columns[place]): added.iloc[:, place] for place in own}
    if len(others):
        areas["others"] = added.iloc[:, others].sum(axis=1)
    ax = _axes(ax, width=8.0, height=4.0)
    colors = [_SAFE_COLORS[i % len(_SAFE_COLORS)] for i in range(len(own))] + ["0.8"]
    ax.stackplot(times, *areas.values(), labels=list(areas), colors=colors, alpha=0.8)
    ax.plot(times, table.sum(axis=1), color="black", lw=1, label="oddness")
    ax.set_ylabel("oddness, the negative score")
    ax.legend(loc="upper left", frameon=False)
    return ax


def drift(monitor: Any, *, rate: float = 0.01, ax: Axes | None = None) -> Axes:
    """Draw the capital that a monitor has won by betting that rows have changed.

    Parameters
    ----------
    monitor : tfae.DriftMonitor
        One that has seen rows.
    rate : float, default=0.01
        A line marks the capital of an alarm, which is false with at most this probability.
    ax : matplotlib.axes.Axes, default=None
        The axes to draw on. By default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.

    Raises
    ------
    ValueError
        If the monitor has seen no rows, or `rate` is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> from tfae import OutlierDetector, plotting
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> monitor = OutlierDetector(evidence="distance", random_state=0).fit(X).monitor()
    >>> capital = monitor.update(X + 3)
    >>> plotting.drift(monitor).get_ylabel()
    'capital'
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must be above 0 and below 1, got {rate!r}.")
    logs = np.asarray(monitor.log_capitals_)
    if not len(logs):
        raise ValueError("monitor must have seen rows, got none: call its update first.")
    ax = _axes(ax, width=7.0, height=4.0)
    ax.plot(np.arange(len(logs) + 1), np.concatenate([[0.0], logs]), color=_SAFE_COLORS[0])
    for end in monitor.batch_ends_[:-1]:
        ax.axvline(end, color="0.85", lw=0.8, zorder=0)
    label = f"alarm; false with a probability of at most {rate:g}"
    ax.axhline(-math.log10(rate), color=_SAFE_COLORS[1], ls="--", lw=1, label=label)
    # The logarithms themselves are drawn: the capital may be larger than any float.
    ax.yaxis.set_major_formatter(lambda value, _: f"$10^{{{value:g}}}$")
    ax.set_xlabel("rows seen")
    ax.set_ylabel("capital")
    ax.legend(loc="best", frameon=False)
    return ax


def first_layer_weights(
    estimator: Any,
    *,
    image_shape: tuple[int, int] | None = None,
    n_images: int = 64,
    ax: Axes | None = None,
) -> Axes:
    """Draw the incoming weights of the first hidden units, each unit as one image.

    Red is positive, blue is negative, white is zero, on one scale for all units.

    Parameters
    ----------
    estimator : estimator
        A fitted autoencoder whose first layer is dense.
    image_shape : tuple of (height, width), default=None
        The shape of the image in a row. By default it is a square, if `n_features` is a perfect
        square.
    n_images : int, default=64
        The number of units to draw; all of them if the layer has fewer.
    ax : matplotlib.axes.Axes, default=None
        The axes to draw on. By default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.

    Raises
    ------
    TypeError
        If the estimator keeps no ``encoder_weights_``.
    ValueError
        If the first layer is not dense, or `image_shape` does not fit the number of features.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from tfae import Autoencoder, plotting
    >>> X = np.random.default_rng(0).normal(size=(40, 9))
    >>> estimator = Autoencoder(n_components=2, hidden_layer_sizes=(4,), max_iter=3)
    >>> ax = plotting.first_layer_weights(estimator.fit(X))
    >>> ax.images[0].get_cmap().name
    'RdBu_r'
    """
    kernel = _first_kernel(estimator)
    images = _as_images(kernel.T[: _positive(n_images, "n_images")], image_shape)
    n_columns = math.ceil(math.sqrt(len(images)))
    limit = float(np.abs(images).max())
    ax = _axes(ax, width=6.0, height=5.0)
    _diverging_image(ax, _tile(images, n_columns), limit or 1.0, "weight", aspect="equal")
    ax.set_axis_off()
    return ax


def _axes(ax: Axes | None, width: float, height: float) -> Axes:
    """Return `ax`, or the axes of a new figure of this size in inches."""
    if ax is None:
        _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be one Matplotlib Axes, got {type(ax).__name__}.")
    return ax


def _positive(value: int, name: str) -> int:
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be an integer of at least 1, got {value!r}.")
    return value


def _first_rows(X: Any, n_rows: int, name: str, *, images: bool = False) -> Any:
    """Return the first rows in their own container, because it may carry the feature names."""
    _positive(n_rows, name)
    check_unmasked(X)
    if not hasattr(X, "shape"):
        X = np.asarray(X)
    if len(X.shape) not in ((2, 3, 4) if images else (2,)) or 0 in X.shape:
        raise ValueError(
            f"X must have rows and columns{' or be images' if images else ''}, got an array of "
            f"shape {tuple(X.shape)}."
        )
    return X[:n_rows]


def _dense(X: Any) -> NDArray[np.float64]:
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X, dtype=np.float64)


def _reconstruct(estimator: Any, rows: Any) -> NDArray[np.float64]:
    if hasattr(estimator, "reconstruct"):
        return _dense(estimator.reconstruct(rows))
    if hasattr(estimator, "inverse_transform"):
        return _dense(estimator.inverse_transform(estimator.transform(rows)))
    raise TypeError(
        "estimator must have a reconstruct or an inverse_transform method, "
        f"got {type(estimator).__name__}."
    )


def _as_pandas(table: Any) -> pd.DataFrame:
    """Return a frame of any library, or rows, as a frame of pandas."""
    check_unmasked(table)
    if nw.dependencies.is_into_dataframe(table):
        return nw.from_native(table).to_pandas()
    return pd.DataFrame(_dense(table) if hasattr(table, "toarray") else table)


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


def _named(
    rows: NDArray[np.float64], rebuilt: NDArray[np.float64], X: Any, X_clean: Any
) -> dict[str, NDArray[np.float64]]:
    """Return what is drawn for the first rows by the names of the lines, all of one shape."""
    rebuilt = rebuilt.reshape(rows.shape)
    if X_clean is None:
        return {"original": rows, "reconstruction": rebuilt}
    if np.shape(X_clean) != np.shape(X):
        raise ValueError(
            f"X_clean must have the shape of X, {np.shape(X)}, got {np.shape(X_clean)}."
        )
    clean = _dense(_first_rows(X_clean, len(rows), "n_rows", images=True))
    return {"clean": clean.reshape(rows.shape), "noisy": rows, "cleaned": rebuilt}


def _as_images(
    rows: NDArray[np.float64], image_shape: tuple[int, ...] | None
) -> NDArray[np.float64]:
    if rows.ndim > 2 and (image_shape is None or tuple(image_shape) == rows.shape[1:3]):
        return _drawable(rows)
    rows = rows.reshape(len(rows), -1)
    n_features = rows.shape[1]
    image_shape = square_image(n_features) if image_shape is None else image_shape
    if image_shape is None:
        raise ValueError(
            "image_shape must be given when the number of features is not a perfect square, "
            f"got {n_features} features."
        )
    if len(image_shape) != 2 or math.prod(image_shape) != n_features or min(image_shape) < 1:
        raise ValueError(
            f"image_shape must be (height, width) with height * width = {n_features}, "
            f"got {tuple(image_shape)}."
        )
    return rows.reshape(-1, *image_shape)


def _drawable(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return grey images without a channel, and coloured images as they are."""
    n_channels = images.shape[3] if images.ndim == 4 else 1
    if n_channels not in (1, 3):
        raise ValueError(f"Images must have 1 or 3 channels to be drawn, got {n_channels}.")
    return images[..., 0] if images.shape[3:] == (1,) else images


def _as_colours(mosaic: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Return red, green and blue from 0 to 1, as Matplotlib wants them; gaps are white."""
    shades = (mosaic - low) / ((high - low) or 1.0)
    return np.nan_to_num(np.clip(shades, 0.0, 1.0), nan=1.0)


def _tile(images: NDArray[np.float64], n_columns: int) -> NDArray[np.float64]:
    """Lay images out in lines of `n_columns`; the gaps between them are NaN, which is not drawn."""
    n_images, height, width, *channels = images.shape
    gap = max(1, max(height, width) // 14)
    n_lines = math.ceil(n_images / n_columns)
    shape = (n_lines * (height + gap) - gap, n_columns * (width + gap) - gap, *channels)
    canvas = np.full(shape, np.nan)
    for index, image in enumerate(images):
        top = index // n_columns * (height + gap)
        left = index % n_columns * (width + gap)
        canvas[top : top + height, left : left + width] = image
    return canvas


def _label_bands(ax: Axes, labels: list[str], height: int) -> None:
    """Name the horizontal bands of a picture `height` pixels high and hide its frame."""
    band = height / len(labels)
    ax.set_yticks([band * (index + 0.5) - 0.5 for index in range(len(labels))], labels)
    ax.set_xticks([])
    ax.tick_params(axis="y", length=0)
    ax.spines[:].set_visible(False)


def _diverging_image(
    ax: Axes,
    image: NDArray[np.float64],
    limit: float,
    label: str,
    aspect: Literal["auto", "equal"],
) -> None:
    drawn = ax.imshow(
        image, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect=aspect, interpolation="nearest"
    )
    ax.figure.colorbar(drawn, ax=ax, label=label)
    ax.spines[:].set_visible(False)


def _contribution_table(explained: Any) -> pd.DataFrame:
    """Return contributions as a frame of pandas, whatever library theirs is of."""
    if not nw.dependencies.is_into_dataframe(explained):
        raise TypeError(
            "explained must be the data frame that explain returns, "
            f"got {type(explained).__name__}."
        )
    if not isinstance(explained, pd.DataFrame):
        frame = nw.from_native(explained)
        explained = pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns})
    if not len(explained):
        raise ValueError("explained must have rows, got none.")
    return explained


def _bars(row: pd.Series, n_columns: int) -> pd.Series:
    """Return the bars of a row, from the remainder to the largest contribution."""
    columns, remainder = row.iloc[:-1], row.iloc[-1:]
    columns = columns.iloc[np.argsort(columns.to_numpy(), kind="stable")]
    few, most = columns.iloc[:-n_columns], columns.iloc[-n_columns:]
    others = pd.Series({f"{len(few)} others": few.sum()}) if len(few) else few
    return pd.concat([remainder, others, most]).astype(np.float64)


def _history(estimator: Any) -> dict[str, list[float]]:
    check_is_fitted(estimator)
    history: dict[str, list[float]] | None = getattr(estimator, "history_", None)
    if history is not None and not history.get("loss"):
        raise ValueError("estimator must have finished an epoch of its training, got none.")
    if history is None:
        raise TypeError(
            "estimator must keep the history_ of its training, "
            f"got {type(estimator).__name__} without one."
        )
    return history


def _first_kernel(estimator: Any) -> NDArray[np.float64]:
    check_is_fitted(estimator)
    weights = getattr(estimator, "encoder_weights_", None)
    if not weights:
        raise TypeError(
            "estimator must keep its encoder_weights_, "
            f"got {type(estimator).__name__} without them."
        )
    # Before the first layer there may be factors of the features, which have one dimension.
    kernel = _dense(next((w for w in weights if np.ndim(w) > 1), weights[0]))
    if kernel.ndim != 2:
        raise ValueError(
            "The first layer must be dense, with weights of shape (n_features, n_units), "
            f"got weights of shape {kernel.shape}."
        )
    return kernel


def _loss_line(ax: Axes, losses: list[float], label: str) -> NDArray[np.float64]:
    values = np.asarray(losses, dtype=np.float64)
    # A line through one point is invisible, so short curves get markers.
    marker = "o" if len(values) <= 20 else None
    ax.plot(np.arange(1, len(values) + 1), values, label=label, marker=marker)
    return values


def _wants_log(values: NDArray[np.float64]) -> bool:
    values = values[np.isfinite(values)]
    if len(values) == 0 or values.min() <= 0:
        return False
    return bool(values.max() / values.min() >= _LOG_FROM_RATIO)


def _two_columns(codes: Any) -> NDArray[np.float64]:
    check_unmasked(codes, "codes")
    points = _dense(codes)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(
            f"codes must have 2 columns, got an array of shape {points.shape}. Reduce them to two "
            "first, for example with sklearn.manifold.TSNE."
        )
    return points


def _checked_labels(labels: ArrayLike, n_rows: int) -> NDArray[Any]:
    check_unmasked(labels, "labels")
    names = np.asarray(labels)
    if names.shape != (n_rows,):
        raise ValueError(
            f"labels must have one entry for each of the {n_rows} rows of codes, "
            f"got an array of shape {names.shape}."
        )
    # Objects of mixed kinds cannot be sorted; their texts can.
    return names if names.dtype.kind in "biuf" else names.astype(str)


def _scatter_classes(
    ax: Axes, points: NDArray[np.float64], names: NDArray[Any], size: float
) -> None:
    # Places, because a missing label (NaN) equals nothing, not even itself.
    classes, places = np.unique(names, return_inverse=True)
    colors = colormaps["tab10" if len(classes) <= 10 else "tab20"]
    for index, name in enumerate(classes):
        chosen = points[places == index]
        ax.scatter(
            chosen[:, 0], chosen[:, 1], s=size, color=colors(index), linewidths=0, label=str(name)
        )
    # The points may be too small to show their colour; the legend's are not.
    scale = math.sqrt(_LEGEND_SIZE / size)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, markerscale=scale)


def _scatter_values(
    ax: Axes, points: NDArray[np.float64], names: NDArray[Any], size: float
) -> None:
    if names.dtype.kind in "biuf":
        drawn = ax.scatter(
            points[:, 0], points[:, 1], s=size, c=names, cmap="viridis", linewidths=0
        )
        ax.figure.colorbar(drawn, ax=ax, label="label")
        return
    places = np.unique(names, return_inverse=True)[1]
    ax.scatter(points[:, 0], points[:, 1], s=size, c=places, cmap="hsv", linewidths=0)


def _checked_report(report: pd.DataFrame) -> list[str]:
    """Return the columns that are scores."""
    if not isinstance(report, pd.DataFrame):
        raise TypeError(
            "report must be the data frame of tfae.metrics.embedding_report, "
            f"got {type(report).__name__}."
        )
    columns = [str(name) for name in report.columns if name not in _NO_SCORES]
    if report.empty or not columns:
        raise ValueError(
            f"report must have rows and scores, got {len(report)} rows and {len(columns)} scores."
        )
    return columns


def _score_places(columns: list[str]) -> tuple[NDArray[np.float64], list[str]]:
    """Return the places of the columns on the axis, measure by measure.

    After each measure there is a column without a name and without scores, which ends a line.
    """
    places: list[float] = []
    named: list[str] = []
    start = 0.0
    for measure in dict.fromkeys(name.partition("@")[0] for name in columns):
        those = [name for name in columns if name.partition("@")[0] == measure]
        margin = max(0.0, _MEASURE_WIDTH - (len(those) - 1)) / 2
        places += [start + margin + step for step in range(len(those))]
        named += those
        start += 2 * margin + len(those) - 1 + _MEASURE_GAP
        places.append(start - _MEASURE_GAP / 2)
        named.append("")
    return np.array(places), named


def _name_scores(ax: Axes, places: NDArray[np.float64], columns: list[str]) -> None:
    """Write the sizes of neighbourhoods under the axis, and the measures below the sizes."""
    of_measure: dict[str, list[float]] = {}
    sizes: dict[float, str] = {}
    for place, column in zip(places, columns, strict=True):
        measure, _, size = column.partition("@")
        if column:
            of_measure.setdefault(measure, []).append(float(place))
            sizes[float(place)] = size
        else:
            ax.axvline(float(place), color="0.8", linewidth=0.8, zorder=0)
    ax.xaxis.remove_overlapping_locs = False
    ax.set_xticks(list(sizes), list(sizes.values()), minor=True)
    ax.set_xticks(
        [float(np.mean(found)) for found in of_measure.values()],
        [measure.replace("_", "\n") for measure in of_measure],
    )
    ax.tick_params(axis="x", which="major", length=0, pad=20)
    ax.set_xlabel("measure, with the number of neighbours")
