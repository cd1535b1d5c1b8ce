"""The results of a function for all rows, block by block."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np

from tfae._data.rows import dense_blocks, dense_rows
from tfae._data.source import Source
from tfae._inference.threads import for_every_block
from tfae._inference.workspace import NEW, Workspace
from tfae._support.typing import Array

# So few rows need no blocks, which would cost a tenth of the time of encoding a single row.
_FEW_ROWS = 8


def of_every_block(
    X: Any,
    function: Callable[[Array, Workspace], Array],
    floats_per_row: int,
    width: int | None = None,
) -> Array:
    """Return the results of a function for all rows of `X`; their number may be unknown.

    Parameters
    ----------
    X : ndarray, CSR matrix or Source
    function : callable
        Takes rows, and a workspace for its arrays. It may return one of these arrays.
    floats_per_row : int
        How many numbers NumPy computes for a row; 0 if the function waits for anything else. If
        there are many in all, threads take turns. Very many rows are shared among several threads,
        so the function must not depend on the order of the blocks.
    width : int or None
        How many numbers a row has when the size of a block is chosen; None for the features.
    """
    if isinstance(X, Source) and not X.shape:
        return np.concatenate([function(rows, NEW) for _, rows in dense_blocks(X)])
    if not isinstance(X, Source) and X.shape[0] <= _FEW_ROWS:
        return np.array(function(dense_rows(X, slice(None)), NEW), order="C")
    # A source takes no turn, because reading it may need another thread that encodes rows.
    total = 0 if isinstance(X, Source) else X.shape[0] * floats_per_row
    results: list[Array] = []
    lock = Lock()

    def put(block: tuple[slice, Array], space: Workspace) -> None:
        places, rows = block
        part = function(rows, space)
        with lock:
            if not results:
                results.append(np.empty((X.shape[0], *part.shape[1:]), part.dtype))
        results[0][places] = part

    for_every_block(dense_blocks(X, width=width), put, n_floats=total)
    return results[0]
