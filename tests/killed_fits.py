"""Fits that are killed: ``python killed_fits.py NAME N_EPOCHS N_KILLS FOLDER`` is a test.

It is a script, because its processes are forks of one that has imported TensorFlow, which takes
longer than the fits, but has never run it.
"""

import contextlib
import os
import shutil
import signal
import sys
import time
import warnings
from pathlib import Path

import keras  # noqa: F401
import numpy as np
import tensorflow  # noqa: F401
from examples import TABLE

import tfae
from tfae._training import checkpoints
from tfae._training.step.program import new_programs

FOR_EVER = {"n_iter_no_change": 10**6, "tol": 0.0, "random_state": 0}
X = TABLE[:120]
CURVE = np.column_stack([f(3 * X[:, :2]) for f in (np.sin, np.cos, np.tanh, np.positive)])
HOLED = np.where(np.random.default_rng(2).random(CURVE.shape) < 0.1, np.nan, CURVE)
FITS = {
    # Stages, the training and a second one; with noise, dropout and held-out rows.
    "stacked": lambda n, folder: tfae.StackedAutoencoder(
        3,
        hidden_layer_sizes=(8,),
        corruption="masking",
        dropout=0.1,
        early_stopping=True,
        refit=True,
        pretrain_max_iter=n,
        checkpoint=folder,
        max_iter=n,
        **FOR_EVER,
    ).fit(X),
    # The search for a length, and a linear path.
    "length": lambda n, folder: tfae.Autoencoder(
        0.9, hidden_layer_sizes=(8,), early_stopping=True, checkpoint=folder, max_iter=n, **FOR_EVER
    ).fit(X),
    "imputer": lambda n, folder: tfae.AutoencoderImputer(
        hidden_layer_sizes=(8,), max_iter=n, random_state=0, checkpoint=folder
    ).fit(HOLED),
    "embedding": lambda n, folder: tfae.ParametricTSNE(
        perplexity=5,
        hidden_layer_sizes=(16,),
        batch_size=64,
        pretraining="autoencoder",
        pretrain_max_iter=n,
        checkpoint=folder,
        max_iter=n,
        **FOR_EVER,
    ).fit(X),
    # A measurement chooses XLA or TensorFlow's executor.
    "measured": lambda n, folder: tfae.SparseAutoencoder(
        6,
        penalty="top_k",
        hidden_layer_sizes=(8,),
        linear_path=False,
        checkpoint=folder,
        max_iter=n,
        **FOR_EVER,
    ).fit(X),
}


def bits(model):
    """Return everything that a fit has found except the time that it took."""
    network = getattr(model._fitted, "network", model._fitted)
    history = {k: np.array(v) for k, v in model.history_.items() if k != "seconds"}
    weights = [] if network is None else network.weights
    baseline = getattr(model, "baseline_", {})
    return {**history, **baseline, **{f"weight {i}": w for i, w in enumerate(weights)}}


def fitted(name, n_epochs, folder):
    """Return the bits of a fit that writes a checkpoint whenever it can."""
    checkpoints.SECONDS, checkpoints._MOST_OF_TIME = 0.02, 0.5
    executor = contextlib.nullcontext() if name == "measured" else new_programs(xla=False)
    with warnings.catch_warnings(), executor:
        warnings.simplefilter("ignore")
        return bits(FITS[name](n_epochs, folder))


def last_change(folder):
    """When the checkpoint in a folder was written; None if there is none."""
    if folder is None:
        return None
    with contextlib.suppress(FileNotFoundError):  # the fit may just have ended
        for path in folder.glob("*.checkpoint"):
            return path.stat().st_mtime_ns
    return None


def lived(name, n_epochs, folder, out, seconds=None):
    """Fit in a process of its own, which may be killed some seconds after its first checkpoint.

    Return whether it came to its end.
    """
    before, process = last_change(folder), os.fork()
    if process == 0:
        np.savez(out, **fitted(name, n_epochs, folder))
        os._exit(0)
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            assert status == 0
            return True
        if seconds is not None and last_change(folder) not in (before, None):
            time.sleep(seconds)
            os.kill(process, signal.SIGKILL)
            return os.waitpid(process, 0)[1] == 0
        time.sleep(0.005)


def check(name, n_epochs, n_kills, folder):
    """Kill a fit at random moments, and compare what comes out in the end."""
    rng, n_killed, kept = np.random.default_rng(len(name)), 0, folder / "kept"
    while n_killed < n_kills:
        if lived(name, n_epochs, kept, folder / "out.npz", rng.uniform(0, 0.3)):
            break
        n_killed += 1
    else:
        if name == "measured":  # a fit that never was killed may measure another way
            shutil.copytree(kept, folder / "copy")
            assert lived(name, n_epochs, folder / "copy", folder / "wanted.npz")
        assert lived(name, n_epochs, kept, folder / "out.npz")
    assert n_killed == n_kills, f"the fit was too short for more than {n_killed} kills"
    assert not list(kept.iterdir()) or all(path.suffix == ".part" for path in kept.iterdir())
    if name != "measured":
        assert lived(name, n_epochs, None, folder / "wanted.npz")
    found, wanted = np.load(folder / "out.npz"), np.load(folder / "wanted.npz")
    assert set(found) == set(wanted)
    for part in wanted:
        np.testing.assert_array_equal(found[part], wanted[part], err_msg=part)


if __name__ == "__main__":
    name, n_epochs, n_kills, folder = sys.argv[1:]
    check(name, int(n_epochs), int(n_kills), Path(folder))
