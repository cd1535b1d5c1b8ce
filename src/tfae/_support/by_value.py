"""Functions as bytes that another process can read, wherever they were defined."""

from __future__ import annotations

import threading
from typing import Any

import cloudpickle

from tfae._support.tensorflow import without_noise

_under_way = threading.local()


def to_bytes(function: Any) -> bytes | None:
    """Return a function as bytes, or None if that is impossible.

    A function of a module that can be imported is a reference. Any other, such as one of a script
    or a notebook, is its code with what it refers to, as joblib sends functions to its workers.
    """
    if getattr(_under_way, "packs", False):  # it refers to an estimator that has it as a parameter
        return None
    _under_way.packs = True
    try:
        return bytes(cloudpickle.dumps(function))
    except Exception:  # whatever the objects that it refers to raise
        return None
    finally:
        _under_way.packs = False


def from_bytes(packed: bytes) -> Any:
    """Return the function of :func:`to_bytes`. Bytes are as trusted as a pickle is.

    Modules that it refers to are imported, and TensorFlow is often one of them.
    """
    with without_noise():
        return cloudpickle.loads(packed)
