"""Values as JSON and back; what a file cannot hold is refused."""

import json

import hypothesis
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tables import ZONE, frames

from tfae._data.frames import labels_of
from tfae._data.schema import Schema
from tfae._networks.codes import LargestOfRow
from tfae._networks.imported import Imported
from tfae._networks.plain_layers import Dense, Sum
from tfae._networks.spec import Spec
from tfae._networks.structure import Structure, hashable_params
from tfae._objective.losses import LOSSES
from tfae._saving.values import Reader, Writer


def there_and_back(value):
    writer = Writer()
    text = json.dumps(writer.json(value, "value"), allow_nan=False)
    return Reader(writer.arrays).value(json.loads(text))


IMPORTED = Imported("{}", "{}", (2, 2), (1,))
SPEC = Spec(4, 1, (3,), (3,), "relu", "linear", "zeros")


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, -(2**70), 0.1, -0.0, 5e-324, 1e308, "", "ä\ud800\n\0", float("inf")),
        *([], [1, [2.0, "x"]], (), (1, (2, [3])), {}, {"a": {"b": (None,)}, "array": 1}),
        *({1: 2, ("a", "b"): {"c": 3}, "d": 4}, pd.Interval(0.5, 1, "both")),
        *(pd.Timestamp("2024-03-31 12:00:00.123456789"), pd.Timestamp("1600-01-01", tz=ZONE)),
        *(pd.Timestamp("2024-10-27 00:30", tz="UTC").tz_convert(ZONE), pd.Timedelta(-3, "s")),
        *(np.float32(0.1), np.float64(-0.0), np.int8(-3), np.uint64(2**64 - 1), np.bool_(True)),
        *(SPEC, LargestOfRow(3), IMPORTED),
        Sum(((Dense(0, None, "relu"),), ())),
        Structure(IMPORTED, hashable_params({"a": 1, "b": (1.0, True)}), SPEC, "linear"),
    ],
)
def test_it_comes_back_as_it_was(value):
    found = there_and_back(value)
    assert repr(found) == repr(value)
    assert type(found) is type(value)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16", "float64"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (0, 4), (2, 3), (2, 3, 4)])
def test_arrays(dtype, shape):
    value = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    for given in (value, value.T, value[..., ::2] if shape else value):
        found = there_and_back({"x": given})["x"]
        np.testing.assert_array_equal(found, given)
        assert found.dtype == given.dtype
        assert found.flags.f_contiguous == given.flags.f_contiguous or not given.flags.forc
        assert found.flags.writeable


INDEX = [
    pd.Index(["a", "b"], name="x"),
    pd.Index(["a", 1, (2, "b")], dtype=object),
    pd.RangeIndex(3, 9, 2),
    pd.RangeIndex(1),
    pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", None]),
    pd.DatetimeIndex(["2024-01-01", "2024-03-01"], tz=ZONE),
    pd.interval_range(0, 3),
    pd.CategoricalIndex(["a", "b"], ["b", "a"], ordered=True),
]


@pytest.mark.parametrize("value", INDEX, ids=lambda value: type(value).__name__)
def test_labels_of_pandas(value):
    pd.testing.assert_index_equal(there_and_back(value), value, exact=True)


TYPES = [
    *map(np.dtype, ("int8", "float32", "bool", "object", "datetime64[us]", "timedelta64[s]")),
    *map(pd.api.types.pandas_dtype, ("Int16", "Float32", "boolean", "str", "string", "category")),
    pd.StringDtype("python", na_value=np.nan),
    pd.CategoricalDtype(pd.date_range("2024-01-01", periods=2), ordered=True),
    pd.cut([1.0, 2.0, 3.0], 2).dtype,
    *(pd.DatetimeTZDtype("ns", zone) for zone in ("UTC", ZONE, "UTC+01:00")),
    *(pd.ArrowDtype(of) for of in (pa.int8(), pa.timestamp("us", ZONE), pa.large_string())),
    *(pa.dictionary(pa.int8(), pa.string(), ordered=True), pa.decimal128(9, 2), pa.date32()),
    *(pl.Int8(), pl.String(), pl.Categorical(), pl.Enum(["b", "a"]), pl.Date(), pl.Null()),
    *(pl.Datetime("ms", ZONE), pl.Datetime("us"), pl.Duration("ns"), pl.Decimal(9, 2)),
]


@pytest.mark.parametrize("value", TYPES, ids=repr)
def test_types_of_columns(value):
    found = there_and_back([value])[0]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "value", [pd.PeriodDtype("D"), pd.SparseDtype(float), np.dtype("U3"), pa.list_(pa.int8())]
)
def test_other_types_of_columns_are_refused(value):
    with pytest.raises(ValueError, match="save cannot write"):
        there_and_back([value])


@pytest.mark.parametrize(
    "given",
    [
        *(["numpy", "V8"], ["numpy", "i4,i4"], ["masked", "category"], ["os", "system"]),
        *(["polars", "Object"], ["polars", "Datetime", "us", "/etc/passwd"], ["zoned", "ns", "X"]),
        *(["zoned", "D", "UTC"], ["zoned", "ns", "dateutil//etc/passwd"], ["pyarrow", "no"]),
    ],
)
def test_only_types_of_columns_are_made(given):
    with pytest.raises((ValueError, TypeError, LookupError)):
        Reader({}).value({"type": given})


@hypothesis.settings(deadline=None, max_examples=30)
@hypothesis.given(frames((1, 8)))
def test_a_schema_reads_and_writes_the_same_frames(frame):
    try:
        schema = Schema.of(frame)
    except ValueError:  # nothing can be learned from it
        return
    found = there_and_back(schema)
    assert found.columns == schema.columns
    assert found.dropped == schema.dropped
    assert list(found.labels) == list(labels_of(frame))
    rows = schema.encode(frame)
    np.testing.assert_array_equal(found.encode(frame), rows)
    assert found.decode(rows, like=frame).equals(schema.decode(rows, like=frame))


def test_arrays_of_texts():
    names = np.array(["a", "ö\udc00", ""], dtype=object)
    found = there_and_back(names)
    assert found.dtype == object
    assert list(found) == list(names)


def test_nan_is_nan():
    assert np.isnan(there_and_back(float("nan")))
    assert type(there_and_back(np.float32("nan"))) is np.float32


def test_places_with_the_same_name_have_their_own_arrays():
    found = there_and_back({"a.b": np.zeros(2), "a": {"b": np.ones(2)}})
    np.testing.assert_array_equal(found["a"]["b"], 1)
    np.testing.assert_array_equal(found["a.b"], 0)


def test_random_numbers_continue():
    state, generator = np.random.RandomState(3), np.random.default_rng([1, 2, 3, 4]).spawn(2)[1]
    state.normal(size=3)
    generator.normal(size=3)
    generator.spawn(1)
    found = there_and_back([state, generator])
    assert found[0].normal() == state.normal()
    assert found[1].normal() == generator.normal()
    assert found[1].spawn(1)[0].normal() == generator.spawn(1)[0].normal()
    whole = np.random.default_rng(2**100)
    assert there_and_back(whole).spawn(1)[0].random() == whole.spawn(1)[0].random()


def test_registered_functions_are_found_by_their_names():
    assert there_and_back(LOSSES["mae"].function) is LOSSES["mae"].function
    with pytest.raises(ValueError, match=r"'loss' parameter must be one of .* Got 'maee'.*'mae'"):
        Reader({}).value({"function": ["loss", "maee"]})


@pytest.mark.parametrize(
    "value",
    [
        *(1j, {1, 2}, b"x", object(), np.complex64(1), np.array([1, "x"], object)),
        *(np.array(["x"]), np.zeros(2, "datetime64[s]"), np.longdouble(1), lambda x: x),
        *(np.random.Generator(np.random.MT19937(0)), np.random.RandomState(np.random.PCG64(0))),
    ],
)
def test_anything_else_is_refused(value):
    with pytest.raises(ValueError, match=r"^save cannot write a\.b\.0, because a file holds"):
        Writer().json({"b": [value]}, "a")


def test_what_to_do_depends_on_the_parameter():
    with pytest.raises(ValueError, match=r"Give it a name with tfae\.register_loss"):
        Writer().json(lambda x, y: x, "parameters.loss")
    with pytest.raises(ValueError, match=r"model\.set_params\(callbacks=\.\.\.\)"):
        Writer().json([object()], "parameters.callbacks")


def test_all_that_a_file_names_is_known_by_a_table():
    for given in ({"os": "system"}, {"Dense": {}, "Sum": {}}, {"Dense": {"kernel": 0}}, {}):
        with pytest.raises(ValueError, match=r"of a kind|have one kind|needs the fi"):
            Reader({}).value(given)
