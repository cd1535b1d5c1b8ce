"""Scalings against scikit-learn's scalers and back again."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from tfae import _scaling
from tfae._scaling import fit_scaling, mean_variance, scaled_range

X = np.random.default_rng(0).normal([1, -3, 100], [1, 0.01, 20], size=(500, 3))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(_scaling, "_BLOCK_ROWS", 64)


ORACLES = {
    "global": lambda x: (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0).mean()),
    "standard": lambda x: StandardScaler().fit_transform(x),
    "minmax": lambda x: MinMaxScaler().fit_transform(x),
    None: lambda x: x,
}


@pytest.mark.parametrize("kind", ORACLES)
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_forward_equals_its_oracle_and_backward_undoes_it(kind, make):
    scaling = fit_scaling(kind, make(X))
    scaled = scaling.forward(X, np.float64)
    np.testing.assert_allclose(scaled, ORACLES[kind](X), atol=1e-10)
    np.testing.assert_allclose(scaling.backward(scaled.copy()), X, atol=1e-10)


@pytest.mark.parametrize("kind", ORACLES)
def test_constant_columns_and_constant_data_give_finite_values(kind):
    constant = np.column_stack([X, np.full(len(X), 7.0)])
    assert np.isfinite(fit_scaling(kind, constant).forward(constant, np.float64)).all()
    same = np.full((5, 2), 3.0)
    assert np.isfinite(fit_scaling(kind, same).forward(same, np.float64)).all()


def test_global_has_one_scale_and_standard_one_a_feature():
    assert isinstance(fit_scaling("global", X).scale, float)
    assert fit_scaling("standard", X).scale.shape == (3,)


def test_only_the_given_rows_are_learned_from():
    rows = np.arange(100)
    np.testing.assert_allclose(fit_scaling("global", X, rows).center, X[:100].mean(axis=0))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool, np.float16])
def test_integers_and_booleans_are_numbers(dtype):
    given = (np.random.default_rng(0).uniform(size=(50, 4)) * 2).astype(dtype)
    scaling = fit_scaling("global", given)
    np.testing.assert_allclose(scaling.center, given.astype(float).mean(axis=0))


def test_range_and_variance():
    scaling = fit_scaling("standard", X)
    expected = StandardScaler().fit_transform(X)
    assert scaled_range(X, scaling) == pytest.approx((expected.min(), expected.max()))
    assert mean_variance(X) == pytest.approx(X.var(axis=0).mean())


def test_a_misspelt_name_is_told_the_nearest():
    with pytest.raises(ValueError, match=r"'scaling'.*Got 'globl'\. Did you mean 'global'\?"):
        fit_scaling("globl", X)
