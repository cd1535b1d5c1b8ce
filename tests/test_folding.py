"""Affine maps that dense layers do on the way."""

import keras
import numpy as np
import pytest
from keras import layers

from tfae import Autoencoder, DenoisingAutoencoder, SparseAutoencoder, VariationalAutoencoder
from tfae._coding import _MANY
from tfae._folding import _LARGEST_OFFSET, Folding, Map
from tfae._portable import EachFeature, plain_layers, run_layers

RNG = np.random.default_rng(0)
BEFORE = Map(RNG.uniform(0.5, 2, 6), RNG.uniform(-2, 2, 6))
AFTER = Map(RNG.uniform(0.5, 2, 4), RNG.uniform(-2, 2, 4))


def stack(*parts):
    model = keras.Sequential([keras.Input((6,)), *parts])
    for variable in model.weights:
        variable.assign(RNG.uniform(0.5, 1.5, variable.shape))
    return model


STACKS = {
    "dense": lambda: stack(layers.Dense(5, "tanh"), layers.Dense(4)),
    "no bias": lambda: stack(layers.Dense(4, use_bias=False)),
    "activation at the end": lambda: stack(layers.Dense(4, "relu")),
    "activation first": lambda: stack(layers.Activation("tanh"), layers.Dense(4)),
    "normalised": lambda: stack(
        *(layers.Dense(5, "tanh"), layers.BatchNormalization()),
        *(layers.Dense(4, "relu"), layers.BatchNormalization(scale=False, center=False)),
    ),
    "rescaled": lambda: stack(layers.Rescaling(0.5, 1.0), layers.Dense(4), layers.Rescaling(2.0)),
}


@pytest.mark.parametrize("name", STACKS)
def test_a_folded_stack_gives_the_same(name):
    model = STACKS[name]()
    plain, weights = plain_layers(model), [np.asarray(v, np.float64) for v in model.weights]
    kept = [weight.copy() for weight in weights]
    x = RNG.standard_normal((50, 6))
    expected = run_layers(plain, weights, x * BEFORE.factor + BEFORE.offset)
    expected = expected * AFTER.factor + AFTER.offset
    folding = Folding(plain, weights, np.float64, BEFORE, AFTER)
    np.testing.assert_allclose(run_layers(folding.layers, folding.weights, x), expected, rtol=1e-12)
    for weight, before in zip(weights, kept, strict=True):
        np.testing.assert_array_equal(weight, before)


def test_dense_layers_do_all_maps_beside_them():
    model = STACKS["rescaled"]()
    weights = [np.asarray(v) for v in model.weights]
    folding = Folding(plain_layers(model), weights, np.float32, BEFORE, AFTER)
    assert len(folding.layers) == 1


def test_a_large_offset_stays_with_the_rows():
    model = STACKS["dense"]()
    weights = [np.asarray(v) for v in model.weights]
    far = Map(np.ones(6), np.full(6, 2 * _LARGEST_OFFSET))
    folding = Folding(plain_layers(model), weights, np.float32, far)
    assert isinstance(folding.layers[0], EachFeature)


def many_rows(n_features=16):
    mixed = RNG.standard_normal((4, n_features))
    return RNG.standard_normal((_MANY // n_features, 4)) @ mixed + RNG.uniform(-1, 1, n_features)


MODELS = {
    "linear path": lambda: Autoencoder(3, max_iter=2),
    "no linear path": lambda: Autoencoder(3, linear_path=False, max_iter=2),
    "normalised": lambda: DenoisingAutoencoder(3, batch_normalization=True, max_iter=2),
    "sparse": lambda: SparseAutoencoder(8, max_iter=2),
    "minmax": lambda: Autoencoder(
        3, scaling="minmax", output_activation="sigmoid", linear_path=False, max_iter=2
    ),
    "quantile": lambda: Autoencoder(3, scaling="quantile", max_iter=2),
    "variational": lambda: VariationalAutoencoder(2, max_iter=2),
    "far from zero": lambda: Autoencoder(3, max_iter=2),
}


@pytest.mark.parametrize("name", MODELS)
def test_many_rows_get_the_codes_that_few_get(name):
    rows = many_rows() + 1000 * (name == "far from zero")
    model = MODELS[name]().set_params(random_state=0).fit(rows[:300])
    for dtype, digit in ((np.float32, 1e-6), (np.float64, 1e-10)):
        X = rows.astype(dtype)
        few = [X[start : start + 5000] for start in range(0, len(X), 5000)]
        codes = [model.transform(part) for part in few]
        rebuilt = np.concatenate([model.inverse_transform(part) for part in codes])
        codes = np.concatenate(codes)
        for ours, theirs in (
            (model.transform(X), codes),
            (model.inverse_transform(codes), rebuilt),
            (model.reconstruct(X), rebuilt),
        ):
            assert ours.dtype == theirs.dtype == dtype
            assert np.linalg.norm(ours - theirs) < digit * np.linalg.norm(theirs)
