"""Frames become rows of numbers, and come back with their values, types, index and order."""

import datetime as dt
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from tables import columns_as_lists, frames, names_of, random_frame, types_of

from tfae._data.schema import Schema
from tfae._data.table_columns import CategoryColumn, Column, learned_column
from tfae._data.table_survey import TableSurvey


def learned(frame, columns=None):
    """Return the schema of a frame without its warning about columns that are left out."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Nothing can be learned")
        return Schema.of(frame, columns)


def assert_round_trip(frame):
    schema = learned(frame)
    rows = schema.encode(frame)
    assert rows.shape == (frame.shape[0], schema.layout.width)
    back = schema.decode(rows, like=frame)
    assert type(back) is type(frame)
    assert names_of(back) == names_of(frame)
    assert types_of(back) == types_of(frame)
    if isinstance(frame, pd.DataFrame):
        assert back.index.equals(frame.index)
    before, after = columns_as_lists(frame), columns_as_lists(back)
    # Of a rare category only that is known: it becomes the likeliest of the others.
    known = {
        column.label: {None, *column.categories}
        for column in schema.columns
        if isinstance(column, CategoryColumn) and column.has_other
    }
    for name, values in before.items():
        of = known.get(name)
        for value, found in zip(values, after[name], strict=True):
            assert found == value or (of is not None and value not in of)
            assert of is None or found in of


def takes_something(frame):
    """Whether a column of a frame can be learned."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        surveys = TableSurvey.of(frame).columns
        return any(isinstance(learned_column(each, None), Column) for each in surveys)


QUICK = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("n_columns", [1, 4, 13])
def test_values_types_index_and_order_come_back(n_columns):
    @QUICK
    @given(frames(n_columns))
    def holds(frame):
        if takes_something(frame):
            assert_round_trip(frame)

    holds()


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(frames((1, 60), n_rows=(2, 300)))
def test_two_hundred_frames_come_back(frame):
    if takes_something(frame):
        assert_round_trip(frame)


N = 120
RNG = np.random.default_rng(0)
PLAIN = {"x": RNG.normal(size=N), "colour": np.resize(["red", "green", "blue"], N)}


def with_column(values, library=pd.DataFrame):
    return library({**PLAIN, "c": values})


LEFT_OUT = {
    "constant": ([3.5] * N, "all values are the same"),
    "constant text": (["x"] * N, "all values are the same"),
    "constant beside missing ones": ([True, None] * (N // 2), "all values are the same"),
    "missing": ([None] * N, "all values are missing"),
    "missing numbers": ([np.nan] * N, "all values are missing"),
    "missing dates": (np.full(N, "NaT", "M8[us]"), "all values are missing"),
    "names": ([f"name {i}" for i in range(N)], "text is different in 120 of 120 rows"),
    "names in few rows": (
        [f"name {i}" if i < 30 else None for i in range(N)],
        "text is different in 30 of 30 rows",
    ),
    "numbers of rows": (np.arange(N) + 17, "counts the rows"),
    "in any order": (RNG.permutation(N), "counts the rows"),
    "of a part of the rows": (RNG.permutation(2 * N - 20)[:N], "counts the rows"),
    "rare categories": (
        pd.Categorical([str(i // 2) for i in range(N)]),
        "none of its 60 categories has 10 rows",
    ),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_columns_that_nothing_can_be_learned_from_are_left_out(case):
    values, reason = LEFT_OUT[case]
    frame = with_column(values)
    with pytest.warns(UserWarning, match=rf"from some columns.* 'c': .*{reason}") as caught:
        schema = Schema.of(frame)
    assert len(caught) == 1
    assert [column.label for column in schema.columns] == ["x", "colour"]
    assert [(dropped.label, reason in dropped.reason) for dropped in schema.dropped] == [
        ("c", True)
    ]
    with pytest.raises(ValueError, match=rf"'c' cannot be learned from: .*{reason}"):
        Schema.of(frame, {"c": "error"})
    rows = schema.encode(frame)
    assert rows.shape == (N, 4)
    back = schema.decode(rows)
    assert back["c"].isna().all()
    assert columns_as_lists(schema.decode(rows, like=frame)) == columns_as_lists(frame)


KEPT = {
    "integers twice": np.arange(N) // 2,
    "integers far apart": np.arange(N) ** 2,
    "few integers": [*range(19), *([None] * (N - 19))],
    "all floats different": np.arange(N) + 0.5,
    "few texts": np.resize(["a", "b"], N),
    "half of the texts different": [f"{i // 2 if i < 20 else 'same'}" for i in range(N)],
}


@pytest.mark.parametrize("case", KEPT)
def test_other_columns_are_kept(case):
    frame = with_column(pd.array(KEPT[case], dtype="Int64") if "few int" in case else KEPT[case])
    assert [column.label for column in Schema.of(frame).columns] == ["x", "colour", "c"]


@pytest.mark.parametrize(
    ("values", "asked", "kind"),
    [
        (np.arange(N), "number", "integer"),
        (np.arange(N), "integer", "integer"),
        ([f"{i}" for i in range(N)], "category", None),
        (np.resize([1, 2, 3], N), "category", "category"),
        (np.resize([1, 2, 3], N), [1, 2, 3], "category"),
        (np.resize([1.0, 2.0, np.nan], N), "integer", "integer"),
        (np.resize([True, False], N), "number", "integer"),
        (np.resize([True, False], N), "category", "category"),
        (np.resize([True, False], N), "boolean", "boolean"),
    ],
)
def test_a_kind_can_be_asked_for(values, asked, kind):
    frame = with_column(values)
    schema = learned(frame, {"c": asked})
    found = {column.label: column.kind for column in schema.columns}
    assert found.get("c") == kind
    back = schema.decode(schema.encode(frame) + 1e-3, like=frame)
    pd.testing.assert_series_equal(back["c"], frame["c"])


def test_few_different_numbers_are_numbers():
    schema = learned(with_column(np.resize([1, 2, 3], N)))
    assert schema.layout.levels == (0, 3, 0)


BAD_COLUMNS = {
    "no such column": ({"colur": "category"}, "names in 'columns'.*'colur'. Did you mean 'colour'"),
    "no such kind": ({"x": "numbr"}, "must give a kind.*'numbr'.*Did you mean 'number'"),
    "one category": ({"x": [1.0]}, r"at least two categories, each once. Got \[1.0\]"),
    "a category twice": ({"x": [1, 1, 2]}, "at least two categories, each once"),
    "text as numbers": ({"colour": "number"}, "asks for the kind 'number' of column 'colour'"),
    "numbers as dates": ({"x": "datetime"}, "must be a column of datetime; convert it first"),
}


@pytest.mark.parametrize("case", BAD_COLUMNS)
def test_what_cannot_be_asked_for_is_one_clear_error(case):
    columns, message = BAD_COLUMNS[case]
    with pytest.raises(ValueError, match=message):
        Schema.of(pd.DataFrame(PLAIN), columns)


def test_what_no_network_can_learn_from_is_one_clear_error():
    lists = pd.DataFrame({**PLAIN, "c": [[1, 2]] * N})
    with pytest.raises(ValueError, match="Column 'c' has dtype object; convert or drop it"):
        Schema.of(lists)
    times = pl.DataFrame({**PLAIN, "c": [dt.time(12)] * N})
    with pytest.raises(ValueError, match="Column 'c' has dtype Time; convert or drop it"):
        Schema.of(times)
    with pytest.raises(ValueError, match=r"columns of different names. Got 'x' twice"):
        Schema.of(pd.DataFrame(np.ones((N, 2)), columns=["x", "x"]))
    with pytest.raises(ValueError, match=r"must have a column that can be learned from.*the same"):
        Schema.of(pd.DataFrame({"c": ["x"] * N}))


def test_categories_need_rows_and_the_rest_is_other():
    values = ["a"] * 50 + ["b"] * 55 + [f"rare {i // 9}" for i in range(N - 105)]
    frame = with_column(values)
    schema = Schema.of(frame)
    assert schema.layout.levels == (0, 3, 3)
    rows = schema.encode(frame)
    np.testing.assert_array_equal(rows[[0, 60, 110], 4:], np.eye(3))
    other = schema.encode(frame.assign(c="never seen"))  # one more that is not frequent
    np.testing.assert_array_equal(other[:, 4:], np.resize([0.0, 0.0, 1.0], (N, 3)))
    likely = np.resize([0.1, 0.0, 0.2, 0.3, 0.2, 0.1, 0.7], (N, 7))
    assert set(schema.decode(likely)["c"]) == {"a"}  # never other
    many = Schema.of(pd.DataFrame({"c": [f"{i % 70}" for i in range(5_000)]}))
    assert many.layout.levels == (65,)
    small = Schema.of(pd.DataFrame({"c": ["a"] * 8 + ["b"] * 8 + ["c"] * 2 + ["d"]}))
    assert small.columns[0].categories == ("a", "b", "c")  # a tenth of the rows


def test_categories_have_the_order_of_their_type():
    sizes = pd.Categorical(np.resize(["S", "M", "L"], N), ["S", "M", "L", "XL"], ordered=True)
    assert Schema.of(with_column(sizes)).columns[2].categories == ("S", "M", "L")
    assert Schema.of(with_column(sizes)).columns[1].categories == ("blue", "green", "red")


def test_unknown_categories_are_missing_with_one_warning_a_column():
    frame = with_column(np.resize(["a", "b"], N))
    schema = Schema.of(frame)
    later = frame.assign(c=["a", "z"] * (N // 2), colour="grey")
    with pytest.warns(UserWarning, match="did not know, such as") as caught:
        rows = schema.encode(later)
    said = [str(each.message) for each in caught]
    assert len(said) == 2
    assert any("'c'" in each and "'z', in 60 rows" in each for each in said)
    np.testing.assert_array_equal(np.isnan(rows[:2]), [[0, 1, 1, 1, 0, 0], [0, 1, 1, 1, 1, 1]])
    with pytest.raises(ValueError, match=r"'colour' has the category 'grey' in 120 rows.*columns="):
        schema.encode(later, learning=True)
    strict = Schema.of(frame, {"c": "error"})
    with pytest.raises(ValueError, match="'c' has the category 'z' in 60 rows"):
        strict.encode(later.assign(colour="red"))


def test_columns_are_found_by_their_names():
    frame = with_column(np.resize([True, False], N))
    schema = Schema.of(frame)
    rows = schema.encode(frame)
    turned = frame[["c", "x", "colour"]]
    np.testing.assert_array_equal(schema.encode(turned), rows)
    np.testing.assert_array_equal(schema.encode(pl.from_pandas(turned)), rows)
    np.testing.assert_array_equal(schema.encode(pa.Table.from_pandas(turned)), rows)
    assert list(schema.decode(rows, like=turned)) == ["x", "colour", "c"]
    with pytest.raises(
        ValueError, match=r"must have the columns.* Missing: 'x', 'c'\. Not there in"
    ):
        schema.encode(frame[["colour"]].assign(y=1))
    with pytest.raises(ValueError, match=r"must have the columns.* Twice: 'x'"):
        schema.encode(pd.concat([frame, frame[["x"]]], axis=1))
    with pytest.raises(
        ValueError, match=r"'x' must be of the kind that it had in fit, number. Got"
    ):
        schema.encode(frame.assign(x="1"))


def test_integers_and_dates_are_rounded_and_stay_in_their_range():
    days = pd.Series(pd.to_datetime(["2024-01-01", "2024-03-01"])).repeat(60).to_numpy()
    frame = pd.DataFrame({"n": np.resize([1, 5], N), "day": days})
    schema = Schema.of(frame)
    rows = np.array([[1.4, 40_000.0], [99.0, 1e18], [-99.0, -1e18]])
    back = schema.decode(rows)
    assert back["n"].tolist() == [1, 5, 1]
    assert back["n"].dtype == "int64"
    assert back["day"].astype(str).tolist() == ["2024-01-31", "2024-03-01", "2024-01-01"]


def test_nanoseconds_are_kept():
    ticks = 1_700_000_000_000_000_001 + np.arange(N) * 9_999_999_999_993
    frame = pd.DataFrame(
        {"when": ticks.astype("M8[ns]"), "span": ticks.astype("m8[ns]") - ticks[0]}
    )
    schema = Schema.of(frame)
    pd.testing.assert_frame_equal(schema.decode(schema.encode(frame)), frame)


@pytest.mark.parametrize("library", [pl.DataFrame, pa.table, pd.DataFrame])
def test_all_marks_of_missing_values_are_missing(library):
    gap = [None] * 10
    columns = {
        "float": [*gap, float("nan"), *RNG.normal(size=N).tolist()],
        "text": [*gap, None, *np.resize(["a", "b"], N).tolist()],
        "flag": [*gap, None, *np.resize([True, False], N).tolist()],
        "when": [*gap, None, *[dt.datetime(2024, 1, 1 + i % 30) for i in range(N)]],
        "span": [*gap, None, *[dt.timedelta(i) for i in range(N)]],
    }
    schema = Schema.of(library(columns))
    missing = np.isnan(schema.encode(library(columns)))
    assert missing[:11].all()
    assert not missing[11:].any()


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_surveys_of_blocks_are_those_of_one_pass(library):
    kinds = ["number", "small", "large", "boolean", "text", "microsecond", "zone", "duration"]
    frame = random_frame(library, kinds, 300, seed=4)
    cut = frame.slice if library == "pyarrow" else lambda start, n: frame[start : start + n]
    parts = [cut(start, 70) for start in range(0, 300, 70)]
    merged, *others = map(TableSurvey.of, parts)
    for other in others:
        merged = merged.merge(other)
    for one, another in zip(merged.columns, TableSurvey.of(frame).columns, strict=True):
        assert (one.kind, one.dtype) == (another.kind, another.dtype)
        np.testing.assert_equal(vars(one.values), vars(another.values))
    one, another = (Schema.learned(each).encode(frame) for each in (merged, TableSurvey.of(frame)))
    np.testing.assert_array_equal(one, another)


def test_surveys_of_two_kinds_cannot_be_merged():
    one, another = (TableSurvey.of(pd.DataFrame({"c": values})) for values in ([1, 2], ["a", "b"]))
    with pytest.raises(ValueError, match=r"same kind in column 'c'. Got integer and text; give it"):
        one.merge(another)
    with pytest.raises(ValueError, match=r"same columns\. Got \['c'\] and \['d'\]"):
        one.merge(TableSurvey.of(pd.DataFrame({"d": [1, 2]})))
    with_floats = one.merge(TableSurvey.of(pd.DataFrame({"c": [0.5, 2.5]})))
    assert [(c.kind, c.dtype) for c in with_floats.columns] == [("number", np.float64)]
    empty = one.merge(TableSurvey.of(pd.DataFrame({"c": pd.Series([None, None], dtype=object)})))
    assert empty.columns == one.columns


def test_dtypes_that_cannot_hold_missing_values_become_those_that_pandas_takes():
    frame = with_column(np.resize([True, False], N)).assign(n=np.resize([1, 2], N))
    schema = Schema.of(frame)
    back = schema.decode(np.full((2, schema.layout.width), np.nan))
    assert back.isna().all(axis=None)
    assert back.dtypes.astype(str).tolist() == ["float64", "str", "object", "float64"]


def test_labels_may_be_anything():
    columns = pd.MultiIndex.from_tuples([("a", "x"), ("b", "y")], names=["one", "two"])
    frame = pd.DataFrame({0: PLAIN["x"], 1: PLAIN["colour"]}).set_axis(columns, axis=1)
    schema = Schema.of(frame)
    pd.testing.assert_frame_equal(schema.decode(schema.encode(frame)), frame)


def test_a_schema_can_be_pickled():
    for library in ("pandas", "polars", "pyarrow"):
        frame = random_frame(library, ["number", "text", "zone", "ordered", "boolean"], 100, seed=1)
        schema = learned(frame)
        again = pickle.loads(pickle.dumps(schema))
        np.testing.assert_array_equal(again.encode(frame), schema.encode(frame))
