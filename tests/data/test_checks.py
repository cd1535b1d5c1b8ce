"""What is refused before anything is learned, and what the errors say."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tfae import Autoencoder, streams
from tfae._estimators.checking import check_rows

pytestmark = pytest.mark.usefixtures("in_executor")

DATES = np.array([["2024-01-01", "NaT"], ["2024-01-02", "2024-01-03"]], "M8[us]")
SPANS = DATES - DATES[0, 0]
NAMES = ["when", "until"]


def checked(X):
    return check_rows(Autoencoder(), X, reset=True)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (DATES, r"numbers only: datetime64\[us\] values are not real numbers"),
        (SPANS, r"numbers only: timedelta64\[us\] values are not real numbers"),
        (pd.DataFrame(DATES, columns=NAMES), r"Column 'when' .* datetime64\[us\] values are no"),
        (pd.DataFrame(SPANS, columns=NAMES), r"Column 'when' .* timedelta64\[us\] values are no"),
        (pl.DataFrame(DATES, schema=NAMES), r"Column 'when' .* datetime64\[us\] values are no"),
        # numpy makes numbers of all when Polars has dates beside numbers
        (
            pl.DataFrame({"x": [1.0, 2.0], "when": DATES[:, 0]}),
            r"Column 'when' .* datetime64\[us\]",
        ),
        (pl.DataFrame({"x": [1, 2], "when": SPANS[:, 0]}), r"Column 'when' .* timedelta64\[us\]"),
        (np.ones((2, 2), complex), "Complex data not supported"),
    ],
)
def test_dates_are_no_numbers(values, message):
    with pytest.raises(ValueError, match=message):
        checked(values)
    if isinstance(values, np.ndarray):  # frames of dates are tables
        with pytest.raises(ValueError, match=f"Batch 1 of the stream: .*{message}"):
            Autoencoder(1).fit(streams.from_batches([values]))


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        (np.array([[1, "2"], [3, "four"]], dtype=object), "Row 1 has 'four' in column 1"),
        (np.array([["1", "a"], ["2", "b"]]), "Row 0 has 'a' in column 1"),
        ([[1, 2.5], ["three", 4]], "Row 1 has 'three' in column 0"),
    ],
)
def test_text_in_arrays_is_shown_with_its_place(rows, place):
    with pytest.raises(ValueError, match=rf"numbers only\. {place}\. .*pandas\.DataFrame\(X\)"):
        checked(rows)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"a": [1, 2]}, r"Got a dict; pass pandas\.DataFrame\(X\)"),
        ({(1, 2), (3, 4)}, "Got a set; pass a list of rows"),
    ],
)
def test_collections_without_rows_are_told_how_to_become_some(rows, message):
    with pytest.raises(ValueError, match=message):
        checked(rows)


def test_dates_in_maps_are_no_numbers(tmp_path):
    np.save(tmp_path / "a.npy", np.resize(DATES, (600_000, 2)))
    with pytest.raises(ValueError, match="values are not real numbers"):
        Autoencoder(1).fit(np.load(tmp_path / "a.npy", mmap_mode="r"))


def test_tables_of_arrow_are_taken_and_their_errors_shown():
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"x": [1.0, 2.0], "y": [3.0, 4.0]})
    for rows in (table, table.to_batches()[0]):
        estimator = Autoencoder()
        np.testing.assert_array_equal(check_rows(estimator, rows, reset=True), [[1, 3], [2, 4]])
        assert estimator.feature_names_in_.tolist() == ["x", "y"]
    text = arrow.table({"x": ["one", "two"], "y": [3.0, 4.0]})
    for rows in (text, text.to_batches()[0]):
        with pytest.raises(ValueError, match="could not convert string to float: 'one'"):
            checked(rows)


def test_batches_of_arrow_have_names():
    arrow = pytest.importorskip("pyarrow")
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = Autoencoder(1, max_iter=1, random_state=0).fit(pd.DataFrame(X, columns=["x", "y"]))
    right = arrow.table({"x": X[:, 0], "y": X[:, 1]})
    np.testing.assert_array_equal(model.transform(iter(right.to_batches())), model.transform(right))
    wrong = right.select(["y", "x"])
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        model.transform(iter(wrong.to_batches()))


@pytest.mark.parametrize("X", [[np.ones((3, 2)), np.ones((4, 2))], (np.ones((3, 2)), np.ones(3))])
def test_lists_of_arrays_are_told_from_rows(X):
    kind = type(X).__name__
    with pytest.raises(
        ValueError, match=rf"one array or data frame\. Got a {kind} of 2; map rows .*from_batches"
    ):
        Autoencoder(1).fit(X)


SEVERAL_LEVELS = pd.MultiIndex.from_product([["a", "b"], ["x", "y"]])


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        (SEVERAL_LEVELS, r"\('b', 'x'\)"),
        ([10, 20, 30, 40], "30"),
        (list("abcd"), "'c'"),
        ([1.5, 2.5, 3.5, 4.5], "3.5"),
    ],
)
def test_columns_have_the_names_that_the_user_gave_them(columns, name):
    X = np.random.default_rng(0).normal(size=(30, 4))
    model = Autoencoder(1, max_iter=1, random_state=0).fit(pd.DataFrame(X, columns=columns))
    X[3, 2] = np.inf
    frame = pd.DataFrame(X, columns=columns)
    for call in (checked, model.transform, model.partial_fit, model.fit):
        with pytest.raises(ValueError, match=rf"first is in column {name}, row 3") as caught:
            call(frame)
        assert type(caught.value) is ValueError
    frame.iloc[3, 2] = 1e200
    with pytest.raises(ValueError, match=rf"squares are finite.* column {name} has 1e\+200"):
        model.fit(frame)


def sparse_columns(values, fill):
    one = pd.arrays.SparseArray(values, fill_value=fill)
    return pd.DataFrame({"left": one, "right": one})


@pytest.mark.parametrize(
    ("values", "fill"),
    [
        ([1.0, 3.0, 2.0], np.nan),
        ([1.0, 7.0, 7.0], 7.0),
        ([0.0, 0.0, 1.0], 0.0),
        ([True, False, True], True),
        ([3, 3, 1], 3),
    ],
)
def test_sparse_columns_hold_what_they_are_filled_with(values, fill):
    found = checked(sparse_columns(values, fill))
    found = found.toarray() if hasattr(found, "toarray") else found
    np.testing.assert_array_equal(found, np.column_stack([values, values]).astype(float))


def test_sparse_columns_filled_with_missing_values_are_named():
    frame = sparse_columns([1.0, 2.0, np.nan, 5.0], np.nan)
    with pytest.raises(ValueError, match=r"contains NaN.*column 'left', row 2.*Impute"):
        checked(frame)
