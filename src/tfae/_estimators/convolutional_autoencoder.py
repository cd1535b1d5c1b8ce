"""The convolutional autoencoder: images, flat or not, in and out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np

from tfae._data.reading import is_stream
from tfae._estimators.autoencoder import Autoencoder
from tfae._networks.architectures.convolutional import image_shape_of
from tfae._networks.spec import Builder
from tfae._support.sklearn import Interval
from tfae._support.typing import Array, Weights
from tfae._support.warn import warn


@dataclass(eq=False, repr=False)
class ConvolutionalAutoencoder(Autoencoder):
    r"""Autoencoder of images, whose layers know which pixels are neighbours.

    Every hidden layer of the encoder convolves with a stride of 2 and so halves the image, from
    :math:`h \times w` to :math:`\lceil h/2 \rceil \times \lceil w/2 \rceil`; a dense layer makes
    the code of what is left. The decoder goes back with transposed convolutions [1]_. Any size
    works.

    Images may be flat rows or arrays of shape (n_samples, height, width) or (n_samples, height,
    width, channels), in every method that takes rows.

    Parameters
    ----------
    n_components : int, default=None
        The length of the code. None takes half of the features, but at most 32.
    image_shape : tuple of int, default=None
        (height, width) or (height, width, channels), of which flat rows are made up, in C order.
        None takes the shape of the images given to `fit`; flat rows are then square images if
        their length allows it, and else a single line.
    kernel_size : int, default=3
        The height and width of the convolutions' kernels.
    hidden_layer_sizes : int or sequence of int, default=(16, 32)
        The filters of the convolutions, from the image to the code.

    Attributes
    ----------
    image_shape_ : tuple of int
        (height, width, channels).

    See Also
    --------
    Autoencoder : All other parameters, and the attributes.

    Notes
    -----
    The device runs the network in the fastest of the ways that it has, which the first fit
    measures. ``transform`` runs it in TensorFlow. The Keras models of ``to_keras`` take and return
    flat rows.

    References
    ----------
    .. [1] Masci, J., Meier, U., Cireşan, D. and Schmidhuber, J. (2011). Stacked convolutional
       auto-encoders for hierarchical feature extraction. ICANN.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from tfae import ConvolutionalAutoencoder
    >>> images = load_digits().images
    >>> model = ConvolutionalAutoencoder(
    ...     16, learning_rate_init=0.005, max_iter=20, random_state=0
    ... ).fit(images)
    >>> model.transform(images).shape
    (1797, 16)
    >>> model.reconstruct(images).shape
    (1797, 8, 8)
    >>> model.score(images) > 0.6
    True
    """

    hidden_layer_sizes: int | Sequence[int] = (16, 32)
    architecture: str | Builder = "convolutional"
    image_shape: Sequence[int] | None = None
    kernel_size: int = 3

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Autoencoder._parameter_constraints,
        "image_shape": ["array-like", None],
        "kernel_size": [Interval(Integral, 1, None, closed="left")],
    }

    def inverse_transform(self, X: Any) -> Array:
        """Decode codes into images in the user's units.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        ndarray of shape (n_samples, n_features) or that of the images given to `fit`
        """
        rows = super().inverse_transform(X)
        return rows.reshape(len(rows), *self._fitted_shape)

    def reconstruct(self, X: Any) -> Array:
        """Encode and decode images.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features) or images

        Returns
        -------
        ndarray of the shape of `X`
        """
        rows = super().reconstruct(X)
        shape = None if is_stream(X) else _images_shape(X)
        return rows if shape is None else rows.reshape(len(rows), *shape)

    def _check_rows(self, X: Any, *, reset: bool, min_samples: int = 1) -> Any:
        """Check flat rows, or make them of images of the right shape."""
        if is_stream(X):  # whose batches come here one by one
            return super()._check_rows(X, reset=reset, min_samples=min_samples)
        shape = _images_shape(X)
        expected: Sequence[int] | None = self.image_shape if reset else self.image_shape_
        if shape is not None:
            if expected is not None and _with_channels(shape) != _with_channels(expected):
                one = _with_channels(np.shape(X)) == _with_channels(expected)
                raise ValueError(
                    f"Images must have the shape {tuple(expected)}. Got "
                    + ("one image; pass X[None]." if one else f"images of shape {shape}.")
                )
            if reset and _has_channels_first(shape):
                warn(
                    f"Images of shape {shape} are taken for (height, width, channels). If their "
                    "channels come first, pass np.moveaxis(X, 1, -1)."
                )
            X = np.asanyarray(X)  # a memory map stays one
            X = X.reshape(len(X), math.prod(shape))
        rows = super()._check_rows(X, reset=reset, min_samples=min_samples)
        if reset:
            asked = self.image_shape if shape is None else shape
            self.image_shape_: tuple[int, int, int] = image_shape_of(asked, rows.shape[1])
            self._fitted_shape = rows.shape[1:] if shape is None else shape
        return rows

    def _untrained(self) -> Self:
        copied = super()._untrained()
        copied.image_shape = self.image_shape_  # checked rows are flat
        return copied

    def _take_over(self, encoder_weights: Weights, decoder_weights: Weights) -> None:
        super()._take_over(encoder_weights, decoder_weights)
        imported: Any = self.architecture
        images = len(imported.row_shape) > 1
        asked = imported.row_shape if images else self.image_shape
        self.image_shape_ = image_shape_of(asked, self.n_features_in_)
        self._fitted_shape = imported.row_shape

    def _architecture_params(self) -> Mapping[str, Any]:
        given = dict(self.architecture_params or {})
        if self.architecture != "convolutional":
            return given
        own = {
            "image_shape": getattr(self, "image_shape_", self.image_shape),
            "kernel_size": self.kernel_size,
        }
        if twice := sorted(own.keys() & given.keys()):
            raise ValueError(
                f"{twice[0]!r} must be a parameter of the ConvolutionalAutoencoder itself. Got it "
                "in 'architecture_params'."
            )
        return {**own, **given}


def _images_shape(X: Any) -> tuple[int, ...] | None:
    """Return the shape of one image, or None if `X` has flat rows."""
    try:
        shape = tuple(X.shape if hasattr(X, "shape") else np.asarray(X).shape)
    except ValueError as error:
        if np.ndim(X[0]) > 1:
            raise ValueError("Images must have one shape. Got images of different ones.") from error
        return None  # rows of different lengths, which scikit-learn answers
    return shape[1:] if len(shape) in (3, 4) else None


def _has_channels_first(shape: tuple[int, ...]) -> bool:
    """Whether one image looks like a grey or a coloured one of PyTorch's."""
    return len(shape) == 3 and shape[0] in (1, 3) and shape[1] == shape[2] > 4


def _with_channels(shape: Sequence[int]) -> tuple[int, ...]:
    return (*shape, 1) if len(shape) == 2 else tuple(shape)
