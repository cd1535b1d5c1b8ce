"""A fit as a value, made from a recipe without an estimator."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from examples import CONTRACTIVE

from tfae import (
    Autoencoder,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from tfae._fitting.fit import fit_network
from tfae._fitting.from_parameters import make_recipe
from tfae._training.state import TrainingState

pytestmark = pytest.mark.usefixtures("in_executor")

PARAMS = {"n_components": 4, "hidden_layer_sizes": (16,), "max_iter": 3, "random_state": 0}


@pytest.fixture(scope="module")
def rows(digits):
    return digits[:200]


@pytest.fixture(scope="module")
def recipe(rows):
    return make_recipe(Autoencoder(**PARAMS).get_params(), rows.shape, linear_path=True)


def test_a_recipe_and_rows_give_what_the_estimator_gives(recipe, rows):
    fitted = fit_network(recipe, rows, TrainingState.new(recipe.random_state))
    model = Autoencoder(**PARAMS).fit(rows)
    np.testing.assert_array_equal(fitted.encode(rows), model.transform(rows))
    assert fitted.facts["baseline"] == model.baseline_


def test_a_training_goes_on_from_a_fitted_value_and_leaves_it_as_it_was(recipe, rows):
    one = replace(recipe.of_one_epoch(), early_stopping=False)
    state = TrainingState.new(0)
    first = fit_network(one, rows, state)
    codes = first.encode(rows)
    second = fit_network(one, rows, state, start=first)
    assert (first.n_epochs, second.n_epochs) == (1, 2)
    np.testing.assert_array_equal(first.encode(rows), codes)
    assert second.history["loss"][0] == first.history["loss"][0]
    assert second.history["loss"][1] < first.history["loss"][0]


def test_another_network_cannot_go_on(recipe, rows):
    state = TrainingState.new(0)
    first = fit_network(recipe.of_one_epoch(), rows, state)
    other = make_recipe(
        Autoencoder(**{**PARAMS, "n_components": 5}).get_params(), rows.shape, linear_path=True
    )
    with pytest.raises(ValueError, match="Got another 'n_components'"):
        fit_network(other.of_one_epoch(), rows, state, start=first)


def test_an_inner_training_that_is_interrupted_ends_what_it_serves(recipe, rows):
    def interrupts(n_epochs, fitted):
        raise KeyboardInterrupt

    inner = replace(recipe, inner=True)
    with pytest.raises(KeyboardInterrupt):
        fit_network(inner, rows, TrainingState.new(0), watch=interrupts)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Autoencoder(80, linear_path=False), "80 components and the data 64 features"),
        (Autoencoder(80), "80 components and the data 64 features"),
        (
            DenoisingAutoencoder(20, hidden_layer_sizes=(32, 16), linear_path=False),
            "20 components and the hidden layer before it 16 units",
        ),
        (
            VariationalAutoencoder(20, hidden_layer_sizes=(32, 16)),
            "20 components and the hidden layer before it 16 units",
        ),
    ],
)
def test_a_code_that_is_too_wide_is_told_of_once(rows, model, message):
    with pytest.warns(UserWarning, match=message) as told:
        model.set_params(max_iter=1, random_state=0).fit(rows)
    assert len([warning for warning in told if "components" in str(warning.message)]) == 1


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "model",
    [
        SparseAutoencoder(80, hidden_layer_sizes=(16,)),
        DenoisingAutoencoder(80),
        ContractiveAutoencoder(80, **CONTRACTIVE),
        Autoencoder(20, hidden_layer_sizes=(16,)),  # principal components carry the rest
        ConvolutionalAutoencoder(40, image_shape=(8, 8)),  # filters are no units
    ],
)
def test_a_wide_code_that_has_a_purpose_is_not(rows, model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "The network could not improve")
        model.set_params(max_iter=1, random_state=0).fit(rows)
