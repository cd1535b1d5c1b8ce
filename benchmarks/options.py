"""What the options of the commands must be, seen before anything runs."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path


def count(text: str) -> int:
    if not (text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"must be an integer of at least 1. Got {text!r}.")
    return int(text)


def gigabytes(text: str) -> float:
    try:
        size = float(text)
    except ValueError:
        size = math.nan
    if not 0 < size < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0. Got {text!r}.")
    return size


def folder(text: str) -> Path:
    if not (Path(text).is_dir() and os.access(text, os.W_OK)):
        raise argparse.ArgumentTypeError(f"must be a folder that can be written to. Got {text!r}.")
    return Path(text)


def output(text: str) -> Path:
    """Check a file before anything runs: what could not be written would be lost."""
    path = Path(text)
    written = path if path.exists() else path.parent
    if path.is_dir() or not (path.parent.is_dir() and os.access(written, os.W_OK)):
        raise argparse.ArgumentTypeError(
            f"must be a file that can be written, in a folder that exists. Got {text!r}."
        )
    return path


def picture(text: str) -> Path:
    from matplotlib.backend_bases import FigureCanvasBase  # takes a second

    endings = [f".{kind}" for kind in FigureCanvasBase.get_supported_filetypes()]
    if Path(text).suffix.lower() not in endings:
        raise argparse.ArgumentTypeError(f"must end in one of {', '.join(endings)}. Got {text!r}.")
    return output(text)
