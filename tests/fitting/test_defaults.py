"""The rules of docs/defaults.md: what it says of a shape is what an estimator takes."""

import re
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np
import pytest

from tfae import (
    Autoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    ParametricTSNE,
    SparseAutoencoder,
    VariationalAutoencoder,
    register_architecture,
)
from tfae._fitting import defaults
from tfae._fitting.embedding import embedding_settings
from tfae._networks.architectures.registry import ARCHITECTURES

pytestmark = pytest.mark.usefixtures("in_executor")

PAGE = (Path(__file__).parents[2] / "docs/defaults.md").read_text()
RULED = {
    "linear_path",
    "hidden_layer_sizes",
    "activation",
    "batch_size",
    "max_iter",
    "learning_rate_init",
    "early_stopping",
    "validation_fraction",
    "refit",
    "n_iter_no_change",
    "scaling",
}


def automatic(n_rows, n_features, linear_path=True, **params):
    return defaults.settings(Autoencoder(**params).get_params(), n_rows, n_features, linear_path)


def rows(n_rows, n_features):
    return np.random.default_rng(0).normal(size=(n_rows, n_features)).astype(np.float32)


def fitted(X, **params):
    params = {"n_components": 2, "max_iter": 1, "random_state": 0, **params}
    return Autoencoder(**params).fit(X)


def test_the_table_has_a_row_for_every_parameter_that_may_be_auto():
    table = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    # Which only a denoiser has.
    assert set(table) - {"keep_neighbors", "output_range"} == RULED
    are_auto = {name for name, value in Autoencoder().get_params().items() if value == "auto"}
    # The activations of the code and of the output go by the penalty and the loss.
    assert are_auto - {"code_activation", "output_activation"} == RULED
    assert set(automatic(500, 10)) - {"linear_correction"} == RULED


@pytest.mark.parametrize("n_features", [1, 256, 257])
@pytest.mark.parametrize("n_rows", [2, 3199, 3200, 6399, 6400, 12_799, 12_800, 25_600, 10**7])
def test_a_batch_is_the_largest_power_of_two_that_makes_100_steps(n_rows, n_features):
    powers = [32, 64] if n_features > 256 else [32, 64, 128, 256]
    expected = max([32, *(power for power in powers if 100 * power <= n_rows)])
    assert automatic(n_rows, n_features)["batch_size"] == expected


@pytest.mark.parametrize(
    ("n_rows", "n_features", "batch", "steps"),
    [
        (200, 10, 32, 12_000),  # 1,920 epochs, so 300
        (1280, 10, 32, 12_000),  # just 300
        (2000, 10, 32, 12_000),
        (20_000, 256, 128, 12_000),
        (20_000, 257, 64, 4_000),  # 12.8 epochs, so 20
        (8000, 784, 64, 4_000),
        (70_000, 50, 256, 12_000),
        (10**6, 50, 256, 12_000),
    ],
)
def test_epochs_make_so_many_steps_between_20_and_300_epochs(n_rows, n_features, batch, steps):
    exact = Fraction(steps * batch, n_rows)
    for params in ({}, {"batch_size": 512}):  # it is the automatic batch that counts
        epochs = automatic(n_rows, n_features, **params)["max_iter"]
        assert 20 <= epochs <= 300
        if 20 <= exact <= 300:
            assert abs(epochs - exact) <= Fraction(1, 2)
        else:
            assert epochs == (20 if exact < 20 else 300)


@pytest.mark.parametrize(
    ("n_features", "expected"),
    [
        (1, (128, 64)),  # at least 128
        (32, (128, 64)),
        (39, (128, 64)),  # 156, rounded down to a multiple of 32
        (40, (160, 80)),
        (64, (256, 128)),
        (200, (800, 256)),  # the second at most 256
        (256, (1024, 256)),
        (300, (1024, 256)),  # at most 1,024
        (784, (480, 240)),  # at most 400,000 / 784 = 510
        (4000, (96, 48)),
        (4167, (64, 32)),  # 95.99
        (10_000, (64, 32)),  # at least 64, whatever the weights are then
    ],
)
def test_hidden_layers_have_four_units_a_feature_within_bounds(n_features, expected):
    assert automatic(1000, n_features)["hidden_layer_sizes"] == expected


@pytest.mark.sample(1)
@pytest.mark.parametrize("n_features", [3, 40, 784])
def test_a_fit_has_layers_and_rates_as_the_settings_say(n_features):
    model = fitted(rows(60, n_features), early_stopping=False)
    first = min(max(4 * n_features, 128), 400_000 // n_features) // 32 * 32
    assert model.settings_["hidden_layer_sizes"] == (first, first // 2)
    units = [w.shape[1] for w in model.encoder_weights_ if w.ndim == 2]
    assert sorted(units) == sorted([2, first, first // 2, 2])  # path, two layers, code
    assert model.settings_["learning_rate_init"] == 0.002
    assert model.settings_["activation"] == "gelu"


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    ("n_rows", "held_out"),
    [(2, 1), (10, 3), (60, 18), (333, 100), (334, 100), (600, 100), (999, 100), (1001, 100)],
)
def test_so_many_rows_are_held_out(n_rows, held_out):
    model = fitted(rows(n_rows, 4), refit=False)
    assert model.settings_["early_stopping"]
    assert model.baseline_["n_samples"] == held_out


def test_of_many_rows_a_tenth_is_held_out():
    for n_rows in (1000, 4321, 10**6):
        assert automatic(n_rows, 4)["validation_fraction"] == 0.1


@pytest.mark.parametrize("n_rows", [4999, 5000])
def test_fewer_than_5000_rows_are_trained_on_again_and_have_no_trained_linear_map(n_rows):
    model = fitted(rows(n_rows, 3))
    assert model.settings_["refit"] is (n_rows < 5000)
    assert model.settings_["linear_correction"] is (n_rows >= 5000)
    assert automatic(n_rows, 3, warm_start=True)["refit"] is False


@pytest.mark.parametrize(
    ("n_rows", "n_features", "batch", "epochs"),
    [
        (10, 3, 32, 100),
        (360, 64, 32, 100),
        (5000, 64, 32, 77),  # 12,000 steps
        (70_000, 784, 64, 20),
        (10**6, 900, 64, 20),
    ],
)
def test_without_a_linear_path_it_is_what_the_last_column_says(n_rows, n_features, batch, epochs):
    expected = {
        "linear_path": False,
        "linear_correction": False,
        "hidden_layer_sizes": (256, 128),
        "activation": "relu",
        "batch_size": batch,
        "max_iter": epochs,
        "learning_rate_init": 0.001,
        "early_stopping": False,
        "validation_fraction": 0.1,
        "refit": False,
        "n_iter_no_change": 10,
        "scaling": "global",
    }
    assert automatic(n_rows, n_features, linear_path=False) == expected


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"n_components": 200}, (256, 200)),
        ({"n_components": 500}, (500, 500)),
        ({"n_components": 500, "penalty": "l1"}, (256, 128)),
    ],
)
def test_layers_are_no_bottleneck_before_a_long_code(params, expected):
    assert automatic(1000, 900, linear_path=False, **params)["hidden_layer_sizes"] == expected


@pytest.mark.parametrize(
    "kind", [Autoencoder, VariationalAutoencoder, DenoisingAutoencoder, SparseAutoencoder]
)
@pytest.mark.parametrize("linear_path", [True, False])
def test_convolutions_have_their_own_numbers_of_filters(kind, linear_path):
    given = kind(architecture="convolutional").get_params()
    for n_features in (64, 784):
        found = defaults.settings(given, 360, n_features, linear_path)
        assert found["hidden_layer_sizes"] == (16, 32)


def test_the_embedding_and_the_class_of_images_have_them_too():
    assert ConvolutionalAutoencoder().hidden_layer_sizes == "auto"
    params = ParametricTSNE(architecture="convolutional").get_params()
    assert embedding_settings(params, 500)["hidden_layer_sizes"] == (16, 32)
    params = ParametricTSNE().get_params()
    assert embedding_settings(params, 500)["hidden_layer_sizes"] == (512, 512, 512)


def test_a_builder_says_what_auto_means_for_it(monkeypatch):
    monkeypatch.setattr(ARCHITECTURES, "_entries", dict(ARCHITECTURES._entries))

    def narrow(spec):
        return ARCHITECTURES["dense"](spec)

    register_architecture("narrow", hidden_layer_sizes=[5])(narrow)
    for architecture in ("narrow", narrow):
        model = fitted(rows(40, 8), architecture=architecture)
        assert model.settings_["hidden_layer_sizes"] == (5,)
        assert [w.shape for w in model.encoder_weights_ if w.ndim == 2] == [(8, 5), (5, 2)]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (Autoencoder(), True),
        (Autoencoder(dropout=0.1, loss="mae", scaling="standard", hidden_layer_sizes=3), True),
        (Autoencoder(code_activation="linear", output_activation="identity"), True),
        (Autoencoder(code_activation="tanh"), False),
        (Autoencoder(output_activation="sigmoid", scaling="minmax"), False),
        (Autoencoder(tied=True), False),
        (Autoencoder(loss="binary_crossentropy"), False),
        (Autoencoder(architecture="convolutional"), False),
        (SparseAutoencoder(), False),
        (DenoisingAutoencoder(), True),
        (DenoisingAutoencoder(penalty="l1"), False),
        (DenoisingAutoencoder(linear_path=False), False),
    ],
)
def test_there_is_a_linear_path_where_the_code_and_the_output_are_plain(model, expected):
    assert defaults.has_linear_path(model.get_params()) is expected


@pytest.mark.sample(1)
@pytest.mark.parametrize(("n_components", "n_features"), [(4, 9), (7, 9), (9, 4)])
def test_partial_fit_has_a_linear_path_from_five_rows_for_four_components(n_components, n_features):
    least = ceil(Fraction(5, 4) * min(n_components, n_features))
    for n_rows, expected in [(least - 1, False), (least, True)]:
        model = Autoencoder(n_components, hidden_layer_sizes=(4,), random_state=0)
        model.partial_fit(rows(n_rows, n_features))
        assert model.settings_["linear_path"] is expected


@pytest.mark.parametrize("n_steps", [40, 400, 12_000])
def test_the_learning_rate_rises_and_falls_to_nothing(n_steps):
    rates = defaults.annealed(0.002, n_steps)(np.arange(n_steps))
    peak = rates.argmax()
    assert peak < max(2, n_steps / 20)
    assert rates[peak] == pytest.approx(0.002, rel=0.01)
    assert (np.diff(rates[: peak + 1]) > 0).all()
    assert (np.diff(rates[peak:]) < 0).all()
    half = 0.002 * (1 + np.cos(np.pi / 2)) / 2
    assert rates[n_steps // 2] == pytest.approx(half, rel=0.01)
    assert rates[-1] < 0.002 * 3 / n_steps
