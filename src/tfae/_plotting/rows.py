"""Pictures of rows beside what a model makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from tfae._plotting.drawing import as_images, axes, dense, diverging_image, positive, tile
from tfae._support.masks import check_unmasked

# Standard deviations at which the colours of `reconstructed_rows` end.
_ROW_LIMIT = 3.0


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
    originals = as_images(dense(rows), image_shape)
    bands = _named(originals, rebuilt, X, X_clean)
    first, *_ = bands.values()
    ax = axes(ax, width=len(originals), height=1.1 * len(bands))
    mosaic = tile(np.concatenate(list(bands.values())), n_columns=len(originals))
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
    table = dense(X if X_clean is None else X_clean)
    center, spread = table.mean(axis=0), table.std(axis=0)
    spread[spread == 0] = 1.0  # a constant column is drawn as zero, not as an error
    named = _named(dense(rows), _reconstruct(estimator, rows), X, X_clean)
    bands = (np.stack(list(named.values()), axis=1) - center) / spread
    blank = np.full((len(bands), 1, bands.shape[2]), np.nan)
    mosaic = np.concatenate([bands, blank], axis=1).reshape(-1, bands.shape[2])[:-1]
    ax = axes(ax, width=8.0, height=0.3 * len(named) * len(bands) + 1.0)
    diverging_image(ax, mosaic, _ROW_LIMIT, "standard deviations from the mean", aspect="auto")
    ax.set_yticks(
        [line for line in range(len(mosaic)) if line % (len(named) + 1) < len(named)],
        list(named) * len(bands),
    )
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("column")
    return ax


def _first_rows(X: Any, n_rows: int, name: str, *, images: bool = False) -> Any:
    """Return the first rows in their own container, because it may carry the feature names."""
    positive(n_rows, name)
    check_unmasked(X)
    if not hasattr(X, "shape"):
        X = np.asarray(X)
    if len(X.shape) not in ((2, 3, 4) if images else (2,)) or 0 in X.shape:
        raise ValueError(
            f"X must have rows and columns{' or be images' if images else ''}, got an array of "
            f"shape {tuple(X.shape)}."
        )
    return X[:n_rows]


def _reconstruct(estimator: Any, rows: Any) -> NDArray[np.float64]:
    if hasattr(estimator, "reconstruct"):
        return dense(estimator.reconstruct(rows))
    if hasattr(estimator, "inverse_transform"):
        return dense(estimator.inverse_transform(estimator.transform(rows)))
    raise TypeError(
        "estimator must have a reconstruct or an inverse_transform method, "
        f"got {type(estimator).__name__}."
    )


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
    clean = dense(_first_rows(X_clean, len(rows), "n_rows", images=True))
    return {"clean": clean.reshape(rows.shape), "noisy": rows, "cleaned": rebuilt}


def _as_colours(mosaic: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Return red, green and blue from 0 to 1, as Matplotlib wants them; gaps are white."""
    shades = (mosaic - low) / ((high - low) or 1.0)
    return np.nan_to_num(np.clip(shades, 0.0, 1.0), nan=1.0)


def _label_bands(ax: Axes, labels: list[str], height: int) -> None:
    """Name the horizontal bands of a picture `height` pixels high and hide its frame."""
    band = height / len(labels)
    ax.set_yticks([band * (index + 0.5) - 0.5 for index in range(len(labels))], labels)
    ax.set_xticks([])
    ax.tick_params(axis="y", length=0)
    ax.spines[:].set_visible(False)
