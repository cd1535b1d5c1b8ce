"""An ensemble that is trained side by side, against its members alone."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tfae import Autoencoder
from tfae._data.scaling import Affine
from tfae._estimators.parameters import defaults
from tfae._fitting import members as of_members
from tfae._fitting.from_parameters import make_recipe
from tfae._fitting.members import train_members
from tfae._training.state import TrainingState

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 6))
ROWS = [np.arange(40), np.arange(15, 60), np.arange(10, 50)]
SMALL = {
    "hidden_layer_sizes": (5,),
    "n_components": 2,
    "max_iter": 4,
    "batch_size": 8,
    "precision": "float64",
    "early_stopping": False,
    "scaling": None,
    "learning_rate_init": 0.01,
}


def trained(**params):
    params = {**defaults(Autoencoder), **SMALL, **params}
    recipe = make_recipe(params, (45, 6), linear_path=False)
    scaling = Affine(np.zeros(6), 1.0)
    return train_members(recipe, X, ROWS, scaling, TrainingState.new(0))


@pytest.mark.parametrize(
    "params", [{"alpha": 0.1}, {"optimizer": "sgd", "activation": "tanh", "shuffle": False}]
)
def test_a_member_gets_the_weights_that_it_gets_alone(params, monkeypatch):
    together, outcomes = trained(**params)
    assert len(outcomes) == 1
    monkeypatch.setattr(of_members, "_trains_side_by_side", lambda recipe: False)
    alone, outcomes = trained(**params)
    assert len(outcomes) == 3
    for one, other in zip(together, alone, strict=True):
        for weight, expected in zip(one.weights, other.weights, strict=True):
            assert_allclose(weight, expected, rtol=1e-7, atol=1e-12)
        assert one.settings == other.settings
    first, last = together[0].weights, together[2].weights
    assert not np.allclose(first[0], last[0])
    losses = np.mean([fitted.history["loss"] for fitted in alone], axis=0)
    assert_allclose(together[0].history["loss"], losses)


@pytest.mark.sample(3)
@pytest.mark.usefixtures("in_executor")
@pytest.mark.parametrize(
    "params",
    [
        {"architecture": "convolutional", "architecture_params": {"image_shape": (2, 3)}},
        {"dropout": 0.5},
        {"batch_normalization": True},
        {"tied": True},
        {"optimizer": "adamax"},
        {"penalty": "l1"},
    ],
)
def test_other_members_are_trained_one_after_the_other(params):
    members, outcomes = trained(**{"max_iter": 1, **params})
    assert len(members) == len(outcomes) == 3
    assert len({fitted.weights[0].sum() for fitted in members}) == 3


def test_one_member_shares_the_program_of_a_network_alone():
    params = {**defaults(Autoencoder), **SMALL}
    recipe = make_recipe(params, (45, 6), linear_path=False)
    rule = recipe.optimizer.rule
    assert recipe.program_key(rule) == replace(recipe, members=1).program_key(rule)
    assert replace(recipe, members=3).program_key(rule).shape.batch == 3 * 8
