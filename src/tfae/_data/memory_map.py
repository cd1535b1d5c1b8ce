"""Memory-mapped arrays: their rows are read when they are needed, and are never all in memory.

Pages of a map that were read count as memory of the process, and the system maps whole
neighbourhoods of them. So rows are read from the file itself, in its order, which is also twice as
fast. If that is impossible, rows are copied out of the map and its pages are given back.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from tfae._data.checks import check_finite, within_float64
from tfae._data.holes import has_holes
from tfae._data.rows import as_floats, block_size, evenly_spaced
from tfae._data.source import Source
from tfae._data.statistics import MAX_ENTRIES, Sample, Survey, n_kept
from tfae._support.typing import Array

# A map below this size is treated as an array.
_SMALL = 8 << 20
# This many rows are copied out of the map before its pages are given back: the system may map half
# a megabyte around each of them.
_AT_ONCE = 64


class Mapped(Source):
    """Rows of a memory map.

    Parameters
    ----------
    X : memmap of shape (n, n_features)
        Of real numbers.
    index : ndarray of int or None
        The positions of the rows; None takes all rows.
    missing : bool
        Whether NaN may stand for missing entries. Otherwise it is an error.
    """

    def __init__(self, X: Any, index: Array | None = None, missing: bool = False) -> None:
        self._missing = missing and X.dtype.kind == "f"
        self._X, self._values, self._index = X, np.asarray(X), index
        n_rows = X.shape[0] if index is None else len(index)
        self.shape, self.dtype = (n_rows, X.shape[1]), X.dtype
        self._with_covariance = False
        self._surveyed: tuple[Any, Survey] | None = None
        self._offset = _offset_in_file(X)

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        rows = self._values if self._index is None else self._values[self._index]
        return np.array(rows, dtype, copy=copy)

    def __getitem__(self, rows: Array) -> Mapped:
        part = Mapped(self._X, rows if self._index is None else self._index[rows], self._missing)
        if "has_holes" in vars(self):
            vars(part)["has_holes"] = self.has_holes  # which would take a pass
        return part

    @cached_property
    def has_holes(self) -> bool:
        """Whether entries are missing; this takes a pass, up to the first of them."""
        return self._missing and any(map(has_holes, self.blocks()))

    @property
    def is_surveyed(self) -> bool:
        """Whether the pass will be made in any case, for the covariance."""
        return self._with_covariance

    def prepare(self, covariance: bool, once: bool = False) -> None:
        """Note whether a pass must sum up the covariance; the pass is made when it is needed."""
        self._with_covariance = covariance

    def blocks(self, rows: Array | None = None) -> Iterator[Array]:
        """Yield rows in their order, as dense float blocks of bounded size."""
        n_rows = len(self) if rows is None else len(rows)
        for block in gen_batches(n_rows, block_size(self.shape[1])):
            yield self.take(block if rows is None else rows[block])

    def take(self, index: slice | Array) -> Array:
        """Read rows, and check them."""
        if isinstance(index, slice):
            index = np.arange(*index.indices(len(self)))
        index = index if self._index is None else self._index[index]
        rows = np.empty((len(index), self.shape[1]), self.dtype)
        if self._offset is None:
            self._copy(index, rows)
        else:
            self._read(index, rows, self._offset)
        check_finite(rows, index, missing=self._missing)
        return as_floats(within_float64(rows))

    def statistics(self, rows: Array | None) -> Survey:
        """Return the statistics of some rows from one pass, and keep them for the next call."""
        if self._surveyed is None or self._surveyed[0] is not rows:
            n_rows = len(self) if rows is None else len(rows)
            every = -(-n_rows * self.shape[1] // MAX_ENTRIES) if self._with_covariance else 0
            blocks, holes = self.blocks(rows), self.has_holes
            survey = Survey(blocks, lambda: Sample(self.some(rows)), every, holes=holes)
            self._surveyed = rows, survey
        return self._surveyed[1]

    def some(self, rows: Array | None) -> Array:
        """Read an even sample of some rows."""
        return self.take(evenly_spaced(self, rows, n_kept(self.shape[1], self.dtype.itemsize)))

    def _read(self, index: Array, rows: Array, offset: int) -> None:
        """Read rows from the file in its order, and neighbouring rows at once."""
        width, stride = rows.strides[0], self._values.strides[0]
        order = np.argsort(index, kind="stable")
        places = index[order]
        neighbours = (np.diff(places) == 1) & (np.diff(order) == 1) & (stride == width)
        starts = np.flatnonzero(np.concatenate([[True], ~neighbours]))
        ends = np.append(starts[1:], len(order))
        buffer = rows.reshape(-1).view(np.uint8).data
        runs = zip(
            order[starts].tolist(), places[starts].tolist(), (ends - starts).tolist(), strict=True
        )
        with open(self._X.filename, "rb", buffering=0) as file:
            number = file.fileno()
            for into, row, n_rows in runs:
                part = buffer[into * width : (into + n_rows) * width]
                if os.preadv(number, [part], offset + row * stride) != len(part):
                    raise OSError(f"{self._X.filename} ended in row {row}: it was cut off.")

    def _copy(self, index: Array, rows: Array) -> None:
        """Copy rows out of the map in its order."""
        order = np.argsort(index, kind="stable")
        for part in gen_batches(len(index), _AT_ONCE):
            rows[order[part]] = self._values[index[order[part]]]
            # The pages of a private map hold what was written to it, so they must stay.
            if self._X.mode != "c" and hasattr(mmap, "MADV_DONTNEED"):
                _mapping(self._X).madvise(mmap.MADV_DONTNEED)


def is_large_map(X: Any) -> bool:
    """Whether `X` is a memory map of rows of real numbers that is too large to be read whole."""
    return (
        isinstance(X, np.memmap)
        and isinstance(_mapping(X), mmap.mmap)
        and X.ndim == 2
        and X.nbytes > _SMALL
        and X.dtype.kind in "fiub"
    )


def _mapping(X: Any) -> Any:
    base = X
    while isinstance(base, np.ndarray):
        base = base.base
    return base


def _offset_in_file(X: Any) -> int | None:
    """Return where the first row is in the file, or None if rows cannot be read from there."""
    in_rows = X.strides[1] == X.itemsize and X.strides[0] >= X.shape[1] * X.itemsize
    if not in_rows or X.mode == "c" or X.filename is None or not hasattr(os, "preadv"):
        return None
    start: int = X.offset - X.offset % mmap.ALLOCATIONGRANULARITY
    address = np.frombuffer(_mapping(X), np.uint8).ctypes.data
    offset = start + X.ctypes.data - address
    try:  # another file may have the name by now
        with open(X.filename, "rb", buffering=0) as file:
            for row in (0, len(X) - 1):
                file.seek(offset + row * X.strides[0])
                if file.read(X.shape[1] * X.itemsize) != X[row].tobytes():
                    return None
    except OSError:
        return None
    return int(offset)
