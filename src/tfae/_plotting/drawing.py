"""What several pictures need: axes, rows as arrays, images, colours."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any, Literal

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import NDArray

from tfae._support.images import square_image

# The colours of Okabe and Ito that show on white: colour-blind readers can tell them apart.
SAFE_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def axes(ax: Axes | None, width: float, height: float) -> Axes:
    """Return `ax`, or the axes of a new figure of this size in inches."""
    if ax is None:
        _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be one Matplotlib Axes, got {type(ax).__name__}.")
    return ax


def positive(value: int, name: str) -> int:
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be an integer of at least 1, got {value!r}.")
    return value


def dense(X: Any) -> NDArray[np.float64]:
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X, dtype=np.float64)


def as_images(
    rows: NDArray[np.float64], image_shape: tuple[int, ...] | None
) -> NDArray[np.float64]:
    if rows.ndim > 2 and (image_shape is None or tuple(image_shape) == rows.shape[1:3]):
        return drawable(rows)
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


def drawable(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return grey images without a channel, and coloured images as they are."""
    n_channels = images.shape[3] if images.ndim == 4 else 1
    if n_channels not in (1, 3):
        raise ValueError(f"Images must have 1 or 3 channels to be drawn, got {n_channels}.")
    return images[..., 0] if images.shape[3:] == (1,) else images


def tile(images: NDArray[np.float64], n_columns: int) -> NDArray[np.float64]:
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


def diverging_image(
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
