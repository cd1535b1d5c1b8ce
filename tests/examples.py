"""Small models and data that several test files take."""

import numpy as np

from tfae import Autoencoder

# Rows of rank 5.
TABLE = np.random.default_rng(0).normal(size=(300, 5)) @ np.random.default_rng(1).normal(
    size=(5, 12)
)


def small(**params):
    """Return a small autoencoder without a linear path."""
    given = {"n_components": 3, "hidden_layer_sizes": (12,), "max_iter": 3, "random_state": 0}
    return Autoencoder(**{**given, "linear_path": False, **params})


def mse(model, X):
    """Return the mean squared error of the reconstruction, of scikit-learn's models too."""
    return np.square(model.inverse_transform(model.transform(X)) - X).mean()


# The contractive network of Rifai et al. (2011).
CONTRACTIVE = {
    "hidden_layer_sizes": (),
    "linear_path": False,
    "activation": "logistic",
    "code_activation": "logistic",
    "tied": True,
}
