"""A fit whose process is killed, and called again, ends with the bits of one that was not."""

import os
import subprocess
import sys
import time
from pathlib import Path

import killed_fits
import numpy as np
import pytest

TESTS = Path(killed_fits.__file__).parent


def last_change(folder):
    """When the checkpoint in a folder was written; None if there is none."""
    for path in Path(folder).glob("*.checkpoint"):
        try:
            return path.stat().st_mtime_ns
        except FileNotFoundError:  # the fit has just ended
            return None
    return None


def lived(command, folder, seconds):
    """Run a fit until it is over, or kill it some time after it has written a checkpoint.

    Return whether it was over.
    """
    before = last_change(folder)
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path()}) as process:
        while process.poll() is None:
            if last_change(folder) not in (before, None):
                time.sleep(seconds)
                process.kill()
                process.wait()
                return process.returncode == 0
            time.sleep(0.01)
        assert process.returncode == 0
        return True


def path():
    return os.pathsep.join([str(TESTS), *filter(None, sys.path)])


def check_kills(name, n_epochs, n_kills, tmp_path):
    """Kill a fit at random moments, and compare what comes out in the end."""
    rng, folder, out = np.random.default_rng(len(name)), tmp_path / "kept", tmp_path / "out.npz"
    given = [name, str(n_epochs), folder, out, "executor"]
    command = [sys.executable, TESTS / "killed_fits.py", *given]
    n_killed = 0
    while n_killed < n_kills and not lived(command, folder, rng.uniform(0, 0.2)):
        n_killed += 1
    if not out.exists():
        assert lived(command, folder, 3600)
    wanted = killed_fits.fitted(name, n_epochs, None, "executor")
    found = np.load(out)
    assert set(found) == set(wanted)
    for part, values in wanted.items():
        np.testing.assert_array_equal(found[part], values, err_msg=part)
    assert not list(folder.glob("*.checkpoint"))
    return n_killed


def test_three_kills(tmp_path):
    assert check_kills("stacked", 300, 3, tmp_path) == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in killed_fits.FITS if name != "measured"])
def test_fifty_kills_in_all_phases(name, tmp_path):
    assert check_kills(name, 1500, 13, tmp_path) == 13


@pytest.mark.slow
def test_the_way_that_was_measured_stays(tmp_path):
    """The reference may choose another way, so one checkpoint is continued twice."""
    folder, out = tmp_path / "kept", tmp_path / "out.npz"
    command = [sys.executable, TESTS / "killed_fits.py", "measured", "300", folder, out, "any"]
    assert not lived(command, folder, 0.1)
    (kept,) = folder.glob("*.checkpoint")
    data, found = kept.read_bytes(), []
    for _ in range(2):
        kept.write_bytes(data)
        assert lived(command, folder, 3600)
        found.append(dict(np.load(out)))
    for part, values in found[0].items():
        np.testing.assert_array_equal(found[1][part], values, err_msg=part)
