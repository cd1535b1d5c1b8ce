"""The data sets of the demo: digits, MNIST and the user's own CSV file.

Each loader returns all rows in their own order and their own units. Any processing is up to the
caller.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import fetch_openml, load_digits

from tfae._support.images import square_image
from tfae._support.registry import nearest_name

_MNIST_PARTS = ("train", "t10k")
# Below 8 x 8 a square number of columns says nothing: nine columns are a table, not an image.
_SMALLEST_IMAGE = 64
_DAMAGED_GZIP = (EOFError, gzip.BadGzipFile, zlib.error)
_DAMAGED_CSV = (pd.errors.ParserError, UnicodeDecodeError, *_DAMAGED_GZIP)


@dataclass(frozen=True)
class Dataset:
    """Rows, their labels if there are any, and what is known of a row if it is an image."""

    X: NDArray[np.float32]
    y: NDArray[Any] | None
    image_shape: tuple[int, int] | None
    name: str
    pixel_range: tuple[float, float] | None = None


def digits() -> Dataset:
    """Return scikit-learn's digits: 1,797 images of 8 x 8 pixels from 0 to 16."""
    X, y = load_digits(return_X_y=True)
    return Dataset(X.astype(np.float32), y, (8, 8), "digits", (0, 16))


def mnist() -> Dataset:
    """Return the 70,000 images of MNIST, 28 x 28 pixels from 0 to 255, training images first.

    They are read from the folder that ``TFAE_DATA`` names (or ``mnist`` in it), else from
    ``../shared/data/mnist``, else downloaded from OpenML.

    Raises
    ------
    FileNotFoundError
        If no source has them; the message names all sources that were tried.
    ValueError
        If a file is there but damaged.
    """
    tried = []
    for folder in _mnist_folders():
        if all(path.is_file() for part in _MNIST_PARTS for path in _mnist_files(folder, part)):
            return _read_mnist(folder)
        tried.append(f"the folder {folder}")
    try:
        X, y = fetch_openml("mnist_784", version=1, return_X_y=True, as_frame=False, n_retries=1)
    except (OSError, ValueError) as error:
        raise FileNotFoundError(
            "MNIST must be in a folder (the four .gz files; name it in TFAE_DATA) or within reach "
            f"on OpenML, got neither. Tried: {'; '.join(tried)}; OpenML ({error})."
        ) from error
    return Dataset(X.astype(np.float32), y.astype(np.int64), (28, 28), "mnist", (0, 255))


def csv(path: str | Path, label_column: str | None = None) -> Dataset:
    """Return the rows of a CSV file with a first line of column names.

    Parameters
    ----------
    path : str or Path
        The file, plain or compressed.
    label_column : str, default=None
        The column that holds the labels, by default the first one. ``"none"`` means that there are
        no labels, unless a column has that name.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, if there is no such column, or if a column other than the label's
        holds anything but finite numbers.
    """
    path = Path(path)
    frame = _read_csv(path)
    label = _label_name(frame, label_column, path)
    y = None if label is None else _labels(frame[label], path)
    X = _numbers(frame if label is None else frame.drop(columns=label), path)
    n_columns = X.shape[1]
    image_shape = square_image(n_columns) if n_columns >= _SMALLEST_IMAGE else None
    return Dataset(X, y, image_shape, path.name)


def _mnist_folders() -> list[Path]:
    named = os.environ.get("TFAE_DATA")
    folders = [Path(named), Path(named) / "mnist"] if named else []
    return [*folders, Path("..", "shared", "data", "mnist")]


def _mnist_files(folder: Path, part: str) -> tuple[Path, Path]:
    return folder / f"{part}-images-idx3-ubyte.gz", folder / f"{part}-labels-idx1-ubyte.gz"


def _read_mnist(folder: Path) -> Dataset:
    images, labels = [], []
    for part in _MNIST_PARTS:
        image_file, label_file = _mnist_files(folder, part)
        images.append(read_idx(image_file, rank=3))
        labels.append(read_idx(label_file, rank=1))
        if len(images[-1]) != len(labels[-1]):
            raise ValueError(
                f"{label_file} must have a label for each of the {len(images[-1])} images, "
                f"got {len(labels[-1])} labels."
            )
    X, y = np.concatenate(images), np.concatenate(labels)
    height, width = X.shape[1:]
    rows = X.reshape(len(X), -1).astype(np.float32)
    return Dataset(rows, y.astype(np.int64), (height, width), "mnist", (0, 255))


def read_idx(path: Path, rank: int) -> NDArray[np.uint8]:
    """Return the array of bytes in a gzipped IDX file.

    The format is two zero bytes, the type of the values (8: unsigned bytes), the number of axes,
    each axis's length as a big-endian 32-bit number, and the values.

    Raises
    ------
    ValueError
        If the file is damaged, or does not hold bytes on `rank` axes.
    """
    content = _gunzip(path)
    expected = bytes([0, 0, 8, rank])
    if content[:4] != expected:
        raise ValueError(
            f"{path} must be an IDX file that starts with the bytes {list(expected)}, "
            f"got {list(content[:4])}."
        )
    start = 4 + 4 * rank
    if len(content) < start:
        raise ValueError(f"{path} must have a header of {start} bytes, got {len(content)} bytes.")
    shape = struct.unpack(f">{rank}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise ValueError(
            f"{path} must hold {math.prod(shape)} values for the shape {shape}, "
            f"got {len(content) - start}."
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def _gunzip(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read()
    except _DAMAGED_GZIP as error:
        raise ValueError(f"{path} must be a whole gzip file, got: {error}.") from error


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        # By default pandas silently takes surplus values at the start of lines for an index. With
        # index_col=False it cuts surplus values off and warns; the warning becomes an error here.
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(path, index_col=False, low_memory=False)
    except pd.errors.EmptyDataError as error:
        raise ValueError(f"{path} must have a line of column names, got an empty file.") from error
    except pd.errors.ParserWarning as error:
        raise ValueError(
            f"{path} must have as many values in a line as the first line has names, got more."
        ) from error
    except _DAMAGED_CSV as error:
        raise ValueError(f"{path} must be a whole CSV file, got: {error}.") from error
    if frame.empty:
        raise ValueError(f"{path} must have at least one row of data, got column names only.")
    if _looks_like_data(list(frame.columns)):
        raise ValueError(
            f"{path} must have a first line of column names, got numbers: "
            f"{', '.join(map(str, frame.columns[:4]))}, …"
        )
    return frame


def _looks_like_data(columns: list[str]) -> bool:
    """Whether the names of the columns are a row of numbers, and not just their positions."""
    try:
        values = [float(name) for name in columns]
    except ValueError:
        return False
    return any(value != values[0] + place for place, value in enumerate(values))


def _label_name(frame: pd.DataFrame, label_column: str | None, path: Path) -> str | None:
    if label_column is None:
        return str(frame.columns[0])
    if label_column in frame.columns:
        return label_column
    if label_column == "none":
        return None
    names = [str(name) for name in frame.columns]
    listed = ", ".join(names) if len(names) <= 20 else f"{', '.join(names[:20])}, …"
    raise ValueError(
        f"The label column must be a column of {path} ({listed}) or 'none', "
        f"got {label_column!r}.{nearest_name(label_column, names)}"
    )


def _labels(column: pd.Series[Any], path: Path) -> NDArray[Any]:
    _require(column.notna().to_numpy(), column, "a label in every row", path)
    values = column.to_numpy()
    return values if values.dtype.kind in "biuf" else values.astype(str)


def _numbers(frame: pd.DataFrame, path: Path) -> NDArray[np.float32]:
    if frame.shape[1] == 0:
        raise ValueError(f"{path} must have columns beside the label's, got none.")
    for name in frame.columns:
        column = frame[name]
        _require(column.notna().to_numpy(), column, "a value in every row", path)
        parsed = pd.to_numeric(column, errors="coerce")
        # A value that overflows float32 becomes infinite, and is reported like any infinity.
        with np.errstate(over="ignore"):
            finite = np.isfinite(parsed.to_numpy(np.float32))
        _require(finite, column, "finite numbers only", path)
    return frame.to_numpy(dtype=np.float32)


def _require(good: NDArray[np.bool_], column: pd.Series[Any], what: str, path: Path) -> None:
    """Raise an error that names the column and shows its first bad row, unless all are good."""
    if good.all():
        return
    row = int(np.argmin(good))
    value = column.iloc[row]
    missing = bool(pd.isna(value))
    got = "nothing" if missing else repr(value) if isinstance(value, str) else str(value)
    hint = " The file may be cut short." if missing and row == len(column) - 1 else ""
    raise ValueError(
        f"The column {column.name!r} of {path} must have {what}, got {got} in row {row + 1}.{hint}"
    )
