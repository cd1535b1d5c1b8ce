"""Rows that Dask and Spark encode on this machine, beside NumPy's `transform` on one core.

Each engine has one worker with one thread. Dask's blocks are memory maps. Spark reads Parquet files
in which a row is an array or a string of bytes, and hands codes of the same kind on to a sink that
drops them. One file of rows is read again and again, so it lies in memory. All take turns. Given
are rows a second, and rows a second of processor time, in which all processes of the engine count,
Spark's Java too; ratios are medians of the rounds'. ``no model`` is Spark handing rows to
Python and 8 numbers of each back.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import dask.array as da
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from distributed import Client, LocalCluster
from pyspark.sql import SparkSession
from threadpoolctl import threadpool_limits

from benchmarks.published._report import Report, parser
from tfae import Autoencoder

PURE = {"linear_path": False, "scaling": None, "activation": "relu"}
MODELS = {
    "784-392-196-98": (784, Autoencoder(98, hidden_layer_sizes=(392, 196), **PURE)),
    "30 -> 8, as it comes": (30, Autoencoder(8)),
}
Job = Callable[[], None]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rows", type=int, default=5_000_000)
    arguments.add_argument("--block", type=int, default=50_000, help="rows in a block or a file")
    arguments.add_argument("--repeats", type=int, default=3)
    asked = arguments.parse_args()
    n_blocks = max(1, asked.rows // asked.block)
    report = Report(asked.json, rows=n_blocks * asked.block, load=os.getloadavg()[0])
    with tempfile.TemporaryDirectory() as folder, dask_client(), spark_session() as spark:
        for name, (n_features, model) in MODELS.items():
            place = Path(folder) / str(n_features)
            X = np.random.default_rng(0).random((asked.block, n_features), np.float32)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # one epoch is not enough, but as fast to use
                model.set_params(max_iter=1, random_state=0).fit(X[:2000])
            write(X, place, n_blocks)
            jobs = {
                "NumPy": partial(of_numpy, model, place, n_blocks),
                "Dask": partial(of_dask, model, place, n_blocks, X.shape),
                "Spark, arrays": partial(of_spark, spark, model, place, ARRAYS),
                "Spark, bytes": partial(of_spark, spark, model, place, BYTES),
                "Spark, bytes, no model": partial(of_spark, spark, None, place, BYTES),
            }
            for engine, figures in race(jobs, n_blocks * asked.block, asked.repeats).items():
                report.add(f"{name}, {engine}", figures)
    report.end()


class Layout(NamedTuple):
    """How a row lies in a column of Spark."""

    kind: str
    read: Callable[[Any], np.ndarray]
    write: Callable[[np.ndarray], Any]


def of_arrays(column: Any) -> np.ndarray:
    return column.flatten().to_numpy().reshape(len(column), -1)


def to_arrays(rows: np.ndarray) -> Any:
    made = pa.FixedSizeListArray.from_arrays(rows.ravel(), rows.shape[1])
    return made.cast(pa.list_(pa.float32()))


def of_bytes(column: Any) -> np.ndarray:
    return np.frombuffer(b"".join(column.to_pylist()), np.float32).reshape(len(column), -1)


def to_bytes(rows: np.ndarray) -> Any:
    return pa.array([row.tobytes() for row in rows], pa.binary())


ARRAYS = Layout("array<float>", of_arrays, to_arrays)
BYTES = Layout("binary", of_bytes, to_bytes)


def write(X: np.ndarray, place: Path, n_blocks: int) -> None:
    """Write rows as an array, and in each layout one Parquet file under many names."""
    place.mkdir()
    np.save(place / "rows.npy", X)
    for layout in (ARRAYS, BYTES):
        folder = place / layout.kind
        folder.mkdir()
        pq.write_table(pa.table({"row": layout.write(X)}), folder / "0.parquet")
        for i in range(1, n_blocks):
            os.link(folder / "0.parquet", folder / f"{i}.parquet")


def of_numpy(model: Autoencoder, place: Path, n_blocks: int) -> None:
    with threadpool_limits(1):
        for _ in range(n_blocks):
            model.transform(np.load(place / "rows.npy", mmap_mode="r"))


def of_dask(model: Autoencoder, place: Path, n_blocks: int, shape: tuple[int, int]) -> None:
    def block() -> np.ndarray:
        return np.load(place / "rows.npy", mmap_mode="r")

    chunks = ((shape[0],) * n_blocks, (shape[1],))
    rows = da.map_blocks(block, chunks=chunks, meta=np.empty((0, 0), np.float32))
    codes = rows.map_blocks(
        model.transform, chunks=(chunks[0], (model.n_components_,)), meta=rows._meta
    )
    codes.sum(axis=0).compute()


def of_spark(spark: SparkSession, model: Autoencoder | None, place: Path, layout: Layout) -> None:
    shared = spark.sparkContext.broadcast(model)

    def codes(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            if batch.num_rows:
                rows = layout.read(batch["row"])
                found = rows[:, :8].copy() if shared.value is None else shared.value.transform(rows)
                yield pa.record_batch({"code": layout.write(found)})

    frame = spark.read.parquet(str(place / layout.kind))
    made = frame.mapInArrow(codes, f"code {layout.kind}")
    made.write.format("noop").mode("overwrite").save()


@contextmanager
def dask_client() -> Iterator[Client]:
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def spark_session() -> Iterator[SparkSession]:
    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "3g")
        .config("spark.ui.enabled", "false")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    try:
        yield session
    finally:
        session.stop()


def race(jobs: dict[str, Job], n_rows: int, repeats: int) -> dict[str, dict[str, float]]:
    """Run the jobs in turns after a first run of each, and return their figures."""
    for job in jobs.values():
        job()
    rounds = [{name: measured(job, n_rows) for name, job in jobs.items()} for _ in range(repeats)]
    found = {}
    for name in jobs:
        speeds, busy = zip(*(one[name] for one in rounds), strict=True)
        against = [one[name][1] / one["NumPy"][1] for one in rounds]
        waited = [one[name][0] / one["NumPy"][0] for one in rounds]
        found[name] = {
            "rows/s": round(median(speeds)),
            "rows/s of processor time": round(median(busy)),
            "ratio": round(median(waited), 3),
            "ratio of processor time": round(median(against), 3),
        }
    return found


def measured(job: Job, n_rows: int) -> tuple[float, float]:
    busy, start = processor_seconds(), time.perf_counter()
    job()
    seconds = time.perf_counter() - start
    return n_rows / seconds, n_rows / (processor_seconds() - busy)


def processor_seconds() -> float:
    """Return the processor time of this process and all below it."""
    me = psutil.Process()
    times = [process.cpu_times() for process in (me, *me.children(recursive=True))]
    return sum(t.user + t.system for t in times)


if __name__ == "__main__":
    main()
