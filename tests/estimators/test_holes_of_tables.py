"""Frames of mixed kinds with missing values: filled, encoded, and never changed elsewhere."""

import warnings

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pytest

from tfae import Autoencoder, AutoencoderImputer, DenoisingAutoencoder, VariationalAutoencoder

pytestmark = pytest.mark.usefixtures("in_executor")

N = 240
RNG = np.random.default_rng(0)
HEIGHT = RNG.normal(170, 10, N)
WHOLE = pd.DataFrame(
    {
        "height": HEIGHT,
        "shoe": np.rint(HEIGHT / 4).astype(np.int64),
        "size": pd.Categorical(np.where(HEIGHT < 170, "S", "L"), ["S", "L"], ordered=True),
        "city": np.where(RNG.random(N) < 0.7, "Rome", "Oslo"),
        "tall": HEIGHT > 175,
        "name": [f"person {i}" for i in range(N)],
        "born": pd.Timestamp("1990-01-01") + pd.to_timedelta(RNG.integers(0, 9000, N), "D"),
    },
    index=np.arange(N) * 2 + 5,
).astype({"shoe": "Int64", "tall": "boolean"})
HOLES = RNG.random(WHOLE.shape) < 0.2
LEARNED = [label for label in WHOLE.columns if label != "name"]


def holed():
    frame = WHOLE.copy()
    for place, label in enumerate(WHOLE.columns):
        frame.loc[HOLES[:, place], label] = None
    return frame


LIBRARIES = {
    "pandas": lambda frame: frame,
    "polars": lambda frame: __import__("polars").from_pandas(frame),
    "pyarrow": lambda frame: __import__("pyarrow").Table.from_pandas(frame, preserve_index=False),
}


def quietly(do, *args):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Nothing can be learned")
        return do(*args)


@pytest.fixture(scope="module")
def imputer():
    model = AutoencoderImputer(hidden_layer_sizes=(32, 32), max_iter=60, random_state=0)
    return quietly(model.fit, holed())


@pytest.fixture(scope="module")
def model():
    model = Autoencoder(3, hidden_layer_sizes=(16,), max_iter=10, random_state=0)
    return quietly(model.fit, holed())


def check_only_missing_values_changed(frame, filled):
    frame, filled = nw.from_native(frame), nw.from_native(filled)
    assert filled.schema == frame.schema
    for label in WHOLE.columns:
        there = ~frame[label].is_null()
        assert filled[label].filter(there).to_list() == frame[label].filter(there).to_list()
        if label in LEARNED:
            assert filled[label].null_count() == 0


@pytest.mark.parametrize("library", LIBRARIES)
def test_only_missing_values_change(library, model, imputer):
    frame = LIBRARIES[library](holed())
    if library == "pandas":
        assert imputer.transform(frame).index.equals(WHOLE.index)
        assert imputer.transform(frame)["size"].dtype == WHOLE["size"].dtype
    check_only_missing_values_changed(frame, imputer.transform(frame))
    check_only_missing_values_changed(frame, model.impute(frame))


@pytest.mark.parametrize("library", LIBRARIES)
def test_draws_are_frames_of_the_same_types(library, imputer):
    frame = LIBRARIES[library](holed())
    first, second = imputer.impute(frame, n_imputations=2)
    for draw in (first, second):
        check_only_missing_values_changed(frame, draw)
    cities = [nw.from_native(draw)["city"].to_list() for draw in (first, second)]
    assert cities[0] != cities[1]
    assert {*cities[0], *cities[1]} == {"Rome", "Oslo"}


def test_what_follows_from_other_columns_is_found(imputer):
    """Shoes and sizes follow from heights; a mode is right in a half of the rows."""
    filled = imputer.transform(holed())
    known, place = ~HOLES[:, 0], WHOLE.columns.get_loc
    for label, least in {"size": 0.85, "tall": 0.85}.items():
        rows = HOLES[:, place(label)] & known
        assert (filled[label][rows] == WHOLE[label][rows]).mean() > least
    rows = HOLES[:, place("shoe")] & known
    error = (filled["shoe"] - WHOLE["shoe"]).to_numpy(np.float64)[rows]
    assert np.sqrt(np.square(error).mean()) < 0.5 * WHOLE["shoe"].std()


def test_imputed_values_stay_among_those_of_fit(imputer):
    filled = imputer.transform(holed())
    assert filled["height"].between(HEIGHT.min(), HEIGHT.max()).all()
    assert set(filled["city"]) <= {"Rome", "Oslo"}


CONSTANTS = {
    "number": (pd.Series([2.5] * N), "float64"),
    "whole": (pd.Series([7] * N), "Int64"),
    "yes": (pd.Series([True] * N), "boolean"),
    "text": (pd.Series(["same"] * N), "str"),
    "kind": (pd.Series(["one"] * N), "category"),
    "day": (pd.Series(pd.to_datetime(["2024-02-29"] * N)), "datetime64[us]"),
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_constant_columns_are_filled_with_their_value(library):
    frame = WHOLE[["height", "city"]].reset_index(drop=True)
    whole = frame.assign(**{n: s.astype(dtype) for n, (s, dtype) in CONSTANTS.items()})
    holed = whole.copy()
    holed.loc[::3, list(CONSTANTS)] = None
    given, expected = (LIBRARIES[library](each) for each in (holed, whole))
    model = AutoencoderImputer(hidden_layer_sizes=(8,), max_iter=1, random_state=0)
    filled = nw.from_native(quietly(model.fit, given).transform(given))
    assert set(model.dropped_columns_) == set(CONSTANTS)
    assert filled.schema == nw.from_native(given).schema
    for name in CONSTANTS:
        assert filled[name].to_list() == nw.from_native(expected)[name].to_list()


def test_indicators_of_a_table():
    model = AutoencoderImputer(
        hidden_layer_sizes=(8,), max_iter=1, add_indicator=True, random_state=0
    )
    filled = quietly(model.fit_transform, holed())
    assert list(filled.columns) == list(model.get_feature_names_out())
    for label in LEARNED:
        missing = HOLES[:, WHOLE.columns.get_loc(label)]
        np.testing.assert_array_equal(filled[f"missingindicator_{label}"], missing)


def test_errors_are_missing_where_values_are(model):
    errors = model.column_errors(holed())
    np.testing.assert_array_equal(errors.isna(), holed()[LEARNED].isna())


def test_a_variational_and_a_denoising_one_take_them():
    for kind in (VariationalAutoencoder, DenoisingAutoencoder):
        model = kind(2, hidden_layer_sizes=(8,), max_iter=2, random_state=0)
        frame = quietly(model.fit, holed()).reconstruct(holed())
        assert not frame[LEARNED].isna().to_numpy().any()


def test_what_takes_no_missing_values_says_so():
    X = np.where(RNG.random((50, 4)) < 0.1, np.nan, RNG.normal(size=(50, 4)))
    with pytest.raises(ValueError, match=r"training_rows='noisy' no entry of X may be missing"):
        DenoisingAutoencoder(2, training_rows="noisy").fit(X)
