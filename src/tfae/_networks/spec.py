"""The input and the result of a builder of networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias


@dataclass(frozen=True)
class Spec:
    """A description of the network that the builder of an architecture must build.

    It is hashable, because two fits with equal specs share one compiled program.

    Attributes
    ----------
    n_features, n_components : int
        The shapes: the encoder maps (None, n_features) to (None, n_components).
    hidden_layer_sizes, decoder_layer_sizes : tuple of int
        The numbers of units of the hidden layers, for each side from its input to its output.
    activation, code_activation : str
        The activations of the hidden layers and of the code, as Keras names.
    kernel_initializer : str
        The name of a Keras initializer.
    dropout : float
        The fraction of hidden units to drop during training; 0 for none.
    batch_normalization : bool
        Whether hidden layers are normalised over the batch.

    Examples
    --------
    A builder can be tried without an estimator.

    >>> import keras
    >>> from tfae import Spec
    >>> def linear(spec):
    ...     encoder = [keras.Input((spec.n_features,)), keras.layers.Dense(spec.n_components)]
    ...     decoder = [keras.Input((spec.n_components,)), keras.layers.Dense(spec.n_features)]
    ...     return keras.Sequential(encoder), keras.Sequential(decoder)
    >>> spec = Spec(64, 8, (128,), (128,), "relu", "linear", "glorot_uniform")
    >>> encoder, decoder = linear(spec)
    >>> encoder.output_shape, decoder.output_shape
    ((None, 8), (None, 64))
    """

    n_features: int
    n_components: int
    hidden_layer_sizes: tuple[int, ...]
    decoder_layer_sizes: tuple[int, ...]
    activation: str
    code_activation: str
    kernel_initializer: str
    dropout: float = 0.0
    batch_normalization: bool = False


class Network(NamedTuple):
    """A pair of Keras models: ``encoder`` maps features to a code, ``decoder`` maps it back.

    The decoder ends *before* the output activation, so that losses such as binary cross-entropy
    can work on logits. The library applies that activation.
    """

    encoder: Any
    decoder: Any


Builder: TypeAlias = Callable[..., Network | tuple[Any, Any]]
