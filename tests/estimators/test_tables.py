"""Estimators on frames of mixed kinds: what they read, and what they give back."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from family import FOR_FEW_ROWS, kinds
from sklearn.base import clone

from tfae import Autoencoder, ConvolutionalAutoencoder, VariationalAutoencoder, streams
from tfae._data.layout import Layout
from tfae._inference.table_errors import column_errors, probabilities

pytestmark = pytest.mark.usefixtures("in_executor")

N = 120
RNG = np.random.default_rng(0)
HEIGHT = RNG.normal(170, 10, N)
FRAME = pd.DataFrame(
    {
        "height": HEIGHT,
        "name": [f"person {i}" for i in range(N)],
        "size": pd.Categorical(
            np.where(HEIGHT < 165, "S", np.where(HEIGHT < 175, "M", "L")), ["S", "M", "L"], True
        ),
        "tall": HEIGHT > 170,
        "shoe": np.rint(HEIGHT / 4).astype(np.int16),
        "born": pd.Timestamp("1990-01-01") + pd.to_timedelta(RNG.integers(0, 9000, N), "D"),
    },
    index=np.arange(N) * 2 + 5,
)
LEARNED = ["height", "size", "tall", "shoe", "born"]
SMALL = {"n_components": 2, "hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}


def small(kind=Autoencoder, **params):
    return kind(**{**SMALL, **FOR_FEW_ROWS.get(kind.__name__, {}), **params})


def fitted_to(X, kind=Autoencoder, **params):
    """Fit without the warning about columns that are left out."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Nothing can be learned")
        return small(kind, **params).fit(X)


@pytest.fixture(scope="module")
def model():
    return fitted_to(FRAME)


TAKE_TABLES = [kind for kind in kinds() if kind.takes_tables]


def test_all_but_two_kinds_take_tables():
    refusing = {kind.__name__ for kind in kinds()} - {kind.__name__ for kind in TAKE_TABLES}
    assert refusing == {"ConvolutionalAutoencoder", "ParametricTSNE"}


@pytest.mark.sample(3)
@pytest.mark.parametrize("kind", TAKE_TABLES)
def test_a_mixed_frame_goes_in_and_comes_out(kind):
    model = fitted_to(FRAME, kind)
    codes = model.transform(FRAME)
    assert codes.shape == (N, 2)
    assert codes.dtype == np.float64
    back = model.reconstruct(FRAME)
    pd.testing.assert_series_equal(back.dtypes, FRAME.dtypes)
    pd.testing.assert_index_equal(back.index, FRAME.index)
    pd.testing.assert_series_equal(back["name"], FRAME["name"])  # carried over
    decoded = model.inverse_transform(codes)
    assert decoded["name"].isna().all()
    for name in LEARNED:
        np.testing.assert_array_equal(decoded[name], back[name].array)
    assert decoded["shoe"].dtype == np.int16
    assert np.isfinite(model.score_samples(FRAME)).all()
    assert model.score(FRAME) < 1
    again = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(again.reconstruct(FRAME), back)


@pytest.mark.parametrize("kind", [kind for kind in kinds() if not kind.takes_tables])
def test_others_say_in_one_error_that_they_take_none(kind):
    for columns in ({}, {"columns": {}} if kind is ConvolutionalAutoencoder else {}):
        with pytest.raises(ValueError, match=r"neither frames of mixed kinds nor missing values"):
            small(kind, **columns).fit(FRAME)
    with pytest.raises(ValueError, match=r"Got column 'name', which has dtype str"):
        small(kind).fit(FRAME)


def test_what_was_learned_from_columns_is_told(model):
    assert model.n_features_in_ == 6
    assert model.feature_names_in_.tolist() == list(FRAME)
    assert model.dropped_columns_ == {"name": "its text is different in 120 of 120 rows"}
    assert model.settings_["scaling"] == "standard"
    assert model.center_.shape == (8,)
    with pytest.warns(UserWarning, match=r"Nothing can be learned from some columns.*'name'"):
        clone(model).fit(FRAME)


def test_a_kind_can_be_asked_for():
    with pytest.raises(ValueError, match="'name' cannot be learned from: its text is different"):
        small(columns={"name": "error"}).fit(FRAME)
    numbers = FRAME[["height", "shoe"]]
    asked = small(columns={"shoe": "category"}).fit(numbers)
    assert set(asked.reconstruct(numbers)["shoe"]) <= set(FRAME["shoe"])
    assert asked.settings_["scaling"] == "standard"
    with pytest.raises(
        ValueError, match=r"'columns' must be None unless X is a data frame.*ndarray"
    ):
        small(columns={}).fit(numbers.to_numpy())
    with pytest.raises(ValueError, match="The 'columns' parameter"):
        small(columns=["shoe"]).fit(numbers)


def test_frames_of_numbers_are_as_they_were(model):
    numbers = FRAME[["height", "shoe", "tall"]]
    model = copy.deepcopy(model).fit(numbers)  # forgets the columns of the fit before
    other = small(scaling="global").fit(numbers.to_numpy(np.float64))
    np.testing.assert_array_equal(
        model.transform(numbers), other.transform(numbers.to_numpy(float))
    )
    assert isinstance(model.reconstruct(numbers), np.ndarray)
    assert model.settings_["scaling"] == "global"
    assert not hasattr(model, "dropped_columns_")
    assert isinstance(model.scale_, float)


def test_columns_are_found_by_name_in_any_library(model):
    codes = model.transform(FRAME)
    np.testing.assert_array_equal(model.transform(FRAME[list(FRAME)[::-1]]), codes)
    other = pl.from_pandas(FRAME)
    np.testing.assert_array_equal(model.transform(other), codes)
    back = model.reconstruct(other)
    assert back["name"].tolist() == FRAME["name"].tolist()
    with pytest.raises(
        ValueError, match=r"must have the columns that it had in fit.*Missing: 'born'"
    ):
        model.transform(FRAME.drop(columns="born"))
    with pytest.raises(ValueError, match=r"must be a data frame with the columns.* Got ndarray"):
        model.transform(np.ones((3, 6)))
    assert isinstance(fitted_to(other).reconstruct(other), pl.DataFrame)


def test_wrong_values_are_named(model):
    with pytest.raises(ValueError, match=r"contains infinity.*column 'height', row 0; 120 values"):
        model.transform(FRAME.assign(height=np.inf))
    for missing in ({"size": None}, {"born": pd.NaT}, {"tall": pd.NA}):
        assert np.isfinite(model.transform(FRAME.assign(**missing))).all()
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        model.transform(FRAME[:0])
    with pytest.raises(ValueError, match=r"column 'height' has 1e\+300"):
        model.score_samples(FRAME.assign(height=1e300))


def test_unknown_categories_are_missing_and_are_an_error_where_they_are_learned(model):
    other = FRAME.assign(size="XL")
    with pytest.warns(UserWarning, match="Column 'size' has categories that fit did not know"):
        codes = model.transform(other)
    np.testing.assert_array_equal(codes, model.transform(FRAME.assign(size=None)))
    batches = FRAME.drop(columns="name"), other.drop(columns="name")
    begun = small().partial_fit(batches[0])
    with pytest.raises(ValueError, match=r"'size' has the category 'XL' in 120 rows.*columns="):
        begun.partial_fit(batches[1])
    sizes = {"size": ["S", "M", "L", "XL"]}
    begun = small(columns=sizes).partial_fit(batches[0]).partial_fit(batches[1])
    assert "XL" in set(begun.reconstruct(pd.concat(batches))["size"].cat.categories)


def test_a_stream_is_searched_for_categories_first():
    frame = FRAME.drop(columns=["name", "tall"]).sort_values("height").astype({"size": "str"})
    parts = [frame[:70], frame[70:]]
    assert set(parts[0]["size"]) != set(frame["size"])
    model = small(linear_path=False).fit(streams.from_batches(parts))
    assert model.reconstruct(streams.from_batches(parts)).shape == frame.shape
    np.testing.assert_array_equal(model.transform(iter(parts)), model.transform(frame))
    with pytest.raises(ValueError, match=r"Batches must all be data frames.* Got ndarray"):
        small().fit(streams.from_batches([frame, np.ones((3, 4))]))
    with pytest.raises(ValueError, match=r"Batch 2 .*: Column 'size' has the category 'L' in"):
        small().partial_fit(iter(parts))
    asked = small(linear_path=False, columns={"size": ["S", "M", "L"]}).partial_fit(iter(parts))
    assert set(asked.reconstruct(frame, probabilities=True)["size"]) == {"S", "M", "L"}


def test_codes_may_be_frames(model):
    codes = fitted_to(FRAME).set_output(transform="pandas").transform(FRAME)
    assert codes.index.equals(FRAME.index)
    assert model.inverse_transform(codes).index.equals(FRAME.index)


def test_none_counts_columns_and_not_categories():
    model = fitted_to(FRAME, n_components=None, linear_path=False)
    assert model.n_components_ == 3  # half of 5 columns


def test_a_default_code_is_found_and_compared():
    frame = FRAME.drop(columns="name")
    model = small(n_components=0.8).fit(frame)
    assert model.baseline_["autoencoder_loss"] <= model.baseline_["pca_loss"]
    rebuilt = model.reconstruct(frame)
    assert (rebuilt["size"].astype("str") == frame["size"].astype("str")).mean() > 0.6
    assert model.score(frame) > 0.5


def test_continuing_keeps_the_columns_and_the_scaling():
    frame = FRAME.drop(columns="name")
    again = small(warm_start=True, linear_path=False).fit(frame)
    codes = again.transform(frame)
    again.fit(frame[::-1])
    assert again.n_iter_ > 3
    assert not np.array_equal(again.transform(frame), codes)
    with pytest.raises(
        ValueError, match=r"scaling that was learned, 'standard'. Got scaling='global'"
    ):
        again.set_params(scaling="global").fit(frame)
    assert again.set_params(scaling="standard").fit(frame).n_iter_ > 6


def test_errors_of_columns(model):
    errors = model.column_errors(FRAME)
    assert list(errors) == LEARNED
    assert errors.index.equals(FRAME.index)
    back = model.reconstruct(FRAME)
    np.testing.assert_allclose(errors["height"], np.abs(back["height"] - FRAME["height"]))
    chance = model.reconstruct(FRAME, probabilities=True)
    assert list(chance) == ["size", "tall"]
    assert list(chance["size"]) == ["S", "M", "L"]
    assert chance["size"].index.equals(FRAME.index)
    np.testing.assert_allclose(chance["size"].sum(axis=1), 1)
    there = FRAME["size"].map(lambda size: ["S", "M", "L"].index(size)).to_numpy(int)
    seen = chance["size"].to_numpy()[np.arange(N), there]
    np.testing.assert_allclose(errors["size"], 1 - seen, atol=1e-12)
    likeliest = chance["size"].idxmax(axis=1)
    assert (likeliest == back["size"].astype("str")).all()
    names = model.column_errors(pl.from_pandas(FRAME))
    assert isinstance(names, pl.DataFrame)
    assert names.columns == LEARNED


def test_errors_of_columns_of_numbers():
    X = RNG.normal(size=(N, 4))
    model = small().fit(X)
    np.testing.assert_allclose(model.column_errors(X), np.abs(X - model.reconstruct(X)))
    frame = pd.DataFrame(X, columns=list("abcd"))
    assert list(small().fit(frame).column_errors(frame)) == list("abcd")
    with pytest.raises(ValueError, match="probabilities=True must be used after a fit on a data"):
        model.reconstruct(X, probabilities=True)


def test_probabilities_add_up_to_1_whatever_was_rebuilt():
    layout = Layout((0, 3, 2))
    rows = np.array([[5.0, 0.5, -1.0, 1.5, -1.0, -2.0], [np.nan, 0, 0, 1, 1, 0]])
    found = probabilities(layout, rows)
    np.testing.assert_array_equal(found[0], [5, 0.25, 0, 0.75, 0.5, 0.5])
    given = np.array([[4.0, 0, 0, 1, 0, 1], [1.0, np.nan, np.nan, np.nan, 1, 0]])
    errors = column_errors(layout, given, rows)
    np.testing.assert_array_equal(errors, [[1, 0.25, 0.5], [np.nan, np.nan, 0]])


def test_random_rows_are_frames():
    model = fitted_to(FRAME, VariationalAutoencoder)
    rows = model.sample(7, random_state=0, noise=True)
    pd.testing.assert_series_equal(rows.dtypes, FRAME.dtypes)
    assert len(rows) == 7
