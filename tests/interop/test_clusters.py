"""The recipes of docs/clusters.md: engines that score rows give what the methods give.

All of it is on this machine's loopback, and whatever waits for a process has a time-out.
"""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from stored_files import FOLDER, SMALL, mixed
from stored_files import rows as of_rank_3

import tfae

pytestmark = pytest.mark.filterwarnings("ignore")  # of what the engines use

SECONDS = 120  # far more than anything here takes
NAMES = [f"column {i}" for i in range(9)]
X = (
    np.load(FOLDER / "1-autoencoder.npz")["X"][0] + np.random.default_rng(0).normal(size=(60, 9))
).astype(np.float32)
HOLED = np.where(np.arange(X.size).reshape(X.shape) % 7 == 3, np.nan, X).astype(np.float32)
FRAME = pd.DataFrame(X, columns=NAMES)


def of_arrays():
    """A fitted model without names of columns."""
    model = tfae.load(FOLDER / "1-autoencoder.tfae")
    del model.feature_names_in_
    return model


def of_frames(library):
    """A fitted model that gives frames."""
    return tfae.load(FOLDER / "1-autoencoder.tfae").set_output(transform=library)


def of_tables(columns=slice(None)):
    """A model of columns of several kinds, and such a frame with holes."""
    frame = mixed(of_rank_3()).loc[:, columns]
    model = tfae.Autoencoder(**SMALL).fit(frame)
    for place, label in enumerate(frame.columns[:4]):
        if label != "same":
            frame.loc[place::5, label] = None
    return model, frame


def close(found, wanted):
    """Compare; parts of other sizes change the last bits."""
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5)


def test_dask_arrays():
    da = pytest.importorskip("dask.array")
    model, rows = of_arrays(), da.from_array(X, chunks=(25, -1))
    codes = rows.map_blocks(
        model.transform,
        chunks=(rows.chunks[0], (model.n_components_,)),
        meta=np.empty((0, 0), rows.dtype),
    )
    assert codes.shape == (60, 2)
    assert codes.dtype == np.float32
    close(codes.compute(), model.transform(X))
    for method in (model.reconstruct, model.impute):
        given = da.from_array(HOLED, chunks=(25, -1))
        found = given.map_blocks(method, meta=np.empty((0, 0), rows.dtype))
        close(found.compute(), method(HOLED))
    scores = rows.map_blocks(model.score_samples, drop_axis=1, meta=np.empty(0))
    assert scores.dtype == np.float64
    close(scores.compute(), model.score_samples(X))


def test_dask_predicts_by_a_pipeline():
    da = pytest.importorskip("dask.array")
    model, y = of_arrays(), X[:, 0] > np.median(X[:, 0])
    pipeline = make_pipeline(model, LogisticRegression())
    pipeline[-1].fit(model.transform(X), y)
    labels = da.from_array(X, chunks=(25, -1)).map_blocks(
        pipeline.predict, drop_axis=1, meta=np.empty(0, bool)
    )
    np.testing.assert_array_equal(labels.compute(), pipeline.predict(X))


def test_dask_frames_of_which_a_part_is_empty():
    dd = pytest.importorskip("dask.dataframe")
    model = of_frames("pandas")
    parts = [FRAME[:0], FRAME[:25], FRAME[25:]]
    frame = dd.from_map(lambda i: parts[i], range(3), meta=FRAME[:0])
    no_codes = model.transform(FRAME[:1])[:0]

    def codes(part):
        return model.transform(part) if len(part) else no_codes

    def scores(part):
        return pd.Series(model.score_samples(part) if len(part) else [], part.index, float)

    def rebuilt(part):
        return (
            pd.DataFrame(model.reconstruct(part), part.index, part.columns) if len(part) else part
        )

    found = frame.map_partitions(codes, meta=no_codes).compute(scheduler="threads")
    assert found.columns.tolist() == ["autoencoder0", "autoencoder1"]
    assert set(found.dtypes) == {np.dtype(np.float32)}
    assert found.index.equals(FRAME.index)
    close(found, model.transform(FRAME))
    found = frame.map_partitions(scores, meta=pd.Series(dtype=float)).compute()
    close(found, model.score_samples(FRAME))
    found = frame.map_partitions(rebuilt, meta=FRAME[:0]).compute()
    assert found.dtypes.equals(FRAME.dtypes)
    close(found, model.reconstruct(FRAME))


def test_dask_tables_keep_their_columns_and_types():
    dd = pytest.importorskip("dask.dataframe")
    model, frame = of_tables()
    frame = dd.from_pandas(frame, npartitions=3)
    whole = frame.compute()  # Dask has made its own type of the text
    for method in (model.reconstruct, model.impute):
        found = frame.map_partitions(method, meta=method(whole[:1])[:0]).compute()
        pd.testing.assert_frame_equal(found, method(whole), rtol=1e-5)
        assert not found.isna().any(axis=None)


CLUSTER = f"""
import sys
import dask.array as da
import numpy as np
import threadpoolctl
import tfae
from distributed import Client, LocalCluster

model = tfae.load({os.fspath(FOLDER / "1-denoising.tfae")!r})


def seen():
    libraries = threadpoolctl.threadpool_info()
    return "tensorflow" in sys.modules, [l["num_threads"] for l in libraries]


if __name__ == "__main__":
    rows = da.random.default_rng(0).normal(5, 2, size=(300, 9), chunks=(100, -1))
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        Client(cluster, timeout={SECONDS // 2}) as client,
    ):
        codes = rows.map_blocks(model.transform, meta=np.empty((0, 0)), chunks=(100, 2))
        found = client.compute(codes).result(timeout={SECONDS // 2})
        (loaded, threads), = client.run(seen).values()
    np.testing.assert_allclose(found, model.transform(rows.compute(scheduler="sync")), rtol=1e-6)
    assert not loaded, "the worker has loaded TensorFlow"
    assert threads and set(threads) == {{1}}, threads
"""


def test_a_dask_worker_loads_no_tensorflow_and_takes_one_thread(tmp_path):
    pytest.importorskip("distributed")
    script = tmp_path / "score.py"
    script.write_text(CLUSTER)
    subprocess.run([sys.executable, script], check=True, timeout=SECONDS)


@pytest.fixture(scope="module")
def spark():
    sql = pytest.importorskip("pyspark.sql")
    variables = {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        session = (
            sql.SparkSession.builder.master("local[1]")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "1")
            .getOrCreate()
        )
        yield session
        session.stop()


def test_spark_frames(spark):
    pa = pytest.importorskip("pyarrow")
    model = of_frames("pandas")
    shared = spark.sparkContext.broadcast(model)

    def codes(batches):
        for batch in batches:
            if batch.num_rows:
                yield pa.RecordBatch.from_pandas(shared.value.transform(batch))

    def scores(batches):
        for batch in batches:
            if batch.num_rows:
                yield pa.record_batch({"score": shared.value.score_samples(batch)})

    def rebuilt(batches):
        for batch in batches:
            if batch.num_rows:
                columns = shared.value.reconstruct(batch).T
                yield pa.record_batch(list(columns), schema=batch.schema)

    frame = spark.createDataFrame(FRAME)
    found = frame.mapInArrow(codes, "autoencoder0 float, autoencoder1 float").toPandas()
    assert found.dtypes.equals(model.transform(FRAME).dtypes)
    close(found, model.transform(FRAME))
    found = frame.mapInArrow(scores, "score double").toPandas()
    close(found["score"], model.score_samples(FRAME))
    found = frame.mapInArrow(rebuilt, frame.schema).toPandas()
    assert found.dtypes.equals(FRAME.dtypes)
    close(found, model.reconstruct(FRAME))


def test_spark_rows_in_one_column_of_arrays(spark):
    pa = pytest.importorskip("pyarrow")
    model = of_arrays()
    shared = spark.sparkContext.broadcast(model)

    def codes(batches):
        for batch in batches:
            if batch.num_rows:
                rows = batch["row"].flatten().to_numpy().reshape(batch.num_rows, -1)
                made = pa.FixedSizeListArray.from_arrays(
                    shared.value.transform(rows).ravel(), shared.value.n_components_
                )
                yield pa.record_batch(
                    {"id": batch["id"], "code": made.cast(pa.list_(pa.float32()))}
                )

    frame = spark.createDataFrame(
        [(i, row.tolist()) for i, row in enumerate(X)], "id long, row array<float>"
    )
    found = frame.mapInArrow(codes, "id long, code array<float>").toPandas()
    assert found["id"].tolist() == list(range(len(X)))
    close(np.stack(found["code"]), model.transform(X))


def test_spark_rows_as_bytes(spark):
    pa = pytest.importorskip("pyarrow")
    model = of_arrays()
    shared = spark.sparkContext.broadcast(model)

    def codes(batches):
        for batch in batches:
            if batch.num_rows:
                rows = np.frombuffer(b"".join(batch["row"].to_pylist()), np.float32)
                found = shared.value.transform(rows.reshape(batch.num_rows, -1))
                code = pa.array([code.tobytes() for code in found], pa.binary())
                yield pa.record_batch({"id": batch["id"], "code": code})

    frame = spark.createDataFrame(
        [(i, row.tobytes()) for i, row in enumerate(X)], "id long, row binary"
    )
    found = frame.mapInArrow(codes, "id long, code binary").toPandas()
    assert found["id"].tolist() == list(range(len(X)))
    close(np.stack([np.frombuffer(code, np.float32) for code in found["code"]]), model.transform(X))


def test_spark_workers_load_no_tensorflow_and_take_one_thread(spark):
    pa = pytest.importorskip("pyarrow")
    shared = spark.sparkContext.broadcast(of_arrays())

    def seen(batches):
        import threadpoolctl

        for batch in batches:
            shared.value.transform(batch)
            threads = max(library["num_threads"] for library in threadpoolctl.threadpool_info())
            loaded = "tensorflow" in sys.modules
            yield pa.record_batch({"loaded": [loaded], "threads": [threads]})

    frame = spark.createDataFrame(pd.DataFrame(X))
    assert set(frame.mapInArrow(seen, "loaded boolean, threads long").collect()) == {(False, 1)}


def test_spark_tables_keep_their_columns_and_types(spark):
    model, given = of_tables(["number", "text", "same"])
    shared = spark.sparkContext.broadcast(model)

    def filled(parts):
        for part in parts:
            if len(part):
                yield shared.value.impute(part)

    frame = spark.createDataFrame(given)
    found = frame.mapInPandas(filled, frame.schema).toPandas()
    wanted = model.impute(given)
    assert found.dtypes.astype(str).equals(frame.toPandas().dtypes.astype(str))
    assert not found.isna().any(axis=None)
    assert found["text"].tolist() == wanted["text"].tolist()
    assert found["same"].tolist() == wanted["same"].tolist()
    close(found["number"], wanted["number"])


def test_polars_frames():
    pl = pytest.importorskip("polars")
    model, frame = of_frames("polars"), pl.from_pandas(FRAME)
    no_codes = model.transform(frame[:1])[:0]

    def codes(part):
        return model.transform(part) if len(part) else no_codes

    lazy = frame.lazy().map_batches(codes, schema=no_codes.schema)
    assert lazy.collect_schema() == no_codes.schema
    found = lazy.filter(pl.col("autoencoder0") > 0).collect()
    wanted = model.transform(frame)
    assert found.schema == wanted.schema
    close(found, wanted.filter(pl.col("autoencoder0") > 0))
    nothing = frame.lazy().filter(pl.col("column 0") > 1e9)
    assert nothing.map_batches(codes, schema=no_codes.schema).collect().equals(no_codes)

    def scored(part):
        return part.with_columns(score=model.score_samples(part))

    found = frame.lazy().map_batches(scored, schema={**frame.schema, "score": pl.Float64})
    close(found.collect()["score"], model.score_samples(frame))
