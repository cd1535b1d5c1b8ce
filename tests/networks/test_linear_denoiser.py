"""The linear denoiser against regression, PCA and the singular values of what is predicted."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from tfae._networks.linear_denoiser import LinearDenoiser, Moments


@pytest.fixture(scope="module")
def pairs():
    """Rows of seven features near a space of three dimensions, and the same rows with noise."""
    rng = np.random.default_rng(0)
    clean = 5 + rng.normal(size=(4000, 3)) @ rng.normal(size=(3, 7)) + 0.3 * rng.normal(size=7)
    clean += 0.1 * rng.normal(size=clean.shape)
    return clean, np.where(rng.random(clean.shape) < 0.3, 0.0, clean) + rng.normal(size=7)


@pytest.fixture(scope="module")
def denoiser(pairs):
    return LinearDenoiser(Moments.of_rows(*pairs))


def test_of_full_rank_it_is_the_regression(pairs, denoiser):
    clean, corrupted = pairs
    expected = LinearRegression().fit(corrupted, clean).predict(corrupted)
    np.testing.assert_allclose(denoiser.reconstruct(corrupted), expected, atol=1e-6)


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_of_lower_rank_it_is_the_best_there_is(pairs, denoiser, rank):
    """Its error is that of the regression plus the singular values that are left out."""
    clean, corrupted = pairs
    full, low = (denoiser.reconstruct(corrupted, k) for k in (None, rank))
    left_out = np.linalg.svd(full - full.mean(axis=0), compute_uv=False)[rank:]
    expected = np.square(full - clean).sum() + np.square(left_out).sum()
    assert np.square(low - clean).sum() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n_components", [2, 7, 9])
def test_as_a_code_it_gives_the_same_rows(pairs, denoiser, n_components):
    clean, corrupted = pairs
    found = denoiser.components(n_components, corrupted)
    codes = (corrupted - found.mean_seen) @ found.encoding.T
    rebuilt = codes @ found.axes + found.mean
    np.testing.assert_allclose(rebuilt, denoiser.reconstruct(corrupted, n_components), atol=1e-9)
    np.testing.assert_allclose(found.residual, np.sqrt(np.square(rebuilt - clean).mean(axis=0)))
    np.testing.assert_allclose(found.spread, codes.std(axis=0), atol=1e-6)
    assert (np.diff(found.spread[:7]) <= 0).all()


def test_without_noise_it_is_pca(pairs):
    clean, _ = pairs
    found = LinearDenoiser(Moments.of_rows(clean, clean)).components(3, clean)
    expected = PCA(3).fit(clean)
    np.testing.assert_allclose(found.axes, expected.components_, atol=1e-6)
    np.testing.assert_allclose(found.encoding, found.axes, atol=1e-6)


def test_equal_and_constant_columns_do_no_harm(pairs):
    clean, corrupted = pairs
    rows = (np.hstack([X, X[:, :1], np.full((len(X), 1), 3.0)]) for X in (clean, corrupted))
    one, other = rows
    rebuilt = LinearDenoiser(Moments.of_rows(one, other)).reconstruct(other)
    alone = LinearDenoiser(Moments.of_rows(clean, corrupted)).reconstruct(corrupted)
    np.testing.assert_allclose(rebuilt[:, :7], alone, atol=1e-5)
    np.testing.assert_allclose(rebuilt[:, 8], 3.0)


def test_equal_rows_are_rebuilt():
    X = np.full((10, 4), 7.0)
    denoiser = LinearDenoiser(Moments.of_rows(X, X))
    np.testing.assert_array_equal(denoiser.reconstruct(X), X)
    found = denoiser.components(2, X)
    assert not found.spread.any()
    assert not found.residual.any()
