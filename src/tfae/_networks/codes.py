"""Codes: how the encoder's output becomes the decoder's input, in training and after it.

Most codes are passed on unchanged. Sparse codes keep their largest values. Random codes are drawn
from the distribution that the encoder describes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfae._support.tensorflow import keras, tf
from tfae._support.typing import Array


def n_counted(weight: Any) -> Any:
    """Return the number of rows that do not only fill up a batch, in the dtype of the weights."""
    return tf.reduce_sum(tf.cast(weight > 0, weight.dtype))


@dataclass(frozen=True)
class Code:
    """The encoder's output is the decoder's input."""

    random = False  # whether training draws standard normal numbers for it
    sorts = False  # whether training sorts, which is slow in XLA on the CPU
    of_rows = True  # whether training makes a row's code from that row alone

    def width(self, n_components: int) -> int:
        """Return the width of the encoder's output."""
        return n_components

    def in_training(self, encoder_output: Any, weight: Any, noise: Any) -> Any:
        """Return the decoder's input in training; `weight` is 0 for rows that do not count."""
        return encoder_output

    def in_keras(self, encoder_output: Any) -> Any:
        """Return the code after training, from a symbolic tensor."""
        return encoder_output

    def in_numpy(self, encoder_output: Array) -> Array:
        """Return the code after training."""
        return encoder_output


PLAIN = Code()


@dataclass(frozen=True)
class LargestOfRow(Code):
    """Only the `k` largest values of every row are kept (Makhzani and Frey, 2014)."""

    k: int
    sorts = True

    def in_training(self, encoder_output: Any, weight: Any, noise: Any) -> Any:
        smallest = tf.math.top_k(encoder_output, self.k, sorted=True).values[:, -1:]
        return tf.where(encoder_output >= smallest, encoder_output, tf.zeros_like(encoder_output))

    def in_keras(self, encoder_output: Any) -> Any:
        ops = keras.ops
        smallest = ops.top_k(encoder_output, self.k)[0][:, -1:]
        return encoder_output * ops.cast(encoder_output >= smallest, encoder_output.dtype)

    def in_numpy(self, encoder_output: Array) -> Array:
        place = encoder_output.shape[1] - self.k
        smallest = np.partition(encoder_output, place, axis=1)[:, place, None]
        return np.where(encoder_output >= smallest, encoder_output, encoder_output.dtype.type(0))


@dataclass(frozen=True)
class LargestOfUnit(Code):
    """Every unit keeps its values in the `fraction` of a batch's rows where they are largest.

    This is the "lifetime sparsity" of Makhzani and Frey (2015). After training, the encoder's
    output is the code, and thresholds are applied before the decoder.
    """

    fraction: float
    sorts = True
    of_rows = False

    def in_training(self, encoder_output: Any, weight: Any, noise: Any) -> Any:
        values = tf.where(weight[:, None] > 0, encoder_output, encoder_output.dtype.min)
        most = self._n_kept(encoder_output.shape[0])
        largest = tf.math.top_k(tf.transpose(values), most).values
        n_kept = tf.cast(tf.round(self.fraction * n_counted(weight)), tf.int32)
        n_kept = tf.clip_by_value(n_kept, 1, most)  # the dtype may round the other way
        smallest = tf.gather(largest, n_kept - 1, axis=1)
        return tf.where(encoder_output >= smallest, encoder_output, tf.zeros_like(encoder_output))

    def _n_kept(self, n_rows: int) -> int:
        return max(1, round(self.fraction * n_rows))


@dataclass(frozen=True)
class Nested(Code):
    """Training draws a length for every row; the components beyond it become 0."""

    random = True

    def in_training(self, encoder_output: Any, weight: Any, noise: Any) -> Any:
        n_components = encoder_output.shape[1]
        uniform = 0.5 * (1 + tf.math.erf(noise[:, :1] / np.sqrt(2)))
        length = 1 + tf.floor(uniform * n_components)
        return encoder_output * tf.cast(
            tf.range(n_components, dtype=encoder_output.dtype) < length, encoder_output.dtype
        )


# A row far from all others may get any log-variance, and its exponential would overflow. A code
# that varies more than this, 10 times as far as the prior, says less about its row than the prior.
MAX_LOG_VARIANCE = 2 * math.log(10)


@dataclass(frozen=True)
class Gaussian(Code):
    """The encoder returns means and log-variances, and training draws the code from them.

    This is the reparametrisation of Kingma and Welling (2014). After training, the mean is the
    code. Log-variances above the largest one count as that.
    """

    n_components: int
    random = True

    def width(self, n_components: int) -> int:
        return 2 * n_components

    def in_training(self, encoder_output: Any, weight: Any, noise: Any) -> Any:
        log_variance = tf.minimum(encoder_output[:, self.n_components :], MAX_LOG_VARIANCE)
        return encoder_output[:, : self.n_components] + noise * tf.exp(0.5 * log_variance)

    def in_keras(self, encoder_output: Any) -> Any:
        return encoder_output[:, : self.n_components]

    def in_numpy(self, encoder_output: Array) -> Array:
        return encoder_output[:, : self.n_components]
