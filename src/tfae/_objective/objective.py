"""The objective that training minimises: the loss of every row, plus a penalty if there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tfae._networks.codes import PLAIN, Code
from tfae._objective.losses import Loss
from tfae._objective.penalties import NO_PENALTY, Encoded, Penalty
from tfae._support.tensorflow import tf


class Batch(NamedTuple):
    """The rows of one step as tensors."""

    target: Any  # [batch, features]
    encoder_input: Any  # the target itself, or a corrupted copy
    weight: Any  # [batch]
    noise: Any  # [batch, width] or None: further input of the objective for every row
    entry_weight: Any = None  # as target, or None: the factor of every entry's loss
    offset: Any = None  # as target, or None: what is added to the network's output


@dataclass(frozen=True)
class Objective:
    """An objective without its scalars; it is hashable and a part of a program's key."""

    loss: Loss
    code: Code = PLAIN
    penalty: Penalty = NO_PENALTY
    corrupted: bool = False  # whether chunks bring corrupted rows
    emphasised: bool = False  # whether corrupted and other entries weigh differently
    of_corrupted: float = 0.0  # the weight of corrupted entries if the others have none
    masked: bool = False  # whether chunks bring weights of entries
    has_offset: bool = False  # whether chunks bring numbers that are added to the output

    @property
    def scalars(self) -> tuple[str, ...]:
        """The names of its scalars, which are arguments of the compiled step."""
        return (*self.penalty.scalars, *(("emphasis",) if self.emphasised else ()))

    @property
    def terms(self) -> tuple[str, ...]:
        """The names of the reported values: the sum, and its first term if there are two."""
        return ("loss",) if self.penalty.cost is None else ("loss", "reconstruction_loss")

    @property
    def power(self) -> int:
        """The power of the data's unit that the terms have; see :class:`.losses.Loss`."""
        return self.loss.power

    @property
    def of_single_rows(self) -> bool:
        """Whether the value of a row is known not to depend on the other rows of its batch."""
        return self.loss.of_entries and self.penalty.cost is None and self.code == PLAIN

    @property
    def adds_up(self) -> bool:
        """Whether the terms of parts of a batch are known to add up to those of the batch."""
        penalty = self.penalty
        return self.loss.of_entries and self.code.of_rows and (not penalty.cost or penalty.of_rows)

    def noise_width(self, n_components: int) -> int:
        """Return how many standard normal numbers every row needs."""
        return n_components if self.code.random or self.penalty.random else 0

    def sums(
        self,
        batch: Batch,
        encoder: Any,
        decode: Callable[[Any], Any],
        scalars: Mapping[str, Any],
        training: bool,
    ) -> Any:
        """Return the sum of each of the `terms` over the rows.

        `decode` gives the network's output for codes. Codes are sparse or random in validation,
        too. Otherwise validation would measure something else.
        """
        encoder_output = tf.cast(
            encoder(batch.encoder_input, training=training), batch.target.dtype
        )
        code = self.code.in_training(encoder_output, batch.weight, batch.noise)
        output = decode(code) if batch.offset is None else decode(code) + batch.offset
        rows = self.loss.per_row(
            batch.target, output, batch.weight, self._entry_weight(batch, scalars)
        )
        loss = tf.reduce_sum(batch.weight * rows)
        if self.penalty.cost is None:
            return tf.stack([loss])
        encoded = Encoded(
            batch.encoder_input,
            encoder_output,
            batch.weight,
            batch.noise,
            encoder,
            scalars.get("sparsity"),
        )
        cost = tf.reduce_sum(batch.weight * self.penalty.cost(encoded))
        n_cells = tf.cast(self.loss.n_cells or tf.shape(batch.target)[1], cost.dtype)
        return tf.stack([loss + scalars["penalty_weight"] * cost / n_cells, loss])

    def _entry_weight(self, batch: Batch, scalars: Mapping[str, Any]) -> Any:
        if self.of_corrupted:
            changed = batch.encoder_input != batch.target
            return self.of_corrupted * tf.cast(changed, batch.target.dtype)
        if not self.emphasised:
            return batch.entry_weight
        emphasis = scalars["emphasis"]
        of = tf.where(batch.encoder_input != batch.target, 2 * emphasis, 2 * (1 - emphasis))
        return of if batch.entry_weight is None else of * batch.entry_weight
