"""Data and small helpers that several test files share."""

import os
import random
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from tfae._training.step.program import PROGRAMS, new_programs

# Many files train the same small networks.
_IN_EXECUTOR = OrderedDict()


def pytest_collection_modifyitems(items):
    """Leave most cases of a test with the mark ``sample(n)`` to ``make test-slow``.

    The n that stay are spread over all of them, so that they differ in more than one parameter.
    """
    cases = defaultdict(list)
    for item in items:
        mark = item.get_closest_marker("sample")
        if mark is not None:
            cases[item.path, item.originalname, mark.args[0]].append(item)
    for (_, _, n), of_test in cases.items():
        kept = set(np.linspace(0, len(of_test) - 1, n).round().astype(int).tolist())
        for i, item in enumerate(of_test):
            if i not in kept:
                item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def same_models():
    """Keras models that a test makes have the same weights in every run.

    Keras draws the seeds of their layers with `random`. ``keras.utils.set_random_seed`` would also
    have TensorFlow prepare all compiled functions again, which takes half a second for a program.
    """
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002


@pytest.fixture(scope="session")
def digits():
    """The 1,797 digits of scikit-learn, float32, 0 to 16."""
    return load_digits().data.astype(np.float32)


@pytest.fixture(scope="session")
def halves(digits):
    """The digits in double precision: rows to fit, and other rows."""
    return train_test_split(digits.astype(np.float64), train_size=0.7, random_state=0)


@pytest.fixture(scope="session")
def data_folder():
    """The folder of real data sets, or a skip that says where it was looked for."""
    folder = Path(os.environ.get("TFAE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"needs the data sets in {folder} (set TFAE_DATA)")
    return folder


@pytest.fixture(scope="module")
def in_executor():
    """No step is compiled by XLA, which takes longer than the rest of a short training.

    For tests of what goes in and comes out. Those of the engine, of its programs and of what is
    learned run as users' trainings do.
    """
    with new_programs(xla=False):
        PROGRAMS._idle = _IN_EXECUTOR
        yield
