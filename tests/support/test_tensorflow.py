"""What reaches standard error while TensorFlow starts, and while it does not."""

import functools
import os
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest

from tfae import Autoencoder
from tfae._support.tensorflow import brings_keras, without_noise

pytestmark = pytest.mark.usefixtures("in_executor")

X = np.random.default_rng(0).normal(size=(40, 6))
NOTE = b"I0000 00:00:1796042160.519360   11127 cudart_stub.cc:31] Could not find cuda drivers\n"
OTHER = b"E0000 00:00:1796042160.519360   11127 my_kernel.cc:31] It is broken\n"


def test_notes_are_dropped_and_all_else_is_passed_on(capfd):
    with without_noise():
        os.write(2, NOTE + OTHER + b"mine\n")
    assert capfd.readouterr().err == OTHER.decode() + "mine\n"


def test_notes_are_passed_on_if_what_wrote_them_fails(capfd):
    def fail():
        os.write(2, NOTE + OTHER)
        raise ImportError

    with pytest.raises(ImportError), without_noise():
        fail()
    assert capfd.readouterr().err == (NOTE + OTHER).decode()


@pytest.mark.parametrize("stderr", [None, object()], ids=["none", "a stranger"])
def test_whatever_stands_in_place_of_stderr(stderr, capfd, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stderr)
    with without_noise():
        os.write(2, NOTE + OTHER)
    assert capfd.readouterr().err == OTHER.decode()


def squared(target, output):
    return keras.ops.square(output - target)


@pytest.mark.parametrize(
    ("value", "brings"),
    [
        (squared, True),
        ([keras.callbacks.TerminateOnNaN()], True),
        (keras.optimizers.SGD(), True),
        (np.square, False),
        (functools.lru_cache, False),
        ("adam", False),
        ((3, 4), False),
        (None, False),
    ],
)
def test_what_imports_keras_when_it_is_unpickled(value, brings):
    assert brings_keras(value) is brings


def in_fresh_process(code, path):
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    return done.stderr


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "function", [pytest.param(False, marks=pytest.mark.slow), True], ids=["objects", "function"]
)
def test_a_process_that_unpickles_keras_objects_writes_nothing(function, tmp_path):
    params = {"max_iter": 1, "random_state": 0, "linear_path": False}
    if function:
        params["loss"] = keras.losses.Huber()
    else:
        params |= {"optimizer": keras.optimizers.Adam(0.01)}
        params |= {"callbacks": [keras.callbacks.TerminateOnNaN()]}
    (tmp_path / "model").write_bytes(pickle.dumps((Autoencoder(2, **params), X)))
    noise = in_fresh_process(
        "import pickle, sys; model, X = pickle.load(open(sys.argv[1], 'rb')); model.fit(X)",
        tmp_path / "model",
    )
    assert noise == ""


def test_a_plain_estimator_starts_nothing_when_it_is_unpickled(tmp_path):
    (tmp_path / "model").write_bytes(pickle.dumps(Autoencoder(2, max_iter=1).fit(X)))
    in_fresh_process(
        "import pickle, sys; pickle.load(open(sys.argv[1], 'rb'))\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)",
        tmp_path / "model",
    )
