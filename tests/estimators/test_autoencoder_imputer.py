"""The imputer: what changes, what comes out, and that it is never worse than its linear model."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.impute import SimpleImputer

from tfae import AutoencoderImputer

pytestmark = [
    pytest.mark.usefixtures("in_executor"),
    pytest.mark.filterwarnings("ignore:The network could not improve on the linear model"),
]
RNG = np.random.default_rng(0)
# All columns follow from the first one, but not by linear maps.
_T = RNG.uniform(-2, 2, size=600)
X = np.column_stack([_T, _T**2 - 1, np.sin(3 * _T), np.cos(2 * _T), np.abs(_T) * 1000 + 1e6])
X += 0.1 * X.std(axis=0) * RNG.normal(size=X.shape)
HOLES = RNG.random(X.shape) < 0.15
HOLED = np.where(HOLES, np.nan, X)


def small(**params):
    return AutoencoderImputer(
        **{"hidden_layer_sizes": (32, 32), "max_iter": 40, "random_state": 0, **params}
    )


@pytest.fixture(scope="module")
def fitted():
    return small(max_iter=150).fit(HOLED)


def test_it_fills_better_than_means_and_its_linear_model(fitted):
    means, filled = SimpleImputer().fit_transform(HOLED), fitted.transform(HOLED)
    mean, network = (np.square((f - X) / X.std(axis=0))[HOLES].mean() for f in (means, filled))
    assert network < 0.6 * mean
    assert fitted.baseline_["autoencoder_loss"] < 0.9 * fitted.baseline_["linear_loss"]
    assert fitted.n_iter_ == 150
    assert len(fitted.history_["loss"]) == 150


def test_only_missing_entries_change_and_imputed_ones_stay_in_the_range(fitted):
    filled = fitted.transform(HOLED)
    assert np.isfinite(filled).all()
    assert_array_equal(filled[~HOLES], HOLED[~HOLES])
    assert (filled >= np.nanmin(HOLED, axis=0)).all()
    assert (filled <= np.nanmax(HOLED, axis=0)).all()
    assert_array_equal(fitted.transform(X), X)


def test_the_errors_of_columns_are_in_their_units(fitted):
    errors = fitted.imputation_errors_
    real = [
        np.sqrt(np.square(fitted.transform(HOLED) - X)[HOLES[:, j], j].mean()) for j in range(5)
    ]
    assert_allclose(errors, real, rtol=0.6)


def test_fit_transform_is_fit_and_transform_and_a_seed_gives_the_same_bits():
    one = small().fit_transform(HOLED)
    assert_array_equal(one, clone(small()).fit(HOLED).transform(HOLED))
    assert_array_equal(pickle.loads(pickle.dumps(small().fit(HOLED))).transform(HOLED), one)


def test_noise_leaves_the_linear_model():
    noise = np.where(HOLES, np.nan, RNG.normal(size=X.shape))
    with pytest.warns(UserWarning, match="could not improve on the linear model"):
        model = small().fit(noise)
    assert model.baseline_["autoencoder_loss"] == model.baseline_["linear_loss"]
    assert model.n_iter_ == 40


def test_units_and_offsets_do_not_matter(fitted):
    scale, offset = np.array([1e-6, 1, 1e6, 3, 1]), np.array([0, 1e3, 0, -1e6, 0])
    other = clone(fitted).fit(HOLED * scale + offset)
    assert_allclose(
        other.transform(HOLED * scale + offset),
        fitted.transform(HOLED) * scale + offset,
        rtol=1e-2,
        atol=1e-7,
    )


def test_a_row_of_holes_gets_the_means_of_the_linear_model():
    model = small(max_iter=1).fit(HOLED)
    row = model.transform(np.full((1, 5), np.nan))[0]
    assert_allclose(row, np.nanmean(HOLED, axis=0), atol=0.3, rtol=0.01)


def test_few_rows_and_a_single_column_have_a_linear_model():
    assert_array_equal(small().fit_transform([[1.0], [3.0], [np.nan]]), [[1], [3], [2]])
    assert np.isfinite(small().fit_transform(HOLED[:4])).all()


@pytest.mark.parametrize("missing", [-1.0, 0])
def test_other_values_stand_for_missing_entries(missing, fitted):
    given = np.where(HOLES, missing, X)
    model = clone(fitted).set_params(missing_values=missing, max_iter=40).fit(given)
    expected = clone(fitted).set_params(max_iter=40).fit(HOLED)
    assert_array_equal(model.transform(given), expected.transform(HOLED))
    with pytest.raises(ValueError, match="contains NaN"):
        model.transform(HOLED)


def test_kinds_of_missing_entries_are_the_same(fitted):
    expected = fitted.transform(HOLED[:9])
    for given in (
        np.ma.masked_array(np.where(HOLES, 7, X), HOLES)[:9],
        np.where(HOLES, None, X)[:9],
        [[None if np.isnan(value) else value for value in row] for row in HOLED[:9]],
        sparse.csr_array(HOLED[:9]),
    ):
        assert_allclose(fitted.transform(given), expected)


@pytest.mark.parametrize("library", ["pandas", "nullable", "polars"])
def test_a_frame_gives_a_frame_of_its_kind(library):
    table = pd.DataFrame(HOLED, columns=list("abcde"), index=np.arange(600) + 5)
    table["e"] = table["e"].round().astype("Int64")
    if library == "nullable":
        table = table.convert_dtypes()
    if library == "polars":
        table = pl.from_pandas(table)
    filled = small().fit(table).transform(table)
    assert type(filled) is type(table)
    assert list(filled.columns) == list("abcde")
    assert list(filled.dtypes) == list(table.dtypes)
    if library != "polars":
        assert_array_equal(filled.index, table.index)
        assert not filled.isna().any().any()
        assert_array_equal(filled["e"].to_numpy()[~HOLES[:, 4]], X[:, 4].round()[~HOLES[:, 4]])


def test_names_and_indicator():
    table = pd.DataFrame(HOLED, columns=list("abcde"))
    table["b"], table["f"] = X[:, 1], np.nan
    with pytest.warns(UserWarning, match=r"left out: \['f'\]"):
        model = small(add_indicator=True, max_iter=1).fit(table)
    expected = SimpleImputer(add_indicator=True)
    with pytest.warns(UserWarning, match="Skipping"):
        expected.fit(table).transform(table)
    assert_array_equal(model.get_feature_names_out(), expected.get_feature_names_out())
    filled = model.transform(table)
    assert list(filled.columns) == list(model.get_feature_names_out())
    assert_array_equal(filled["missingindicator_a"], HOLES[:, 0])
    kept = small(keep_empty_features=True, max_iter=1).fit(table).transform(table)
    assert not kept["f"].any()


def test_infinity_and_text_are_refused(fitted):
    with pytest.raises(ValueError, match="infinity"):
        small().fit([[1.0, np.inf], [2, np.nan]])
    with pytest.raises(ValueError, match="infinity"):
        fitted.transform(np.where(HOLES, np.inf, X))
    with pytest.raises(ValueError, match="overflows"):
        small().fit([[1e200, 1], [-1e200, np.nan]])
    with pytest.raises(ValueError, match="numbers only"):
        small().fit([["a", 1], ["b", 2]])


@pytest.mark.parametrize("architecture", ["dense", "convolutional"])
def test_any_architecture_serves(architecture):
    params = {"image_shape": (1, 5)} if architecture == "convolutional" else {}
    model = small(architecture=architecture, architecture_params=params, max_iter=3)
    filled = model.fit(HOLED).transform(HOLED)
    assert_array_equal(filled[~HOLES], X[~HOLES])


def test_complete_rows_teach_it_too():
    model = small().fit(X)
    error = ((model.transform(HOLED) - X) / X.std(axis=0))[HOLES]
    assert np.square(error).mean() < 1


def test_20_draws_enclose_the_truth_as_often_as_they_should(fitted):
    """It lies between the smallest and the largest of 20 fair draws in 19/21 of the cases."""
    draws = fitted.impute(HOLED, n_imputations=20)
    assert draws.shape == (20, *X.shape)
    low, high = draws.min(axis=0), draws.max(axis=0)
    inside = (low <= X) & (high >= X)
    assert 0.85 < inside[HOLES].mean() < 0.95
    assert_array_equal(draws[:, ~HOLES], np.tile(X[~HOLES], (20, 1)))
    assert (draws >= np.nanmin(HOLED, axis=0)).all()
    assert (draws <= np.nanmax(HOLED, axis=0)).all()
    spread = (high - low)[HOLES] / np.broadcast_to(X.std(axis=0), X.shape)[HOLES]
    assert np.quantile(spread, 0.2) < 1 < np.quantile(spread, 0.8)


def test_sample_posterior_is_the_first_draw_and_a_guess_is_none(fitted):
    guess, draws = fitted.impute(HOLED), fitted.impute(HOLED, n_imputations=2)
    assert_array_equal(guess, fitted.transform(HOLED))
    assert (draws[0] != draws[1])[HOLES].mean() > 0.9
    drawing = clone(fitted).set_params(sample_posterior=True, max_iter=40, add_indicator=True)
    filled = drawing.fit(HOLED).transform(HOLED)
    assert_array_equal(filled[:, :5], drawing.impute(HOLED, n_imputations=1)[0])
    assert_array_equal(filled[:, 5:], HOLES)
    assert_array_equal(pickle.loads(pickle.dumps(drawing)).transform(HOLED), filled)
    for wrong in (0, 1.5):
        with pytest.raises((ValueError, TypeError), match="n_imputations"):
            fitted.impute(HOLED, n_imputations=wrong)


def test_a_frame_gives_frames_of_draws():
    table = pd.DataFrame(HOLED, columns=list("abcde"))
    table["e"] = table["e"].round().astype("Int64")
    draws = small(max_iter=2).fit(table).impute(table, n_imputations=3)
    assert len(draws) == 3
    for draw in draws:
        assert_array_equal(draw.dtypes, table.dtypes)
        assert not draw.isna().any().any()
