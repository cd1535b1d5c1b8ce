"""The recipe of one fit: a value, made from parameters and the shape of the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from tfae._data.cell_losses import CellWeights
from tfae._data.layout import Layout
from tfae._data.rows import dense_rows, evenly_spaced
from tfae._data.scaling import Scaling
from tfae._data.schema import Schema
from tfae._data.source import weights_of
from tfae._data.statistics import Sample
from tfae._data.streams import Share
from tfae._fitting.defaults import annealed
from tfae._inference.fitted import Fitted
from tfae._networks.filling import table_of
from tfae._networks.spec import Network
from tfae._networks.structure import Structure
from tfae._objective.corruptions import Corrupter, Pairs
from tfae._objective.objective import Objective
from tfae._objective.penalties import NESTED
from tfae._objective.views import Views
from tfae._support.typing import Array, stored_dtype
from tfae._training.checkpoints import NO_CHECKPOINTS, Checkpoints
from tfae._training.chunks import chunk_shape
from tfae._training.loop import Batches, Stopping
from tfae._training.step.distribution import ALONE, Workers
from tfae._training.step.optimizers import Optimizer, Rule
from tfae._training.step.program import ProgramKey
from tfae._training.step.shared_program import SharedKey


class Split(NamedTuple):
    """Rows, divided into training rows and held-out rows: by positions, or shares of a stream."""

    X: Any
    train: Any = None  # None for all
    held_out: Any = None  # None for none

    @property
    def n_train(self) -> int:
        """The number of training rows."""
        return int(self.X.shape[0]) if self.train is None else len(self.train)

    def some_held_out(self, n_most: int) -> Sample:
        """Return the held-out rows with weights; if they are very many, evenly spaced ones."""
        held_out = self.held_out
        if not isinstance(held_out, Share):
            held_out = evenly_spaced(self.X, held_out, n_most)
        return Sample(dense_rows(self.X, held_out), weights_of(self.X, held_out))


@dataclass(frozen=True)
class Ramp:
    """A scalar of the objective that moves to its final value over the first epochs."""

    name: str
    n_epochs: int
    first: float = 0.0  # its value at first, as a multiple of the final value


# Takes rows, their scaling, the shape of chunks, positions of rows and noise; for rows of a table
# with categories also ``cells``, how much every cell counts.
MakeBatches: TypeAlias = Callable[..., Batches]
FirstWeights: TypeAlias = "Callable[[Recipe, Network, Split, Scaling, np.random.Generator], Fitted]"
# Takes a recipe, the trained network, rows and their positions; returns facts.
Describe: TypeAlias = "Callable[[Recipe, Fitted, Any, Array | None], Mapping[str, Any]]"


@dataclass(frozen=True, eq=False)
class Recipe:
    """All instructions for one fit.

    Subclasses of the estimator replace some of the values. Three of them are functions:
    ``batches`` turns rows into batches, ``first_weights`` makes the first weights, and ``describe``
    returns facts about the trained network.
    """

    structure: Structure
    objective: Objective
    scalars: Mapping[str, float]  # those that the objective may ask for
    sparsity: Any  # of the penalty
    scaling: str | None
    output_range: tuple[float, float] | None  # scaled to [-1, 1], in place of a scaling
    corruption: Corrupter | Views | Pairs | None
    optimizer: Optimizer
    anneal_over: int | None  # the epochs over which its rate falls to 0; None if it does not
    batch_size: int
    shuffle: bool
    stopping: Stopping
    early_stopping: bool  # whether rows are held out
    validation_fraction: float
    refit: bool  # whether to train once more on all rows
    precision: str
    random_state: Any
    callbacks: Sequence[Any]
    verbose: bool
    settings: Mapping[str, Any]  # the values of "auto" parameters
    asked: Mapping[str, Any]  # parameters as the user gave them, for messages
    batches: MakeBatches
    first_weights: FirstWeights
    describe: Describe
    length: float | str | None = None  # a fraction or "auto", if it must be found
    ramp: Ramp | None = None
    pretrains: bool = False  # whether the first weights come from other trainings
    inner: bool = False  # whether it is a part of another fit; an interrupt ends both
    facts: Mapping[str, Any] = field(default_factory=dict)  # facts known before the training
    schema: Schema | None = None  # of the frame that the rows come from, if its kinds are mixed
    layout: Layout | None = None  # None for numbers
    checkpoints: Checkpoints = NO_CHECKPOINTS  # of the whole fit
    members: int = 1  # networks that are trained side by side; see members.py
    workers: Workers = ALONE  # the processes and devices that share its trainings

    @property
    def dtype(self) -> str:
        """The dtype of weights, of losses, and of the training rows."""
        return stored_dtype(self.precision)

    @property
    def has_categories(self) -> bool:
        """Whether the rows are those of a table with columns of categories."""
        return self.layout is not None and self.layout.has_categories

    @property
    def to_agree_with(self) -> dict[str, Any]:
        """The values that parameters of a later training must agree with."""
        of_range = {} if self.output_range is None else {"output_range": self.output_range}
        return {**{name: self.asked[name] for name in ("n_components", "scaling")}, **of_range}

    @property
    def reads_rows_before(self) -> bool:
        """Whether other trainings read the rows before that of the network."""
        return self.length is not None or self.pretrains

    @property
    def recorded(self) -> list[str]:
        """The names of the losses that every epoch records."""
        terms = self.objective.terms
        return [*terms, *(f"val_{term}" for term in terms if self.early_stopping)]

    def cell_weights(self, scaling: Scaling) -> CellWeights | None:
        """Return how much the cells of a table with categories count in the loss.

        Columns count alike, except in a likelihood, where all that is counted are nats.
        """
        table = table_of(scaling)
        if table is None:
            return None
        equal = not self.objective.loss.is_likelihood
        return CellWeights(table.layout, table.weights if equal else np.ones_like(table.weights))

    def optimizer_for(self, n_rows: int) -> Optimizer:
        """Return the optimizer, with its learning rate for a training on `n_rows` rows."""
        if self.anneal_over is None:
            return self.optimizer
        peak = self.optimizer.learning_rate
        assert not callable(peak)
        n_steps = self.anneal_over * -(-n_rows // self.batch_size)
        return replace(self.optimizer, learning_rate=annealed(peak, n_steps))

    def program_key(self, rule: Rule) -> ProgramKey:
        """Return the key of the program that trains it."""
        spec = self.structure.spec
        # The random numbers of dropout have two bytes each.
        dropped = 2 * self.structure.n_dropped // np.dtype(self.dtype).itemsize
        beside = self.objective.noise_width(spec.n_components) + dropped
        width = self.objective.loss.n_targets or spec.n_outputs
        if self.objective.masked:  # weights of entries, offsets, and inputs of other kinds
            beside += 2 * width + spec.n_inputs
        shape = chunk_shape(self.members * self.batch_size, width, self.dtype, beside)
        parts = self.structure, self.objective, rule, shape, self.precision, self.members
        shared = self.workers.strategy is not None
        return SharedKey(*parts, self.workers) if shared else ProgramKey(*parts)

    def with_length(self, n_components: int) -> Recipe:
        """Return the same recipe for a code of a given length."""
        code = self.objective.penalty.code_of(n_components, self.sparsity)
        spec = replace(self.structure.spec, n_components=n_components)
        return replace(
            self,
            structure=replace(self.structure, spec=spec, code=code),
            objective=replace(self.objective, code=code),
            settings={**self.settings, "n_components": n_components},
            length=None,
        )

    def for_all_lengths(self, longest: int, random_state: int) -> Recipe:
        """Return the recipe of a training that tries codes of all lengths up to the longest."""
        # A code in local units has no order of importance, but cutting it needs one.
        structure = replace(self.structure, keeps_neighbors=False)
        objective = replace(self.objective, penalty=NESTED)
        nested = replace(self, structure=structure, objective=objective)
        return replace(
            nested.with_length(longest),
            random_state=random_state,
            callbacks=(),
            early_stopping=True,
            refit=False,
            inner=True,
        )

    def of_one_epoch(self) -> Recipe:
        """Return the recipe of a single epoch, which any number of others may follow."""
        stopping = replace(self.stopping, max_iter=1)
        return replace(self, stopping=stopping, anneal_over=None, early_stopping=False, refit=False)

    def on_all_rows(self, n_epochs: int) -> Recipe:
        """Return the recipe of the second training, on all rows, without callbacks or output."""
        stopping = replace(self.stopping, max_iter=n_epochs)
        return replace(
            self, stopping=stopping, early_stopping=False, refit=False, callbacks=(), verbose=False
        )
