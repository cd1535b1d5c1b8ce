"""Affine maps that dense layers do on the way."""

import keras
import numpy as np
import pytest
from keras import layers

from tfae import Autoencoder, DenoisingAutoencoder, SparseAutoencoder, VariationalAutoencoder
from tfae._inference.codec import _MANY
from tfae._inference.folding import _LARGEST_OFFSET, Map, folded
from tfae._inference.numpy_layers import run_layers
from tfae._networks.plain_layers import Dense, EachFeature, Sum, plain_layers

pytestmark = pytest.mark.usefixtures("in_executor")

RNG = np.random.default_rng(0)
BEFORE = Map(RNG.uniform(0.5, 1.5, 6), RNG.uniform(-1, 1, 6))
AFTER = Map(RNG.uniform(0.5, 1.5, 4), RNG.uniform(-1, 1, 4))


def stack(*parts):
    model = keras.Sequential([keras.Input((6,)), *parts])
    for variable in model.weights:
        variable.assign(RNG.uniform(0.5, 1.5, variable.shape))
    return model


def keras_weights(model):
    return [np.asarray(weight, np.float64) for weight in model.weights]


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
# A linear path around a network: standardised before, scaled after, a correction beside it.
ANCHORED_WEIGHTS = [
    *(RNG.uniform(0.5, 1.5, n) for n in (6, 6, 4, 4)),
    *(RNG.standard_normal(shape) for shape in ((6, 5), (5,), (5, 4), (4,), (6, 4), (6, 4), (4,))),
]
ANCHORED = (
    Sum(
        (
            (
                EachFeature(0, 1),
                Sum(((Dense(4, 5, "tanh"), Dense(6, 7, "linear")), (Dense(8, None, "linear"),))),
                EachFeature(2, 3),
            ),
            (Dense(9, 10, "linear"),),
        )
    ),
)


def check_folded(plain, weights, before, after):
    kept = [weight.copy() for weight in weights]
    x = RNG.standard_normal((50, 6))
    given = x if before is None else x * before.factor + before.offset
    expected = run_layers(plain, weights, given)
    expected = expected if after is None else expected * after.factor + after.offset
    found, new = folded(plain, weights, np.float64, before, after)
    np.testing.assert_allclose(run_layers(found, new, x), expected, rtol=1e-11, atol=1e-12)
    for weight, unchanged in zip(weights, kept, strict=True):
        np.testing.assert_array_equal(weight, unchanged)
    return found


@pytest.mark.parametrize("before", [None, BEFORE])
@pytest.mark.parametrize("after", [None, AFTER])
@pytest.mark.parametrize("name", STACKS)
def test_a_folded_stack_gives_the_same(name, before, after):
    model = STACKS[name]()
    check_folded(plain_layers(model), keras_weights(model), before, after)


@pytest.mark.parametrize("before", [None, BEFORE])
@pytest.mark.parametrize("after", [None, AFTER])
def test_a_linear_path_and_its_network_are_dense_layers_alone(before, after):
    (both,) = check_folded(ANCHORED, ANCHORED_WEIGHTS, before, after)
    (within,), (path,) = both.paths
    (first, second), (correction,) = within.paths
    assert {type(layer) for layer in (first, second, correction, path)} == {Dense}


def test_an_empty_path_does_its_maps_itself():
    beside = (Sum(((), (Dense(0, None, "linear"),))),)
    check_folded(beside, [RNG.standard_normal((6, 6))], BEFORE, BEFORE)


def test_dense_layers_do_all_maps_beside_them():
    model = STACKS["rescaled"]()
    found, _ = folded(plain_layers(model), keras_weights(model), np.float32, BEFORE, AFTER)
    assert len(found) == 1


@pytest.mark.parametrize("name", ["dense", "activation first"])
def test_offsets_that_would_cost_digits_are_left_alone(name):
    model = STACKS[name]()
    far = Map(np.ones(6), np.full(6, 2 * _LARGEST_OFFSET))
    assert folded(plain_layers(model), keras_weights(model), np.float32, far) is None


def many_rows(n_features=16):
    """Rows that no linear code rebuilds, so that networks are kept."""
    angles = RNG.uniform(0, 2 * np.pi, (_MANY + 900, 2))
    circles = np.concatenate([np.cos(angles), np.sin(angles), np.cos(2 * angles)], axis=1)
    return circles @ RNG.standard_normal((6, n_features)) + RNG.uniform(-1, 1, n_features)


MODELS = {
    "linear path": lambda: Autoencoder(2, linear_path=True),
    "no linear path": lambda: Autoencoder(2, linear_path=False),
    "normalised": lambda: DenoisingAutoencoder(2, batch_normalization=True),
    "sparse": lambda: SparseAutoencoder(8, penalty="top_k", sparsity=0.5),
    "minmax": lambda: Autoencoder(
        2, scaling="minmax", output_activation="sigmoid", linear_path=False
    ),
    "quantile": lambda: Autoencoder(2, scaling="quantile"),
    "variational": lambda: VariationalAutoencoder(2),
    "far from zero": lambda: Autoencoder(2),
}


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", MODELS)
def test_many_rows_get_the_codes_that_few_get(name):
    rows = many_rows() + 1000 * (name == "far from zero")
    model = MODELS[name]().set_params(max_iter=3, batch_size=128, random_state=0).fit(rows)
    for dtype, digit in ((np.float32, 1e-6), (np.float64, 1e-10)):
        X = rows.astype(dtype)
        few = [X[start : start + 1000] for start in range(0, len(X), 1000)]
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


def test_scales_that_no_weight_can_take_stay_with_the_rows():
    X = many_rows(8)
    X[:, 2] *= 1e-41
    X = X.astype(np.float32)
    model = Autoencoder(2, scaling="standard", max_iter=1, random_state=0).fit(X[:1000])
    few = np.concatenate([model.transform(part) for part in np.array_split(X, 5)])
    np.testing.assert_allclose(model.transform(X), few, rtol=1e-4, atol=1e-5)


def test_many_constant_rows_score_as_few_do():
    C = np.full((_MANY, 20), 0.1)
    model = DenoisingAutoencoder(4, hidden_layer_sizes=(32,), max_iter=2, random_state=0)
    model.fit(C[:200])
    assert model.score(C) == model.score(C[:50]) == 1


def test_the_code_of_a_single_row_is_an_array_of_its_own():
    model = VariationalAutoencoder(2, max_iter=1, random_state=0).fit(many_rows(8)[:200])
    assert model.transform(np.zeros((1, 8))).flags.owndata


def test_the_linear_path_of_many_rows_is_folded():
    X = many_rows()
    model = MODELS["linear path"]().set_params(max_iter=1, random_state=0).fit(X)
    ready = model._fitted.codec.ready_to_encode(X).ready_to_decode(X)
    assert ready.scaling is None
    assert ready.unscaling is None
    assert not any("EachFeature" in repr(side.layers) for side in (ready.encoder, ready.decoder))
    few = model._fitted.codec.ready_to_encode(X[:100])
    assert few.encoder.layers == model._fitted.encoder.layers
    assert few.scaling is not None
