"""Fits that devices of one process share, here the only one; see also test_several_workers.py."""

import pickle

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from examples import TABLE, small
from sklearn.base import clone

import tfae
from tfae import (
    Autoencoder,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    StackedAutoencoder,
    VariationalAutoencoder,
    streams,
)


def batches():
    """Return the rows in batches, which do not fit into the window of a stream."""
    return streams.from_batches(np.array_split(X, 7), window=60)


GIVEN = {"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0, "batch_size": 33}
PRECISE = {**GIVEN, "precision": "float64"}
X = np.tanh(TABLE)
HOLED = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
MIXED = pd.DataFrame(
    {"number": X[:, 0], "holed": HOLED[:, 1], "kind": np.where(X[:, 2] > 0, *"ab")}
)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(Autoencoder(3, **PRECISE, keep_neighbors=True), id="linear path"),
        pytest.param(Autoencoder(3, **PRECISE, tied=True, linear_path=False), id="tied"),
        pytest.param(Autoencoder(3, **PRECISE, penalty="l1"), id="penalty"),
        pytest.param(ContractiveAutoencoder(3, **PRECISE), id="contractive"),
        pytest.param(DenoisingAutoencoder(3, **PRECISE, corruption="masking"), id="corruption"),
        pytest.param(
            VariationalAutoencoder(3, **PRECISE, loss="bernoulli", scaling="minmax"),
            id="variational",
        ),
        pytest.param(Autoencoder(3, **PRECISE, optimizer="nadam", linear_path=False), id="nadam"),
        pytest.param(Autoencoder(0.9, **PRECISE), id="length"),
        pytest.param(StackedAutoencoder(3, **PRECISE, pretrain_max_iter=2), id="pretraining"),
        pytest.param(
            DenoisingAutoencoder(3, **PRECISE, training_rows="noisy", corruption_level=0.3),
            id="noisy rows",
        ),
    ],
)
def test_a_shared_fit_finds_what_one_alone_finds(estimator):
    alone, shared = (clone(estimator).set_params(strategy=s).fit(X) for s in (None, "mirrored"))
    assert_same(shared, alone)
    np.testing.assert_allclose(shared.reconstruct(X), alone.reconstruct(X), rtol=0, atol=1e-9)


def assert_same(shared, alone):
    for name in set(alone.history_) - {"seconds"}:
        np.testing.assert_allclose(shared.history_[name], alone.history_[name], rtol=1e-9)
    for one, other in zip(shared._fitted.weights, alone._fitted.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(HOLED, id="holes"),
        pytest.param(MIXED, id="a table"),
        pytest.param(MIXED[["number", "kind"]], id="a complete table", marks=pytest.mark.slow),
        pytest.param(batches(), id="a stream"),
        pytest.param(streams.from_batches(np.array_split(HOLED, 7), window=60), id="its holes"),
    ],
)
def test_rows_of_every_kind_are_shared(rows):
    model = Autoencoder(1, **PRECISE)
    alone, shared = (clone(model).set_params(strategy=s).fit(rows) for s in (None, "mirrored"))
    assert_same(shared, alone)


@pytest.mark.slow
def test_pairs_of_streams_are_shared():
    model = DenoisingAutoencoder(3, **PRECISE)
    noisy = streams.from_batches([X + 0.1], window=60)
    alone, shared = (
        clone(model).set_params(strategy=s).fit(noisy, X_clean=batches())
        for s in (None, "mirrored")
    )
    assert_same(shared, alone)


def test_partial_fits_are_shared():
    alone, shared = (Autoencoder(3, **PRECISE, strategy=s) for s in (None, "mirrored"))
    for rows in (X, X[:100]):
        assert_same(shared.partial_fit(rows), alone.partial_fit(rows))
    with pytest.raises(ValueError, match="partial_fit takes rows in memory"):
        shared.partial_fit(batches())


def test_convolutions_are_shared_in_single_precision():
    images = ConvolutionalAutoencoder(3, **GIVEN, image_shape=(4, 3))
    alone, shared = (clone(images).set_params(strategy=s).fit(X) for s in (None, "mirrored"))
    np.testing.assert_allclose(shared.loss_curve_, alone.loss_curve_, rtol=1e-5)


@pytest.mark.parametrize(
    ("estimator", "said"),
    [
        (Autoencoder(3, loss="gaussian"), "'loss' and 'penalty'"),
        (Autoencoder(3, penalty="kl"), "'loss' and 'penalty'"),
        (Autoencoder(3, penalty="lifetime"), "'loss' and 'penalty'"),
        (Autoencoder(3, penalty=lambda code: code**2), "'loss' and 'penalty'"),
        (Autoencoder(3, loss=lambda target, output: output), "'loss' and 'penalty'"),
        (StackedAutoencoder(3, pretraining={"penalty": "lifetime"}), "'loss' and 'penalty'"),
        (small(batch_normalization=True), "not normalise over a batch"),
    ],
)
def test_what_cannot_be_shared_is_refused(estimator, said):
    with pytest.raises(ValueError, match=f"With 'strategy' .*{said}"):
        estimator.set_params(strategy="mirrored").fit(X)
    assert not hasattr(estimator, "n_features_in_")


def test_nothing_of_a_strategy_stays_in_the_estimator(tmp_path):
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    model = small(strategy="mirrored").fit(X)
    for other in (pickle.loads(pickle.dumps(model)), clone(model)):
        assert other.strategy == "mirrored"
    model.save(tmp_path / "model.tfae")
    assert tfae.load(tmp_path / "model.tfae").strategy is None
    other = small(strategy=lambda: strategy).fit(X)
    np.testing.assert_array_equal(other.transform(X), model.transform(X))
    assert clone(other).strategy is other.strategy
    pickle.dumps(other.set_params(strategy=None))


def test_networks_with_penalties_of_their_own_are_refused():
    import keras

    encoder = keras.Sequential([keras.Input((12,)), keras.layers.Dense(3, kernel_regularizer="l2")])
    decoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(12)])
    model = Autoencoder.from_keras(encoder, decoder, strategy="mirrored", random_state=0)
    with pytest.raises(ValueError, match="penalties of their own"):
        model.fit(X)
