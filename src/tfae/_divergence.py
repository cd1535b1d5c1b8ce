"""What a parametric t-SNE minimises, from the edges of one batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

from tfae._objective import Batch, Objective
from tfae._tensorflow import tf


@dataclass(frozen=True)
class Divergence(Objective):
    r"""The Kullback-Leibler divergence between affinities of rows and those of their places.

    With :math:`w_{kl} = (1 + |y_k - y_l|^2 / \alpha)^{-(\alpha + 1) / 2}` it is
    :math:`-\sum p_{kl} \log w_{kl} + \log \sum w_{kl} + \sum p_{kl} \log p_{kl}`. The first half
    of a batch are the heads of edges drawn from :math:`p`, the second half their tails: the first
    sum is the mean over the edges, the second the mean over the pairs of different rows that are
    not joined by one of these edges, times the number of all pairs.
    """

    _: KW_ONLY
    degrees_of_freedom: float
    decoded: bool  # whether rows are rebuilt, too

    @property
    def numbers(self) -> tuple[str, ...]:
        return ("exaggeration", "constant", *(("reconstruction_weight",) if self.decoded else ()))

    @property
    def terms(self) -> tuple[str, ...]:
        recorded = ("loss", "kl_divergence")
        return (*recorded, "reconstruction_loss") if self.decoded else recorded

    @property
    def power(self) -> int:
        return 0

    def sums(
        self,
        batch: Batch,
        encoder: Any,
        decode: Callable[[Any], Any],
        numbers: Mapping[str, Any],
        training: bool,
    ) -> Any:
        """Return each of the `terms` times the batch's weight.

        A row's weight is what makes up for being drawn more often, or less, than others.
        """
        places = encoder(batch.given, training=training)
        heads, tails = tf.split(places, 2)
        attraction = -tf.reduce_mean(self._log_similarity(_square(heads - tails)))
        repulsion = tf.math.log(self._mean_similarity(places, batch))
        divergence = attraction + repulsion + numbers["constant"]
        terms = [divergence + (numbers["exaggeration"] - 1) * attraction, divergence]
        total = tf.reduce_sum(batch.weight)
        if self.decoded:
            rows = self.loss.per_row(batch.target, decode(places), batch.weight)
            terms.append(tf.reduce_sum(batch.weight * rows) / total)
            terms[0] += numbers["reconstruction_weight"] * terms[-1]
        return tf.stack(terms) * total

    def _mean_similarity(self, places: Any, batch: Batch) -> Any:
        """Return the mean of w over all pairs of different rows, estimated from this batch."""
        n_edges = places.shape[0] // 2
        edge = tf.concat([tf.range(n_edges)] * 2, 0)
        apart = tf.not_equal(batch.place[:, None], batch.place[None, :])
        apart &= tf.not_equal(edge[:, None], edge[None, :])
        weight = tf.cast(apart, places.dtype) * batch.weight[:, None] * batch.weight[None, :]
        # The differences themselves: the law of cosines would lose the digits of small ones.
        similarity = self._similarity(_square(places[:, None] - places[None, :]))
        return tf.reduce_sum(weight * similarity) / tf.reduce_sum(weight)

    def _similarity(self, squares: Any) -> Any:
        if self.degrees_of_freedom == 1:
            return 1 / (1 + squares)
        return tf.exp(self._log_similarity(squares))

    def _log_similarity(self, squares: Any) -> Any:
        freedom = self.degrees_of_freedom
        return -(freedom + 1) / 2 * tf.math.log1p(squares / freedom)


def _square(differences: Any) -> Any:
    return tf.reduce_sum(tf.square(differences), axis=-1)
