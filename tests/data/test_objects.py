"""Numbers that come as Python objects, and what is told of those that are none."""

import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from tfae import Autoencoder, metrics, streams
from tfae._data.objects import with_numbers
from tfae._estimators.checking import check_codes, check_rows

LARGE = 10**400


def checked(X):
    return check_rows(Autoencoder(), X, reset=True)


def of_objects(value, row=2, column=1):
    objects = np.arange(8).reshape(4, 2).astype(object)
    objects[row, column] = value
    return objects


@pytest.mark.parametrize(
    "value", [1, 2.5, True, np.float32(3), Fraction(1, 4), Decimal("1e9"), "7"]
)
def test_numbers_of_any_class_are_numbers(value):
    found = checked(of_objects(value))
    assert found.dtype == np.float64
    assert found[2, 1] == float(value)
    if not isinstance(value, str):  # a list with a text is one of texts
        np.testing.assert_array_equal(found, checked(of_objects(value).tolist()))


SEVERAL_LEVELS = pd.MultiIndex.from_tuples([("a", "n"), ("a", "t")])
DATES = {
    "datetime64": np.datetime64("2024-01-01"),
    "timedelta64": np.timedelta64(3, "s"),
    "date": datetime.date(2024, 1, 1),
    "time": datetime.time(12),
    "datetime": datetime.datetime(2024, 1, 1),
    "timedelta": datetime.timedelta(days=1),
    "Timestamp": pd.Timestamp("2024-01-01"),
    "Timedelta": pd.Timedelta("1h"),
}


@pytest.mark.parametrize("name", DATES)
def test_dates_are_no_numbers(name):
    objects = of_objects(DATES[name])
    for X, column in [
        (objects, "1"),
        (pd.DataFrame(objects, columns=["n", "when"], dtype=object), "'when'"),
        (pd.DataFrame(objects, columns=SEVERAL_LEVELS, dtype=object), r"\('a', 't'\)"),
    ]:
        with pytest.raises(ValueError, match=rf"numbers only\. Column .*{column}.* has the date"):
            checked(X)
    with pytest.raises(ValueError, match="X must hold numbers only"):
        checked(objects.tolist())
    with pytest.raises(ValueError, match=r"Batch 1 of .*Column 1 has the date or time"):
        Autoencoder(1).fit(streams.from_batches([objects]))
    with pytest.raises(ValueError, match="Column 1 has the date or time"):
        metrics.trustworthiness(objects, objects)


@pytest.mark.parametrize("value", [pd.NA, pd.NaT, None, float("nan"), np.nan])
def test_missing_values_among_numbers_are_to_be_imputed(value):
    for X, column in [
        (of_objects(value), "column 1"),
        (of_objects(value).tolist(), "column 1"),
        (pd.DataFrame(of_objects(value), columns=["a", "b"]), "column 'b'"),
    ]:
        message = rf"Input X contains .*first is in {column}, row 2; 1 values .*Impute them"
        with pytest.raises(ValueError, match=message):
            checked(X)


def test_text_is_to_be_encoded_also_beside_a_missing_value():
    frame = pd.DataFrame({"a": [1, pd.NA, "red", 4], "b": [1, 2, 3, 4]}, dtype=object)
    with pytest.raises(ValueError, match=r"Column 'a' has dtype object.*Encode or drop it"):
        checked(frame)
    with pytest.raises(TypeError, match=r"argument must be .* string.* number"):
        checked(of_objects({"foo": "bar"}))


@pytest.mark.parametrize("value", [LARGE, -LARGE, Decimal("1e400"), np.longdouble("1e400")])
def test_numbers_beyond_float64_are_named(value):
    for X, column in [
        (of_objects(value), "column 1"),
        (of_objects(value).tolist(), "column 1"),
        (pd.DataFrame(of_objects(value), columns=["a", "b"]), "column 'b'"),
    ]:
        with pytest.raises(ValueError, match=rf"the range of float64.* in {column}, row 2. If"):
            checked(X)
    with pytest.raises(ValueError, match=r"the range of float64.*column 1, row 2"):
        check_codes(of_objects(value), 2)
    with pytest.raises(ValueError, match=r"the range of float64.*column 1, row 2"):
        metrics.knn_accuracy(of_objects(value), [0, 1, 0, 1])


def test_infinity_is_told_as_infinity():
    for value in (float("inf"), "-inf", np.float32("inf"), Decimal("Infinity")):
        with pytest.raises(ValueError, match="contains infinity"):
            checked(of_objects(value))


@pytest.mark.parametrize("sparse", [False, True])
def test_longer_floats_are_read_as_float64(sparse, tmp_path):
    from scipy.sparse import csr_array

    X = np.arange(8).reshape(4, 2).astype(np.longdouble)
    make = csr_array if sparse else np.asarray
    assert checked(make(X)).dtype == np.float64
    X[2, 1] = np.longdouble("1e400")
    with pytest.raises(ValueError, match=r"range of float64.*Got 1e\+400 in column 1, row 2"):
        checked(make(X))


def test_a_memory_map_of_longer_floats_is_read_as_float64(tmp_path):
    X = np.zeros((300_000, 2), np.longdouble)
    X[:, 0] = np.arange(300_000) % 7
    X[200_000, 1] = np.longdouble("1e400")
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(ValueError, match=r"range of float64.*Got 1e\+400 in column 1"):
        Autoencoder(1, max_iter=1).fit(np.load(tmp_path / "x.npy", mmap_mode="r"))


def test_other_objects_are_left_to_scikit_learn():
    objects = of_objects("red")
    assert with_numbers(objects) is objects


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA, pd.NaT])
def test_missing_values_among_objects_are_nan_where_there_may_be_some(gap):
    objects = of_objects(gap)
    for X in (objects, pd.DataFrame({"a": objects[:, 0], "b": objects[:, 1]})):
        found = check_rows(Autoencoder(), X, reset=True, missing=True)
        assert np.isnan(found[2, 1])
        np.testing.assert_array_equal(np.delete(found.ravel(), 5), [0, 1, 2, 3, 4, 6, 7])
    flags = pd.DataFrame({"a": [True, gap, False], "b": [1.0, 2.0, 3.0]}, dtype=object)
    found = check_rows(Autoencoder(), flags, reset=True, missing=True)
    np.testing.assert_array_equal(found[:, 0], [1, np.nan, 0])
    assert flags.dtypes.tolist() == [object, object]  # the user's frame stays
