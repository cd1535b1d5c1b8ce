"""Every public estimator and one estimator for every registered name, small and short.

Whatever is registered or exported is in here by itself, and so in all tests that use it.
"""

import inspect
import math

import tfae
from tfae._estimators.base import BaseEncoder

# What a class needs to be fitted to few rows; scikit-learn's suite has the same for TSNE.
FOR_FEW_ROWS = {
    "ConvolutionalAutoencoder": {"image_shape": (1, -1)},
    "ParametricTSNE": {"perplexity": 2},
    "StackedAutoencoder": {"pretrain_max_iter": 1},
}
SMALL = {"hidden_layer_sizes": (24,), "batch_size": 64, "random_state": 0}


def kinds():
    """The public estimator classes."""
    public = (getattr(tfae, name) for name in tfae.__all__)
    return [c for c in public if inspect.isclass(c) and issubclass(c, BaseEncoder)]


def other_architectures():
    """The registered architectures that no class has as its own."""
    return sorted(set(tfae.architectures()) - {kind().architecture for kind in kinds()})


def members(n_features=64, **params):
    """Return an autoencoder for every class and every registered name, by an identifier.

    Those of images take rows of `n_features` values as square ones.
    """
    given = {**SMALL, **params}
    autoencoders = [kind for kind in kinds() if kind is not tfae.ParametricTSNE]
    family = {kind.__name__: kind(**given) for kind in autoencoders}
    family["ConvolutionalAutoencoder"].set_params(image_shape=(math.isqrt(n_features), -1))
    for parameter, names in {
        "architecture": other_architectures(),
        "corruption": tfae.corruptions(),
        "penalty": tfae.penalties(),
        "loss": tfae.losses(),
    }.items():
        for name in names:
            family[f"{parameter}={name}"] = tfae.Autoencoder(**{**given, parameter: name})
    for estimator in family.values():
        if estimator.loss in ("binary_crossentropy", "bernoulli"):
            estimator.set_params(scaling="minmax")
    return family
