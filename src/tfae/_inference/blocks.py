"""What a function gives for all rows, block by block."""

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

# So few need no block: it would cost a tenth of the time that the codes of a single row take.
_FEW_ROWS = 8


def of_every_block(
    X: Any,
    function: Callable[[Array, Workspace], Array],
    floats_per_row: int,
    width: int | None = None,
) -> Array:
    """Return what a function gives for all rows of `X`, whose number may be unknown.

    Parameters
    ----------
    X : ndarray, CSR matrix or Source
    function : callable
        Takes rows, and memory for what it makes of them, which it may return.
    floats_per_row : int
        How many numbers it has NumPy make of a row; 0 if it waits for anything else. Where there
        are many in all, threads take turns, and very many rows are shared out to several threads,
        so that the function must not care about the order of the blocks.
    width : int or None
        How many numbers of a row bound the size of a block; None for the features.
    """
    if isinstance(X, Source) and not X.shape:
        return np.concatenate([function(rows, NEW) for _, rows in dense_blocks(X)])
    if not isinstance(X, Source) and X.shape[0] <= _FEW_ROWS:
        return np.array(function(dense_rows(X, slice(None)), NEW), order="C")
    # No turn is taken while a source is read, which may need another thread that encodes rows.
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
