"""The affinities of batches against all of them."""

import numpy as np
import pytest

from tfae._data.scaling import fit_scaling
from tfae._objective.affinities import Affinities
from tfae._training.chunks import chunk_shape
from tfae._training.neighbour_batches import Neighbourhoods


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).normal(size=(90, 5)).astype(np.float32)


def batches_of(rows, batch=16, steps=64):
    affinities = Affinities.of_rows(rows, 5.0, "euclidean")
    shape = chunk_shape(batch, rows.shape[1], "float32")._replace(steps=steps)
    scaling = fit_scaling("global", rows)
    return affinities, Neighbourhoods(rows, scaling, shape, affinities)


def epoch(batches, rng):
    """Yield the rows, as they are scaled, and the affinities of every batch of an epoch."""
    for chunk in batches.epochs(rng):
        affinities = chunk.noise.reshape(*chunk.weight.shape, -1)
        x = chunk.x.reshape(*chunk.weight.shape, -1)
        for step in range(chunk.n_steps):
            yield x[step].copy(), affinities[step].copy()
        if chunk.last:
            return


@pytest.mark.parametrize("steps", [1, 4, 64])
def test_batches_hold_the_affinities_of_their_rows(rows, steps):
    affinities, batches = batches_of(rows, steps=steps)
    scaled = fit_scaling("global", rows).forward(rows, np.float32)
    matrix = affinities.matrix.toarray() * (90 * 89) / (16 * 15)
    seen = []
    for x, block in epoch(batches, np.random.default_rng(3)):
        index = [int(np.flatnonzero((scaled == row).all(axis=1))[0]) for row in x]
        np.testing.assert_allclose(block, matrix[np.ix_(index, index)], rtol=1e-5)
        assert len(set(index)) == 16
        seen += index
    assert set(seen) == set(range(90))
    assert len(seen) == 96  # the last batch is filled up


def test_affinities_of_batches_have_the_sum_of_all_in_the_mean(rows):
    _, batches = batches_of(rows)
    rng = np.random.default_rng(0)
    sums = [block.sum() for _ in range(200) for _, block in epoch(batches, rng)]
    assert np.mean(sums) == pytest.approx(1, abs=5 * np.std(sums) / np.sqrt(len(sums)))


def test_without_a_generator_all_epochs_are_the_same(rows):
    _, batches = batches_of(rows)
    chunks = batches.epochs()
    first = next(chunks).x.copy()
    np.testing.assert_array_equal(first, next(chunks).x)
