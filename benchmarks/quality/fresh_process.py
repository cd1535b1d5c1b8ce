"""A model in a fresh process: `load` and `transform` of 1,000 rows beside ``import tensorflow``.

Both are processes of their own, from their start to their end, and take turns. Given are medians of
seconds, of seconds that processors were busy, which other processes on the machine disturb less,
and of the ratios; and the milliseconds of `load` and `transform` after the import.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.published._report import Report, parser
from tfae import Autoencoder

N_ROWS, N_FEATURES = 1000, 64
IMPORTS_TENSORFLOW = "import tensorflow"
LOADS = """
import sys, time
import numpy as np, tfae
X = np.load(sys.argv[2])
start, busy = time.perf_counter(), time.process_time()
tfae.load(sys.argv[1]).transform(X)
print(1000 * (time.perf_counter() - start), 1000 * (time.process_time() - busy))
assert "tensorflow" not in sys.modules
"""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=int, default=11)
    asked = arguments.parse_args()
    report = Report(asked.json, rounds=asked.rounds, load=os.getloadavg()[0])
    with tempfile.TemporaryDirectory() as name:
        given = written(Path(name))
        found = [(run(IMPORTS_TENSORFLOW), run(LOADS, *given)) for _ in range(asked.rounds)]
    for place, what in enumerate(("seconds", "seconds of processors")):
        of_tensorflow, of_loading = ([each[i][place] for each in found] for i in (0, 1))
        ratios = [b / a for a, b in zip(of_tensorflow, of_loading, strict=True)]
        report.add(f"import tensorflow, {what}", round(median(of_tensorflow), 2))
        report.add(f"load and transform, {what}", round(median(of_loading), 2))
        report.add(f"ratio of {what}", round(median(ratios), 3))
    after = np.median([loading[2] for _, loading in found], axis=0)
    for what, milliseconds in zip(("ms", "ms of processors"), after, strict=True):
        report.add(f"load and transform after the import, {what}", round(milliseconds, 1))
    report.end()


def written(folder: Path) -> tuple[Path, Path]:
    """Write a model as it comes and rows; return their files."""
    X = np.random.default_rng(0).random((N_ROWS, N_FEATURES), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch is not enough, but as fast to use
        Autoencoder(8, max_iter=1, random_state=0).fit(X).save(folder / "model.tfae")
    np.save(folder / "rows.npy", X)
    return folder / "model.tfae", folder / "rows.npy"


def run(code: str, *arguments: Path) -> tuple[float, float, list[float]]:
    """Return the seconds of a process, those that processors were busy, and what it printed."""
    before, start = os.times(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True
    )
    seconds, after = time.perf_counter() - start, os.times()
    busy = sum(after[2:4]) - sum(before[2:4])  # of children that have ended
    return seconds, busy, [float(number) for number in done.stdout.split()]


if __name__ == "__main__":
    main()
