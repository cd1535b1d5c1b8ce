"""Pictures of codes, and of how good they are."""

from __future__ import annotations

import math
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from tfae._plotting.drawing import SAFE_COLORS, axes, dense
from tfae._support.masks import check_unmasked

# A tab20 legend is the longest that still has a colour of its own for each entry.
_MAX_LEGEND = 20
_LEGEND_SIZE = 36.0
_MARKERS = "osD^v<>h"
# Errors are in the units of the data, so they cannot share an axis with scores.
_NO_SCORES = frozenset({"mse", "rmse", "mae", "max_error"})
# The least width of a measure's name and the gap between two measures. Both are in steps from one
# size of neighbourhoods to the next.
_MEASURE_WIDTH, _MEASURE_GAP = 1.6, 1.4


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
    ax = axes(ax, width=6.0, height=5.0)
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
    ax = axes(ax, width=max(8.0, 2.5 + 0.42 * places[-1]), height=4.5)
    scores = report.reindex(columns=columns).to_numpy(np.float64)
    aside = 0.6 * ((np.arange(len(scores)) + 0.5) / len(scores) - 0.5)
    for (name, line), offset, color, marker in zip(
        zip(report.index, scores, strict=True),
        aside,
        cycle(SAFE_COLORS),
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


def _two_columns(codes: Any) -> NDArray[np.float64]:
    check_unmasked(codes, "codes")
    points = dense(codes)
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
