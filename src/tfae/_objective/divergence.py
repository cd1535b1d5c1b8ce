"""The objective of a parametric t-SNE, from the pairs of rows in one batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

from tfae._objective.objective import Batch, Objective
from tfae._support.tensorflow import tf


@dataclass(frozen=True)
class Divergence(Objective):
    r"""The Kullback-Leibler divergence between the affinities of rows and those of their places.

    With :math:`w_{kl} = (1 + |y_k - y_l|^2 / \alpha)^{-(\alpha + 1) / 2}` it is
    :math:`-\sum p_{kl} \log w_{kl} + \log \sum w_{kl} + \sum p_{kl} \log p_{kl}`. A batch gives
    the first two sums, as means over its pairs of different rows. The third is a constant.
    """

    _: KW_ONLY
    batch_size: int  # rows of a batch
    degrees_of_freedom: float
    decoded: bool  # whether rows are reconstructed, too

    @property
    def scalars(self) -> tuple[str, ...]:
        return ("exaggeration", "constant", *(("reconstruction_weight",) if self.decoded else ()))

    @property
    def terms(self) -> tuple[str, ...]:
        recorded = ("loss", "kl_divergence")
        return (*recorded, "reconstruction_loss") if self.decoded else recorded

    @property
    def power(self) -> int:
        return 0

    @property
    def of_single_rows(self) -> bool:
        return False

    def noise_width(self, n_components: int) -> int:
        """Return the number of affinities of every row: one for each row of its batch."""
        return self.batch_size

    def sums(
        self,
        batch: Batch,
        encoder: Any,
        decode: Callable[[Any], Any],
        scalars: Mapping[str, Any],
        training: bool,
    ) -> Any:
        """Return each of the `terms` times the number of rows."""
        places = tf.cast(encoder(batch.encoder_input, training=training), batch.target.dtype)
        log_similarity = self._log_similarity(_squared_distances(places))
        n_rows = places.shape[0]
        # The distance of every row to itself is exactly 0, and its similarity is 1.
        mean = (tf.reduce_sum(tf.exp(log_similarity)) - n_rows) / (n_rows * (n_rows - 1))
        attraction = -tf.reduce_sum(batch.noise * log_similarity)
        divergence = attraction + tf.math.log(mean) + scalars["constant"]
        terms = [divergence + (scalars["exaggeration"] - 1) * attraction, divergence]
        if self.decoded:
            rows = self.loss.per_row(batch.target, decode(places), batch.weight)
            terms.append(tf.reduce_mean(rows))
            terms[0] += scalars["reconstruction_weight"] * terms[-1]
        return tf.stack(terms) * n_rows

    def _log_similarity(self, squares: Any) -> Any:
        freedom = self.degrees_of_freedom
        return -(freedom + 1) / 2 * tf.math.log1p(squares / freedom)


def _squared_distances(places: Any) -> Any:
    """Return the squared distances of all pairs, from differences: products would lose digits.

    TensorFlow's own gradient goes through the differences again and takes three times as long as
    the formula used here, where the pulls on a row add up to a product of matrices.
    """

    @tf.custom_gradient
    def squares(places: Any) -> Any:
        columns = tf.unstack(places, axis=1)
        total = tf.add_n([tf.square(column[:, None] - column[None, :]) for column in columns])

        def gradient(pull: Any) -> Any:
            pull = pull + tf.transpose(pull)
            return 2 * (tf.reduce_sum(pull, axis=1, keepdims=True) * places - pull @ places)

        return total, gradient

    return squares(places)
