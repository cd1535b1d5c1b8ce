"""The convolutional autoencoder, which takes and returns images, flat or not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tfae._data.reading import is_stream
from tfae._estimators.attributes import Absent
from tfae._estimators.autoencoder import Autoencoder
from tfae._estimators.parameters import AT_LEAST_1, parameter
from tfae._fitting.recipe import Recipe
from tfae._inference.fitted import Fitted
from tfae._networks.architectures.convolutional import image_shape_of, no_image_shape
from tfae._networks.imported import Imported
from tfae._networks.spec import Builder
from tfae._support.masks import check_unmasked
from tfae._support.typing import Array
from tfae._support.warn import warn


@dataclass(eq=False, repr=False, kw_only=True)
class ConvolutionalAutoencoder(Autoencoder):
    r"""Autoencoder of images, with layers that know which pixels are neighbours.

    Every hidden layer of the encoder convolves with a stride of 2 and so halves the image, from
    :math:`h \times w` to :math:`\lceil h/2 \rceil \times \lceil w/2 \rceil`. A dense layer turns
    the result into the code. The decoder goes back with transposed convolutions [1]_. Images of any
    size work.

    Every method that takes rows takes images as flat rows, or as arrays of shape (n_samples,
    height, width) or (n_samples, height, width, channels).

    Parameters
    ----------
    n_components : int, default=None
        The length of the code. None takes half of the features, but at most 32.
    image_shape : tuple of int, default=None
        The shape of the image in a flat row, (height, width) or (height, width, channels), in C
        order. One of the numbers may be -1, which takes what is left of the features: (1, -1) is an
        image of a single line, such as a signal. None takes the shape of the images given to `fit`:
        arrays with channels, or square images without. Other arrays do not show that they are
        images, so flat rows need a shape, and so do arrays of shape (n_samples, 64, 2), because
        they may be windows of 64 steps.
    kernel_size : int, default=3
        The height and width of the convolutions' kernels.
    hidden_layer_sizes : int or sequence of int, default="auto"
        The filters of the convolutions, from the image to the code. "auto" is (16, 32).

    Attributes
    ----------
    image_shape_ : tuple of int
        (height, width, channels).

    See Also
    --------
    Autoencoder : All other parameters, and the attributes.

    Notes
    -----
    The first fit measures which way of running the network is the fastest on the device, and
    training uses that. ``transform`` runs the network in TensorFlow. The Keras models of
    ``to_keras`` take and return flat rows.

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

    takes_tables = False

    architecture: str | Builder = "convolutional"
    image_shape: Sequence[int] | None = parameter(None, "array-like", None)
    kernel_size: int = parameter(3, AT_LEAST_1)

    _needs = ("n_features_in_", "image_shape_", "_row_shape")
    impute = Absent("images with missing pixels are not taken")

    @classmethod
    def from_keras(cls, encoder: Any, decoder: Any, **params: Any) -> Self:
        """Wrap trained Keras models of images as a fitted estimator.

        Parameters
        ----------
        encoder, decoder : keras.Model
            As in :meth:`Autoencoder.from_keras`. If the models take flat rows, the parameter
            `image_shape` must give the shape of the images.
        **params
            Parameters of the estimator.

        Returns
        -------
        estimator
            Fitted.

        Raises
        ------
        ValueError
            If the models cannot be read or do not fit together, or a parameter is wrong or
            missing.

        Examples
        --------
        >>> import keras
        >>> from sklearn.datasets import load_digits
        >>> from tfae import ConvolutionalAutoencoder
        >>> images = load_digits().images
        >>> encoder = keras.Sequential(
        ...     [keras.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(4)]
        ... )
        >>> decoder = keras.Sequential(
        ...     [keras.Input((4,)), keras.layers.Dense(64), keras.layers.Reshape((8, 8))]
        ... )
        >>> model = ConvolutionalAutoencoder.from_keras(encoder, decoder)
        >>> model.reconstruct(images).shape
        (1797, 8, 8)
        """
        model = super().from_keras(encoder, decoder, **params)
        assert isinstance(model.architecture, Imported)
        model.image_shape_ = model._image_shape(model.n_features_in_)
        model._row_shape = model.architecture.row_shape
        return model

    def inverse_transform(self, X: Any) -> Array:
        """Decode codes into images in the user's units.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        ndarray of shape (n_samples, n_features), or of the shape of the images given to `fit`
        """
        rows = super().inverse_transform(X)
        return rows.reshape(len(rows), *self._row_shape)

    def reconstruct(self, X: Any, *, probabilities: bool = False) -> Any:
        """Encode and decode images.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features) or images

        Returns
        -------
        ndarray of the shape of `X`
        """
        rows = super().reconstruct(X, probabilities=probabilities)
        shape = None if is_stream(X) else _images_shape(X)
        return rows if shape is None else rows.reshape(len(rows), *shape)

    def _recipe(self, X: Any, start: Fitted | None, **instead: Any) -> Recipe:
        return super()._recipe(X, start, architecture_params=self._builder_params(), **instead)

    def _read(self, X: Any, *, reset: bool, min_samples: int = 1, **how: Any) -> Any:
        """Return flat rows as they are, and images of the right shape as flat rows."""
        if is_stream(X):  # its batches come here one by one
            return super()._read(X, reset=reset, min_samples=min_samples, **how)
        check_unmasked(X)
        shape = _images_shape(X)
        expected = self._asked_shape() if reset else self.image_shape_
        if shape is not None and expected is None:
            _check_shows_images(shape)
        rows = X if shape is None else _flat(X, shape, expected, warns=reset)
        rows = super()._read(rows, reset=reset, min_samples=min_samples, **how)
        if reset:
            self.image_shape_: tuple[int, int, int] = self._image_shape(rows.shape[1], shape)
            self._row_shape: tuple[int, ...] = rows.shape[1:] if shape is None else shape
        return rows

    def _asked_shape(self) -> Sequence[int] | None:
        """Return the shape that imported models or the parameter ask for."""
        imported = self.architecture if isinstance(self.architecture, Imported) else None
        of_models = () if imported is None else imported.row_shape
        return of_models if len(of_models) > 1 else self.image_shape

    def _image_shape(
        self, n_features: int, shape: tuple[int, ...] | None = None
    ) -> tuple[int, int, int]:
        """Return the shape of images; `shape` is that of the images in `X`, if it has some."""
        asked = self._asked_shape() if shape is None else shape
        if asked is None:
            raise no_image_shape(n_features, "image_shape={}")
        return image_shape_of(asked, n_features)

    def _builder_params(self) -> dict[str, Any]:
        """Return the keyword arguments of the architecture's builder."""
        given = dict(self.architecture_params or {})
        if self.architecture != "convolutional":
            return given
        own = {"image_shape": self.image_shape_, "kernel_size": self.kernel_size}
        if twice := sorted(own.keys() & given.keys()):
            raise ValueError(
                f"{twice[0]!r} must be a parameter of the ConvolutionalAutoencoder itself. Got it "
                "in 'architecture_params'."
            )
        return {**own, **given}


def _flat(X: Any, shape: tuple[int, ...], expected: Sequence[int] | None, warns: bool) -> Array:
    """Return images as flat rows, if they have the expected shape."""
    if expected is not None and not _is_of(shape, expected):
        one = _is_of(np.shape(X), expected)
        raise ValueError(
            f"Images must have the shape {tuple(expected)}. Got "
            + ("one image; pass X[None]." if one else f"images of shape {shape}.")
        )
    if warns and _has_channels_first(shape):
        warn(
            f"Images of shape {shape} are taken for (height, width, channels). If their "
            "channels come first, pass np.moveaxis(X, 1, -1)."
        )
    X = np.asanyarray(X)  # a memory map stays a memory map
    return X.reshape(len(X), math.prod(shape))


def _check_shows_images(shape: tuple[int, ...]) -> None:
    """Raise unless the shape of `X`, without its rows, is that of images and of nothing else."""
    if len(shape) == 2 and shape[0] != shape[1]:
        steps, channels = shape
        raise ValueError(
            f"Arrays of shape (n_samples, {steps}, {channels}) need an 'image_shape', because they "
            f"may be images of {steps} x {channels} pixels or windows of {steps} steps. Got none: "
            f"pass image_shape={shape} for images; for windows pass X[:, :, None], which are "
            f"images of width 1 with {channels} channels."
        )


def _images_shape(X: Any) -> tuple[int, ...] | None:
    """Return the shape of one image, or None if `X` has flat rows."""
    try:
        shape = tuple(X.shape if hasattr(X, "shape") else np.asarray(X).shape)
    except ValueError as error:
        if np.ndim(X[0]) > 1:
            raise ValueError("Images must have one shape. Got different shapes.") from error
        return None  # rows of different lengths: scikit-learn raises the error
    return shape[1:] if len(shape) in (3, 4) else None


def _has_channels_first(shape: tuple[int, ...]) -> bool:
    """Whether the shape of one image, grey or coloured, looks like PyTorch's."""
    return len(shape) == 3 and shape[0] in (1, 3) and shape[1] == shape[2] > 4


def _is_of(shape: tuple[int, ...], expected: Sequence[int]) -> bool:
    """Whether images have the expected shape, in which -1 stands for any number."""
    given, wanted = _with_channels(shape), _with_channels(expected)
    return len(given) == len(wanted) and all(
        size in (-1, found) for size, found in zip(wanted, given, strict=True)
    )


def _with_channels(shape: Sequence[int]) -> tuple[int, ...]:
    return (*shape, 1) if len(shape) == 2 else tuple(shape)
