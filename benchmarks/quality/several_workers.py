"""Fits that several processes of this machine share, beside one process that sees the same batches.

Parts:

- ``epoch``: an epoch of 1, 2 and 4 processes. ``double`` and ``weights`` are the largest relative
  differences of the losses of steps and of weights in float64, ``first`` that of the first step's
  loss in float32; ``held out`` is the loss of unseen rows in float32, and ``lowest`` and
  ``highest`` are those of five seeds in one process. ``ms`` is the time of a step in float32, of a
  second fit, ``sent`` are the bytes of a step of the first fit over loopback, with those that
  agree on its start and end, and ``ring`` what a ring of all-reduce would send.
- ``killed``: one of four is killed, worker 0 first and then others at random, at random moments;
  all are started again, killed again, and at last go through. ``ended`` is the longest time that
  the others took to end, ``weights`` the largest relative difference from four that nobody kills,
  and ``unkilled`` and ``alone`` are the held-out losses of these and of one process.
- ``large``: a set of Parquet files, written to a temporary folder, in an epoch of two processes.
  ``memory`` is the peak of the larger one beyond its imports, in MB; ``merged`` is the largest
  relative difference between the statistics of two halves, merged, and those of one pass.

    python -m benchmarks.quality.several_workers --json several-workers.json

Results that the JSON file has already are not computed again.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.published._report import parser
from benchmarks.quality._lines import measured_lines
from benchmarks.quality._shared_fit import FITS
from tfae._data.statistics import Survey
from tfae.streams import read_parquet

Found = dict[str, Any]
PARTS = ("epoch", "killed", "large")
_NAMES = ("part", "of", "workers")
_FEATURES, _GROUP = 30, 250_000
_MOST_SECONDS = 3600
_SURVIVOR = {"rows": 1000, "batch": 250}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    arguments.add_argument("--only", nargs="+", default=list(FITS), choices=list(FITS))
    arguments.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    arguments.add_argument("--rows", type=int, default=3000, help="of an epoch")
    arguments.add_argument("--batch", type=int, default=256)
    arguments.add_argument("--kills", type=int, default=3)
    arguments.add_argument("--epochs", type=int, default=400, help="of the fit that is killed")
    arguments.add_argument("--large-rows", type=int, default=20_000_000)
    asked = arguments.parse_args()
    lines = measured_lines(cases(asked), _NAMES, asked.json)
    for _, of_part in pd.DataFrame(lines).groupby("part", sort=False):
        print(of_part.dropna(axis=1, how="all").to_string(index=False, float_format="%.3g"))


def cases(asked: Any) -> Iterator[tuple[Found, Callable[[], Found]]]:
    if "epoch" in asked.parts:
        for of in asked.only:
            for n in asked.workers:
                line = {"part": "epoch", "of": of, "workers": n}
                yield line, lambda of=of, n=n: epoch(of, n, asked.rows, asked.batch)
    if "killed" in asked.parts:
        line = {"part": "killed", "of": f"{asked.kills} kills", "workers": 4}
        yield line, lambda: killed(asked.kills, asked.epochs)
    if "large" in asked.parts:
        line = {"part": "large", "of": f"{asked.large_rows} rows", "workers": 2}
        yield line, lambda: large(asked.large_rows)


@contextmanager
def started(n_workers: int, plan: str, given: Found, folder: Path) -> Iterator[list[Any]]:
    """Start the workers of a plan; none outlives a ``with`` block. A single one is alone."""
    with ExitStack() as ends:
        workers = []
        ports = _free_ports(n_workers)
        cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
        for i in range(n_workers):
            config = {"cluster": cluster, "task": {"type": "worker", "index": i}}
            env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
            if n_workers > 1:
                env["TF_CONFIG"] = json.dumps(config)
            command = [sys.executable, "-m", "benchmarks.quality._shared_fit", plan]
            worker = subprocess.Popen(
                [*command, json.dumps(given), folder / f"out{i}.npz"],
                env=env,
                stderr=subprocess.PIPE,
                text=True,
            )
            ends.callback(_ended, worker)
            workers.append(worker)
        yield workers


def _free_ports(n: int) -> list[int]:
    with ExitStack() as bound:
        sockets = [bound.enter_context(closing(socket.socket())) for _ in range(n)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _ended(worker: Any) -> None:
    worker.kill()
    worker.communicate()


def found_by(n_workers: int, plan: str, given: Found) -> list[Found]:
    """Run a plan, and return what every worker found."""
    with TemporaryDirectory() as folder, started(n_workers, plan, given, Path(folder)) as workers:
        return results(workers, Path(folder))


def results(workers: list[Any], folder: Path) -> list[Found]:
    for worker in workers:
        said = worker.communicate(timeout=_MOST_SECONDS)[1]
        if worker.returncode:
            raise RuntimeError(said)
    return [dict(np.load(folder / f"out{i}.npz")) for i in range(len(workers))]


def epoch(of: str, n_workers: int, rows: int, batch: int) -> Found:
    alone = alone_for_an_epoch(of, rows, batch)
    given = {"of": of, "rows": rows, "batch": batch, "seeds": [0, 1]}
    one = alone if n_workers == 1 else found_by(n_workers, "epoch", given)[0]
    losses, n_bytes = one["single losses"], 4 * int(alone["parameters"])
    return {
        "double": _difference(one, alone, "double losses"),
        "weights": _difference(one, alone, "double weight"),
        "first": float(abs(losses[0] / alone["single losses"][0] - 1)),
        "held out": float(one["held out"][0]),
        "lowest": float(alone["held out"].min()),
        "highest": float(alone["held out"].max()),
        "steps": len(losses),
        "ms": 1e3 * float(one["epoch"]) / len(losses),
        "seconds": float(one["single seconds"]),
        "sent": int(one["single sent"] / len(losses)) if n_workers > 1 else 0,
        "ring": 2 * (n_workers - 1) * n_bytes,
    }


@cache
def alone_for_an_epoch(of: str, rows: int, batch: int) -> Found:
    (found,) = found_by(
        1, "epoch", {"of": of, "rows": rows, "batch": batch, "seeds": [0, 1, 2, 3, 4]}
    )
    return found


def _difference(one: Found, other: Found, name: str) -> float:
    """Return the largest difference of arrays of a name, relative to their largest entry."""
    names = [each for each in other if each.startswith(name)]
    return max(np.abs(one[k] - other[k]).max() / np.abs(other[k]).max() for k in names)


def killed(n_kills: int, epochs: int) -> Found:
    """Kill one of four workers again and again, then let all go through."""
    rng, ended = np.random.default_rng(0), []
    victims = [0, *rng.integers(4, size=n_kills - 1).tolist()]
    with TemporaryDirectory() as name:
        folder = Path(name)
        given = {"folder": str(folder / "kept"), "epochs": epochs, **_SURVIVOR}
        for victim in victims:
            with started(4, "survivor", given, folder) as workers:
                ended.append(_seconds_to_end(workers, victim, folder / "kept", rng))
        found, whole = (found_by(4, "survivor", given) for _ in range(2))
    (alone,) = found_by(1, "survivor", {**given, "folder": None})
    return {
        "victims": victims,
        "ended": max(ended),
        "weights": max(_difference(each, whole[0], "weight") for each in found),
        "held out": float(found[0]["held out"]),
        "unkilled": float(whole[0]["held out"]),
        "alone": float(alone["held out"]),
    }


def _seconds_to_end(workers: list[Any], victim: int, kept: Path, rng: Any) -> float:
    """Kill a worker at a random moment of the training; return how long the others go on."""
    before = _written(kept)
    while _written(kept) == before:
        if any(worker.poll() is not None for worker in workers):
            raise RuntimeError("A worker ended before it was killed; raise --epochs.")
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 2))
    workers[victim].kill()
    began = time.monotonic()
    for i, worker in enumerate(workers):
        said = worker.communicate(timeout=_MOST_SECONDS)[1]
        if i != victim and "RuntimeError: Another worker has ended" not in said:
            raise RuntimeError(f"Worker {i} did not say that another has ended: {said}")
    return time.monotonic() - began


def _written(kept: Path) -> list[int]:
    """Return when checkpoints were written."""
    return [path.stat().st_mtime_ns for path in kept.glob("*.checkpoint")]


def large(n_rows: int) -> Found:
    with TemporaryDirectory() as folder:
        write_parquet(Path(folder), n_rows)
        merged = merged_differs(sorted(Path(folder).glob("*.parquet")))
        one, other = found_by(2, "large", {"folder": folder, "batch": 4096})
    assert np.array_equal(one["losses"], other["losses"])
    return {
        "memory": max(int(one["memory"]), int(other["memory"])) / 1e6,
        "merged": merged,
        "steps": len(one["losses"]),
        "loss": float(one["losses"][-10:].mean()),
        "ms": 1e3 * float(one["epoch"]) / len(one["losses"]),
        "seconds": float(one["seconds"]),
    }


def write_parquet(folder: Path, n_rows: int) -> None:
    """Write rows near a curved surface, two files in row groups of few rows."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(2, 8, _FEATURES)).astype(np.float32)
    center = np.arange(_FEATURES, dtype=np.float32)
    for number, n_of_file in enumerate((n_rows // 2, n_rows - n_rows // 2)):
        with _writer(folder / f"{number}.parquet") as write:
            for start in range(0, n_of_file, _GROUP):
                n = min(_GROUP, n_of_file - start)
                code = rng.standard_normal((n, 8), dtype=np.float32)
                noise = rng.standard_normal((n, _FEATURES), dtype=np.float32)
                write(center + code @ mixing[0] + np.tanh(code @ mixing[1]) + noise / 10)


@contextmanager
def _writer(path: Path) -> Iterator[Callable[[np.ndarray], None]]:
    import pyarrow
    from pyarrow import parquet

    names = [f"x{i}" for i in range(_FEATURES)]
    schema = pyarrow.schema([(name, pyarrow.float32()) for name in names])
    with parquet.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        yield lambda rows: writer.write_table(pyarrow.table(list(rows.T), schema=schema))


def merged_differs(paths: list[Path]) -> float:
    """Compare the merged statistics of files with those of one pass over all of them."""

    def survey(some: list[Path]) -> Survey:
        blocks = (batch.to_numpy() for batch in read_parquet(some))
        return Survey(blocks, None, 1)

    one, *others = (survey([path]) for path in paths)
    for other in others:
        one = one.merge(other)
    whole = survey(paths)
    names = "mean", "variance", "low", "high", "covariance"
    of_merged, of_whole = ({k: getattr(of, k) for k in names} for of in (one, whole))
    return max(_difference(of_merged, of_whole, name) for name in names)


if __name__ == "__main__":
    main()
