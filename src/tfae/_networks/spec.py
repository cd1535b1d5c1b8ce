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
        The numbers of columns of the data and of components of the code.
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
    n_inputs, n_outputs : int
        The shapes: the encoder maps (None, n_inputs) to (None, n_components), the decoder maps
        (None, n_components) to (None, n_outputs). Both are n_features for rows of numbers. For
        tables with categories or missing entries, a column may have several inputs (its value, its
        rank, whether it is missing) and several outputs (one for every category).

    Examples
    --------
    A builder can be tried without an estimator.

    >>> import keras
    >>> from tfae import Spec
    >>> def linear(spec):
    ...     encoder = [keras.Input((spec.n_inputs,)), keras.layers.Dense(spec.n_components)]
    ...     decoder = [keras.Input((spec.n_components,)), keras.layers.Dense(spec.n_outputs)]
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
    n_inputs: int = 0  # 0 stands for n_features
    n_outputs: int = 0

    def __post_init__(self) -> None:
        for name in ("n_inputs", "n_outputs"):
            object.__setattr__(self, name, getattr(self, name) or self.n_features)


class Network(NamedTuple):
    """A pair of Keras models: ``encoder`` maps features to a code, ``decoder`` maps it back.

    The decoder ends *before* the output activation, so that losses such as binary cross-entropy
    can work on logits. The library applies that activation.
    """

    encoder: Any
    decoder: Any


Builder: TypeAlias = Callable[..., Network | tuple[Any, Any]]
