"""Values are told apart by what they are, not by where they stand."""

import functools
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from tfae._networks.codes import LargestOfRow
from tfae._support.fingerprints import fingerprint

_CODE = """
def made(rate, inner=lambda x: x in {'a', 'b', 'c'}):
    def schedule(step, *, scale=2.0):
        return rate * scale * step
    return schedule, inner
"""


def functions(code, name):
    found = {"__name__": "__main__"}
    exec(compile(code, name, "exec"), found)
    return found["made"]


DISTINCT = [
    *(None, True, 1, 1.0, -0.0, 0.0, float("nan"), "1", b"1", "", (), [], {}, [1], (1,), [[1]]),
    *([1, [2, 3]], [1, 2, 3], {"a": 1}, {"a": 2}, {1: "a"}, {1, 2}, {1, 3}, "ä\ud800"),
    *(np.float32(1), np.float64(1), np.zeros(2), np.zeros((2, 1)), np.zeros(2, np.float32)),
    *(np.array(["a"], object), np.array(["b"], object), np.random.RandomState(0)),
    *(np.random.RandomState(1), np.random.default_rng(0), sparse.csr_matrix(np.eye(2))),
    *(sparse.csr_matrix(np.eye(3)), LargestOfRow(2), LargestOfRow(3), int, float, np.sin, len),
    *(functools.partial(pow, 2), functools.partial(pow, 3), np.dtype("f4")),
    *functions(_CODE, "one")(0.1),
    functions(_CODE, "one")(0.2)[0],
    functions(_CODE.replace("rate *", "rate +"), "one")(0.1)[0],
    functions(_CODE.replace("2.0", "3.0"), "one")(0.1)[0],
]


def test_other_values_have_other_fingerprints():
    found = [fingerprint(value) for value in DISTINCT]
    assert len(set(found)) == len(found)
    assert fingerprint(1, 2) != fingerprint([1, 2])


def test_the_same_values_have_the_same_fingerprint():
    for one, other in [
        (np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3, order="C")[:]),
        (np.arange(12.0)[::2], np.arange(0, 12.0, 2)),
        ({"a", "b", "c"}, {"c", "b", "a"}),
        (np.random.RandomState(3), np.random.RandomState(3)),
        (functions(_CODE, "/tmp/ipykernel_1/2.py")(0.1), functions(_CODE, "3.py")(0.1)),
        (functions("\n\n" + _CODE, "moved")(0.1), functions(_CODE, "here")(0.1)),
    ]:
        assert fingerprint(one) == fingerprint(other)


def test_other_processes_find_the_same():
    code = (
        f"from tfae._support.fingerprints import fingerprint\n{_CODE}\n"
        "print(fingerprint(made(0.1), {'a', 'b', 'c'}))"
    )
    wanted = fingerprint(functions(_CODE, "here")(0.1), {"a", "b", "c"})
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == wanted


def test_what_cannot_be_told_apart_is_an_error():
    class Slots:
        __slots__ = ()

    circle = []
    circle.append(circle)
    for value in (Slots(), circle):
        with pytest.raises(TypeError, match=r"told apart|refers to itself"):
            fingerprint(value)
