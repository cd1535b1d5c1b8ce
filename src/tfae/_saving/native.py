"""Values as one file, which runs no code when read: a model, or the checkpoint of a training.

The file is in the format safetensors: arrays, and one text in JSON, the entry "tfae" of its
metadata. The text begins with the version of its format and the SHA-256 of the whole file, in which
the digits of the sum itself count as zeros. This beginning stays in all versions.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import numpy as np
import safetensors
import safetensors.numpy

from tfae._saving.fitted_values import model_of, values_of_model
from tfae._saving.values import Reader, Writer
from tfae._support.typing import Array
from tfae._support.whole_files import write_whole

T = TypeVar("T")
Path: TypeAlias = "str | os.PathLike[str]"

FORMAT_VERSION = 1
_NO_DIGITS = "0" * 64
_BEGINNING = re.compile(
    rb'"tfae":"\{\\"format_version\\": (\d{1,9}), \\"sha256\\": \\"([0-9a-f]{64})\\"'
)
# The bytes that a value of JSON takes in Python at most, and how many are fine in any file.
_BYTES_OF_A_VALUE, _FEW_BYTES = 128, 16 << 20
# The dtypes of safetensors that files of models have, by their names there.
_DTYPES = {
    "BOOL": np.dtype(bool),
    **{f"I{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"U{8 * size}": np.dtype(f"<u{size}") for size in (1, 2, 4, 8)},
    **{f"F{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
}


def save(path: Path, about: Mapping[str, Any], fitted: Any) -> None:
    """Write a fitted value and what else is to be known of its estimator, whole or not at all.

    Raises
    ------
    ValueError
        If the file cannot hold a value.
    """
    write(path, {**about, **values_of_model(fitted)})


def load(path: Path, make: Callable[[dict[str, Any], Any], T]) -> T:
    """Return what `make` makes of what :func:`save` has written: `about` and the fitted value.

    Raises
    ------
    ValueError
        If the file is damaged, or of a newer version, or not written by :func:`save`.
    """
    return read(path, lambda values: make(values, model_of(values)))


def write(path: Path, values: Mapping[str, Any]) -> None:
    """Write named values, whole or not at all; raise ValueError if the file cannot hold one."""
    write_whole(path, [packed(values)])


def read(path: Path, make: Callable[[dict[str, Any]], T]) -> T:
    """Return what `make` makes of the values that :func:`write` has written.

    Raises
    ------
    ValueError
        If the file is damaged, or of a newer version, or `make` can make nothing of it.
    """
    with open(path, "rb") as file:
        # A device has no size and may have no end.
        data = file.read(os.fstat(file.fileno()).st_size)
    try:
        return unpacked(data, make)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)!r} cannot be loaded: {error}.") from error


def packed(given: Mapping[str, Any]) -> bytearray:
    """Return the content of a file."""
    writer = Writer()
    values = writer.named(given, "")
    beginning = {"format_version": FORMAT_VERSION, "sha256": _NO_DIGITS}
    text = json.dumps({**beginning, **values}, allow_nan=False)
    data = bytearray(safetensors.numpy.save(writer.arrays, {"tfae": text}))
    _check_size(_header(data), len(data))
    found = _beginning(data)
    data[slice(*found.span(2))] = _digits(data, found).encode()
    return data


def unpacked(data: bytes, make: Callable[[dict[str, Any]], T]) -> T:
    """Return what `make` makes of what :func:`packed` has packed, or raise ValueError."""
    found = _beginning(data)
    version = int(found[1])
    if version > FORMAT_VERSION:
        raise ValueError(
            f"it has the format version {version}, and this version of tfae reads versions up to "
            f"{FORMAT_VERSION}; update tfae"
        )
    if found[2].decode() != _digits(data, found):
        raise ValueError("it is damaged: its content does not agree with its SHA-256")
    # From here on only a file that was made to do harm is not as it should be.
    try:
        values = _text(data)
        with np.errstate(all="ignore"):
            reader = Reader(_arrays(data))
            return make({name: reader.value(given) for name, given in values.items()})
    except (TypeError, AttributeError, LookupError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"it does not describe a model: {error!r}") from error


def _beginning(data: bytes | bytearray) -> re.Match[bytes]:
    """Find the version and the checksum."""
    length = int.from_bytes(data[:8], "little")
    found = _BEGINNING.search(data, 8, 8 + length) if 0 < length <= len(data) - 8 else None
    if found is None:
        raise ValueError("it is damaged, or not a file that the save of a tfae estimator wrote")
    return found


def _digits(data: bytes | bytearray, found: re.Match[bytes]) -> str:
    """Return the checksum of a file, in which its own digits count as zeros."""
    view, (start, end) = memoryview(data), found.span(2)
    digest = hashlib.sha256(view[:start])
    digest.update(_NO_DIGITS.encode())
    digest.update(view[end:])
    return digest.hexdigest()


def _text(data: bytes) -> dict[str, Any]:
    """Return what stands in the text, without its beginning."""
    header = _header(data)
    _check_size(header, len(data))
    text = json.loads(header)["__metadata__"]["tfae"]
    del header  # which may be as long
    if not isinstance(text, str):
        raise ValueError("its description is not text")
    _check_size(text, len(data))
    values = json.loads(text)
    for name in ("format_version", "sha256"):
        del values[name]
    return dict(values)


def _header(data: bytes | bytearray) -> str:
    return str(memoryview(data)[8 : 8 + int.from_bytes(data[:8], "little")], "utf-8")


def _check_size(text: str, n_bytes: int) -> None:
    """Raise if a text, or the values in it, would take far more memory than the file."""
    n_values = sum(map(text.count, (",", ":", "[", "{")))
    if _BYTES_OF_A_VALUE * n_values > max(_FEW_BYTES, n_bytes):
        raise ValueError(f"it has too many values beside its arrays: {n_values}")
    if len(text) > max(_FEW_BYTES, n_bytes // 2):
        raise ValueError(f"it has too long a text beside its arrays: {len(text)} characters")


def _arrays(data: bytes) -> dict[str, Array]:
    try:
        tensors = safetensors.deserialize(data)
    except safetensors.SafetensorError as error:
        raise ValueError(f"its arrays differ from their description: {error}") from error
    return {
        name: np.frombuffer(given["data"], _DTYPES[given["dtype"]]).reshape(given["shape"])
        for name, given in tensors
    }
