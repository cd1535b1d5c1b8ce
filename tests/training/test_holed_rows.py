"""Chunks of rows with holes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tfae._data.scaling import fit_scaling
from tfae._networks.filling import learned_filling
from tfae._training.chunks import Noise
from tfae._training.holed_rows import batches_of
from tfae._training.step.chunk import ChunkShape

RNG = np.random.default_rng(0)
X = RNG.normal([5, 0, -5], size=(50, 3))
X = np.where(RNG.random(X.shape) < 0.3, np.nan, X)
NO_NOISE = Noise()
FILLING = learned_filling(fit_scaling("global", X), X)
SHAPE = ChunkShape(4, 8, 3, "float64")


def epoch(rng=None, noise=NO_NOISE, index=None):
    chunks = []
    for chunk in batches_of(X, FILLING, SHAPE, index, noise).epochs(rng):
        used = chunk.n_steps * 8
        chunks.append(
            [
                a if a is None else a[:used].copy()
                for a in (chunk.x, chunk.entry_weight, chunk.corrupted, chunk.noise)
            ]
        )
        if chunk.last:
            return [
                None if part[0] is None else np.concatenate(part)
                for part in zip(*chunks, strict=True)
            ]


def test_rows_are_filled_and_weights_have_the_mean_1_over_the_table():
    x, weight, corrupted, noise = epoch()
    assert_allclose(x[:50], FILLING.forward(X, np.float64))
    assert_array_equal(weight[:50] == 0, np.isnan(X))
    assert weight[:50].mean() == pytest.approx(1)
    assert corrupted is None
    assert noise is None


def test_rows_and_weights_are_shuffled_together():
    x, weight, _, _ = epoch(np.random.default_rng(0), index=np.arange(40))
    filled = FILLING.forward(X[:40], np.float64)
    place = [int(np.flatnonzero((filled == row).all(axis=1))[0]) for row in x]
    assert sorted(place) == list(range(40))
    assert_array_equal(weight == 0, np.isnan(X[:40])[place])


def test_filled_rows_are_corrupted_and_fixed_noise_is_the_same_in_every_epoch():
    def corrupt(rows, out, rng):
        out[:] = rows + rng.normal(size=rows.shape)

    noise = Noise(np.random.default_rng(1), corrupt, 2, fresh=False)
    x, _, corrupted, normal = epoch(noise=noise)
    assert (corrupted != x).all()
    assert normal.shape == (56, 2)
    assert_array_equal(epoch(noise=noise)[2], corrupted)
