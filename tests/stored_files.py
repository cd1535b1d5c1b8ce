"""Writes one small file of every kind, and what it must give, into tests/saving/stored.

``python tests/stored_files.py`` was run once for every version of the format, and once more for
every kind that came later, by its name. The files of a version stay as they are.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import tfae
from tfae._saving.native import FORMAT_VERSION
from tfae._training.step.program import new_programs

FOLDER = Path(__file__).parent / "saving" / "stored"
SMALL = {"n_components": 2, "hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}


def rows():
    """40 rows of 9 features, of rank 3."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 3)) @ rng.normal(size=(3, 9)) + 0.1 * rng.normal(size=(40, 9)) + 5


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
        "outliers": tfae.OutlierDetector(hidden_layer_sizes=(4,), max_iter=2, random_state=0).fit(
            X
        ),
        "tsne": tfae.ParametricTSNE(**SMALL, perplexity=3, precision="float64").fit(X),
    }


def outputs(model, X):
    """Everything that a model gives for rows of numbers, by the name of the method."""
    if hasattr(model, "feature_names_in_"):
        X = pd.DataFrame(X, columns=model.feature_names_in_)
    found = {}
    for method in ("transform", "reconstruct", "score_samples", "p_values"):
        if hasattr(model, method):
            found[method] = getattr(model, method)(X)
    return found


def main(names):
    X = rows()
    with warnings.catch_warnings(), new_programs(xla=False):
        warnings.simplefilter("ignore")
        fitted = models(X)
    for name in names or fitted:
        model = fitted[name]
        path = FOLDER / f"{FORMAT_VERSION}-{name}.tfae"
        model.save(path)
        np.savez_compressed(path.with_suffix(".npz"), X=X[:5], **outputs(model, X[:5]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
