"""A program that shares every step with other processes or devices.

Each has the whole network and takes its part of the rows. What it finds, sums of terms and
gradients, is added up over all of them, and all take the same step. The sum cannot be a part of an
XLA program, so the steps run in TensorFlow's executor; what is before the sum may be in XLA.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tfae._networks.spec import Network
from tfae._objective.objective import Batch
from tfae._support.keras_graphs import flat_layers
from tfae._support.tensorflow import keras, tf
from tfae._support.typing import Array
from tfae._training.step.chunk import Chunk, ChunkShape, Part, aligned, shape_of_part
from tfae._training.step.distribution import ALONE, Workers
from tfae._training.step.program import Program, ProgramKey, batch_of


@dataclass(frozen=True)
class SharedKey(ProgramKey):
    """The key of a program whose batches are shared; ``shape`` is that of whole batches."""

    workers: Workers = ALONE

    @property
    def part(self) -> Part:
        """The rows of every batch that this process takes."""
        return self.workers.part(self.shape.batch)

    @property
    def taken(self) -> ChunkShape:
        return shape_of_part(self.shape, self.part)

    def program(self) -> Program:
        return SharedProgram(self)


class SharedProgram(Program):
    """The program of one of several processes, which all do the same."""

    key: SharedKey

    def __init__(self, key: SharedKey) -> None:
        super().__init__(key)
        self._workers, self._part = key.workers, key.part
        self._in_xla_between_sums = False
        kinds = {type(layer) for model in self.network for layer in flat_layers(model)}
        draws = self._seeds and self._dropout is None  # which takes over what Keras would draw
        if draws or keras.layers.BatchNormalization in kinds:
            raise ValueError(
                "With 'strategy' the layers of a network must not draw random numbers, other than "
                "for dropout between dense layers, and not normalise over a batch. Got layers "
                f"{sorted(kind.__name__ for kind in kinds)}."
            )

    def test(self, chunk: Chunk, scalars: Array) -> Array:
        return self._workers.total(super().test(chunk, scalars))

    @cached_property
    def _signature(self) -> dict[str, Any]:
        steps, batch, _, dtype = self.key.shape
        return {**super()._signature, "weight_of_all": tf.TensorSpec((steps, batch), dtype)}

    def _tensors(self, chunk: Chunk, scalars: Array) -> tuple[Any, ...]:
        return *super()._tensors(chunk, scalars), tf.constant(chunk.weight_of_all)

    def _drawn(self, chunk: Chunk) -> list[Any]:
        """Return the numbers of this process, of those that all draw for whole batches."""
        if self._dropout is None:
            return []
        draws = self._dropout.draw(chunk.n_steps, chunk.n_epochs)
        mine = aligned((len(draws), self._part.width, draws.shape[2]), draws.dtype)
        mine[:] = self._part.of(draws)
        return [tf.constant(mine)]

    @property
    def _signature_of_draws(self) -> Any:
        steps, _, width = super()._signature_of_draws.shape
        return tf.TensorSpec((steps, self._part.width, width), tf.uint16)

    def _fastest_training(self, inputs: tuple[Any, ...]) -> Callable[..., Any]:
        """Compile the training. Nothing is measured: the processes would wait for each other."""
        # Variables are on the first device, and XLA cannot read those of another device.
        in_xla = bool(self._xla_by_rule) and self._workers.n_replicas == 1
        self._in_xla_between_sums = self._workers.agreed(in_xla)
        return self._compiled(self._train_steps, xla=False)

    def _gradients_of_step(
        self, network: Network, named: dict[str, Any], i: Any, draws: Any, scalars: dict[str, Any]
    ) -> tuple[Any, list[Any]]:
        batch, counted = batch_of(named, i), named["weight_of_all"][i]
        network = self._in_xla if self._in_xla_between_sums else network

        def of_part(batch: Batch, counted: Any, draws: Any, scalars: dict[str, Any]) -> Any:
            sums, gradients = self._gradients(network, batch, counted, draws, scalars)
            if network.encoder.losses or network.decoder.losses:
                raise ValueError(
                    "With 'strategy' the layers of a network must not have penalties of their own, "
                    "which every device would add once more. Got layers with a regularizer; "
                    "'alpha' penalises weights."
                )
            # One sum a step: every further one would wait for all processes once more.
            return tf.concat([sums, *(tf.reshape(gradient, [-1]) for gradient in gradients)], 0)

        if self._in_xla_between_sums:
            of_part = tf.function(of_part, jit_compile=True, autograph=False)

        def of_replica(replica: Any, batch: Batch, draws: Any, *others: Any) -> Any:
            batch = Batch(*(self._rows_of(replica, rows) for rows in batch))
            counted, scalars = others
            return of_part(batch, counted, self._rows_of(replica, draws), scalars)

        together = self._workers.summed(of_replica, batch, draws, counted, scalars)
        sizes = [int(np.prod(variable.shape)) for variable in self._trained]
        sums, *parts = tf.split(together, [len(self.terms), *sizes])
        shapes = (variable.shape for variable in self._trained)
        return sums, [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]

    def _rows_of(self, replica: Any, rows: Any) -> Any:
        """Return the rows of one of the devices of this process."""
        n_replicas = self._workers.n_replicas
        if rows is None or n_replicas == 1:
            return rows
        n_rows = self.shape.batch // n_replicas
        rest = [0] * (rows.shape.rank - 1)
        return tf.slice(rows, [replica * n_rows, *rest], [n_rows, *rows.shape[1:]])
