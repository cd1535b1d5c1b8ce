"""Streams of files, datasets and iterables; public as ``tfae.streams``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from tfae._data.streams import Piece, Stream
from tfae._support.registry import nearest_name

_Path = str | os.PathLike[str]
Paths = _Path | Iterable[_Path]

# Batches that are read from files have about this many bytes.
_BATCH_BYTES = 8 << 20
# If a dataset gives its rows one by one, this many are gathered at a time.
_GATHERED = 1024
# tf.data.INFINITE_CARDINALITY
_INFINITE = -1

_ITERABLE = "an iterable of arrays or data frames"


def _is_set(option: Any) -> bool:
    return option is not None and option is not False


# Options of pandas.read_csv that a stream cannot take: the refused values, and what to do instead.
_REFUSED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "usecols": (_is_set, "must be left out: name the columns to read in 'columns'"),
    "index_col": (_is_set, "must be left out or False: name the columns to read in 'columns'"),
    "chunksize": (_is_set, "must be left out: the length of batches follows from the columns"),
    "iterator": (_is_set, "must be left out: a stream is always read in batches"),
    "skipfooter": (bool, "must be left out: pandas cannot read a file in batches with it"),
    "engine": (lambda engine: engine == "pyarrow", "must be 'c' or 'python', which read batches"),
    "header": (
        lambda header: _is_set(header) and not isinstance(header, (str, int, np.integer)),
        "must be the number of one line, 'infer' or None",
    ),
}


def from_batches(
    batches: Iterable[Any] | Callable[[], Iterable[Any]], *, window: int | None = None
) -> Stream:
    """Make a stream of an iterable of batches.

    Parameters
    ----------
    batches : iterable, or callable that returns one
        Arrays or data frames. An iterator can be read once, which is enough for ``partial_fit`` and
        ``transform``. ``fit`` needs an iterable that starts anew, with the same rows in the same
        order, or a callable that returns a new iterator each time. The first call of
        ``partial_fit`` needs the same for a `StackedAutoencoder` or to find ``n_components``,
        unless the iterator ends within its window.
    window : int, default=None
        The number of rows that are shuffled together; by default as many as fit into 128 MB.

    Returns
    -------
    Stream

    Raises
    ------
    ValueError
        If `batches` is not an iterable of arrays, is a single table, or is a dataset without an
        end.

    Examples
    --------
    >>> import numpy as np
    >>> from tfae import Autoencoder, streams
    >>> def batches():
    ...     for seed in range(100):
    ...         yield np.random.default_rng(seed).normal(size=(50, 8))
    >>> model = Autoencoder(3, max_iter=5, random_state=0, linear_path=False)
    >>> model.fit(streams.from_batches(batches, window=1000)).transform(batches).shape
    (5000, 3)
    """
    if callable(batches):
        must = f"The callable given as a stream must return {_ITERABLE}"
        return Stream([Piece("the stream", lambda: _iterable(batches(), must))], window)
    _iterable(batches, f"'batches' must be {_ITERABLE}, or a callable that returns one")
    once = hasattr(batches, "__next__")
    return Stream([Piece("the stream", lambda: batches)], window, once)


def _iterable(batches: Any, must: str) -> Iterable[Any]:
    """Return an iterable of batches, not a single table: it would give rows or column names."""
    if hasattr(batches, "__array__") or sparse.issparse(batches):
        shape = tuple(getattr(batches, "shape", ()))
        of_objects = getattr(getattr(batches, "dtype", None), "kind", "") == "O"
        if len(shape) == 2 or (len(shape) < 2 and not of_objects):
            raise ValueError(f"{must}. Got one {type(batches).__name__} of shape {shape}.")
    if isinstance(batches, (str, bytes, Mapping)) or not hasattr(batches, "__iter__"):
        raise ValueError(f"{must}. Got {batches!r}.")
    if is_dataset(batches):
        _check_end(batches)
    return batches


def from_dataset(dataset: Any, *, window: int | None = None) -> Stream:
    """Make a stream of a :class:`tf.data.Dataset` of rows or of batches of rows.

    Parameters
    ----------
    dataset : tf.data.Dataset
        A dataset without labels. It must end, and give the same rows in the same order each time:
        the estimator repeats and shuffles them itself.
    window : int, default=None
        The number of rows that are shuffled together; by default as many as fit into 128 MB.

    Returns
    -------
    Stream

    Raises
    ------
    ValueError
        If `dataset` is not a dataset, or has no end.

    Examples
    --------
    >>> import numpy as np
    >>> import tensorflow as tf
    >>> from tfae import Autoencoder, streams
    >>> dataset = tf.data.Dataset.from_tensor_slices(np.random.default_rng(0).random((200, 8)))
    >>> model = Autoencoder(3, max_iter=5, random_state=0).fit(streams.from_dataset(dataset))
    >>> model.transform(dataset).shape
    (200, 3)
    """
    if not is_dataset(dataset):
        raise ValueError(f"'dataset' must be a tf.data.Dataset. Got {dataset!r}.")
    _check_end(dataset)
    shape = getattr(dataset.element_spec, "shape", None)
    if shape is not None and shape.rank == 1:
        dataset = dataset.batch(_GATHERED)
    return Stream([Piece("the dataset", dataset.as_numpy_iterator)], window)


def _check_end(dataset: Any) -> None:
    """Raise if a dataset declares that it never ends."""
    if int(dataset.cardinality()) == _INFINITE:
        raise ValueError(
            "A dataset must end; leave .repeat() out, because every epoch reads the dataset anew. "
            f"Got {dataset!r}."
        )


def is_dataset(X: Any) -> bool:
    """Whether `X` is a dataset of TensorFlow; this needs no import of TensorFlow."""
    return (
        hasattr(type(X), "as_numpy_iterator")
        and hasattr(X, "element_spec")
        and type(X).__module__.partition(".")[0] == "tensorflow"
    )


def read_parquet(
    paths: Paths, columns: Sequence[str] | None = None, *, window: int | None = None
) -> Stream:
    """Make a stream of the rows of Parquet files, row group by row group.

    Every epoch reads the row groups of all files in another order.

    Parameters
    ----------
    paths : str, Path, or sequence of them
    columns : sequence of str, default=None
        The columns to read, in this order. None takes all columns of the first file except those
        that pandas wrote as the index, like :func:`pandas.read_parquet`.
    window : int, default=None
        The number of rows that are shuffled together; by default as many as fit into 128 MB.

    Returns
    -------
    Stream

    Raises
    ------
    ImportError
        Without pyarrow, which ``pip install "tfae[streams]"`` installs.
    ValueError
        If a file is damaged, does not have the columns, or has one of them twice.

    Examples
    --------
    >>> from tfae import streams
    >>> streams.read_parquet(["2024.parquet", "2025.parquet"], columns=["x", "y"])  # doctest: +SKIP
    <Stream of row group 0 of '2024.parquet', row group 0 of '2025.parquet'>
    """
    parquet = _pyarrow_parquet()
    pieces = []
    for path in _listed(paths):
        with _explained(path), parquet.ParquetFile(path) as file:
            names, n_groups = list(file.schema_arrow.names), file.num_row_groups
            index = _index_of_pandas(file.schema_arrow)
        columns = _chosen_columns(path, names, columns, index)
        pieces += [
            Piece(f"row group {group} of {str(path)!r}", partial(_row_group, path, group, columns))
            for group in range(n_groups)
        ]
    return Stream(pieces, window)


def read_csv(
    paths: Paths,
    columns: Sequence[str] | None = None,
    *,
    window: int | None = None,
    **options: Any,
) -> Stream:
    """Make a stream of the rows of CSV files.

    Every epoch reads the files in another order. Reading text takes longer than training a small
    network on it: for many epochs, Parquet is the better format.

    Parameters
    ----------
    paths : str, Path, or sequence of them
    columns : sequence of str, default=None
        The columns to read, in this order. None takes all columns of the first file.
    window : int, default=None
        The number of rows that are shuffled together; by default as many as fit into 128 MB.
    **options
        Options of :func:`pandas.read_csv`, such as ``sep=";"`` or ``dtype="float32"``; ``nrows``
        counts the rows of each file. `columns` takes the place of ``usecols``. Options that pandas
        cannot use in batches are refused: ``index_col`` other than False, ``skipfooter``,
        ``chunksize``, ``iterator``, ``engine="pyarrow"`` and a ``header`` of several lines.

    Returns
    -------
    Stream

    Raises
    ------
    ValueError
        If a file does not have the columns or is damaged, or if an option cannot be used.

    Notes
    -----
    Each file is read as pandas reads it. If its lines have more fields than its header, the first
    fields are an index, which is left out. A line with more fields than those before it is an
    error, unless `columns` is given: pandas then reads these columns alone and does not count
    fields.

    Examples
    --------
    >>> from tfae import streams
    >>> streams.read_csv("measurements.csv", columns=["x", "y"])  # doctest: +SKIP
    <Stream of 'measurements.csv'>
    """
    _check_options(options)
    asked = columns
    unnamed = columns is None and options.get("header", "infer") is None
    pieces = []
    for path in _listed(paths):
        with _explained(path):
            names = list(pd.read_csv(path, **{**options, "nrows": 0}).columns)
            # With given columns, pandas counts no fields and takes an unnamed index for a column.
            whole = asked is None or _has_index(path, options)
        columns = _chosen_columns(path, names, columns)
        if unnamed and len(names) > len(columns):
            raise ValueError(
                f"The file {str(path)!r} must have {len(columns)} columns like the first file, "
                f"because they have no names. Got {len(names)}."
            )
        read = {**options, "usecols": None if whole else columns}
        pieces.append(Piece(repr(str(path)), partial(_csv_batches, path, columns, read)))
    return Stream(pieces, window)


def _index_of_pandas(schema: Any) -> list[Any]:
    """Return what pandas wrote as the index: names of columns, or the description of a range."""
    return list((schema.pandas_metadata or {}).get("index_columns", []))


def _has_index(path: _Path, options: dict[str, Any]) -> bool:
    """Whether the lines of a file have more fields than its header: an index without a name."""
    of_values = ("dtype", "converters")
    read = {name: value for name, value in options.items() if name not in of_values}
    first = pd.read_csv(path, **{**read, "nrows": 1})
    return len(first) > 0 and not isinstance(first.index, pd.RangeIndex)


def _check_options(options: dict[str, Any]) -> None:
    for name, (is_refused, must) in _REFUSED.items():
        if name in options and is_refused(options[name]):
            raise ValueError(f"{name!r} {must}. Got {options[name]!r}.")


def _row_group(path: _Path, group: int, columns: list[str]) -> Iterator[pd.DataFrame]:
    with _explained(path), _pyarrow_parquet().ParquetFile(path) as file:
        for batch in file.iter_batches(_batch_rows(columns), [group], columns):
            yield batch.to_pandas(ignore_metadata=True)[columns]


def _csv_batches(
    path: _Path, columns: list[str], options: dict[str, Any]
) -> Iterator[pd.DataFrame]:
    with (
        _explained(path),
        pd.read_csv(path, **{**options, "chunksize": _batch_rows(columns)}) as batches,
    ):
        for batch in batches:
            yield batch[columns]


def _batch_rows(columns: list[str]) -> int:
    return int(np.clip(_BATCH_BYTES // (8 * len(columns)), 256, 65_536))


def _listed(paths: Any) -> list[_Path]:
    # As a sequence, an open file would give its lines and bytes would give numbers: each counts as
    # one path.
    one = isinstance(paths, (str, bytes, os.PathLike)) or hasattr(paths, "read")
    listed = [paths] if one or not isinstance(paths, Iterable) else list(paths)
    if not listed:
        raise ValueError("'paths' must name at least one file. Got none.")
    for path in listed:
        if not isinstance(path, (str, os.PathLike)):
            raise ValueError(f"'paths' must be a str or Path, or a sequence of them. Got {path!r}.")
        if not Path(path).is_file():
            raise FileNotFoundError(f"'paths' must be files that exist. Got {str(path)!r}.")
    return listed


def _chosen_columns(
    path: _Path, names: list[str], columns: Any, index: Sequence[Any] = ()
) -> list[str]:
    """Return the columns to read; each must be in the file exactly once."""
    if columns is None:
        chosen = [name for name in names if name not in index]
        if not chosen:
            raise ValueError(
                f"The file {str(path)!r} must have a column besides the index. Got {names}."
            )
    else:
        chosen = _listed_names(columns)
    found = Counter(names)
    for name in chosen:
        if name not in found:
            raise ValueError(
                f"The file {str(path)!r} must have the column {name!r}. Got {len(names)} "
                f"others.{nearest_name(str(name), map(str, names))}"
            )
        if found[name] > 1:
            raise ValueError(
                f"The file {str(path)!r} must have one column {name!r}. Got {found[name]} of that "
                "name."
            )
    return chosen


def _listed_names(columns: Any) -> list[str]:
    is_list = isinstance(columns, Iterable) and hasattr(columns, "__len__")
    # A set has no order: in every process another column would come first.
    listed = (
        list(columns) if is_list and not isinstance(columns, (str, bytes, Set, Mapping)) else []
    )
    if not listed or not all(isinstance(name, Hashable) for name in listed):
        raise ValueError(f"'columns' must be a list of names, at least one. Got {columns!r}.")
    (name, n_asked), *_ = Counter(listed).most_common(1)
    if n_asked > 1:
        raise ValueError(f"'columns' must name each column once. Got {name!r} {n_asked} times.")
    return listed


@contextmanager
def _explained(path: _Path) -> Iterator[None]:
    """Say which file cannot be read."""
    try:
        yield
    except (EOFError, OSError, ValueError) as error:
        # For a damaged file, pandas and pyarrow raise errors of their own kinds. A plain ValueError
        # is about an option, or about a value that is not of the dtype asked for. An error with a
        # number comes from the system: the file no longer exists or cannot be read.
        known = type(error) is ValueError or getattr(error, "errno", None) is not None
        cause = "" if known else ", it may be damaged or cut off"
        raise ValueError(f"The file {str(path)!r} cannot be read{cause}: {error}") from error


def _pyarrow_parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(
            'Reading Parquet files needs pyarrow: pip install "tfae[streams]".'
        ) from error
    return parquet
