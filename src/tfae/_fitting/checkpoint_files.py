"""The file of a fit's checkpoints: read when the fit begins, replaced as a whole, then removed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tfae._saving import native
from tfae._support.typed_records import check_type
from tfae._support.warn import warn
from tfae._training.checkpoints import KeptCheckpoints

_PARTS: dict[str, Any] = {"results": list[dict], "place": dict | None}


@contextmanager
def checkpoints_in(folder: str | os.PathLike[str], name: str) -> Iterator[KeptCheckpoints]:
    """Yield the checkpoints of a fit, which continue those of an earlier call with the same name.

    The file is removed at the end of the ``with`` block, unless an error or Ctrl-C ended the fit.

    Raises
    ------
    ValueError
        If there is a file in the place of the folder.

    Warns
    -----
    UserWarning
        If the file cannot be used, so that the fit begins anew, or if it cannot be written.
    """
    try:
        os.makedirs(folder, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ValueError(
            "'checkpoint' must be a folder, or the name of one that can be made. Got a file: "
            f"{error.filename!r}."
        ) from error
    path = Path(folder) / f"{name}.checkpoint"
    checkpoints = KeptCheckpoints(_read(path), partial(_write, path))
    yield checkpoints
    if not checkpoints.interrupted:
        path.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return native.read(path, _checked)
    except FileNotFoundError:
        return None
    except ValueError as error:
        warn(f"The checkpoint cannot be used, and the fit begins anew: {error}")
        return None


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = values["checkpoints"]
    for part, hint in _PARTS.items():
        check_type(found[part], hint, part)
    return found


def _write(path: Path, values: dict[str, Any]) -> None:
    try:
        native.write(path, {"checkpoints": values})
    except OSError as error:  # a full disk, say, must not end what the file should save
        warn(f"No checkpoint could be written, and the training goes on without one: {error}")
