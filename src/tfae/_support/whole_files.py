"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Buffer = bytes | bytearray | memoryview


def write_whole(path: str | os.PathLike[str], parts: Sequence[Buffer]) -> None:
    """Write a file so that its name stands for the old content or for all of the new one.

    The parts go to a temporary file in the same folder, and the disk has them before the file gets
    its name. A process that is killed in between leaves the temporary file, ``.….part``.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with open(part, "xb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    _sync_folder(target.parent)


def replace_folder(new: Path, target: Path) -> None:
    """Give a folder another name in the same file system; what had that name is deleted then."""
    old = target.with_name(f".{secrets.token_hex(8)}.old")
    had_one = target.exists()
    if had_one:
        os.replace(target, old)
    try:
        os.replace(new, target)
    except BaseException:
        if had_one:
            os.replace(old, target)
        raise
    if had_one:
        shutil.rmtree(old)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Let the disk have the new name, too, where folders can be opened: not on Windows."""
    with contextlib.suppress(OSError):
        descriptor: Any = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
