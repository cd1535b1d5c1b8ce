"""Whether a change of the code changes results: digests of what all estimators give on small data.

``python -m benchmarks.digests write FILE`` fits every public class with its main options and writes
a digest of weights, codes, reconstructions, scores and history, and the number of functions traced;
``python -m benchmarks.digests compare FILE`` does the same again and names what differs. They agree
bit for bit on one machine only, so make the first file from the commit before the change, in
another work tree. The choice between XLA and TensorFlow's executor, which a measurement makes
otherwise, is pinned.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
import warnings
from fnmatch import fnmatch
from functools import partial
from importlib import import_module
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.datasets import load_digits

from tfae import (
    Autoencoder,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    ParametricTSNE,
    SparseAutoencoder,
    StackedAutoencoder,
    VariationalAutoencoder,
)
from tfae.streams import from_batches

CASES = {}
X = load_digits().data
X32 = X.astype(np.float32)
UNIT = X32 / 16
SMALL = {"n_components": 6, "hidden_layer_sizes": (24, 16), "max_iter": 4, "random_state": 0}


def _first(*names):
    """The first of some modules that exists: they have moved."""
    for name in names:
        try:
            return import_module(name)
        except ModuleNotFoundError:
            continue
    raise ModuleNotFoundError(names)


PROGRAM = _first("tfae._training.step.program", "tfae._program")


def case(name):
    def add(function):
        CASES[name] = function
        return function

    return add


def fit(kind, rows, **params):
    return kind(**{**SMALL, **params}).fit(rows)


def add(name, kind, rows, **params):
    CASES[name] = lambda: (fit(kind, rows, **params), rows)


def wavy(n, d, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 3))
    return np.tanh(z @ rng.normal(size=(3, d))) * 5 + 40 + 0.1 * rng.normal(size=(n, d))


SQUARE = {"image_shape": (8, 8)}
KINDS = {
    "dense": (Autoencoder, {}),
    "denoising": (DenoisingAutoencoder, {}),
    "sparse": (SparseAutoencoder, {}),
    "contractive": (ContractiveAutoencoder, {}),
    "stacked": (StackedAutoencoder, {"pretrain_max_iter": 2}),
    "variational": (VariationalAutoencoder, {"kl_warm_up": 2}),
    "convolutional": (ConvolutionalAutoencoder, {"hidden_layer_sizes": (4, 6), **SQUARE}),
    "tsne": (ParametricTSNE, {"n_components": 2, "perplexity": 8}),
}
for name, (kind, params) in KINDS.items():
    add(f"{name}", kind, X32[:300], **params)
    add(f"{name}-float64-rows", kind, X[:300], **params)
    add(f"{name}-float64", kind, X[:300], **params, precision="float64")
    add(f"{name}-bfloat16", kind, X32[:300], **params, precision="mixed_bfloat16")
    add(
        f"{name}-random-state",
        kind,
        X32[:200],
        **{**params, "random_state": np.random.RandomState(3)},
    )
    if kind is not ParametricTSNE:
        add(f"{name}-early", kind, X32[:300], **params, early_stopping=True)

# The linear path and its rules.
OWN = {"hidden_layer_sizes": "auto", "max_iter": 6}
add("auto", Autoencoder, X[:500], **OWN)
add("auto-batches", Autoencoder, wavy(600, 9), **OWN)
add("auto-few", Autoencoder, wavy(24, 9), **OWN)
add("auto-wide", Autoencoder, wavy(40, 300), **OWN)
add("auto-many", Autoencoder, wavy(6000, 9), hidden_layer_sizes=(32,), max_iter=3)
add("auto-none", Autoencoder, X[:200], n_components=None, **OWN)
add("pca", Autoencoder, np.random.default_rng(0).normal(size=(150, 8)), **OWN)
add("no-early", Autoencoder, X32[:300], early_stopping=False)
add("no-refit", Autoencoder, X32[:300], refit=False)
add("refit", Autoencoder, X32[:300], refit=True, early_stopping=True, linear_path=False)
add("pure", Autoencoder, X32[:300], linear_path=False)
add("pure-epochs", Autoencoder, X32[:90], linear_path=False, max_iter=40)
add(
    "pure-stops", Autoencoder, X32[:90], linear_path=False, max_iter=60, tol=5.0, n_iter_no_change=2
)
add("length", Autoencoder, X[:400], n_components=0.7)
add("length-auto", Autoencoder, X32[:400], n_components="auto")
add("length-pure", DenoisingAutoencoder, X32[:300], n_components=9, linear_path=False)

# What shapes a network.
add("tied", Autoencoder, X32[:300], tied=True)
add(
    "tied-convolutional",
    ConvolutionalAutoencoder,
    X32[:200],
    tied=True,
    hidden_layer_sizes=(4, 6),
    **SQUARE,
)
add("dropout", Autoencoder, X32[:300], dropout=0.2)
add("dropout-pure", Autoencoder, X32[:300], dropout=0.2, linear_path=False)
add("normalised", Autoencoder, X32[:300], batch_normalization=True)
add("decoder", Autoencoder, X32[:300], decoder_layer_sizes=(10,), activation="tanh")
add(
    "activations",
    Autoencoder,
    UNIT[:300],
    code_activation="relu",
    output_activation="logistic",
    scaling=None,
)
add("initializer", Autoencoder, X32[:300], kernel_initializer="he_normal", linear_path=False)
add(
    "architecture",
    Autoencoder,
    X32[:200],
    architecture="convolutional",
    hidden_layer_sizes=(4,),
    architecture_params={"kernel_size": 2, **SQUARE},
)
add(
    "architecture-linear-path",
    Autoencoder,
    X32[:200],
    architecture="convolutional",
    architecture_params=SQUARE,
    hidden_layer_sizes=(4,),
    linear_path=True,
)
add(
    "variational-convolutional",
    VariationalAutoencoder,
    X32[:200],
    architecture="convolutional",
    architecture_params=SQUARE,
    hidden_layer_sizes=(4,),
)


def bowtie(spec, *, width=8):
    layers = keras.layers
    encoder = [
        keras.Input((spec.n_features,)),
        layers.Dense(width, "tanh"),
        layers.Dense(spec.n_components),
    ]
    decoder = [
        keras.Input((spec.n_components,)),
        layers.Dense(width, "tanh"),
        layers.Dense(spec.n_features),
    ]
    return keras.Sequential(encoder), keras.Sequential(decoder)


add("builder", Autoencoder, X32[:300], architecture=bowtie, architecture_params={"width": 12})
add("builder-linear-path", Autoencoder, X32[:300], architecture=bowtie, linear_path=True)

# What is minimised.
for corruption in ("gaussian", "masking", "salt_and_pepper", "swap"):
    add(f"corruption-{corruption}", DenoisingAutoencoder, X32[:300], corruption=corruption)
add(
    "corruption-own",
    DenoisingAutoencoder,
    X32[:300],
    corruption=lambda x, level, rng: x + level * rng.normal(size=x.shape),
)
add("corruption-linear-path", Autoencoder, X32[:300], corruption="masking", linear_path=True)
add("emphasis", DenoisingAutoencoder, X32[:300], corruption="masking", emphasis=0.8)
for penalty, more in {
    "l1": {},
    "kl": {"sparsity": 0.2},
    "top_k": {"sparsity": 3},
    "lifetime": {"sparsity": 0.2},
    "contractive": {"penalty_weight": 0.3},
}.items():
    add(f"penalty-{penalty}", Autoencoder, X32[:300], penalty=penalty, **more)
add("penalty-own", Autoencoder, X32[:300], penalty=lambda code: keras.ops.log1p(code**2))
for loss in ("mse", "mae", "huber", "gaussian"):
    add(f"loss-{loss}", Autoencoder, X32[:300], loss=loss)
    add(f"loss-{loss}-pure", Autoencoder, X32[:300], loss=loss, linear_path=False)
add("loss-bce", Autoencoder, X32[:300], loss="binary_crossentropy", scaling="minmax")
add("loss-bce-unit", Autoencoder, UNIT[:300], loss="binary_crossentropy", early_stopping=True)
add("loss-own", Autoencoder, X32[:300], loss=lambda t, o: keras.ops.abs(t - o) ** 1.5)
for scaling in ("global", "standard", "robust", "minmax", "quantile", None):
    add(f"scaling-{scaling}", Autoencoder, X[:300], scaling=scaling)
    add(f"scaling-{scaling}-pure", Autoencoder, X32[:300], scaling=scaling, linear_path=False)
for optimizer in ("adam", "adamw", "sgd", "rmsprop", "nadam", "lion"):
    add(
        f"optimizer-{optimizer}",
        Autoencoder,
        X32[:300],
        optimizer=optimizer,
        alpha=1e-3,
        learning_rate_init=0.002,
    )
add("optimizer-keras", Autoencoder, X32[:300], optimizer=keras.optimizers.Adam(0.003, use_ema=True))
add(
    "schedule",
    Autoencoder,
    X32[:300],
    learning_rate_init=keras.optimizers.schedules.CosineDecay(0.01, 50),
)
add("unshuffled", Autoencoder, X32[:300], shuffle=False, linear_path=False)
add("batch", Autoencoder, X32[:300], batch_size=4000, linear_path=False)
add(
    "stacked-kl",
    StackedAutoencoder,
    X32[:300],
    penalty="kl",
    activation="logistic",
    pretrain_max_iter=2,
)
add(
    "stacked-masking",
    StackedAutoencoder,
    X32[:300],
    pretraining={"corruption": "masking"},
    pretrain_max_iter=2,
)
add(
    "stacked-each",
    StackedAutoencoder,
    X32[:300],
    pretraining=[{"max_iter": 2}, {"penalty": "l1"}, {}],
    pretrain_max_iter=2,
)
add("stacked-only", StackedAutoencoder, X32[:300], fine_tune=False, pretrain_max_iter=2)
add("stacked-none", StackedAutoencoder, X32[:300], pretrain_max_iter=0)
add(
    "stacked-logistic",
    StackedAutoencoder,
    UNIT[:300],
    activation="logistic",
    code_activation="logistic",
    tied=True,
    scaling=None,
    pretrain_max_iter=2,
)
add("bernoulli", VariationalAutoencoder, UNIT[:300], loss="bernoulli", scaling=None)
add(
    "bernoulli-minmax",
    VariationalAutoencoder,
    X32[:300],
    loss="bernoulli",
    scaling="minmax",
    beta=2.0,
)
add("variational-standard", VariationalAutoencoder, X[:300], scaling="standard")
add("images", ConvolutionalAutoencoder, load_digits().images[:200], hidden_layer_sizes=(4, 6))
add(
    "images-length",
    ConvolutionalAutoencoder,
    load_digits().images[:200],
    hidden_layer_sizes=(4,),
    linear_path=True,
    n_components="auto",
)
add(
    "images-colour",
    ConvolutionalAutoencoder,
    np.random.default_rng(0).random((60, 5, 7, 3)),
    hidden_layer_sizes=(4,),
    kernel_size=2,
)
EMBED = {"n_components": 2, "perplexity": 8}
add("tsne-random", ParametricTSNE, X32[:300], **EMBED, init="random")
add("tsne-decoder", ParametricTSNE, X32[:300], **EMBED, reconstruction_weight=0.5)
add(
    "tsne-pretrained",
    ParametricTSNE,
    X32[:300],
    **EMBED,
    pretraining="autoencoder",
    pretrain_max_iter=2,
    reconstruction_weight=0.5,
)
add(
    "tsne-cosine",
    ParametricTSNE,
    X32[:300],
    **EMBED,
    metric="cosine",
    degrees_of_freedom=2.0,
    corruption="masking",
)
add("tsne-auto", ParametricTSNE, X32[:600], hidden_layer_sizes="auto", n_components=2)

# Where rows come from.
add("sparse-matrix", Autoencoder, sparse.csr_matrix(X32[:300]))
add("frame", Autoencoder, pd.DataFrame(X[:200], columns=[f"p{i}" for i in range(64)]))
add("integers", Autoencoder, X[:200].astype(np.int64))
BATCHES = [X32[start : start + 100] for start in range(0, 600, 100)]
add("stream", Autoencoder, from_batches(BATCHES, window=150))
add("stream-pure", DenoisingAutoencoder, from_batches(BATCHES, window=150), early_stopping=True)
add("stream-variational", VariationalAutoencoder, from_batches(BATCHES, window=150))
add(
    "stream-standard",
    Autoencoder,
    from_batches(BATCHES, window=150),
    scaling="standard",
    linear_path=False,
)
add("stream-in-memory", Autoencoder, from_batches(BATCHES))
add("stream-length", Autoencoder, from_batches(BATCHES, window=150), n_components=0.7)
add("stream-stacked", StackedAutoencoder, from_batches(BATCHES, window=150), pretrain_max_iter=2)
add(
    "stream-images",
    ConvolutionalAutoencoder,
    from_batches([b.reshape(-1, 8, 8) for b in BATCHES], window=150),
    hidden_layer_sizes=(4,),
)


@case("tensorflow-dataset")
def _dataset():
    import tensorflow as tf

    return fit(Autoencoder, tf.data.Dataset.from_tensor_slices(X32[:500]).batch(100)), X32[:500]


def _mapped(folder, n=6000, d=400):
    path = Path(folder) / "rows.npy"
    np.save(path, wavy(n, d).astype(np.float32))
    return np.load(path, mmap_mode="r")


for name, params in {
    "map": {},
    "map-length": {"n_components": 0.9},
    "map-pure": {"linear_path": False, "corruption": "gaussian"},
}.items():

    @case(name)
    def _map(params=params):
        with tempfile.TemporaryDirectory() as folder:
            rows = _mapped(folder)
            model = fit(Autoencoder, rows, **{"max_iter": 2, **params})
            return model, np.array(rows[:500])


# Trainings that go on.
def going_on(kind, rows, n=3, **params):
    model = kind(**{**SMALL, **params})
    for part in np.array_split(rows, n):
        model.partial_fit(part)
    return model, rows


for name, (kind, params) in KINDS.items():
    if kind is not ParametricTSNE:
        CASES[f"partial-{name}"] = partial(going_on, kind, X32[:300], **params)
CASES["partial-few"] = partial(going_on, Autoencoder, X32[:12], n=4)
CASES["partial-length"] = partial(going_on, Autoencoder, X32[:300], n_components=0.7)


@case("partial-iterator")
def _iterator():
    model = Autoencoder(**SMALL).partial_fit(iter(BATCHES)).partial_fit(iter(BATCHES))
    return model, X32[:300]


for name, (kind, params) in KINDS.items():

    @case(f"warm-{name}")
    def _warm(kind=kind, params=params):
        model = fit(kind, X32[:300], **params, warm_start=True)
        return model.set_params(max_iter=3, learning_rate_init=0.004).fit(X32[:280]), X32[:300]


@case("warm-partial")
def _warm_partial():
    model = fit(Autoencoder, X32[:300], warm_start=True).partial_fit(X32[:200])
    return model.fit(X32[:300]), X32[:300]


@case("fitted-twice")
def _twice():
    model = fit(
        SparseAutoencoder, X32[:300], penalty="lifetime", scaling="quantile", linear_path=False
    )
    return model.set_params(penalty=None, scaling="global").fit(X32[:300]), X32[:300]


# Imported models.
def models(code=6, end=None):
    layers = keras.layers
    keras.utils.set_random_seed(1)
    encoder = keras.Sequential([keras.Input((64,)), layers.Dense(20, "relu"), layers.Dense(code)])
    decoder = keras.Sequential(
        [keras.Input((code,)), layers.Dense(20, "relu"), layers.Dense(64, end)]
    )
    return encoder, decoder


PLAIN = {"max_iter": 3, "random_state": 0}


@case("imported")
def _imported():
    return Autoencoder.from_keras(*models(), **PLAIN), X32[:300]


@case("imported-partial")
def _imported_partial():
    return Autoencoder.from_keras(*models(), **PLAIN).partial_fit(X32[:300]), X32[:300]


@case("imported-fit")
def _imported_fit():
    return Autoencoder.from_keras(*models(), **PLAIN).fit(X32[:300]), X32[:300]


@case("imported-warm")
def _imported_warm():
    return Autoencoder.from_keras(*models(), **PLAIN, warm_start=True).fit(X32[:300]), X32[:300]


@case("imported-bce")
def _imported_bce():
    model = Autoencoder.from_keras(*models(end="sigmoid"), **PLAIN, loss="binary_crossentropy")
    return model.partial_fit(UNIT[:300]), UNIT[:300]


@case("imported-kl")
def _imported_kl():
    encoder, decoder = models()
    encoder.layers[-1].activation = keras.activations.sigmoid
    return SparseAutoencoder.from_keras(encoder, decoder, **PLAIN).fit(X32[:300]), X32[:300]


@case("imported-images")
def _imported_images():
    layers = keras.layers
    keras.utils.set_random_seed(1)
    encoder = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(3, 3, strides=2), layers.Flatten(), layers.Dense(5)]
    )
    decoder = keras.Sequential([keras.Input((5,)), layers.Dense(64), layers.Reshape((8, 8, 1))])
    return ConvolutionalAutoencoder.from_keras(encoder, decoder, **PLAIN).partial_fit(
        X32[:200]
    ), X32[:200]


# Who watches, and bad ends.
class Slower(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 0.01 / (epoch + 1)


class Interrupts(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


class Stops(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 1


for name, callback in {"slower": Slower, "interrupts": Interrupts, "stops": Stops}.items():

    @case(f"callback-{name}")
    def _callback(callback=callback):
        return fit(Autoencoder, X32[:300], callbacks=[callback()]), X32[:300]

    @case(f"callback-{name}-pure")
    def _callback_pure(callback=callback):
        return fit(Autoencoder, X32[:300], linear_path=False, callbacks=[callback()]), X32[:300]


@case("progress")
def _progress():
    model = Autoencoder(**SMALL)
    model.set_callbacks(ProgressBar(max_propagation_depth=None))
    return model.fit(X32[:300]), X32[:300]


add("diverges", Autoencoder, X32[:300], linear_path=False, learning_rate_init=1e12, optimizer="sgd")
add(
    "diverges-later",
    Autoencoder,
    X32[:90],
    linear_path=False,
    max_iter=30,
    optimizer="sgd",
    learning_rate_init=lambda step: np.where(np.asarray(step) < 9, 0.01, 1e20),
)
add("diverges-linear-path", Autoencoder, X32[:300], learning_rate_init=1e30, optimizer="sgd")


@case("to-keras")
def _to_keras():
    return fit(SparseAutoencoder, X32[:300], penalty="lifetime"), X32[:300]


def digest(value):
    """A short text that is equal for equal bits."""
    of = hashlib.sha256()
    _feed(of, value)
    return of.hexdigest()[:16]


def _feed(of, value):
    if isinstance(value, dict):
        for key in sorted(value):
            of.update(str(key).encode())
            _feed(of, value[key])
    elif isinstance(value, (list, tuple)):
        for part in value:
            _feed(of, part)
    elif isinstance(value, (np.ndarray, np.generic)):
        value = np.asarray(value)
        if value.dtype == object:  # whose bytes are addresses
            return _feed(of, value.tolist())
        of.update(f"{value.dtype}{value.shape}".encode())
        of.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, float):
        of.update(value.hex().encode())
    else:
        of.update(repr(value).encode())


ATTRIBUTES = [
    "encoder_weights_",
    "decoder_weights_",
    "center_",
    "scale_",
    "quantiles_",
    "thresholds_",
    "settings_",
    "baseline_",
    "component_errors_",
    "mean_activation_",
    "n_dead_units_",
    "noise_variance_",
    "active_units_",
    "embedding_",
    "kl_divergence_",
    "stage_histories_",
    "n_iter_",
    "n_components_",
    "image_shape_",
    "n_features_in_",
    "feature_names_in_",
]


def described(model, rows):
    """The digests of all that a fitted estimator is and gives."""
    found = {
        name: digest(getattr(model, name))
        for name in ATTRIBUTES
        if name != "stage_histories_" and hasattr(model, name)
    }
    histories = [model.history_, *getattr(model, "stage_histories_", [])]
    found["history"] = digest([{k: v for k, v in h.items() if k != "seconds"} for h in histories])
    found["names"] = digest(model.get_feature_names_out().tolist())
    few = rows[:50] if hasattr(rows, "shape") and not isinstance(rows, pd.DataFrame) else rows
    few = few.iloc[:50] if isinstance(few, pd.DataFrame) else few
    codes = model.transform(rows)
    found |= {"codes": digest(codes), "codes-few": digest(model.transform(few))}
    for name, argument in {
        "inverse_transform": codes,
        "reconstruct": rows,
        "score_samples": few,
        "score": rows,
    }.items():
        if hasattr(model, name):
            found[name] = digest(getattr(model, name)(argument))
    if isinstance(model, VariationalAutoencoder):
        found["sample"] = digest([model.sample(5, 0), model.sample(5, 0, noise=True)])
        found["random codes"] = digest(model.transform(few, sample=True, random_state=0))
    elif hasattr(model, "score_samples"):
        found["scaled scores"] = digest(model.score_samples(few, scaled=True))
    return found


def run(names):
    PROGRAM.fastest = lambda plan, compiled, inputs: compiled(False)
    results = {}
    for name in names:
        start, before = time.perf_counter(), PROGRAM.trace_count()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                model, rows = CASES[name]()
                results[name] = described(model, rows)
            except (ValueError, KeyboardInterrupt) as error:
                rows, results[name] = None, {"error": f"{type(error).__name__}: {error}"}
            results[name]["traces"] = PROGRAM.trace_count() - before
        said = sorted(
            str(w.message) for w in caught if not issubclass(w.category, DeprecationWarning)
        )
        results[name]["warnings"] = digest(said)
        print(f"{name}: {time.perf_counter() - start:.1f} s", file=sys.stderr)
        if not isinstance(rows, np.ndarray) or "callback" in name:
            continue
        again = clone(model)
        assert again.get_params().keys() == model.get_params().keys()
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["write", "compare", "list"])
    parser.add_argument("file", nargs="?")
    parser.add_argument("--only", default="*")
    options = parser.parse_args()
    names = [name for name in CASES if fnmatch(name, options.only)]
    if options.what == "list":
        print("\n".join(names))
        return
    results = run(names)
    for name, result in results.items():
        if "error" in result:
            print(f"{name} raises {result['error']}")
    if options.what == "write":
        Path(options.file).write_text(json.dumps(results, indent=1))
        return
    expected = json.loads(Path(options.file).read_text())
    differing = {
        name: [
            k
            for k in {**results[name], **expected[name]}
            if results[name].get(k) != expected[name].get(k)
        ]
        for name in names
    }
    differing = {name: keys for name, keys in differing.items() if keys}
    for name, keys in differing.items():
        print(f"DIFFERS {name}: {', '.join(keys)}")
    print(f"{len(names) - len(differing)} of {len(names)} cases are equal")
    sys.exit(bool(differing))


if __name__ == "__main__":
    main()
