"""Fits for tests that kill them: ``killed_fits.py NAME N_EPOCHS FOLDER OUT WAY`` is one of them.

It writes checkpoints as often as it can, so that little time passes between two of them.
"""

import contextlib
import sys
import warnings

import numpy as np
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


def fitted(name, n_epochs, folder, way):
    """Return the bits of a fit that writes many checkpoints; one "any" way is that of a user's."""
    checkpoints.SECONDS, checkpoints._MOST_OF_TIME = 0.02, 0.5
    executor = contextlib.nullcontext() if way == "any" else new_programs(xla=False)
    with warnings.catch_warnings(), executor:
        warnings.simplefilter("ignore")
        return bits(FITS[name](n_epochs, folder))


if __name__ == "__main__":
    name, n_epochs, folder, out, way = sys.argv[1:]
    np.savez(out, **fitted(name, int(n_epochs), folder, way))
