"""A linear code in the units of near rows: the same rows come back, and near ones lie alike."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from tfae._networks.local_units import in_local_units
from tfae._networks.principal_components import Components, unit_of

RNG = np.random.default_rng(0)


def components(X, n_components):
    pca = PCA(n_components).fit(X)
    codes = pca.transform(X)
    spread = codes.std(axis=0)
    seen = unit_of(spread, np.abs(codes).max(axis=0))
    found = Components.of_axes(
        pca.mean_, pca.components_, spread, seen, X.std(axis=0), np.ones(X.shape[1])
    )
    return found, codes


@pytest.fixture
def pairs():
    """Rows whose next row differs from them by noise of a known covariance."""
    kinds = RNG.normal(size=(4000, 6)) * [5, 4, 3, 2, 1, 0.5]
    noise = RNG.normal(size=(8000, 6)) @ np.diag([2, 0.1, 1, 0.1, 0.5, 0.1])
    X = np.repeat(kinds, 2, axis=0) + noise
    neighbors = np.arange(8000) ^ 1  # 0 and 1 belong together, so do 2 and 3
    return X, neighbors[:, None]


def test_the_rows_that_come_back_are_the_same(pairs):
    X, neighbors = pairs
    found, codes = components(X, 4)
    changed = in_local_units(found, codes, neighbors)
    before = codes @ found.axes
    after = (X - changed.mean_seen) @ changed.encoding.T @ changed.axes
    np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9)


def test_near_rows_differ_as_the_formula_says(pairs):
    X, neighbors = pairs
    found, codes = components(X, 4)
    scatter = np.mean([np.outer(d, d) for d in codes - codes[neighbors[:, 0]]], axis=0)
    changed = (X - X.mean(axis=0)) @ in_local_units(found, codes, neighbors).encoding.T
    got = np.mean([np.outer(d, d) for d in changed - changed[neighbors[:, 0]]], axis=0)
    values, vectors = np.linalg.eigh(scatter)
    expected = vectors @ np.diag(values / (values + values.mean())) @ vectors.T
    np.testing.assert_allclose(got / np.trace(got), expected / np.trace(expected), atol=1e-9)


def test_the_code_keeps_its_variance_and_its_spread_is_measured(pairs):
    X, neighbors = pairs
    found, codes = components(X, 4)
    changed = in_local_units(found, codes, neighbors)
    new = (X - changed.mean_seen) @ changed.encoding.T
    assert np.square(changed.spread).sum() == pytest.approx(np.square(found.spread).sum())
    np.testing.assert_allclose(new.std(axis=0), changed.spread, rtol=1e-9)


def test_components_that_do_not_exist_stay_nothing(pairs):
    X, neighbors = pairs
    X = X.copy()
    X[:, 4:] = 0
    found, codes = components(X, 4)
    padded = Components.of_axes(
        found.mean,
        np.vstack([found.axes, np.zeros((2, 6))]),
        np.append(found.spread, [0, 0]),
        np.append(found.spread_seen, [0, 0]),
        found.deviation_seen,
        found.residual,
    )
    changed = in_local_units(padded, np.pad(codes, ((0, 0), (0, 2))), neighbors)
    assert not changed.encoding[4:].any()
    assert not changed.axes[4:].any()
    assert not changed.spread[4:].any()
    assert not changed.spread_seen[4:].any()


def test_equal_rows_change_nothing():
    X = np.repeat(RNG.normal(size=(5, 3)), 4, axis=0)
    found, codes = components(X, 2)
    neighbors = np.array([[4 * (i // 4) + (i + k) % 4 for k in (1, 2, 3)] for i in range(20)])
    changed = in_local_units(found, codes, neighbors)
    np.testing.assert_allclose(changed.encoding, found.encoding, rtol=1e-12)
