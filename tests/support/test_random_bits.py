"""Cheap random numbers against the distributions that they stand for."""

import numpy as np
import pytest
from scipy import stats

from tfae._support.random_bits import N_VALUES, chosen, sixteen_bits, write_noisy


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(1,), (7, 3), (1000, 501)])
def test_sixteen_bits_have_the_shape_that_is_asked_for(shape):
    assert sixteen_bits(shape, rng()).shape == shape


def test_sixteen_bits_are_uniform_and_independent_of_their_neighbours():
    numbers = sixteen_bits((400_000,), rng()).astype(float)
    assert stats.kstest((numbers + 0.5) / N_VALUES, "uniform").pvalue > 0.01
    for distance in (1, 2, 3, 4):  # four numbers come from one draw
        r = np.corrcoef(numbers[:-distance], numbers[distance:])[0, 1]
        assert abs(r) < 4 / np.sqrt(len(numbers))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_noise_is_normal(dtype):
    x = np.linspace(-1, 1, 300_000, dtype=dtype).reshape(-1, 3)
    out = np.full_like(x, np.nan)
    write_noisy(x, 0.5, out, rng())
    noise = (out - x).ravel().astype(float)
    assert out.dtype == dtype
    assert stats.kstest(noise / 0.5, "norm").pvalue > 0.01
    assert stats.kurtosis(noise) == pytest.approx(0, abs=4 * np.sqrt(24 / noise.size))
    assert np.abs(noise).max() > 4 * 0.5


def test_noise_has_the_deviation_exactly():
    # Every value once: what a draw of all 65,536 numbers would give.
    class EveryNumber:
        def integers(self, high, size, dtype):
            return np.arange(N_VALUES, dtype=np.uint16).view(np.uint64)

    out = np.empty((N_VALUES, 1))
    write_noisy(np.zeros((N_VALUES, 1)), 3.0, out, EveryNumber())
    assert out.std() == pytest.approx(3.0, rel=1e-12)
    assert out.mean() == pytest.approx(0, abs=1e-12)


def test_rows_wider_than_a_block_have_noise_everywhere():
    out = np.zeros((2, N_VALUES + 5), np.float32)
    write_noisy(np.zeros_like(out), 1.0, out, rng())
    assert np.mean(out == 0) < 0.001


@pytest.mark.parametrize("probability", [0.0, 0.001, 0.25, 1.0])
def test_places_are_chosen_with_the_probability(probability):
    share = chosen(probability, (1000, 400), rng()).mean()
    deviation = np.sqrt(probability * (1 - probability) / 400_000)
    assert abs(share - probability) <= 4 * deviation  # exactly, where it is 0 or 1
