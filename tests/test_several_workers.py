"""Several workers or devices that share a fit end with what one process would have found."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest
import several_workers

SCRIPT = Path(several_workers.__file__)
MOST_SECONDS = 480


@pytest.fixture(scope="module")
def alone():
    """What one process finds that sees the same batches."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return several_workers.found_by(several_workers.FITS)


@pytest.fixture
def start():
    """A function that starts the workers of a plan; none of them outlives the test."""
    with ExitStack() as ends:

        def start(plan, n_workers, folder):
            ports = free_ports(n_workers)
            workers = [process(plan, i, ports, folder) for i in range(n_workers)]
            for worker in workers:
                ends.callback(end, worker)
            return workers

        yield start


def free_ports(n):
    with ExitStack() as bound:
        sockets = [bound.enter_context(closing(socket.socket())) for _ in range(n)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def process(plan, index, ports, folder):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    config = {"cluster": cluster, "task": {"type": "worker", "index": index}}
    command = [sys.executable, SCRIPT, plan, out_of(folder, index), folder / "kept", str(index)]
    path = os.pathsep.join([str(SCRIPT.parent), *filter(None, sys.path)])
    env = {**os.environ, "PYTHONPATH": path, "TF_CONFIG": json.dumps(config)}
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)


def end(worker):
    worker.kill()
    worker.communicate()


def out_of(folder, index):
    return folder / f"out{index}.npz"


def results(workers, folder):
    """Wait for workers, and return what they found."""
    for worker in workers:
        said = worker.communicate(timeout=MOST_SECONDS)[1]
        assert worker.returncode == 0, said
    return [dict(np.load(out_of(folder, i))) for i in range(len(workers))]


def assert_like(found, wanted):
    assert wanted.keys() <= found.keys()
    for name, value in wanted.items():
        rtol = 1e-6 if name.startswith("single") else 1e-9
        # A weight of 0 has no relative error of its own.
        atol = rtol * np.abs(value).max()
        part = slice(1) if name == "single steps: loss" else slice(None)
        if name.startswith("single") and part == slice(None):
            rtol, atol = 1e-3, 1e-3 * np.abs(value).max()
        np.testing.assert_allclose(
            np.atleast_1d(found[name])[part],
            np.atleast_1d(value)[part],
            rtol=rtol,
            atol=atol,
            err_msg=name,
        )


@pytest.mark.slow
def test_two_devices_find_what_one_finds(start, tmp_path, alone):
    (found,) = results(start("mirrored", 1, tmp_path), tmp_path)
    names = several_workers.OF_DEVICES
    assert_like(found, {k: v for k, v in alone.items() if k.partition(": ")[0] in names})


def test_two_workers_find_what_one_finds(start, tmp_path, alone):
    one, other = results(start("fits", 2, tmp_path), tmp_path)
    assert_like(one, alone)
    for name, value in one.items():
        np.testing.assert_array_equal(other[name], value, err_msg=name)
    assert "same X" in str(one["other rows"])
    assert "same X" in str(one["another order"])
    assert "same weights" in str(one["other weights"])
    assert "in workers [1]" in str(one["other parameters"])
    np.testing.assert_allclose(one["pickled"], one["alone"], rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_two_workers_find_what_one_finds_after_other_trainings(start, tmp_path):
    one, other = results(start("slow fits", 2, tmp_path), tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_like(one, several_workers.found_by(several_workers.SLOW_FITS))
    for name, value in one.items():
        np.testing.assert_array_equal(other[name], value, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_worker_ends_the_other_and_both_continue(victim, start, tmp_path):
    workers = start("survivor", 2, tmp_path)
    deadline = time.monotonic() + MOST_SECONDS
    while not list(tmp_path.glob("kept/*.checkpoint")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    workers[victim].send_signal(signal.SIGKILL)
    survivor = workers[1 - victim]
    _, said = survivor.communicate(timeout=60)
    assert survivor.returncode
    assert "RuntimeError: Another worker has ended" in said
    found = results(start("survivor", 2, tmp_path), tmp_path)
    wanted = several_workers.survivor()
    for of_worker in found:
        assert_like(of_worker, wanted)
    assert not list(tmp_path.glob("kept/*.checkpoint"))
