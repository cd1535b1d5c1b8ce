"""Rebuilt rows lie in the range that the user says, in training already."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

import tfae
from tfae import (
    Autoencoder,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    VariationalAutoencoder,
    streams,
)
from tfae._support.tensorflow import tf
from tfae._training.step.program import output_activation

LOW, HIGH = 10.0, 14.0
SMALL = {"hidden_layer_sizes": (16,), "max_iter": 3, "random_state": 0}


@pytest.fixture(scope="module", name="X")
def saturated():
    """Rows of a sensor that saturates: half of the values lie at an end of its range."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 3)) @ rng.normal(size=(3, 16))
    return np.clip(2 * rows + 12, LOW, HIGH)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:The network")
@pytest.mark.parametrize(
    "model",
    [
        Autoencoder(3, **SMALL),
        Autoencoder(3, linear_path=False, **SMALL),
        Autoencoder(3, loss="huber", **SMALL),
        DenoisingAutoencoder(3, corruption_level=0.5, **SMALL),
        SparseAutoencoder(20, **SMALL),
        ContractiveAutoencoder(3, **SMALL),
        VariationalAutoencoder(3, loss="gaussian", **SMALL),
        StackedAutoencoder(3, pretrain_max_iter=2, **SMALL),
        ConvolutionalAutoencoder(3, image_shape=(4, 4), max_iter=2, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_whatever_is_rebuilt_lies_in_it(model, X, tmp_path):
    model = model.set_params(output_range=(LOW, HIGH)).fit(X)
    codes = model.transform(X)
    odd = 100 * np.random.default_rng(1).normal(size=codes.shape)
    # In float32 the range is rounded, too.
    for rows in (model.reconstruct(X), model.inverse_transform(odd)):
        assert rows.min() >= LOW - 1e-5
        assert rows.max() <= HIGH + 1e-5
    np.testing.assert_allclose(
        model.to_keras().decoder(codes), model.inverse_transform(codes), atol=1e-4
    )
    model.save(tmp_path / "model")
    for other in (tfae.load(tmp_path / "model"), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.reconstruct(X), model.reconstruct(X))


def test_the_linear_path_alone_is_clipped_pca(X):
    model = Autoencoder(3, output_range=(LOW, HIGH), early_stopping=False, **SMALL)
    model.set_params(learning_rate_init=1e-12).fit(X)
    pca = PCA(3, svd_solver="full").fit(X)
    expected = np.clip(pca.inverse_transform(pca.transform(X)), LOW, HIGH)
    np.testing.assert_allclose(model.reconstruct(X), expected, atol=1e-4)


def test_rows_that_saturate_are_rebuilt_better(X):
    def error(**params):
        model = Autoencoder(3, max_iter=30, random_state=0, **params).fit(X[:200])
        return np.square(np.clip(model.reconstruct(X[200:]), LOW, HIGH) - X[200:]).mean()

    assert error(output_range=(LOW, HIGH)) < 0.8 * error()


def test_the_range_of_a_sensor_is_that_of_clean_rows(X):
    noise = {"corruption": "gaussian", "corruption_level": 0.5, "corruption_range": (LOW, HIGH)}
    model = DenoisingAutoencoder(3, **noise, **SMALL).fit(X)
    assert model.settings_["output_range"] == (LOW, HIGH)
    assert model.settings_["scaling"] is None
    assert model.reconstruct(X).max() <= HIGH + 1e-5
    for said in ({"output_activation": "identity"}, {"scaling": "standard"}):
        other = DenoisingAutoencoder(3, **noise, **said, **SMALL).fit(X)
        assert "output_range" not in other.settings_
        assert other.reconstruct(X).max() > HIGH + 0.01


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"output_range": (14, 10)}, r"'output_range' must be a pair \(low, high\).*rebuilt rows"),
        ({"output_range": (0, 10**400)}, r"'output_range' must be a pair.*within ±1e\+150"),
        ({"output_range": (0, 1e9)}, r"output_range=\(0, 1e\+09\) must be the range of the data"),
        ({"output_range": (0, 1, 2)}, r"'output_range' must be a pair"),
        ({"output_range": (10, 13)}, r"output_range=\(10, 13\).* all rows lie in.* 10 to 14"),
        ({"scaling": "minmax"}, r"'scaling' must be 'auto' or None\. Got 'minmax'"),
        ({"output_activation": "relu"}, r"'output_activation' must be 'auto'\. Got 'relu'"),
        ({"loss": "poisson"}, r"'output_range' must be None for a loss.*loss='poisson'"),
    ],
)
def test_what_does_not_go_together(params, message, X):
    model = Autoencoder(3, **{"output_range": (LOW, HIGH), **SMALL, **params})
    with pytest.raises(ValueError, match=message):
        model.fit(X)


def test_neither_noisy_rows_nor_frames_of_several_kinds_have_one(X):
    noisy = DenoisingAutoencoder(3, training_rows="noisy", output_range=(LOW, HIGH))
    with pytest.raises(ValueError, match="noisy rows go beyond the range"):
        noisy.fit(X)
    for other in (np.resize(["a", "b"], len(X)), pd.date_range("2026-01-01", periods=len(X))):
        frame = pd.DataFrame({"number": X[:, 0], "other": other})
        with pytest.raises(ValueError, match="'output_range' must be None for a frame"):
            Autoencoder(1, output_range=(LOW, HIGH)).fit(frame)


def test_training_goes_on_in_the_same_range(X):
    model = Autoencoder(3, output_range=(LOW, HIGH), **SMALL)
    model.partial_fit(X).partial_fit(X)
    with pytest.raises(ValueError, match=r"\(10\.0, 14\.0\).*output_range=\(0\.0, 20\.0\)"):
        model.set_params(output_range=(0, 20)).partial_fit(X)
    with pytest.raises(ValueError, match="output_range=None"):
        model.set_params(output_range=None).partial_fit(X)


@pytest.mark.parametrize("first", [None, (LOW, HIGH)])
def test_training_goes_on_with_another_sensor(first, X):
    model = DenoisingAutoencoder(3, corruption_level=0.5, corruption_range=first, **SMALL)
    model.partial_fit(X)
    other = (0.0, 20.0) if first is None else None
    model.set_params(corruption_range=other).partial_fit(X)
    assert model.settings_.get("output_range") == first
    with pytest.raises(ValueError, match=r"output_range=\(1\.0, 20\.0\)"):
        model.set_params(output_range=(1, 20)).partial_fit(X)


def test_an_entry_beyond_the_range_is_learned():
    x = tf.constant([-3.0, 0.5, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        output = output_activation("hard_tanh")(x)
    np.testing.assert_array_equal(output, [-1, 0.5, 1])
    np.testing.assert_array_equal(tape.gradient(output, x), [1, 1, 1])


def test_a_range_much_wider_than_the_rows(X):
    wide = {"output_range": (0, 100), "random_state": 0, "max_iter": 30}
    with pytest.warns(UserWarning, match=r"output_range=\(0, 100\) is much wider than the rows"):
        Autoencoder(3, linear_path=False, **wide).fit(X)
    model = Autoencoder(3, **wide).fit(X)
    plain = Autoencoder(3, **{**wide, "output_range": None}).fit(X)
    assert 1 - model.score(X) < 1.2 * (1 - plain.score(X))
    model.partial_fit(12 + 1e-5 * X[:40])  # a later batch may be narrow


def test_rows_beyond_the_first_sensor_are_told_of(X):
    model = DenoisingAutoencoder(3, corruption_level=0.5, corruption_range=(LOW, HIGH), **SMALL)
    model.partial_fit(X)
    with pytest.raises(ValueError, match=r"output_range=\(10, 14\) must be a range that all rows"):
        model.set_params(corruption_range=None).partial_fit(X + 3)


def test_a_batch_without_values_says_nothing_of_the_range(X):
    model = Autoencoder(3, output_range=(LOW, HIGH), **SMALL).partial_fit(X)
    model.partial_fit(np.full_like(X, np.nan))
    assert np.isfinite(model.reconstruct(X)).all()


def test_columns_without_values_say_nothing_of_the_range(X):
    holed = np.column_stack([X, np.full(len(X), np.nan)])
    model = Autoencoder(3, output_range=(LOW, HIGH), **SMALL).fit(holed)
    assert model.reconstruct(holed).min() >= LOW - 1e-5


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:The network")
def test_holes_and_streams(X):
    model = Autoencoder(3, output_range=(LOW, HIGH), **SMALL)
    holed = X.copy()
    holed[::7, 2] = np.nan
    filled = model.fit(holed).impute(holed)
    assert LOW - 1e-5 <= filled.min() <= filled.max() <= HIGH + 1e-5
    stream = streams.from_batches([X[:150], X[150:]])
    assert model.fit(stream).reconstruct(X).max() <= HIGH + 1e-5
    with pytest.raises(ValueError, match="all rows lie in"):
        model.set_params(output_range=(LOW, 13)).fit(stream)
