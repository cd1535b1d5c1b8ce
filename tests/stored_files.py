"""Writes one small file of every kind, and what it must give, into tests/saving/stored.

``python tests/stored_files.py`` writes those that are not there yet. The files of a version stay as
they are.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

import tfae
from tfae._saving.native import FORMAT_VERSION
from tfae._training.step.program import new_programs

FOLDER = Path(__file__).parent / "saving" / "stored"
SMALL = {"n_components": 2, "hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}

OF_IMPUTER = {"hidden_layer_sizes": (6, 4), "max_iter": 2, "random_state": 0}


def rows():
    """40 rows of 9 features, of rank 3."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 3)) @ rng.normal(size=(3, 9)) + 0.1 * rng.normal(size=(40, 9)) + 5


def mixed(X, library="pandas"):
    """A frame of mixed kinds with the information of some rows of numbers."""
    whole = np.rint(X[:, 1:]).astype(int)
    words = np.array(["low", "fair", "high"])[np.clip(whole[:, 0] - 4, 0, 2)]
    days = np.datetime64("2024-02-28", "ms") + whole[:, 1] * np.timedelta64(86_400_000, "ms")
    if library == "polars":
        columns = {"number": X[:, 0], "word": words, "day": days, "yes": whole[:, 3] > 5}
        return pl.DataFrame(columns).with_columns(pl.col("word").cast(pl.Categorical))
    return pd.DataFrame(
        {
            "number": X[:, 0],
            "count": pd.array(whole[:, 4], "Int16"),
            "word": pd.Categorical(words, ["low", "fair", "high"], ordered=True),
            "text": np.where(whole[:, 5] > 5, "yes", "no"),
            "day": pd.Series(days).dt.tz_localize("Europe/Berlin", nonexistent="shift_forward"),
            "range": pd.cut(X[:, 6], [-100, 4, 6, 100]),
            "same": 1,
        }
    )


def holed(X):
    """The rows with every seventh entry missing."""
    return np.where(np.arange(X.size).reshape(X.shape) % 7 == 3, np.nan, X)


def models(X):
    """Fitted models, by name."""
    frame = pd.DataFrame(X, columns=[f"column {i}" for i in range(X.shape[1])])
    pure = {**SMALL, "linear_path": False}
    return {
        "autoencoder": tfae.Autoencoder(**SMALL).fit(frame),
        "sparse": tfae.SparseAutoencoder(
            penalty="lifetime", sparsity=0.3, scaling="quantile", batch_normalization=True, **pure
        ).fit(X),
        "variational": tfae.VariationalAutoencoder(scaling="standard", **pure).fit(X),
        "convolutional": tfae.ConvolutionalAutoencoder(**SMALL, image_shape=(3, 3)).fit(X),
        "denoising": tfae.DenoisingAutoencoder(**pure, corruption="swap").partial_fit(X),
        "mixed": tfae.Autoencoder(**SMALL).fit(mixed(X)),
        "imputer": tfae.AutoencoderImputer(**OF_IMPUTER, add_indicator=True).fit(holed(X)),
        "mixed-imputer": tfae.AutoencoderImputer(**OF_IMPUTER).fit(mixed(X, "polars")),
        "outliers": tfae.OutlierDetector(
            evidence="both", hidden_layer_sizes=(4,), max_iter=2, random_state=0
        ).fit(X),
        "tsne": tfae.ParametricTSNE(**SMALL, perplexity=3, precision="float64").fit(X),
    }


def given_to(model, X):
    """What a model takes for rows of numbers."""
    if model._schema is not None:
        return mixed(X, model._schema.library)
    if isinstance(model, tfae.AutoencoderImputer):
        return holed(X)
    if hasattr(model, "feature_names_in_"):
        return pd.DataFrame(X, columns=model.feature_names_in_)
    return X


def outputs(model, X):
    """Everything that a model gives for rows of numbers, by the name of the method, as numbers."""
    X, found = given_to(model, X), {}
    for method in ("transform", "reconstruct", "score_samples", "p_values"):
        if hasattr(model, method):
            found[method] = getattr(model, method)(X)
    if model._schema is not None:
        found = {
            name: of if isinstance(of, np.ndarray) else model._schema.encode(of)
            for name, of in found.items()
        }
    return found


def main(names):
    X = rows()
    with warnings.catch_warnings(), new_programs(xla=False):
        warnings.simplefilter("ignore")
        fitted = models(X)
    for name in names or fitted:
        model = fitted[name]
        path = FOLDER / f"{FORMAT_VERSION}-{name}.tfae"
        if path.exists():
            continue
        model.save(path)
        np.savez_compressed(path.with_suffix(".npz"), X=X[:5], **outputs(model, X[:5]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
