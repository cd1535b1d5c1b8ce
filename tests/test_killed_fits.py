"""A fit whose process is killed, and called again, ends with the bits of one that was not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks a process with TensorFlow")
TESTS = Path(__file__).parent


def check(name, n_epochs, n_kills, folder):
    command = [sys.executable, TESTS / "killed_fits.py", name, str(n_epochs), str(n_kills), folder]
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_one_kill(tmp_path):
    check("imputer", 600, 1, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stacked", "length", "imputer", "embedding"])
def test_fifty_kills_in_all_phases(name, tmp_path):
    check(name, 1500, 13, tmp_path)


@pytest.mark.slow
def test_the_way_that_was_measured_stays(tmp_path):
    check("measured", 300, 1, tmp_path)
