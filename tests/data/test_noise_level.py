"""The level of noise against noise of a known level, and the law of its singular values."""

import numpy as np
import pytest

from tfae._data.noise_level import marchenko_pastur_quantile, noise_level


@pytest.mark.parametrize("shape", [(500, 100), (100, 500), (200, 200), (2000, 20)])
@pytest.mark.parametrize("rank", [0, 5])
def test_a_known_level_is_found(shape, rank):
    rng = np.random.default_rng(0)
    clean = 7 + 10 * rng.normal(size=(shape[0], rank)) @ rng.normal(size=(rank, shape[1]))
    # The signal takes some singular values from the upper half, by which the median moves.
    tolerance = 0.02 + (0.3 if shape == (2000, 20) else 1) * rank / min(shape)
    found = noise_level(clean + 0.3 * rng.normal(size=shape))
    assert found == pytest.approx(0.3, rel=tolerance)


def test_noise_need_not_be_normal():
    noise = np.random.default_rng(0).uniform(-1, 1, size=(600, 150))
    assert noise_level(noise) == pytest.approx(1 / np.sqrt(3), rel=0.02)


def test_without_noise_it_is_nothing():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 20))
    assert noise_level(X) < 1e-6
    assert noise_level(np.ones((5, 4))) == 0
    assert noise_level(np.ones((2, 4), np.float32)) == 0


@pytest.mark.sample(1)
@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("ratio", [0.01, 0.3, 1.0])
def test_quantiles_are_those_of_eigenvalues(ratio, share):
    n = 1500
    rows = np.random.default_rng(0).normal(size=(n, round(ratio * n)))
    values = np.linalg.eigvalsh(rows.T @ rows / n)
    found = marchenko_pastur_quantile(ratio, share)
    assert found == pytest.approx(np.quantile(values, share), rel=0.05)


def test_the_median_of_square_noise_is_the_published_one():
    """Gavish and Donoho give 4/sqrt(3) / sqrt(median) = 2.858 for square matrices."""
    assert 4 / np.sqrt(3) / np.sqrt(marchenko_pastur_quantile(1.0, 0.5)) == pytest.approx(
        2.858, abs=1e-3
    )


@pytest.mark.parametrize("shape", [(500, 100), (2000, 20), (100, 500)])
def test_rows_of_full_rank_give_a_warning(shape):
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(shape[1], shape[1])))[0]
    spread = 10 * np.arange(1, shape[1] + 1.0) ** -0.5
    X = (rng.normal(size=shape) * spread) @ axes + 0.1 * rng.normal(size=shape)
    with pytest.warns(UserWarning, match="probably lower: no gap"):
        assert noise_level(X) > 0.5
