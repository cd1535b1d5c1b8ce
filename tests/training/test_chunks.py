"""Every row exactly once an epoch, scaled, in chunks of one shape."""

from itertools import islice

import numpy as np
import pytest
from scipy import sparse

from tfae._data.files import from_batches
from tfae._data.landmarks import find_landmarks
from tfae._data.scaling import fit_scaling
from tfae._data.streams import Opened
from tfae._data.weights import with_weights
from tfae._networks.filling import learned_filling
from tfae._objective.corruptions import CORRUPTIONS, Corrupter, Levels
from tfae._training.chunks import _MAX_STEPS, Noise, Rows, chunk_shape
from tfae._training.holed_rows import batches_of
from tfae._training.step.chunk import ChunkShape
from tfae._training.step.distribution import Workers

SHAPE = ChunkShape(steps=3, batch=4, features=2, dtype="float32")


def table(n_rows):
    """Rows that can be told apart: row i holds i and -i."""
    return np.stack([np.arange(n_rows), -np.arange(n_rows)], axis=1).astype(float)


def epoch(chunks):
    """Return the rows of one epoch by weight: the real ones, and those that only fill up."""
    real, filling = [], []
    for chunk in chunks:
        assert chunk.x.shape == (SHAPE.steps * SHAPE.batch, SHAPE.features)
        assert chunk.x.dtype == np.float32
        assert chunk.x.ctypes.data % 64 == 0
        assert chunk.weight.shape == (SHAPE.steps, SHAPE.batch)
        assert not chunk.weight[chunk.n_steps :].any()
        used = chunk.x.reshape(SHAPE.steps, SHAPE.batch, -1)[: chunk.n_steps].copy()
        weight = chunk.weight[: chunk.n_steps]
        assert (weight.sum(axis=1) > 0).all()
        real += used[weight == 1].tolist()
        filling += used[weight == 0].tolist()
        if chunk.last:
            return real, filling
    raise AssertionError("an epoch must end")


@pytest.mark.parametrize("n_rows", [1, 3, 4, 5, 11, 12, 13, 24, 25, 35])
@pytest.mark.parametrize("kind", [sparse.csr_array, np.float64, np.float32])
@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("limits", ["usual", "small"])
def test_every_row_counts_exactly_once_an_epoch(n_rows, kind, shuffled, limits, monkeypatch):
    if limits == "small":  # orders that are computed, rows gathered by blocks
        monkeypatch.setattr("tfae._training.order._STORED", 0)
        monkeypatch.setattr("tfae._data.rows._BLOCK_ROWS", 3)
    X = table(n_rows)
    rows = Rows(kind(X), fit_scaling(None, X), SHAPE)
    chunks = rows.epochs(np.random.default_rng(0) if shuffled else None)
    orders = []
    for _ in range(3):
        real, filling = epoch(chunks)
        assert sorted(real) == sorted(X.tolist())
        assert all(row in X.tolist() for row in filling)  # real rows, of no weight
        orders.append(real)
    chunks.close()
    if not shuffled:
        assert orders[0] == X.tolist()
    if n_rows > 10:
        assert (orders[0] == orders[1]) is not shuffled


@pytest.mark.parametrize("n_rows", [7, 40])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_only_the_rows_asked_for_and_scaled(n_rows, dtype):
    X = table(n_rows).astype(dtype)
    index = np.arange(1, n_rows, 2)
    scaling = fit_scaling("standard", X)
    real, _ = epoch(Rows(X, scaling, SHAPE, index).epochs())
    expected = ((X - X.mean(axis=0)) / X.std(axis=0))[index]
    np.testing.assert_allclose(real, expected, atol=1e-6)


@pytest.mark.parametrize("n_rows", [7, 40])
@pytest.mark.parametrize("kind", ["plain", "Fortran order", "strided", "unaligned"])
def test_rows_that_are_ready_are_taken_as_they_are(n_rows, kind):
    X = table(n_rows)
    index = np.arange(1, n_rows, 2)
    given = X.astype(np.float32)
    if kind == "Fortran order":
        given = np.asfortranarray(given)
    elif kind == "strided":
        given = np.repeat(given, 2, axis=0)[::2]
    elif kind == "unaligned":
        given = np.frombuffer(b"." + given.tobytes(), np.float32, offset=1).reshape(X.shape)
    given.flags.writeable = False
    real, _ = epoch(Rows(given, fit_scaling(None, X), SHAPE, index).epochs())
    np.testing.assert_array_equal(real, X[index])
    np.testing.assert_array_equal(given, X)
    shuffled, _ = epoch(
        Rows(given, fit_scaling(None, X), SHAPE, index).epochs(np.random.default_rng(0))
    )
    assert sorted(shuffled) == sorted(X[index].tolist())
    assert shuffled != real


def test_a_large_offset_does_not_cost_precision():
    X = 1e7 + np.random.default_rng(0).normal(size=(50, 2))
    real, _ = epoch(Rows(X, fit_scaling("standard", X), SHAPE).epochs())
    np.testing.assert_allclose(real, (X - X.mean(axis=0)) / X.std(axis=0), atol=1e-6)


def test_rows_are_gathered_ahead_by_one_chunk_only():
    gathered = []

    class Watched(Rows):
        def _gather(self, positions, buffer):
            gathered.append(len(gathered))
            super()._gather(positions, buffer)

    chunks = Watched(table(100), fit_scaling(None, table(100)), SHAPE).epochs()
    next(chunks)
    next(chunks)
    chunks.close()  # waits for the thread
    assert len(gathered) == 3


def test_an_error_while_gathering_reaches_the_caller():
    class Broken(Rows):
        def _gather(self, positions, buffer):
            raise OSError("the disk is gone")

    chunks = Broken(table(100), fit_scaling(None, table(100)), SHAPE).epochs()
    with pytest.raises(OSError, match="the disk is gone"):
        next(chunks)


def test_the_shape_of_a_chunk_is_bounded_in_bytes_and_steps():
    assert chunk_shape(256, 784, "float32") == ChunkShape(20, 256, 784, "float32")
    assert chunk_shape(32, 64, "float32").steps == _MAX_STEPS
    assert chunk_shape(10**6, 784, "float64").steps == 1


@pytest.mark.parametrize("n_rows", [100, 4000])  # one chunk, several
def test_every_epoch_has_new_noise_and_a_validation_the_same(n_rows):
    X = np.random.default_rng(0).gamma(2.0, size=(n_rows, 5)) * [1, 2, 3, 4, 5] + 1
    scaling, shape = fit_scaling("global", X), chunk_shape(16, 5, "float64")
    corrupter = Corrupter(CORRUPTIONS.find("gaussian"), Levels(1.0, 1.0))
    corrupt = corrupter.bind(scaling, find_landmarks(X, scaling, None))

    def two_epochs(fresh):
        noise = Noise(np.random.default_rng(0), corrupt, width=3, fresh=fresh)
        chunks, epochs = Rows(X, scaling, shape, None, noise).epochs(), [[], []]
        for epoch in epochs:
            for chunk in chunks:
                assert chunk.noise.shape == (shape.steps * shape.batch, 3)
                rows = slice(chunk.n_steps * shape.batch)
                given = chunk.corrupted[rows] - chunk.x[rows]
                epoch.append(np.concatenate([given, chunk.noise[rows]], axis=1))
                if chunk.last:
                    break
        return [np.concatenate(epoch) for epoch in epochs]

    one, other = two_epochs(fresh=True)
    assert (one != other).mean() > 0.9
    one, other = two_epochs(fresh=False)
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("n_rows", [1, 4, 11, 13, 35])
@pytest.mark.parametrize("n_workers", [2, 3, 5])
def test_parts_of_batches_make_up_the_batches(n_rows, n_workers):
    """Also where one chunk holds all, and where some workers have no rows of a batch."""
    weights = np.linspace(1, 2, n_rows)
    X = with_weights(table(n_rows), weights)
    scaling = fit_scaling("global", X)

    def chunks(part):
        rows = Rows(X, scaling, SHAPE, None, Noise(), part)
        return rows.epochs(np.random.default_rng(0))

    assert_parts_make_up_batches(chunks, n_workers)


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("window", [3, 8])
@pytest.mark.parametrize("n_rows", [11, 35])
def test_parts_of_batches_of_a_stream_make_up_the_batches(n_rows, window, holes):
    X = table(n_rows)
    X[::3, 1] = np.nan if holes else X[::3, 1]
    stream = Opened(
        from_batches(np.array_split(X, 3), window=window), lambda rows, *_: rows, missing=True
    )
    assert stream.begin(0, 1) is None
    stream.prepare(covariance=False)
    scaling = fit_scaling("global", stream)
    scaling = learned_filling(scaling, X) if holes else scaling

    def chunks(part):
        rows = batches_of(stream, scaling, SHAPE, None, Noise(), part=part)
        return rows.epochs(np.random.default_rng(0))

    assert_parts_make_up_batches(chunks, 3)


def assert_parts_make_up_batches(chunks, n_workers):
    """`chunks` takes a part of every batch, or None for whole batches."""
    parts = [Workers(None, i, n_workers).part(SHAPE.batch) for i in range(n_workers)]
    for whole, *of_parts in islice(zip(chunks(None), *map(chunks, parts), strict=True), 4):
        assert {part.n_steps for part in of_parts} == {whole.n_steps}
        for step in range(whole.n_steps):
            rows, weight = taken(whole, step)
            shared = [taken(part, step) for part in of_parts]
            np.testing.assert_array_equal(np.concatenate([rows for rows, _ in shared]), rows)
            np.testing.assert_array_equal(np.concatenate([each for _, each in shared]), weight)
        for part in of_parts:
            np.testing.assert_array_equal(part.counted, whole.weight)


def taken(chunk, step):
    """Return the rows of a step that count, and their weights."""
    weight = chunk.weight[step]
    rows = chunk.x if chunk.entry_weight is None else np.hstack([chunk.x, chunk.entry_weight])
    rows = rows.reshape(*chunk.weight.shape, -1)[step]
    return rows[weight > 0].copy(), weight[weight > 0].copy()


@pytest.mark.parametrize("fresh", [True, False])
def test_workers_draw_other_noise_and_stay_together(fresh):
    drawn, after = [], []
    for stream in (0, 1):
        noise = Noise(np.random.default_rng(0), width=2, fresh=fresh, stream=stream)
        epochs = [noise.of_epoch().standard_normal(3).tolist() for _ in range(2)]
        assert (epochs[0] == epochs[1]) is not fresh
        drawn += epochs
        after.append(noise.rng.bit_generator.state)
    assert after[0] == after[1]
    assert len({tuple(numbers) for numbers in drawn}) == (4 if fresh else 2)
