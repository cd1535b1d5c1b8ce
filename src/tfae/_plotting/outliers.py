"""Pictures of odd rows: why they are odd, and whether new rows differ."""

from __future__ import annotations

import math
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from tfae._plotting.drawing import SAFE_COLORS, axes, diverging_image, positive


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
    bars = _bars(table.iloc[row], positive(n_columns, "n_columns"))
    ends = np.cumsum(bars.to_numpy())
    ax = axes(ax, width=6.5, height=1.2 + 0.32 * len(bars))
    colors = [SAFE_COLORS[1] if value > 0 else SAFE_COLORS[0] for value in bars]
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
    shown = table.iloc[oddest[: positive(n_rows, "n_rows")], :-1]
    most = shown.sum().to_numpy().argsort(kind="stable")[::-1]
    shown = shown.iloc[:, np.sort(most[: positive(n_columns, "n_columns")])]
    values = shown.to_numpy()
    ax = axes(ax, width=3.0 + 0.4 * values.shape[1], height=1.5 + 0.25 * len(values))
    limit = float(np.abs(values).max(initial=0.0)) or 1.0
    diverging_image(ax, values, limit, "contribution to the oddness", aspect="auto")
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
    own, others = np.split(most, [positive(n_columns, "n_columns")])
    areas = {str(added.columns[place]): added.iloc[:, place] for place in own}
    if len(others):
        areas["others"] = added.iloc[:, others].sum(axis=1)
    ax = axes(ax, width=8.0, height=4.0)
    colors = [SAFE_COLORS[i % len(SAFE_COLORS)] for i in range(len(own))] + ["0.8"]
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
    ax = axes(ax, width=7.0, height=4.0)
    ax.plot(np.arange(len(logs) + 1), np.concatenate([[0.0], logs]), color=SAFE_COLORS[0])
    for end in monitor.batch_ends_[:-1]:
        ax.axvline(end, color="0.85", lw=0.8, zorder=0)
    label = f"alarm; false with a probability of at most {rate:g}"
    ax.axhline(-math.log10(rate), color=SAFE_COLORS[1], ls="--", lw=1, label=label)
    # The logarithms themselves are drawn: the capital may be larger than any float.
    ax.yaxis.set_major_formatter(lambda value, _: f"$10^{{{value:g}}}$")
    ax.set_xlabel("rows seen")
    ax.set_ylabel("capital")
    ax.legend(loc="best", frameon=False)
    return ax


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
