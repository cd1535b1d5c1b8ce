"""Fits that several workers share: ``several_workers.py PLAN OUT FOLDER`` is one of the workers.

Its place among them is in ``TF_CONFIG``. It must not import what uses TensorFlow at once.
"""

import pickle
import sys
import warnings

import numpy as np
import pandas as pd
from sklearn.base import clone

import tfae
from tfae import streams
from tfae._training import checkpoints

_RNG = np.random.default_rng(0)
# In batches of 33 the last one has 3 rows, all of which the first of two workers takes.
X = np.tanh(_RNG.normal(size=(300, 5)) @ _RNG.normal(size=(5, 12)))
WEIGHTS = _RNG.uniform(0.5, 2, len(X))
HOLED = np.where(_RNG.random(X.shape) < 0.1, np.nan, X)
MIXED = pd.DataFrame(HOLED[:, :8], columns=list("abcdefgh")).assign(
    kind=np.where(X[:, 9] > 0.2, "a", "b")
)
MIXED.loc[::7, "kind"] = None
FOR_EVER = {"tol": 0.0, "n_iter_no_change": 10**6}


def model(kind="Autoencoder", **params):
    given = {"hidden_layer_sizes": (16, 8), "precision": "float64", "batch_size": 33, "max_iter": 3}
    given |= {"n_components": 3, "random_state": 0, "linear_path": False}
    return getattr(tfae, kind)(**{**given, **params})


def stream(rows=X):
    """Return rows in batches, too many for the window in which they are shuffled."""
    return streams.from_batches(np.array_split(rows, 7), window=100)


def in_two_calls(fitted):
    """Return an estimator after two calls of `partial_fit`."""
    return fitted.partial_fit(X).partial_fit(X[::-1])


# With one batch an epoch, histories have the loss of every step.
ONE_BATCH = {"batch_size": 300, "max_iter": 6}
FITS = {
    "steps": lambda **of: model(**ONE_BATCH, **of).fit(X),
    "epochs": lambda **of: model(dropout=0.2, alpha=0.01, **of).fit(X, sample_weight=WEIGHTS),
    # Early stopping, and a second training on all rows.
    "linear path": lambda **of: model(linear_path=True, max_iter=30, **of).fit(X),
    "stream": lambda **of: model(linear_path=True, **of).fit(stream()),
    "table": lambda **of: model(**of).fit(MIXED),
    "two calls": lambda **of: in_two_calls(model(**ONE_BATCH, **of)),
}
# What devices of one process do in another way than processes.
OF_DEVICES = {name: FITS[name] for name in ("epochs", "table")}
SLOW_FITS = {
    "single steps": lambda **of: model(**ONE_BATCH, precision="float32", **of).fit(X),
    "holes in a stream": lambda **of: model(**of).fit(stream(HOLED)),
    "length": lambda **of: model(n_components=0.6, linear_path=True, **of).fit(X),
    "pretraining": lambda **of: model("StackedAutoencoder", pretrain_max_iter=2, **of).fit(X),
}


def bits(fitted):
    """Return everything that a fit has found except the time that it took."""
    history = {k: np.array(v) for k, v in fitted.history_.items() if k != "seconds"}
    weights = {f"weight {i}": weight for i, weight in enumerate(fitted._fitted.weights)}
    return {**history, **getattr(fitted, "baseline_", {}), **weights}


def found_by(fits, **of):
    """Return what fits find, by the names of the fits and of their parts."""
    fits = {name: fit(**of) for name, fit in fits.items()}
    return {f"{name}: {part}": v for name, fit in fits.items() for part, v in bits(fit).items()}


def survivor(**params):
    """Return the fit of a training that takes some time, and writes a checkpoint of every epoch."""
    checkpoints.SECONDS, checkpoints._MOST_OF_TIME = 0.02, 0.5
    return bits(model(max_iter=40, **FOR_EVER, **params).fit(X))


def told(fit):
    """Return what the error of a fit says."""
    try:
        fit()
    except ValueError as error:
        return str(error)
    return ""


def errors(index):
    """Return what is said of workers that do not agree; they go on together after it."""
    shared = model(strategy="multi_worker", max_iter=1)
    own = {"alpha": 0.1 * index}
    known = clone(shared).fit(X)
    return {
        "other rows": told(lambda: shared.fit(X[index:])),
        "another order": told(lambda: shared.fit(stream(X[:: 1 - 2 * index]))),
        "other weights": told(lambda: in_two_calls(clone(shared) if index else known)),
        "other parameters": told(lambda: clone(shared).set_params(**own).fit(X)),
        "pickled": pickle.loads(pickle.dumps(shared.fit(X))).transform(X),
        "alone": model(max_iter=1).fit(X).transform(X),
    }


if __name__ == "__main__":
    plan, out, folder, index = sys.argv[1:]
    warnings.simplefilter("ignore")
    plans = {
        "fits": lambda: {**found_by(FITS, strategy="multi_worker"), **errors(int(index))},
        "slow fits": lambda: found_by(SLOW_FITS, strategy="multi_worker"),
        "mirrored": lambda: found_by(OF_DEVICES, strategy="mirrored"),
        "survivor": lambda: survivor(strategy="multi_worker", checkpoint=folder),
    }
    if plan == "mirrored":
        import tensorflow as tf

        (cpu,) = tf.config.list_physical_devices("CPU")
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, two)
    np.savez(out, **plans[plan]())
