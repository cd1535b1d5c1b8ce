"""Memory-mapped arrays: read where rows are needed, and let go of again.

Pages of a map that were read count as memory of the process until they are given back. So rows are
copied out a little at a time, in the order of the file, and then the pages are dropped; they stay
in the system's own cache.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from tfae._scaling import as_floats, block_size, evenly_spaced
from tfae._survey import Survey, n_kept
from tfae._types import Array, Source
from tfae._validation import check_finite

# Below this a map is treated as the array that it is.
_SMALL = 8 << 20
# The system maps up to 64 kB around a value that is read: 32 MB for so many rows.
_AT_ONCE = 512


class Mapped(Source):
    """Rows of a memory map.

    Parameters
    ----------
    X : memmap of shape (n, n_features)
        Of real numbers.
    index : ndarray of int or None
        Which rows; None takes all.
    """

    def __init__(self, X: Any, index: Array | None = None) -> None:
        self._X, self._values, self._index = X, np.asarray(X), index
        n_rows = X.shape[0] if index is None else len(index)
        self.shape, self.dtype = (n_rows, X.shape[1]), X.dtype
        self.covariance = False  # whether a pass must sum it up
        self._surveyed: tuple[Any, Survey] | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        rows = self._values if self._index is None else self._values[self._index]
        return np.array(rows, dtype, copy=copy)

    def __getitem__(self, rows: Array) -> Mapped:
        return Mapped(self._X, rows if self._index is None else self._index[rows])

    def blocks(self, rows: Array | None = None) -> Iterator[Array]:
        """Yield rows in their order, as dense float blocks of bounded size."""
        n_rows = len(self) if rows is None else len(rows)
        for block in gen_batches(n_rows, block_size(self.shape[1])):
            yield self.take(block if rows is None else rows[block])

    def take(self, index: slice | Array) -> Array:
        """Copy rows out of the map, and check them."""
        index = index if self._index is None else self._index[index]
        if isinstance(index, slice):
            rows, first = np.array(self._values[index]), index.start or 0
            index = np.arange(first, first + len(rows))
            self._release()
        else:
            rows = self._gathered(index)
        check_finite(rows, None, index)
        return as_floats(rows)

    def _gathered(self, index: Array) -> Array:
        order = np.argsort(index, kind="stable")
        rows = np.empty((len(index), self.shape[1]), self.dtype)
        for part in gen_batches(len(index), _AT_ONCE):
            rows[order[part]] = self._values[index[order[part]]]
            self._release()
        return rows

    def _release(self) -> None:
        """Give the pages of the file back. Those of a private map hold what was written there."""
        if self._X.mode == "c" or not hasattr(mmap, "MADV_DONTNEED"):
            return
        base = self._values.base
        while isinstance(base, np.ndarray):
            base = base.base
        if isinstance(base, mmap.mmap):
            base.madvise(mmap.MADV_DONTNEED)

    def statistics(self, rows: Array | None) -> Survey:
        """Return what one pass tells of some rows, kept for the next who asks."""
        if self._surveyed is None or self._surveyed[0] is not rows:
            wanted = n_kept(self.shape[1], self.dtype.itemsize)
            survey = Survey(
                self.blocks(rows),
                lambda: self.take(evenly_spaced(self, rows, wanted)),
                self.covariance,
            )
            self._surveyed = rows, survey
        return self._surveyed[1]


def is_large_map(X: Any) -> bool:
    """Whether `X` is a memory map of rows of real numbers that is not to be read whole."""
    return isinstance(X, np.memmap) and X.ndim == 2 and X.nbytes > _SMALL and X.dtype.kind in "fiub"
