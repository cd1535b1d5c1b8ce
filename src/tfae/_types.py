"""The vocabulary: what a builder is told and returns, and what a chunk of data is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Weights: TypeAlias = list[Array]


def stored_dtype(precision: str) -> str:
    """Return the dtype of rows, weights and losses; in a mixed precision layers compute in less."""
    return "float32" if precision == "mixed_bfloat16" else precision


@dataclass(frozen=True)
class Spec:
    """What an architecture's builder is told about the network to make.

    Hashable, because two fits with equal specs share one compiled program.

    Attributes
    ----------
    n_features, n_components : int
        The shapes: the encoder maps (None, n_features) to (None, n_components).
    hidden_layer_sizes, decoder_layer_sizes : tuple of int
        The units of the hidden layers, each side from its input to its output.
    activation, code_activation : str
        The activation of hidden layers and of the code, by Keras's names.
    kernel_initializer : str
        Keras's name of an initializer.
    dropout : float
        The fraction of hidden units to drop while training; 0 for none.
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
    """A pair of Keras models: ``encoder`` maps features to code, ``decoder`` maps it back.

    The decoder ends *before* the output activation, which the engine applies, so that losses such
    as binary cross-entropy can work on logits.
    """

    encoder: Any
    decoder: Any


Builder: TypeAlias = Callable[..., Network | tuple[Any, Any]]


class ChunkShape(NamedTuple):
    """The fixed shape of the chunks that a compiled program takes."""

    steps: int
    batch: int
    features: int
    dtype: str


class Chunk(NamedTuple):
    """Rows for up to ``steps`` optimizer steps.

    Step ``s`` works on the rows from ``s * batch`` on, with the weights ``weight[s]``; a batch that
    the data does not fill is filled up with other rows of weight zero. ``given`` holds what the
    encoder gets instead of ``x``, where the rows are corrupted; ``noise`` is standard normal, or
    what else the objective takes for every row. It holds a part of an epoch, a whole one, or
    several whole ones, which have as many steps each.
    """

    x: Array  # [steps * batch, features], scaled
    weight: Array  # [steps, batch]
    n_steps: int  # how many of the steps hold rows
    last: bool  # whether an epoch ends here
    given: Array | None = None  # as x
    noise: Array | None = None  # [steps * batch, width]
    n_epochs: int = 1  # of how many epochs the rows are


class Statistics(Protocol):
    """What is learned of rows before training; arrays are of shape [features]."""

    @property
    def n_rows(self) -> int: ...

    @property
    def mean(self) -> Array: ...

    @property
    def variance(self) -> Array: ...

    @property
    def deviation(self) -> Array:
        """The standard deviation, 1 where a feature is constant."""

    @property
    def constant(self) -> Array:
        """Whether all values of a feature are the same but for rounding errors."""

    @property
    def low(self) -> Array: ...

    @property
    def high(self) -> Array: ...

    @property
    def sample(self) -> Array:
        """Some of the rows, all of them if they are few."""

    @property
    def covariance(self) -> Array | None:
        """Of shape [features, features], if it was asked for."""


class Source(ABC):
    """Rows that are read block by block, from wherever they are, and never held all at once.

    Where functions take ``X`` and ``rows``, it takes the place of an array. `rows` may be what only
    this source understands; None stands for all.
    """

    shape: tuple[int, ...]  # empty where the number of rows is not known
    dtype: Any

    @abstractmethod
    def blocks(self, rows: Any = None) -> Iterator[Array]:
        """Yield rows in their order, as dense float blocks of bounded size, all finite."""

    @abstractmethod
    def take(self, index: Any) -> Array:
        """Return rows by their positions as a dense float array, all finite."""

    @abstractmethod
    def __getitem__(self, rows: Any) -> Any:
        """Return some of the rows as a source or an array."""

    @abstractmethod
    def some(self, rows: Any) -> Array:
        """Return an even sample of some rows, all of them if they are few."""

    @abstractmethod
    def statistics(self, rows: Any) -> Statistics:
        """Return what one pass tells of some rows."""
