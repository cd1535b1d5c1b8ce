"""Scalings against scikit-learn's scalers and back again."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import (
    MinMaxScaler,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from tfae import Autoencoder
from tfae._data.scaling import (
    Affine,
    Quantiles,
    _are_moderate,
    _smallest_variance,
    finite_variance,
    fit_scaling,
    scaled_range,
)

pytestmark = pytest.mark.usefixtures("in_executor")

X = np.random.default_rng(0).normal([1, -3, 100], [1, 0.01, 20], size=(500, 3))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr("tfae._data.rows._BLOCK_ROWS", 64)


ORACLES = {
    "global": lambda x: (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0).mean()),
    "standard": lambda x: StandardScaler().fit_transform(x),
    "robust": lambda x: RobustScaler().fit_transform(x),
    "minmax": lambda x: MinMaxScaler().fit_transform(x),
    "quantile": lambda x: QuantileTransformer(
        n_quantiles=len(x), output_distribution="normal"
    ).fit_transform(x),
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


@pytest.mark.parametrize("factor", [1e-16, 1e-20, np.float32(1e-30)])
def test_minmax_knows_no_smallest_range(factor):
    given = (X - X.mean(axis=0)).astype(type(factor)) * factor
    some = np.column_stack([given[:, :1], X[:, 1:]]).astype(given.dtype)
    for rows in (given, some):
        scaled = fit_scaling("minmax", rows).forward(rows, np.float64)
        np.testing.assert_array_equal(scaled.min(axis=0), 0.0)
        np.testing.assert_allclose(scaled.max(axis=0), 1.0, rtol=1e-6)


def test_minmax_of_many_rows_far_from_zero():
    rows = 1.6e9 + 1.2 * np.random.default_rng(0).random((1_000_000, 1))
    scaled = fit_scaling("minmax", rows).forward(rows, np.float64)
    assert (scaled.min(), scaled.max()) == (0.0, 1.0)


@pytest.mark.parametrize("kind", ["standard", "robust", "minmax"])
@pytest.mark.parametrize("values", [(0.3, 3 * 0.1), (1e8, 1e8 + 1.5e-8)])
def test_rounding_errors_do_not_count_as_a_spread(kind, values):
    column = np.resize(values, (300, 1))
    assert np.ptp(column) > 0
    expected = StandardScaler().fit(column).scale_
    np.testing.assert_array_equal(fit_scaling(kind, column).scale, expected)
    np.testing.assert_array_equal(expected, 1.0)


def test_global_has_one_scale_and_standard_one_a_feature():
    assert isinstance(fit_scaling("global", X).scale, float)
    assert fit_scaling("standard", X).scale.shape == (3,)


def test_what_leaves_rows_as_they_are_is_known():
    zeros, ones = np.zeros(3), np.ones(3)
    assert Affine(zeros, 1.0).is_identity
    assert Affine(zeros, ones).is_identity
    assert not Affine(zeros, 2.0).is_identity
    assert not Affine(np.array([0, 0, 1e-9]), ones).is_identity
    assert not Affine(zeros, np.array([1, 1, 2])).is_identity
    assert not Quantiles(np.linspace(0, 1, 9).reshape(3, 3)).is_identity


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
    assert finite_variance(X) == pytest.approx(X.var(axis=0).mean())


def test_a_misspelt_name_is_told_the_nearest():
    with pytest.raises(ValueError, match=r"'scaling'.*Got 'globl'\. Did you mean 'global'\?"):
        fit_scaling("globl", X)


@pytest.mark.sample(6)
@pytest.mark.parametrize("kind", ORACLES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int32, np.uint8, bool])
def test_every_scaling_takes_every_kind_of_column(kind, dtype):
    rng = np.random.default_rng(0)
    columns = [
        rng.integers(0, 100, 300),
        rng.random(300) < 0.1,
        np.full(300, 3),
        np.arange(300) % 7,
    ]
    given = np.column_stack(columns).astype(dtype)
    model = Autoencoder(2, scaling=kind, max_iter=3, random_state=0).fit(given)
    assert np.isfinite(model.transform(given)).all()
    assert np.isfinite(model.history_["val_loss"]).all()
    constant = model.reconstruct(given)[:, 2]
    np.testing.assert_allclose(constant, given[:, 2].astype(float), rtol=1e-5)


@pytest.mark.sample(2)
@pytest.mark.parametrize("kind", ORACLES)
def test_outliers_of_a_million_medians_do_no_harm(kind):
    rng = np.random.default_rng(0)
    given = rng.normal(1, 0.2, size=(400, 2)) @ rng.normal(size=(2, 6))
    given[::100, 0] = 1e6 * np.median(given[:, 0])
    model = Autoencoder(3, scaling=kind, max_iter=30, random_state=0).fit(given)
    rebuilt = model.reconstruct(given)
    assert np.isfinite(rebuilt).all()
    assert np.isfinite(model.history_["loss"]).all()
    if kind in ("robust", "quantile"):  # those that are meant for it rebuild the rest
        usual = np.arange(400) % 100 != 0
        errors = np.square(rebuilt - given)[usual][:, 1:].mean()
        assert errors < 0.3 * given[usual][:, 1:].var(axis=0).mean()


@pytest.mark.sample(3)
@pytest.mark.parametrize("kind", ORACLES)
def test_errors_are_in_the_users_units_or_in_the_scaled_ones(kind):
    model = Autoencoder(1, scaling=kind, max_iter=3, random_state=0).fit(X)
    rebuilt = model.reconstruct(X)
    np.testing.assert_allclose(model.score_samples(X), -np.square(X - rebuilt).mean(axis=1))
    forward = model._fitted.scaling.forward
    difference = forward(X, np.float64) - forward(rebuilt, np.float64)
    np.testing.assert_allclose(
        model.score_samples(X, scaled=True), -np.square(difference).mean(axis=1)
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint64, bool])
def test_nothing_is_learned_where_nothing_is_scaled(dtype):
    X = np.arange(12).reshape(4, 3).astype(dtype)
    X[-1] = 0
    assert fit_scaling(None, X).is_identity


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", [None, "global"])
@pytest.mark.parametrize("rows", [None, np.arange(3)])
def test_columns_that_differ_from_each_other_alone_are_refused(kind, rows):
    tiny = 1e-200 * np.arange(4)
    X = np.column_stack([np.full(4, 5.0), tiny, tiny])
    X[3] += 0 if rows is None else 1  # a row that nothing is learned of
    largest = r"column 1 has absolute values of at most [23]e-200"  # not 5, which does not vary
    with pytest.raises(ValueError, match=f"squares are not all 0.*{largest}"):
        fit_scaling(kind, X, rows)


@pytest.mark.sample(3)
@pytest.mark.parametrize("unit", [1e-20, 1e-38, 1e-44])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_whose_squares_vanish_in_the_training_are_scaled_or_refused(unit, dtype):
    rows = (np.random.default_rng(0).integers(1, 9, (60, 4)) * unit).astype(dtype)
    settings = {"max_iter": 3, "hidden_layer_sizes": (4,), "random_state": 0}
    for linear_path in (True, False):
        with pytest.raises(ValueError, match=r"not all 0 in float32.*column 0 has.*a scaling"):
            Autoencoder(2, scaling=None, linear_path=linear_path, **settings).fit(rows)
    assert np.isfinite(Autoencoder(2, **settings).fit(rows).transform(rows)).all()
    double = Autoencoder(2, scaling=None, precision="float64", linear_path=False, **settings)
    assert np.isfinite(double.fit(rows).transform(rows)).all()


@pytest.mark.parametrize("n_rows", [3, 10_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_not_surveyed_would_have_passed(n_rows, dtype):
    """One row that differs by just enough has the least variance that passes."""
    least = np.sqrt(_smallest_variance(dtype))
    for factor in (0.5, 1, 2.01 * np.sqrt(n_rows), 100 * np.sqrt(n_rows)):
        rows = np.zeros((n_rows, 2))
        rows[0] = factor * least
        if _are_moderate(rows, dtype):
            assert rows.var(axis=0).max() > _smallest_variance(dtype)
