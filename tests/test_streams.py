"""Data larger than memory: memory maps and streams against the same rows in memory."""

import subprocess
import sys
from io import BytesIO, StringIO

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.decomposition import PCA

from tfae import (
    Autoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    ParametricTSNE,
    SparseAutoencoder,
    StackedAutoencoder,
    VariationalAutoencoder,
    streams,
)
from tfae._data import memory_map
from tfae._data.memory_map import Mapped
from tfae._data.reading import in_memory_if_small, is_stream, prepare
from tfae._data.scaling import fit_scaling, scaled_range
from tfae._data.streams import Opened, mixed, recut
from tfae._networks.principal_components import principal_components
from tfae._training.chunks import as_chunks
from tfae._training.step.chunk import ChunkShape

pytestmark = pytest.mark.usefixtures("in_executor")

RNG = np.random.default_rng(0)
X = (RNG.normal(size=(3000, 3)) @ RNG.normal(size=(3, 8)) + [1e4, *range(7)]).astype(np.float32)
X += RNG.normal(scale=0.1, size=X.shape).astype(np.float32)
NAMES = [f"feature {i}" for i in range(8)]
SMALL = {"hidden_layer_sizes": (16,), "max_iter": 3, "batch_size": 32, "random_state": 0}


class Counted:
    """An iterable of batches of different lengths, which counts how often it is read."""

    def __init__(self, rows=X, n_batches=23):
        self.batches, self.passes = np.array_split(rows, n_batches), 0

    def __iter__(self):
        self.passes += 1
        return iter(self.batches)


@pytest.fixture
def mapped(tmp_path, monkeypatch):
    """Write rows to a file and map it; maps of any size count as large."""
    monkeypatch.setattr(memory_map, "_SMALL", 0)

    def write(rows, mode="r", order="C", offset=0):
        path = tmp_path / f"rows{len(list(tmp_path.iterdir()))}"
        path.write_bytes(b"x" * offset + rows.tobytes(order))
        return np.memmap(path, rows.dtype, mode, offset, rows.shape, order)

    return write


def opened(stream, once=False, **params):
    """Open a stream as `fit` does."""
    rows = in_memory_if_small(Autoencoder(**params)._read(stream, reset=True), 0)
    prepare(rows, covariance=True, once=once)
    return rows


def prepared(rows):
    """Have a map ready for training as `fit` does."""
    source = Mapped(rows)
    prepare(source, covariance=True)
    return source


# Statistics


@pytest.fixture(params=["map", "stream"])
def large(request, mapped):
    """The rows of X as a source of either kind."""
    if request.param == "map":
        return prepared(mapped(X))
    return opened(streams.from_batches(Counted(), window=500))


@pytest.mark.parametrize("kind", ["global", "standard", "minmax"])
def test_scalings_of_a_pass_are_those_of_all_rows(large, kind):
    found, expected = fit_scaling(kind, large), fit_scaling(kind, X.astype(np.float64))
    np.testing.assert_allclose(found.center, expected.center, rtol=1e-6)
    np.testing.assert_allclose(found.scale, expected.scale, rtol=1e-6)
    assert scaled_range(large, found) == pytest.approx(scaled_range(X, expected), abs=1e-2)


@pytest.mark.parametrize("kind", ["robust", "quantile"])
def test_scalings_that_sort_are_learned_from_a_sample(large, kind):
    scaled = fit_scaling(kind, large).forward(X, np.float64)
    expected = fit_scaling(kind, X).forward(X, np.float64)
    assert np.corrcoef(scaled.ravel(), expected.ravel())[0, 1] > 0.999


def test_principal_components_of_a_pass_are_those_of_all_rows(large):
    scaling = fit_scaling("global", large)
    found = principal_components(large, scaling, None, 4, seed=0)
    pca = PCA(4).fit(scaling.forward(X.astype(np.float64), np.float64))
    np.testing.assert_allclose(found.axes[:3], pca.components_[:3], atol=1e-5)
    np.testing.assert_allclose(found.spread[:3], np.sqrt(pca.explained_variance_[:3]), rtol=1e-5)
    np.testing.assert_allclose(found.mean, pca.mean_, atol=1e-6)
    expected = principal_components(X.astype(np.float64), scaling, None, 4, seed=0)
    np.testing.assert_allclose(found.residual, expected.residual, rtol=1e-4)
    np.testing.assert_allclose(found.deviation_seen, expected.deviation_seen, rtol=1e-4)


def test_a_constant_column_has_no_variance_and_lossless_codes_leave_nothing(mapped):
    rows = np.column_stack([X[:, :3], np.full(len(X), 0.1, np.float32)]).astype(np.float64)
    source = prepared(mapped(rows))
    assert source.statistics(None).variance[3] == 0
    scaling = fit_scaling("standard", source)
    assert scaling.scale[3] == 1
    assert not principal_components(source, scaling, None, 3, seed=0).residual.any()


def test_the_covariance_of_a_very_large_map_is_of_evenly_spaced_rows(mapped, monkeypatch):
    monkeypatch.setattr(memory_map, "MAX_ENTRIES", X.size // 4)
    survey = prepared(mapped(X)).statistics(None)
    np.testing.assert_allclose(survey.covariance, np.cov(X[::4].T, bias=True), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(survey.mean, X.mean(axis=0, dtype=np.float64))


# Memory maps


@pytest.mark.parametrize(
    ("mode", "order", "offset", "view"),
    [
        ("r", "C", 0, np.s_[:]),
        ("r", "C", 100, np.s_[:]),
        ("r+", "C", 0, np.s_[5:2000:3, 2:7]),
        ("c", "C", 0, np.s_[:]),
        ("r", "F", 0, np.s_[:]),
        ("r", "C", 0, np.s_[::-1]),
    ],
)
def test_rows_of_a_map_are_those_in_the_file(mapped, mode, order, offset, view):
    rows, source = X[view], Mapped(mapped(X, mode, order, offset)[view])
    index = RNG.integers(len(rows), size=500)
    np.testing.assert_array_equal(source.take(index), rows[index])
    np.testing.assert_array_equal(source.take(slice(3, 90)), rows[3:90])
    np.testing.assert_array_equal(source[index].take(np.arange(7)), rows[index[:7]])
    np.testing.assert_array_equal(np.concatenate(list(source.blocks())), rows)
    np.testing.assert_array_equal(np.asarray(source), rows)


def test_what_was_written_into_a_map_is_read(mapped):
    for mode in ("r+", "c"):
        rows = mapped(X, mode)
        rows[7] = 5.0
        assert (Mapped(rows).take(np.array([7])) == 5).all()
        assert (rows[7] == 5).all()


def test_another_file_of_that_name_is_not_read(mapped):
    rows = mapped(X)
    path = rows.filename
    path.rename(path.with_suffix(".old"))
    path.write_bytes(b"\0" * X.nbytes)
    np.testing.assert_array_equal(Mapped(rows).take(slice(0, 10)), X[:10])


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "params",
    [
        {"linear_path": False},
        {"scaling": "quantile"},
        {"corruption": "masking", "scaling": "minmax", "early_stopping": True},
        {"penalty": "kl"},
        {},
    ],
)
def test_a_map_is_learned_like_the_array(mapped, params):
    rows = mapped(X)
    one = Autoencoder(3, **{**SMALL, **params}).fit(X)
    other = Autoencoder(3, **{**SMALL, **params}).fit(rows)
    assert other.n_features_in_ == 8
    # Sums in another order change the last digits, and training makes more of them.
    np.testing.assert_allclose(other.transform(rows), one.transform(X), rtol=0.02, atol=0.02)
    assert other.score(rows) == pytest.approx(one.score(X), abs=1e-4)
    again = Autoencoder(3, **{**SMALL, **params}).fit(rows)
    np.testing.assert_array_equal(again.transform(rows), other.transform(rows))


def test_every_method_takes_a_map(mapped):
    rows = mapped(X)
    model = Autoencoder(0.9, **SMALL).partial_fit(X).partial_fit(rows)
    for method in (model.transform, model.reconstruct, model.score_samples):
        np.testing.assert_allclose(method(rows), method(X), rtol=1e-5, atol=1e-5)
    images = mapped(X[:200].reshape(200, 2, 4))
    model = ConvolutionalAutoencoder(2, image_shape=(2, 4), max_iter=1).fit(images)
    assert model.reconstruct(images).shape == (200, 2, 4)
    places = ParametricTSNE(perplexity=5, max_iter=1, batch_size=16).fit(mapped(X[:100]))
    assert places.transform(rows).shape == (3000, 2)


def test_integers_are_read_as_floats(mapped):
    counts = RNG.integers(200, size=(500, 5)).astype(np.uint8)
    model = Autoencoder(2, **SMALL).fit(mapped(counts))
    np.testing.assert_allclose(model.center_, counts.mean(axis=0), rtol=0.05)
    assert model.transform(mapped(counts)).dtype == np.float64


def test_infinity_in_a_map_is_found_where_it_is(mapped):
    bad = X.copy()
    bad[2345, 6] = np.inf
    with pytest.raises(ValueError, match=r"contains infinity.* column 6, row 2345"):
        Autoencoder(3, **SMALL, early_stopping=False).fit(mapped(bad))


def test_a_map_of_another_width_is_refused(mapped):
    model = Autoencoder(3, **SMALL).fit(X)
    with pytest.raises(ValueError, match="X has 5 features, but Autoencoder is expecting 8"):
        model.transform(mapped(np.ascontiguousarray(X[:, :5])))


def test_a_file_that_was_cut_off_is_noticed(mapped):
    source = Mapped(mapped(X))
    with open(source._X.filename, "r+b") as file:
        file.truncate(X.nbytes // 2)
    with pytest.raises(OSError, match=r"ended in row 2999: it was cut off"):
        source.take(np.array([2999]))


# Streams


@pytest.mark.parametrize("size", [1, 7, 100, 5000])
def test_cutting_and_mixing_keep_every_row(size):
    parts = np.array_split(np.arange(1000.0)[:, None], 13)
    cut = list(recut(parts, size))
    assert all(len(part) == size for part in cut[:-1])
    np.testing.assert_array_equal(np.concatenate(cut)[:, 0], np.arange(1000))
    out = np.concatenate(list(mixed(cut, max(size, 300), np.random.default_rng(0))))[:, 0]
    np.testing.assert_array_equal(np.sort(out), np.arange(1000))
    if size < 1000:
        assert np.corrcoef(out, np.arange(1000))[0, 1] < 0.99
        # No row comes before it was read: the window is behind it.
        assert (out <= np.arange(1000) + max(size, 300)).all()


@pytest.mark.parametrize("shuffled", [False, True])
def test_every_row_counts_once_an_epoch_and_the_same_are_held_out(shuffled):
    rows = np.stack([np.arange(3000.0), -np.arange(3000.0)], axis=1)
    pieces = [streams.from_batches(list(part)).pieces[0] for part in rows.reshape(6, 5, 100, 2)]
    X = opened(streams.Stream(pieces, 200))
    shape = ChunkShape(steps=2, batch=32, features=2, dtype="float64")
    train, held_out = X.split(0.1)
    chunks = as_chunks(X, fit_scaling(None, X), shape, train).epochs(
        np.random.default_rng(0) if shuffled else None
    )
    orders = []
    for _ in range(3):
        order = []
        for chunk in chunks:
            used = chunk.weight.ravel() == 1
            order += chunk.x[used, 0].tolist()
            filling = chunk.x[: 32 * chunk.n_steps][~used[: 32 * chunk.n_steps]]
            assert set(filling[:, 0]) <= set(chunk.x[used, 0])  # real rows, which have no weight
            if chunk.last:
                break
        orders.append(order)
        assert sorted([*order, *X[held_out][:, 0]]) == rows[:, 0].tolist()
    chunks.close()
    assert len(held_out) == pytest.approx(300, abs=60)
    assert len(train) + len(held_out) == 3000
    assert (orders[0] == orders[1]) is not shuffled
    if shuffled:  # the pieces, too
        assert min(np.mean(order[:100]) for order in orders) != pytest.approx(150, abs=100)


def test_few_rows_are_held_out_of_very_many(monkeypatch):
    monkeypatch.setattr("tfae._data.statistics._MAX_KEPT", 50)
    X_ = opened(streams.from_batches(Counted(), window=500))
    train, held_out = X_.split(0.1)
    assert len(held_out) == 50
    assert len(X_.some(train)) == 50
    both = np.concatenate([X_[held_out], X_.some(train)])
    assert len(np.unique(both, axis=0)) == 100
    assert np.ptp(X_[held_out][:, 0]) > 0


def test_a_stream_in_its_window_is_the_array():
    batches = Counted()
    model, other = Autoencoder(3, **SMALL).fit(batches), Autoencoder(3, **SMALL).fit(X)
    assert batches.passes == 1
    np.testing.assert_array_equal(model.transform(X), other.transform(X))
    np.testing.assert_allclose(model.transform(batches), other.transform(X), rtol=1e-4, atol=1e-4)


def test_a_stream_is_read_once_for_statistics_and_once_an_epoch():
    batches = Counted()
    stream = streams.from_batches(batches, window=500)
    params = {**SMALL, "batch_size": 4}
    model = Autoencoder(3, **params).fit(stream)
    assert batches.passes == 1 + 3
    np.testing.assert_allclose(model.center_, X.mean(axis=0, dtype=np.float64))
    assert model.baseline_["autoencoder"] <= model.baseline_["pca"]


def reused(rows, size=100):
    """Yield batches in one array, which the next one overwrites."""
    buffer = np.empty((size, rows.shape[1]), rows.dtype)
    for start in range(0, len(rows), size):
        buffer[:] = rows[start : start + size]
        yield buffer
    buffer[:] = 0


@pytest.mark.parametrize("size", [1, 7, 100, 250, 5000])
def test_cutting_keeps_rows_that_are_overwritten(size):
    cut = [part.copy() for part in recut(reused(X), size)]
    np.testing.assert_array_equal(np.concatenate(cut), X)


@pytest.mark.parametrize("window", [None, 250])
@pytest.mark.parametrize("params", [{}, {"shuffle": False, "early_stopping": True}])
def test_a_generator_may_yield_one_array_again_and_again(window, params):
    rows = X[:1000]
    params = {**SMALL, "batch_size": 3, "linear_path": False, **params}
    models = [
        Autoencoder(3, **params).fit(streams.from_batches(batches, window=window))
        for batches in (lambda: reused(rows), lambda: iter(np.array_split(rows, 10)))
    ]
    one, other = models
    np.testing.assert_array_equal(one.center_, other.center_)
    for found, expected in zip(one.encoder_weights_, other.encoder_weights_, strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(
        one.transform(reused(rows)), other.transform(iter(np.array_split(rows, 10)))
    )


@pytest.mark.parametrize("window", [None, 250])
def test_partial_fit_takes_an_array_that_is_overwritten(window):
    params = {**SMALL, "batch_size": 3, "linear_path": False}
    one, other = (
        Autoencoder(3, **params).partial_fit(streams.from_batches(batches, window=window))
        for batches in (reused(X[:1000]), iter(np.array_split(X[:1000], 10)))
    )
    np.testing.assert_array_equal(one.center_, other.center_)
    np.testing.assert_array_equal(one.transform(X), other.transform(X))


@pytest.mark.parametrize("fraction", [0.1, 0.7, 0.9999])
def test_the_fraction_of_a_stream_that_is_asked_for_is_held_out(fraction):
    X_ = opened(streams.from_batches(Counted(), window=500))
    train, held_out = X_.split(fraction)
    assert len(held_out) == pytest.approx(3000 * fraction, abs=100)
    assert len(train) + len(held_out) == 3000
    assert len(train) >= 1
    assert len(X_.some(train)) == len(train)


def test_random_state_decides_everything():
    stream = streams.from_batches(Counted(), window=500)
    params = {**SMALL, "batch_size": 4, "linear_path": False, "early_stopping": True}
    codes = [
        Autoencoder(3, **params).set_params(random_state=seed).fit(stream).transform(X)
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(codes[0], codes[1])
    assert not np.allclose(codes[0], codes[2])


@pytest.mark.slow
def test_a_stream_is_learned_as_well_as_the_array():
    params = {**SMALL, "max_iter": 20, "batch_size": 4}
    stream = streams.from_batches(Counted(), window=500)
    streamed, whole = Autoencoder(2, **params).fit(stream), Autoencoder(2, **params).fit(X)
    assert streamed.score(X) == pytest.approx(whole.score(X), abs=0.01)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (DenoisingAutoencoder, {"early_stopping": True}),
        (SparseAutoencoder, {}),
        (VariationalAutoencoder, {}),
        (StackedAutoencoder, {"pretrain_max_iter": 1}),
        (Autoencoder, {"n_components": 0.9}),
        (Autoencoder, {"scaling": "quantile", "shuffle": False}),
    ],
)
def test_the_family_learns_from_streams(kind, params):
    stream = streams.from_batches(Counted(), window=500)
    model = kind(**{"n_components": 3, **SMALL, "batch_size": 4, **params}).fit(stream)
    # The logarithm of a mean of exponentials in single precision keeps fewer digits.
    rtol = 1e-3 if kind is VariationalAutoencoder else 1e-4
    for method in (model.transform, model.reconstruct, model.score_samples):
        np.testing.assert_allclose(method(stream), method(X), rtol=rtol, atol=1e-3)
    assert model.score(stream) == pytest.approx(model.score(X), abs=1e-5)


def test_images_come_in_batches():
    images = X[:, :, None].reshape(3000, 2, 4)
    stream = streams.from_batches(Counted(images), window=500)
    model = ConvolutionalAutoencoder(2, max_iter=1, random_state=0)
    with pytest.raises(ValueError, match=r"Arrays of shape \(n_samples, 2, 4\) need"):
        model.fit(stream)
    model.set_params(image_shape=(2, 4)).fit(stream)
    assert model.image_shape_ == (2, 4, 1)
    assert model.reconstruct(stream).shape == (3000, 8)


def test_partial_fit_goes_on_over_iterators():
    model = Autoencoder(3, **SMALL, learning_rate_init=0.001, linear_path=False)
    window = {"window": 500}
    scores = []
    for _ in range(3):
        model.partial_fit(streams.from_batches(iter(Counted()), **window))
        scores.append(model.score(X))
    assert model.n_iter_ == 3
    assert scores == sorted(scores)
    np.testing.assert_allclose(model.center_, X[:524].mean(axis=0, dtype=np.float64), rtol=1e-2)
    batches = Counted()
    model.partial_fit(streams.from_batches(batches, **window))
    assert batches.passes == 1
    exact = Autoencoder(3, **SMALL).partial_fit(streams.from_batches(batches, **window))
    np.testing.assert_allclose(exact.center_, X.mean(axis=0, dtype=np.float64))
    assert Autoencoder(3, **SMALL).partial_fit(iter(Counted())).transform(iter(Counted())).shape


def test_datasets_of_rows_and_of_batches():
    import tensorflow as tf

    rows = tf.data.Dataset.from_tensor_slices(X)
    expected = Autoencoder(3, **SMALL).fit(X).transform(X)
    for dataset in (rows, rows.batch(100), streams.from_dataset(rows)):
        codes = Autoencoder(3, **SMALL).fit(dataset).transform(dataset)
        np.testing.assert_allclose(codes, expected, rtol=1e-4, atol=1e-4)
    shuffled = streams.from_dataset(rows.shuffle(3000), window=500)
    with pytest.raises(ValueError, match="the same rows in the same order in every pass"):
        Autoencoder(3, **SMALL).fit(shuffled)


def test_a_dataset_must_end():
    import tensorflow as tf

    endless = tf.data.Dataset.from_tensor_slices(X).repeat()
    model = Autoencoder(3, **SMALL).fit(X)
    for give in (
        streams.from_dataset,
        streams.from_batches,
        lambda dataset: list(streams.from_batches(lambda: dataset)),
        *(model.fit, model.partial_fit, model.transform, model.score),
    ):
        for dataset in (endless, endless.batch(500)):
            with pytest.raises(ValueError, match=r"must end; leave \.repeat\(\) out"):
                give(dataset)
    twice = tf.data.Dataset.from_tensor_slices(X).repeat(2)
    assert len(model.transform(twice)) == 6000


@pytest.fixture
def files(tmp_path):
    """The rows of X in two files of each kind."""
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(X, columns=NAMES)
    for name, part in {"a": frame[:1700], "b": frame[1700:]}.items():
        part.to_parquet(tmp_path / f"{name}.parquet", row_group_size=400)
        part.to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_files_give_their_rows_with_names(files, kind):
    read = {"parquet": streams.read_parquet, "csv": streams.read_csv}[kind]
    paths = [files / f"a.{kind}", str(files / f"b.{kind}")]
    np.testing.assert_allclose(pd.concat(list(read(paths))), X, rtol=1e-6)
    columns = [NAMES[5], NAMES[1]]
    assert list(next(iter(read(paths, columns)))) == columns
    for window in (None, 500):
        stream = read(paths, window=window)
        model = Autoencoder(3, **SMALL).fit(stream)
        assert model.feature_names_in_.tolist() == NAMES
        assert model.transform(stream).shape == (3000, 3)
    assert len(stream.pieces) == {"parquet": 5 + 4, "csv": 2}[kind]
    assert f"a.{kind}" in repr(stream)
    with pytest.raises(ValueError, match="feature names should match"):
        model.transform(read(paths, NAMES[::-1]))


CSV_FILES = {
    "lines of one length": (["a,b\n1,2\n3,4\n"], {}),
    "an index without a name": (["a,b\n1,2,3\n4,5,6\n7,8,9\n"], {}),
    "an index that is refused": (["a,b\n1,2,\n4,5,\n7,8,\n"], {"index_col": False}),
    "an index before given names": (
        ["1,2,3\n4,5,6\n"],
        {"header": None, "names": ["x", "y"]},
    ),
    "no names": (["1,2\n3,4\n", "5,6\n"], {"header": None}),
    "the first rows of each": (["a,b\n1,2\n3,4\n5,6\n", "a,b\n7,8\n"], {"nrows": 2}),
}


@pytest.fixture
def write_csv(tmp_path):
    """Write texts to files and return their paths."""

    def write(*texts):
        paths = [tmp_path / f"{number}.csv" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        return paths

    return write


@pytest.mark.filterwarnings("ignore:Length of header:pandas.errors.ParserWarning")
@pytest.mark.parametrize(("texts", "options"), CSV_FILES.values(), ids=CSV_FILES.keys())
def test_csv_files_are_read_as_pandas_reads_them(write_csv, texts, options):
    paths = write_csv(*texts)
    expected = pd.concat([pd.read_csv(path, **options) for path in paths])
    for columns in (None, expected.columns):
        found = pd.concat(list(streams.read_csv(paths, columns, **options)))
        pd.testing.assert_frame_equal(found, expected)


def test_csv_files_that_cannot_be_read(write_csv):
    paths = write_csv("a,b\n1,2\n3,4\n5,6,7\n8,9\n", "a,b\n1,two\n", "")
    with pytest.raises(
        ValueError, match=r"0\.csv' .* damaged .*Expected 2 fields in line 4, saw 3"
    ):
        Autoencoder(1).fit(streams.read_csv(paths[0]))
    with pytest.raises(ValueError, match=r"1\.csv' cannot be read: could not convert .* 'two'"):
        Autoencoder(1).fit(streams.read_csv(paths[1], dtype="float32"))
    with pytest.raises(ValueError, match=r"2\.csv' cannot be read, it may be damaged"):
        streams.read_csv(paths[2])


def test_columns_that_only_later_csv_files_have(write_csv):
    named = list(streams.read_csv(write_csv("a,b\n1,2\n", "c,b,a\n3,4,5\n")))
    assert pd.concat(named).to_numpy().tolist() == [[1, 2], [5, 4]]
    paths = write_csv("1,2\n", "3,4,5\n")
    with pytest.raises(ValueError, match=r"1\.csv' must have 2 columns like the first .* Got 3"):
        streams.read_csv(paths, header=None)
    chosen = list(streams.read_csv(paths, [0, 1], header=None))
    assert pd.concat(chosen).to_numpy().tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"usecols": ["a"]}, r"'usecols' must be left out: .* 'columns'\. Got \['a'\]"),
        ({"index_col": 0}, r"'index_col' must be left out or False: .* Got 0"),
        ({"chunksize": 5}, "'chunksize' must be left out: .* Got 5"),
        ({"iterator": True}, "'iterator' must be left out: .* Got True"),
        ({"skipfooter": 1}, "'skipfooter' must be left out: .* Got 1"),
        ({"engine": "pyarrow"}, "'engine' must be 'c' or 'python', .* Got 'pyarrow'"),
        ({"header": [0, 1]}, r"'header' must be the number of one line, .* Got \[0, 1\]"),
    ],
)
def test_options_of_pandas_that_are_refused(write_csv, options, message):
    with pytest.raises(ValueError, match=message):
        streams.read_csv(write_csv("a,b\n1,2\n3,4\n"), **options)


def test_text_in_a_file_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,four\n")
    model = ConvolutionalAutoencoder(1, image_shape=(1, -1))
    with pytest.raises(ValueError, match=r"Batch 1 of '.*a\.csv': .* column 'y', which has dtype"):
        model.fit(streams.read_csv(tmp_path / "a.csv"))


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_wrong_files_and_columns(files, kind):
    read = {"parquet": streams.read_parquet, "csv": streams.read_csv}[kind]
    with pytest.raises(FileNotFoundError, match=r"must be files that exist. Got '.*c\."):
        read(files / f"c.{kind}")
    with pytest.raises(ValueError, match="must name at least one file"):
        read([])
    with pytest.raises(ValueError, match=r"'Feature 2'. Got 8 others. Did you mean 'feature 2'\?"):
        read(files / f"a.{kind}", ["Feature 2"])
    for wrong in ("feature 2", [], [NAMES], 2, iter(NAMES), len, set(NAMES), {NAMES[0]: 1}):
        with pytest.raises(ValueError, match=r"must be a list of names, at least one\. Got "):
            read(files / f"a.{kind}", wrong)
    with pytest.raises(ValueError, match=r"each column once\. Got 'feature 2' 2 times"):
        read(files / f"a.{kind}", [NAMES[2], NAMES[1], NAMES[2]])
    for given in (NAMES, tuple(NAMES), pd.Index(NAMES), np.array(NAMES)):
        assert list(next(iter(read(files / f"a.{kind}", given)))) == NAMES


@pytest.mark.parametrize("read", [streams.read_parquet, streams.read_csv])
@pytest.mark.parametrize(
    "paths", [b"a.csv", 3, None, BytesIO(b"a\n1"), StringIO("a\n1"), [b"a.csv"]]
)
def test_what_is_no_path(read, paths):
    pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match=r"'paths' must be a str or Path, or a sequence .* Got "):
        read(paths)


def test_paths_may_come_from_a_glob(files):
    assert sum(map(len, streams.read_csv(files.glob("*.csv")))) == 3000


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_file_that_is_there_no_more_is_not_damaged(files, kind):
    read = {"parquet": streams.read_parquet, "csv": streams.read_csv}[kind]
    stream = read(files / f"a.{kind}")
    (files / f"a.{kind}").unlink()
    with pytest.raises(ValueError, match=r"a\.\w+' cannot be read: .*No such file"):
        Autoencoder(3, **SMALL).fit(stream)


@pytest.mark.parametrize("name", ["customer", None])
def test_the_index_that_pandas_wrote_is_no_feature(tmp_path, name):
    pytest.importorskip("pyarrow")
    path = tmp_path / "a.parquet"
    index = pd.Index([7, 3, 5], name=name)
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [4.0, 5.0, 6.0]}, index=index)
    frame.to_parquet(path)
    expected = pd.read_parquet(path).reset_index(drop=True)
    pd.testing.assert_frame_equal(next(iter(streams.read_parquet(path))), expected)
    by_name = next(iter(streams.read_parquet(path, [name or "__index_level_0__", "y"])))
    np.testing.assert_array_equal(by_name, np.column_stack([index, frame["y"]]))
    frame[[]].to_parquet(path)
    with pytest.raises(ValueError, match=r"must have a column besides the index\. Got \['"):
        streams.read_parquet(path)


def test_a_file_with_two_columns_of_one_name(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "a.parquet"
    table = arrow.Table.from_arrays([arrow.array([1.0, 2.0])] * 3, ["a", "b", "a"])
    parquet.write_table(table, path)
    for columns in (None, ["b", "a"]):
        with pytest.raises(ValueError, match=r"must have one column 'a'\. Got 2 of that name"):
            streams.read_parquet(path, columns)
    assert next(iter(streams.read_parquet(path, ["b"]))).to_numpy().tolist() == [[1], [2]]


def test_damaged_parquet_files(files):
    path = files / "a.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"'.*a\.parquet' cannot be read, it may be damaged"):
        streams.read_parquet(path)
    path.write_bytes(whole[:1000] + b"x" * 3000 + whole[4000:])
    with pytest.raises(ValueError, match=r"'.*a\.parquet' cannot be read, it may be damaged"):
        Autoencoder(3, **SMALL).fit(streams.read_parquet(path))


def test_parquet_needs_pyarrow(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install \"tfae\[streams\]\""):
        streams.read_parquet(files / "a.parquet")


FRAME = pd.DataFrame(X, columns=NAMES)
BAD = [part.copy() for part in np.array_split(X, 20)]
BAD[16][2, 3] = np.inf


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        (BAD, r"Batch 17 of the stream: Input X contains infinity.* column 3, row 2"),
        ([X, X[:, :5]], "Batch 2 of the stream: X has 5 features, but .* is expecting 8"),
        ([FRAME, FRAME[NAMES[::-1]]], "Batch 2 of the stream: The feature names should match"),
        ([FRAME, FRAME.rename(columns={NAMES[0]: "z"})], "names should match(.|\n)*z"),
        ([(X, X)], r"Batch 1 of the stream must be an array .* Got a tuple; map"),
        ([{"a": X}], r"Batch 1 of the stream must be an array .* Got a dict"),
        ([[X]], r"Batch 1 of the stream: X must be one array .* Got a list of 1; map"),
        ([[X, X[:, 0]]], r"Batch 1 of the stream: X must be one array .* Got a list of 2; map"),
        ([iter([X])], "Batch 1 of the stream must be an array .* Got <list_iterator"),
        ([X[0]], "Batch 1 of the stream: Expected 2D array"),
        ([], "X must have at least 2 rows. Got a stream of 0"),
        ([X[:1], X[:0]], "X must have at least 2 rows. Got a stream of 1"),
    ],
)
def test_wrong_batches_are_named(batches, message):
    model = Autoencoder(3, **SMALL)
    for stream in (lambda: iter(batches), streams.from_batches(lambda: batches, window=200)):
        with pytest.raises(ValueError, match=message):
            model.fit(stream)
    assert not hasattr(model, "n_features_in_")  # it is as it was


def test_values_too_large_for_the_dtype_of_the_first_batch_are_named():
    large = X.astype(np.float64)
    large[5, 2] = -1e300
    message = r"Batch 2 of the stream must hold values that fit into float32.* Got -1e\+300"
    for window in (None, 500):
        with pytest.raises(ValueError, match=message):
            Autoencoder(3, **SMALL).fit(streams.from_batches([X, large], window=window))
    model = Autoencoder(3, **SMALL).fit(X)
    with pytest.raises(ValueError, match=message):
        model.transform(iter([X, large]))
    assert model.transform(iter([X, large[:5]])).dtype == np.float32


@pytest.mark.parametrize(
    ("returned", "got"),
    [
        (None, "None"),
        (X, r"one ndarray of shape \(3000, 8\)"),
        (pd.DataFrame(X), r"one DataFrame of shape \(3000, 8\)"),
        (sparse.csr_array(X), r"one csr_array of shape \(3000, 8\)"),
        ({"a": X}, r"\{'a': "),
        ("abc", "'abc'"),
        (b"abc", "b'abc'"),
    ],
)
def test_a_callable_that_returns_no_batches(returned, got):
    with pytest.raises(ValueError, match=f"must return an iterable of arrays .* Got {got}"):
        Autoencoder(3, **SMALL).fit(lambda: returned)
    with pytest.raises(ValueError, match=f"'batches' must be an iterable .* Got {got}"):
        streams.from_batches(returned)


def test_an_iterator_cannot_be_read_in_every_epoch():
    for once in (iter(Counted()), (batch for batch in [X]), streams.from_batches(iter([X]))):
        with pytest.raises(ValueError, match=r"fit can read more than once.* Pass a callable"):
            Autoencoder(3, **SMALL).fit(once)
    model = Autoencoder(3, **SMALL).fit(X)
    with pytest.raises(ValueError, match="score can read more than once"):
        model.score(iter([X]))
    with pytest.raises(ValueError, match=r"at least 1 row\. Got a stream of 0"):
        model.transform(iter([]))


def test_passes_that_differ_in_length_are_noticed():
    passes = iter([[X], [X[:2000]]])
    stream = streams.from_batches(lambda: next(passes), window=500)
    with pytest.raises(ValueError, match="Got 2000 rows, after 3000 in the first pass"):
        Autoencoder(3, **SMALL, early_stopping=False).fit(stream)


def test_what_needs_all_rows_at_once_says_so():
    with pytest.raises(ValueError, match="ParametricTSNE learns from all rows at once"):
        ParametricTSNE().fit(Counted())


def test_wrong_arguments():
    with pytest.raises(ValueError, match="'window' must be an integer of at least 1, or None"):
        streams.from_batches([X], window=0)
    with pytest.raises(ValueError, match="'batches' must be an iterable"):
        streams.from_batches(3)
    with pytest.raises(ValueError, match=r"'dataset' must be a tf.data.Dataset"):
        streams.from_dataset([X])


def test_what_is_an_array_is_no_stream():
    for given in (X, X.tolist(), (1, 2), FRAME, FRAME["feature 0"], "text", None, 3, {"a": 1}, int):
        assert not is_stream(given)
    for given in (Counted(), iter([X]), lambda: [X], {"a": X}.values(), map(abs, [X])):
        assert is_stream(given)


def test_random_state_is_left_as_it_is():
    stream = streams.from_batches(Counted(), window=500)
    state = np.random.RandomState(0)
    expected = np.random.RandomState(0)
    X_ = in_memory_if_small(Autoencoder()._read(stream, reset=True), state)
    assert isinstance(X_, Opened)
    assert state.randint(1000) == expected.randint(1000)


BOUNDED = """
import resource, sys
import numpy as np
from tfae import Autoencoder, streams

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

n = {n}
model = Autoencoder(
    8, hidden_layer_sizes=(16,), batch_size=256, max_iter=2, linear_path=True, random_state=0
)
model.fit(np.random.default_rng(0).normal(size=(6000, 256)).astype("float32"))
X = np.memmap({path!r}, "float32", "r", shape=(n, 256))
if {streamed}:
    X = streams.from_batches(lambda X=X: (np.fromfile(
        X.filename, X.dtype, 4096 * 256, offset=start * 1024
    ).reshape(-1, 256) for start in range(0, n, 4096)))
before = peak_mb()
model.fit(X)
assert model.transform(X).shape == (n, 8)
print(peak_mb() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("streamed", "bound"), [(False, 150), (True, 500)])
def test_memory_does_not_grow_with_the_file(tmp_path, streamed, bound):
    pytest.importorskip("resource")
    path, n = tmp_path / "rows", 600_000  # 614 MB
    with open(path, "wb") as file:
        for seed in range(n // 6000):
            block = np.random.default_rng(seed).normal(size=(6000, 256))
            file.write(block.astype(np.float32).tobytes())
    code = BOUNDED.format(n=n, path=str(path), streamed=streamed)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < bound


def test_a_digest_tells_rows_and_their_order_from_others_but_not_batches():
    def digest(rows, n_batches, digests=True):
        stream = streams.from_batches(np.array_split(rows, n_batches), window=100)
        opened = Opened(stream, lambda rows, *_: rows, digests=digests)
        assert opened.begin(0, 1) is None
        opened.prepare(covariance=False)
        return opened.digest

    assert digest(X, 3) == digest(X, 7)
    changed = X.copy()
    changed[-1, -1] += 1
    assert len({digest(rows, 3) for rows in (X, X[::-1], X[1:], changed)}) == 4
    assert digest(X, 3, digests=False) is None
