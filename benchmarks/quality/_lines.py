"""Measurements that go on where they stopped: a file of JSON with a line for each case."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from tfae._support.whole_files import write_whole

Line = dict[str, Any]


def measured_lines(
    cases: Iterable[tuple[Line, Callable[[], Line]]], names: Sequence[str], path: Path | None
) -> list[Line]:
    """Return the lines of a file and of all cases; a case that is in the file is not run again.

    Parameters
    ----------
    cases : iterable of (line, measure)
        What a case is, and the function that returns what is measured.
    names : sequence of str
        The entries of a line that tell its case from others.
    path : Path or None
        The file. It is written after each case, so that a run that is killed loses one at most.
    """
    warnings.simplefilter("ignore")  # of fits with few epochs; a benchmark is a process of its own
    lines: list[Line] = json.loads(path.read_text()) if path and path.exists() else []
    done = {tuple(line[name] for name in names) for line in lines}
    for line, measure in cases:
        if tuple(line[name] for name in names) in done:
            continue
        lines.append({**line, **measure()})
        print(*(f"{name}={value}" for name, value in lines[-1].items()), flush=True)
        if path:
            write_whole(path, [(json.dumps(lines, indent=1) + "\n").encode()])
    return lines
