"""What can be timed: each task says what is done to which rows, not who does it.

A task is hashable and small, for it is sent to the processes in which the contenders run. ``tiny``
gives the same task on few rows, for a smoke test.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Network:
    """A network that every contender builds.

    The layers of "dense" are ReLU but for the last, the code's too: the one choice that
    MLPRegressor and PyOD leave. The code of "convolutional" (3 x 3, stride 2; `hidden` are the
    filters) and of "variational" (Bernoulli likelihood) is linear.
    """

    hidden: tuple[int, ...]  # from the input to the code; the decoder mirrors them
    code: int
    kind: str = "dense"
    dropout: float = 0.0
    batch_normalization: bool = False

    def products(self, n_features: int) -> list[tuple[int, int]]:
        """The inputs and outputs of every layer of a dense network."""
        given = 2 * self.code if self.kind == "variational" else self.code
        encoder = (n_features, *self.hidden, given)
        decoder = (self.code, *reversed(self.hidden), n_features)
        return [*pairwise(encoder), *pairwise(decoder)]


@dataclass(frozen=True)
class Task:
    """What all tasks have."""

    device: str = "cpu"
    # Whether contenders that can run in several ways try them all first and take the fastest.
    tuned: bool = True

    def tiny(self) -> Self:
        return replace(self, tuned=False)


@dataclass(frozen=True, kw_only=True)
class Training(Task):
    """Train with Adam on rows in memory, in a new order every epoch."""

    network: Network
    batch: int
    epochs: int = 1
    data: str = "mnist"
    n_rows: int = 29_400
    precision: str = "float32"
    noise: float = 0.0  # standard deviation of Gaussian noise, in units of the data's own
    execution: str = "chosen"  # or "xla" or "executor": how tfae has to run the step

    def tiny(self) -> Self:
        return replace(super().tiny(), n_rows=min(self.n_rows, 1_797), epochs=1)


@dataclass(frozen=True, kw_only=True)
class ManyFits(Task):
    """Fit again and again in one process, to other rows with other learning rates."""

    network: Network
    n_fits: int
    batch: int = 32

    def tiny(self) -> Self:
        return replace(super().tiny(), n_fits=15)


@dataclass(frozen=True, kw_only=True)
class MemmapTraining(Task):
    """Train on a file of float32 numbers, or on its first rows read into memory."""

    network: Network
    batch: int
    epochs: int
    file_bytes: int
    part_bytes: int = 0  # 0: the file itself, mapped

    def tiny(self) -> Self:
        return replace(super().tiny(), file_bytes=4 << 20, part_bytes=min(self.part_bytes, 2 << 20))


@dataclass(frozen=True, kw_only=True)
class Search(Task):
    """A ``GridSearchCV`` of the first candidates on digits."""

    epochs: int
    batch: int = 32
    folds: int = 5
    n_candidates: int = 12

    def tiny(self) -> Self:
        return replace(super().tiny(), epochs=1, folds=2, n_candidates=2)


@dataclass(frozen=True, kw_only=True)
class Transform(Task):
    """Encode rows, `calls` times over, by some threads at once."""

    network: Network
    n_rows: int
    data: str = "mnist"
    calls: int = 1
    threads: int = 1

    def tiny(self) -> Self:
        return replace(super().tiny(), n_rows=min(self.n_rows, 500), calls=min(self.calls, 20))


@dataclass(frozen=True, kw_only=True)
class NewProcess(Task):
    """Start Python and do one thing in it."""

    network: Network
    n_rows: int
    module: str = "tensorflow"  # what is imported, where that is the thing
