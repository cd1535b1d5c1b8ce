"""Random frames of pandas, polars and Arrow, with columns of all kinds and with missing values."""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import strategies as st

ZONE = "Europe/Berlin"
WORDS = ["red", "green", "blue", "été", "", "a longer one"]
NOON = dt.datetime(2024, 3, 31, 12)


def _texts(rng, n):
    return [WORDS[place] for place in rng.integers(0, len(WORDS), n)]


def _dates(rng, n):
    return [NOON.date() + dt.timedelta(days=int(day)) for day in rng.integers(-9000, 9000, n)]


def _times(rng, n):
    return [NOON + dt.timedelta(microseconds=int(us)) for us in rng.integers(-(10**15), 10**15, n)]


def _seconds(rng, n):
    return [NOON + dt.timedelta(seconds=int(s)) for s in rng.integers(-(10**9), 10**9, n)]


def _zoned(rng, n):
    return [time.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(ZONE)) for time in _seconds(rng, n)]


def _spans(rng, n):
    return [dt.timedelta(milliseconds=int(ms)) for ms in rng.integers(-(10**9), 10**9, n)]


def _within(low, high):
    return lambda rng, n: rng.integers(low, high, n, endpoint=True).tolist()


VALUES = {
    "number": lambda rng, n: (rng.normal(size=n) * 10.0 ** rng.integers(-5, 6)).tolist(),
    "single": lambda rng, n: rng.normal(size=n).astype(np.float32).tolist(),
    "small": _within(-100, 100),
    "count": _within(0, 3),
    "large": _within(-(2**53), 2**53),
    "boolean": lambda rng, n: rng.choice([True, False], n).tolist(),
    "text": _texts,
    "category": _texts,
    "ordered": _texts,
    "date": _dates,
    "microsecond": _times,
    "second": _seconds,
    "zone": _zoned,
    "duration": _spans,
}
ORDERED = pd.CategoricalDtype(WORDS[::-1], ordered=True)


def _arrow(dtype):
    return pd.ArrowDtype(dtype)


ARROW = {
    "number": [pa.float64()],
    "single": [pa.float32()],
    "small": [pa.int8(), pa.int16(), pa.int64()],
    "count": [pa.uint8(), pa.int32(), pa.float64()],
    "large": [pa.int64()],
    "boolean": [pa.bool_()],
    "text": [pa.string(), pa.large_string()],
    "category": [pa.dictionary(pa.int8(), pa.string())],
    "ordered": [pa.dictionary(pa.int32(), pa.string(), ordered=True)],
    "date": [pa.date32()],
    "microsecond": [pa.timestamp("us")],
    "second": [pa.timestamp("s"), pa.timestamp("ns")],
    "zone": [pa.timestamp("ms", ZONE)],
    "duration": [pa.duration("ms"), pa.duration("us")],
}
# Those of NumPy that hold no missing value.
WHOLE = {"small": ["int8", "int64"], "count": ["uint8", "int32"], "large": ["int64"]}
WHOLE["boolean"] = ["bool"]
NUMPY = {
    "number": ["float64"],
    "single": ["float32"],
    "small": ["Int8", "Int64", "float64", object],
    "count": ["UInt8", "Float64"],
    "large": ["Int64"],
    "boolean": ["boolean", object],
    "text": ["str", "string", object],
    "category": ["category"],
    "ordered": [ORDERED],
    "microsecond": ["datetime64[us]"],
    "second": ["datetime64[s]", "datetime64[ns]"],
    "zone": [f"datetime64[us, {ZONE}]", f"datetime64[ns, {ZONE}]"],
    "duration": ["timedelta64[ns]", "timedelta64[ms]"],
}
POLARS = {
    "number": [pl.Float64],
    "single": [pl.Float32],
    "small": [pl.Int8, pl.Int64],
    "count": [pl.UInt8, pl.Float64],
    "large": [pl.Int64],
    "boolean": [pl.Boolean],
    "text": [pl.String],
    "category": [pl.Categorical],
    "ordered": [pl.Enum(WORDS[::-1])],
    "date": [pl.Date],
    "microsecond": [pl.Datetime("us")],
    "second": [pl.Datetime("ms"), pl.Datetime("ns")],
    "zone": [pl.Datetime("us", ZONE)],
    "duration": [pl.Duration("ms"), pl.Duration("ns")],
}


def _pandas_column(kind, values, rng):
    if rng.random() < 0.4:
        return pd.Series(values, dtype=_arrow(ARROW[kind][rng.integers(len(ARROW[kind]))]))
    whole = None not in values and kind in WHOLE and rng.random() < 0.5
    dtypes = (WHOLE if whole else NUMPY).get(kind)
    if dtypes is None:
        return pd.Series(values, dtype=_arrow(ARROW[kind][0]))
    dtype = dtypes[rng.integers(len(dtypes))]
    if dtype is object:
        gap = [None, np.nan, pd.NA][rng.integers(3)]
        values = [gap if value is None else value for value in values]
    return pd.Series(values, dtype=dtype)


def _pandas(kinds, values, rng):
    columns = {
        f"{kind} {place}": _pandas_column(kind, values[place], rng)
        for place, kind in enumerate(kinds)
    }
    frame = pd.DataFrame(columns)
    return frame.set_axis(rng.permutation(len(frame)) * 3)


def _polars(kinds, values, rng):
    columns = []
    for place, kind in enumerate(kinds):
        dtype = POLARS[kind][rng.integers(len(POLARS[kind]))]
        column = pl.Series(f"{kind} {place}", values[place], strict=False)
        if kind == "number" and rng.random() < 0.5:
            column = column.fill_null(float("nan"))
        columns.append(column.cast(dtype))
    return pl.DataFrame(columns)


def _table(kinds, values, rng):
    types = [ARROW[kind][rng.integers(len(ARROW[kind]))] for kind in kinds]
    columns = [
        pa.array(of, dtype.value_type).dictionary_encode().cast(dtype)
        if pa.types.is_dictionary(dtype)
        else pa.array(of, dtype)
        for of, dtype in zip(values, types, strict=True)
    ]
    return pa.table(columns, names=[f"{kind} {place}" for place, kind in enumerate(kinds)])


MAKERS = {"pandas": _pandas, "polars": _polars, "pyarrow": _table}


def random_frame(library, kinds, n_rows, seed, gaps=0.2):
    """Return a frame with a column for every kind, of which a fraction of the values is missing."""
    rng = np.random.default_rng(seed)
    values = []
    for kind in kinds:
        missing = rng.random(n_rows) < gaps * rng.integers(0, 2)
        drawn = VALUES[kind](rng, n_rows)
        values.append([None if gap else v for gap, v in zip(missing, drawn, strict=True)])
    return MAKERS[library](kinds, values, rng)


@st.composite
def frames(draw, n_columns, n_rows=(40, 120), gaps=0.2, libraries=tuple(MAKERS)):
    """Frames of a number of columns, or between two numbers of columns."""
    low, high = (n_columns, n_columns) if isinstance(n_columns, int) else n_columns
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=low, max_size=high))
    library = draw(st.sampled_from(libraries))
    return random_frame(
        library, kinds, draw(st.integers(*n_rows)), draw(st.integers(0, 2**32 - 1)), gaps
    )


def columns_as_lists(frame):
    """Return the values of every column by its name, with None where one is missing."""
    if isinstance(frame, pl.DataFrame):
        named = frame.to_dict(as_series=False)
    elif isinstance(frame, pa.Table):
        named = frame.to_pydict()
    else:
        named = {name: frame[name].tolist() for name in frame}
    return {
        name: [None if pd.isna(value) else value for value in values]
        for name, values in named.items()
    }


def types_of(frame):
    """Return the types of the columns."""
    if isinstance(frame, pa.Table):
        return frame.schema.types
    return list(frame.dtypes)


def names_of(frame):
    """Return the names of the columns."""
    return list(frame.column_names if isinstance(frame, pa.Table) else frame.columns)
