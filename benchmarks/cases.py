"""The table of cases: who does what, and what must come out.

Goals are ratios of speed, ours over theirs, so that more is better in all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Literal, Self

from benchmarks.contenders import CONTENDERS, LIMITS
from benchmarks.goals import (
    Goal,
    constant_speed,
    faster,
    flat_memory,
    grown_memory,
    peak_memory,
)
from benchmarks.tasks import (
    ManyFits,
    MemmapTraining,
    Network,
    NewProcess,
    Search,
    Task,
    Training,
    Transform,
)


@dataclass(frozen=True)
class Entrant:
    """A contender with a task; `key` is unique in its case."""

    key: str
    title: str
    contender: str
    task: Task


@dataclass(frozen=True)
class Case:
    """Entrants side by side. The first one is ours."""

    name: str
    title: str
    entrants: tuple[Entrant, ...]
    goals: tuple[Goal, ...] = ()
    unit: Literal["rows/s", "s", "µs"] = "rows/s"
    same_work: bool = True  # whether all must take the same steps over the same rows
    warm_up: bool = True
    alone: bool = False  # whether each entrant has a process of its own
    fresh: bool = False  # whether each measurement has a new one

    def tiny(self) -> Self:
        """Return the same case on few rows, for a smoke test that judges no times.

        What takes long to start is left out: some contenders, for good or in all cases but one,
        processes of a case's own, and a run before the one that counts.
        """
        elsewhere = {name for name, case in _ONLY_IN.items() if case != self.name}
        left_out = {*_NOT_AT_ALL, *elsewhere}
        racing = (entrant for entrant in self.entrants if entrant.contender not in left_out)
        return replace(
            self,
            entrants=tuple(replace(entrant, task=entrant.task.tiny()) for entrant in racing),
            goals=(),
            warm_up=False,
            alone=False,
            fresh=False,
        )

    def on(self, device: str) -> Self:
        """Return the case on a device."""
        moved = (replace(e, task=replace(e.task, device=device)) for e in self.entrants)
        return replace(self, entrants=tuple(moved))

    def only(self, contenders: Collection[str]) -> Self:
        """Return the case with ours and these contenders."""
        first, *others = self.entrants
        kept = (entrant for entrant in others if entrant.contender in contenders)
        return replace(self, entrants=(first, *kept))


_NOT_AT_ALL = ("torch-compile",)
_ONLY_IN = {
    **dict.fromkeys(("keras-best", "loop", "jax", "pyod", *LIMITS), "digits"),
    "import": "import",
}


def all_cases(memmap_gb: float = 8.0) -> list[Case]:
    """Return the table."""
    return [
        *_digits(),
        *_seed_net(),
        *_deep(),
        *_special(),
        _grid_search(),
        *_transform(),
        *_threads(),
        _import(),
        _new_process(),
        _memmap(memmap_gb),
        _growth(),
        _many_fits(),
        *_execution(),
    ]


KERAS = ("keras", "keras-best")
TORCH = ("torch", "torch-compile")
PRODUCTS = ("products-tf", "products-torch")
BASIC = ("tfae", *KERAS, "loop", *TORCH)
ALL = (*BASIC, "jax", "sklearn", "pyod")
# MLPRegressor and PyOD do float32 and their own network only.
NO_BF16 = (*BASIC, "jax")

DIGITS_NET = Network((32,), 16)
SEED_NET = Network((392, 196), 98)
DEEP_NET = Network((1000, 500, 250), 30)
BF16 = "mixed_bfloat16"


def entrants(task: Task, *contenders: str) -> tuple[Entrant, ...]:
    """Give one task to several contenders."""
    return tuple(Entrant(key, CONTENDERS[key].title, key, task) for key in contenders)


def _digits() -> Iterator[Case]:
    net = "digits, 1,797 rows, 64-32-16-32-64, batch 32"
    task = Training(data="digits", n_rows=1_797, network=DIGITS_NET, batch=32, epochs=30)
    yield Case(
        "digits",
        f"{net}, 30 epochs",
        entrants(task, *ALL, *LIMITS),
        (
            faster(25, "Keras `fit`", "keras"),
            faster(5, "PyTorch", *TORCH),
            faster(5, "`MLPRegressor`", "sklearn"),
        ),
    )
    task = replace(task, epochs=50)
    yield Case(
        "digits-first-fit",
        f"{net}: the first fit of a process, 50 epochs, compiling included, libraries imported",
        entrants(task, "tfae", "keras", "torch", "sklearn"),
        (faster(1, "`MLPRegressor`", "sklearn"),),
        unit="s",
        warm_up=False,
        fresh=True,
    )
    yield Case(
        "digits-second-fit",
        f"{net}: the second fit of a process, 50 epochs",
        entrants(task, "tfae", "keras", "torch", "sklearn"),
        (faster(4, "`MLPRegressor`", "sklearn"),),
        unit="s",
    )


def _seed_net() -> Iterator[Case]:
    goals = {
        (256, "float32"): (
            faster(2.2, "Keras `fit`", "keras"),
            faster(1.1, "the best PyTorch", *TORCH),
            faster(1.05, "JAX", "jax"),
            faster(0.7, "the matrix products alone", *PRODUCTS),
        ),
        (1024, "float32"): (
            faster(2, "Keras `fit`", "keras"),
            faster(1.03, "the best PyTorch", *TORCH),
            faster(0.78, "the matrix products alone", *PRODUCTS),
        ),
        (256, BF16): (
            faster(3, "Keras `fit` in float32", "keras-float32"),
            faster(1.1, "the best PyTorch in bfloat16", *TORCH),
        ),
        (1024, BF16): (
            faster(4.5, "Keras `fit` in float32", "keras-float32"),
            faster(1.1, "the best PyTorch in bfloat16", *TORCH),
        ),
    }
    for (batch, precision), reach in goals.items():
        task = Training(network=SEED_NET, batch=batch, epochs=2, precision=precision)
        yield Case(
            f"seed-{batch}{_suffix(precision)}",
            f"29,400 rows, 784-392-196-98-196-392-784, batch {batch}, {precision}, 2 epochs",
            (*_of_precision(task), *entrants(task, *LIMITS)),
            reach,
        )


def _suffix(precision: str) -> str:
    return "" if precision == "float32" else "-bf16"


def _of_precision(task: Training) -> tuple[Entrant, ...]:
    if task.precision == "float32":
        return entrants(task, *ALL)
    in_float32 = replace(task, precision="float32")
    return (
        *entrants(task, *NO_BF16),
        Entrant("keras-float32", "Keras, float32", "keras", in_float32),
    )


def _deep() -> Iterator[Case]:
    for precision in ("float32", BF16):
        task = Training(network=DEEP_NET, batch=256, precision=precision)
        racing = _of_precision(task)
        others = [entrant.key for entrant in racing[1:]]
        yield Case(
            f"deep{_suffix(precision)}",
            f"29,400 rows, 784-1000-500-250-30 and back, batch 256, {precision}, 1 epoch",
            (*racing, *entrants(task, *LIMITS)),
            (faster(1, "every contender", *others),),
        )


def _special() -> Iterator[Case]:
    task = Training(network=Network((16, 32), 16, "convolutional"), batch=128, n_rows=12_800)
    yield Case(
        "convolutional",
        "12,800 images of 28 × 28, 16 and 32 filters of 3 × 3 with stride 2, batch 128, 1 epoch",
        entrants(task, *BASIC),
        (faster(2, "Keras `fit`", "keras"), faster(1.3, "PyTorch", *TORCH)),
    )
    task = Training(network=SEED_NET, batch=256, epochs=2, noise=0.25)
    plain = Entrant("plain", "tfae, no noise", "tfae", replace(task, noise=0.0))
    yield Case(
        "denoising",
        "29,400 rows, Gaussian noise on the input, 784-392-196-98-196-392-784, batch 256, 2 epochs",
        (*entrants(task, *BASIC, "jax"), plain),
        (
            faster(0.85, "the rate without noise", "plain"),
            faster(2.5, "Keras `fit` with `GaussianNoise`", "keras"),
            faster(1.2, "PyTorch with `randn_like`", *TORCH),
        ),
    )
    network = Network((400,), 40, "variational", dropout=0.2)
    task = Training(network=network, batch=128, epochs=2)
    yield Case(
        "variational",
        "29,400 rows, variational, 784-400-40 and back, dropout 0.2, batch 128, 2 epochs",
        entrants(task, *BASIC, "jax"),
        (faster(2, "Keras `fit`", "keras"), faster(1.1, "PyTorch", *TORCH)),
    )


def _grid_search() -> Case:
    return Case(
        "grid-search",
        "`GridSearchCV` on digits, 12 candidates × 5 folds, 20 epochs of batches of 32",
        entrants(Search(epochs=20), "tfae", "keras"),
        (faster(15, "a Keras model in a scikit-learn wrapper", "keras"),),
        unit="s",
        warm_up=False,
    )


def _transform() -> Iterator[Case]:
    nets = {"digits": ("64-32-16", DIGITS_NET), "mnist": ("784-392-196-98", SEED_NET)}
    for data, (sizes, network) in nets.items():
        yield Case(
            f"one-row-{data}",
            f"`transform` of one row, encoder {sizes}, after warm-up",
            entrants(
                Transform(network=network, data=data, n_rows=1, calls=1_000),
                *("tfae", "pca", "torch"),
            ),
            # At most 1.5 times PCA's time.
            (faster(round(1 / 1.5, 2), "`PCA.transform`", "pca"),),
            unit="µs",
        )
    yield Case(
        "many-rows",
        "`transform` of 100,000 rows, encoder 784-392-196-98",
        entrants(Transform(network=SEED_NET, n_rows=100_000), "tfae", "torch", *KERAS, "pca"),
        (faster(1, "PyTorch inference", "torch"), faster(3, "Keras `predict`", "keras")),
    )


def _threads() -> Iterator[Case]:
    networks = {
        "dense": SEED_NET,
        "convolutional": Network((16, 32), 16, "convolutional"),
    }
    for name, network in networks.items():
        task = Transform(network=network, n_rows=2_000, calls=20)
        yield Case(
            f"threads-{name}",
            f"`transform` of 20 × 2,000 rows by four threads at once, a {name} encoder",
            (
                Entrant("tfae", "tfae, four threads", "tfae", replace(task, threads=4)),
                Entrant("one", "tfae, one thread", "tfae", task),
            ),
            (faster(1, "one thread", "one"),),
        )


def _new_process() -> Case:
    task = NewProcess(network=SEED_NET, n_rows=1_000)
    return Case(
        "new-process",
        "a new process that unpickles a model (784-392-196-98) and transforms 1,000 rows",
        (
            *entrants(task, "unpickle"),
            Entrant("import", "`import tensorflow`", "import", task),
        ),
        (faster(2.5, "`import tensorflow` alone", "import"),),
        unit="s",
    )


def _import() -> Case:
    task = NewProcess(network=SEED_NET, n_rows=0)
    names = {"tfae": "tfae", "decomposition": "sklearn.decomposition", "tensorflow": "tensorflow"}
    return Case(
        "import",
        "a new process that imports a module",
        tuple(
            Entrant(key, f"`import {name}`", "import", replace(task, module=name))
            for key, name in names.items()
        ),
        unit="s",
    )


def _memmap(gigabytes: float) -> Case:
    task = MemmapTraining(network=SEED_NET, batch=1024, epochs=2, file_bytes=int(gigabytes * 1e9))
    part = replace(task, part_bytes=min(10**9, task.file_bytes // 2))
    return Case(
        "memmap",
        f"a mapped file of {gigabytes:g} GB, seed net, batch 1024, 2 epochs",
        (
            Entrant("tfae", "tfae, the file", "tfae", task),
            Entrant("part", "tfae, a part of it in memory", "tfae", part),
        ),
        (faster(0.85, "the rate in memory", "part"), peak_memory(1_200, "tfae")),
        same_work=False,
        fresh=True,
    )


def _growth() -> Case:
    task = Training(network=DIGITS_NET, batch=256, epochs=5, data="uniform")
    sizes = 10_000, 100_000, 1_000_000, 5_000_000
    return Case(
        "growth",
        "more and more rows of 64 features, 64-32-16-32-64, batch 256, 5 epochs",
        tuple(
            Entrant(f"rows-{n}", f"tfae, {n:,} rows", "tfae", replace(task, n_rows=n))
            for n in sizes
        ),
        (constant_speed(0.9), flat_memory(20)),
        same_work=False,
        fresh=True,
    )


def _many_fits() -> Case:
    return Case(
        "many-fits",
        "500 fits of the digits net in one process, all of other rows and learning rates",
        entrants(ManyFits(network=DIGITS_NET, n_fits=500), "tfae"),
        (grown_memory(20, "tfae"),),
        unit="s",
        warm_up=False,
        fresh=True,
    )


def _execution() -> Iterator[Case]:
    """The evidence behind ``tfae._training.step.xla_or_executor``."""
    networks = {
        "dense": Network((128,), 16),
        "normalization": Network((128,), 16, batch_normalization=True),
        "dropout": Network((128,), 16, dropout=0.1),
        "convolutional": Network((16, 32), 16, "convolutional"),
    }
    for name, network in networks.items():
        task = Training(network=network, batch=128, n_rows=4_096)
        yield Case(
            f"execution-{name}",
            f"how the step runs: a network of the kind “{name}”, batch 128",
            tuple(
                Entrant(way, f"tfae, {way}", "tfae", replace(task, execution=way))
                for way in ("xla", "executor")
            ),
            same_work=True,
            alone=True,
        )
