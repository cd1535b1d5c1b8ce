"""Codes: what the decoder gets of what the encoder gives, in training and after it.

Most codes are passed on as they are. Sparse ones keep their largest values, random ones are drawn
from the distribution that the encoder describes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tfae._support.tensorflow import keras, tf
from tfae._support.typing import Array


@dataclass(frozen=True)
class Code:
    """The decoder gets what the encoder gives."""

    random = False  # whether training draws standard normal numbers for it
    sorts = False  # whether training sorts, which XLA on the CPU is slow at

    def width(self, n_components: int) -> int:
        """Return how many numbers the encoder gives."""
        return n_components

    def in_training(self, given: Any, weight: Any, noise: Any) -> Any:
        """Return what the decoder gets while training; `weight` is 0 for rows that do not count."""
        return given

    def in_keras(self, given: Any) -> Any:
        """Return the code after training, from a symbolic tensor."""
        return given

    def in_numpy(self, given: Array) -> Array:
        """Return the code after training."""
        return given


PLAIN = Code()


@dataclass(frozen=True)
class LargestOfRow(Code):
    """Only the `k` largest values of every row are kept (Makhzani and Frey, 2014)."""

    k: int
    sorts = True

    def in_training(self, given: Any, weight: Any, noise: Any) -> Any:
        smallest = tf.math.top_k(given, self.k, sorted=True).values[:, -1:]
        return tf.where(given >= smallest, given, tf.zeros_like(given))

    def in_keras(self, given: Any) -> Any:
        ops = keras.ops
        smallest = ops.top_k(given, self.k)[0][:, -1:]
        return given * ops.cast(given >= smallest, given.dtype)

    def in_numpy(self, given: Array) -> Array:
        place = given.shape[1] - self.k
        smallest = np.partition(given, place, axis=1)[:, place, None]
        return np.where(given >= smallest, given, given.dtype.type(0))


@dataclass(frozen=True)
class LargestOfUnit(Code):
    """Every unit keeps its values in the `fraction` of a batch's rows where they are largest.

    The "lifetime sparsity" of Makhzani and Frey (2015). After training the encoder's values are
    the code, and thresholds stand before the decoder.
    """

    fraction: float
    sorts = True

    def in_training(self, given: Any, weight: Any, noise: Any) -> Any:
        values = tf.where(weight[:, None] > 0, given, given.dtype.min)
        most = self._n_kept(given.shape[0])
        largest = tf.math.top_k(tf.transpose(values), most).values
        n_kept = tf.cast(tf.round(self.fraction * tf.reduce_sum(weight)), tf.int32)
        n_kept = tf.clip_by_value(n_kept, 1, most)  # the dtype may round to another side
        smallest = tf.gather(largest, n_kept - 1, axis=1)
        return tf.where(given >= smallest, given, tf.zeros_like(given))

    def _n_kept(self, n_rows: int) -> int:
        return max(1, round(self.fraction * n_rows))


@dataclass(frozen=True)
class Nested(Code):
    """Training keeps the first components of every row, as many as it draws; others become 0."""

    random = True

    def in_training(self, given: Any, weight: Any, noise: Any) -> Any:
        n_components = given.shape[1]
        uniform = 0.5 * (1 + tf.math.erf(noise[:, :1] / np.sqrt(2)))
        length = 1 + tf.floor(uniform * n_components)
        return given * tf.cast(tf.range(n_components, dtype=given.dtype) < length, given.dtype)


@dataclass(frozen=True)
class Gaussian(Code):
    """The encoder gives means and log-variances, of which training draws the code.

    The reparametrisation of Kingma and Welling (2014); after training the mean is the code.
    """

    n_components: int
    random = True

    def width(self, n_components: int) -> int:
        return 2 * n_components

    def in_training(self, given: Any, weight: Any, noise: Any) -> Any:
        return given[:, : self.n_components] + noise * tf.exp(0.5 * given[:, self.n_components :])

    def in_keras(self, given: Any) -> Any:
        return given[:, : self.n_components]

    def in_numpy(self, given: Array) -> Array:
        return given[:, : self.n_components]
