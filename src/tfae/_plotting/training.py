"""Pictures of a training and of what was learned."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from tfae._plotting.drawing import as_images, axes, dense, diverging_image, positive, tile

# A loss that falls by less than this factor is easier to read on a linear axis.
_LOG_FROM_RATIO = 5.0


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
    ax = axes(ax, width=6.0, height=4.0)
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
    images = as_images(kernel.T[: positive(n_images, "n_images")], image_shape)
    n_columns = math.ceil(math.sqrt(len(images)))
    limit = float(np.abs(images).max())
    ax = axes(ax, width=6.0, height=5.0)
    diverging_image(ax, tile(images, n_columns), limit or 1.0, "weight", aspect="equal")
    ax.set_axis_off()
    return ax


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
    kernel = dense(next((w for w in weights if np.ndim(w) > 1), weights[0]))
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
