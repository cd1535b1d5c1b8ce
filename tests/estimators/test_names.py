"""Registered names in processes that have not registered them."""

import copy
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
from sklearn.base import clone

import tfae
from tfae._saving.named_functions import TABLES

pytestmark = pytest.mark.usefixtures("in_executor")

X = np.random.default_rng(0).normal(size=(40, 6))


@pytest.fixture
def named(monkeypatch):
    """An estimator with an own function of each kind, of which no module knows."""
    for table in TABLES.values():
        for name in ("_entries", "_arrived", "_lost"):
            monkeypatch.setattr(table, name, dict(getattr(table, name)))

    @tfae.register_architecture("own-network")
    def network(spec):
        encoder = [keras.Input((spec.n_features,)), keras.layers.Dense(spec.n_components)]
        decoder = [keras.Input((spec.n_components,)), keras.layers.Dense(spec.n_features)]
        return keras.Sequential(encoder), keras.Sequential(decoder)

    tfae.register_loss("own-loss")(lambda target, output: keras.ops.abs(output - target) ** 1.5)
    tfae.register_penalty("own-penalty")(lambda code: keras.ops.abs(code) ** 1.5)
    tfae.register_corruption("own-noise")(
        lambda X, level, rng: X + level * rng.normal(size=X.shape)
    )
    own = dict.fromkeys(TABLES)
    own.update(architecture="own-network", loss="own-loss", penalty="own-penalty")
    own["corruption"] = "own-noise"
    return tfae.Autoencoder(2, max_iter=2, random_state=0, **own)


def forget():
    """Make this process one that has not registered the names."""
    for table in TABLES.values():
        for name in list(table._entries):
            if name.startswith("own-"):
                del table._entries[name]
                table._arrived.pop(name, None)


def test_names_go_with_a_pickle(named):
    wanted = clone(named).fit(X).transform(X)
    pickled = pickle.dumps(named)
    forget()
    with pytest.raises(ValueError, match=r"must be one of .*Got 'own-.*\. If 'own-.* of your own"):
        named.fit(X)
    np.testing.assert_array_equal(pickle.loads(pickled).fit(X).transform(X), wanted)


def test_names_in_stages_go_with_a_pickle(named):
    stages = [{"corruption": "own-noise"}, {"penalty": "own-penalty", "loss": "own-loss"}]
    model = tfae.StackedAutoencoder(
        2, hidden_layer_sizes=(4,), pretraining=stages, max_iter=1, pretrain_max_iter=1
    )
    for given in (stages, tuple(stages), stages[0]):
        pickled = pickle.dumps(clone(model).set_params(pretraining=given))
        forget()
        again = pickle.loads(pickled)
        assert len(again.fit(X).stage_histories_) == 2


def test_a_fitted_estimator_goes_too(named):
    named.set_params(architecture="dense", hidden_layer_sizes=(4,)).fit(X)
    codes, pickled = named.transform(X), pickle.dumps(named)
    forget()
    again = pickle.loads(pickled)
    np.testing.assert_array_equal(again.transform(X), codes)
    assert again.partial_fit(X).n_iter_ == 3


def test_copies_and_parameters_are_as_before(named):
    for twin in (clone(named), copy.copy(named), copy.deepcopy(named)):
        assert twin.get_params() == named.get_params()
        assert vars(twin).keys() == vars(named).keys()
    assert not any("own-" in str(key) for key in named.__getstate__())
    assert named.__getstate__() == vars(named)  # what formats that bring no code read
    plain = tfae.Autoencoder(2)
    assert plain.__reduce_ex__(4) == object.__reduce_ex__(plain, 4)


@pytest.mark.slow
def test_a_search_in_other_processes_knows_the_names_of_a_script(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import keras, numpy as np, tfae\n"
        "from sklearn.model_selection import GridSearchCV\n"
        "WIDTH = 5\n"
        "@tfae.register_architecture('bowtie')\n"
        "def bowtie(spec):\n"
        "    encoder = [keras.layers.Dense(WIDTH), keras.layers.Dense(spec.n_components)]\n"
        "    decoder = [keras.layers.Dense(spec.n_features)]\n"
        "    return keras.Sequential(encoder), keras.Sequential(decoder)\n"
        "tfae.register_loss('cubic')(lambda t, o: keras.ops.abs(o - t) ** 3)\n"
        "X = np.random.default_rng(0).normal(size=(40, 6))\n"
        "model = tfae.Autoencoder(2, architecture='bowtie', loss='cubic', max_iter=1)\n"
        "search = GridSearchCV(model, {'alpha': [0, 1]}, cv=2, n_jobs=2, error_score='raise')\n"
        "print(search.fit(X).best_estimator_.transform(X).shape)\n"
    )
    done = subprocess.run(
        [sys.executable, script], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout == "(40, 2)\n"


@pytest.mark.parametrize("given", ["model", "pair", "layer"])
def test_models_in_place_of_a_builder_are_told_of_from_keras(given):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(2)])
    wrong = {"model": model, "pair": (model, model), "layer": keras.layers.Dense(2)}[given]
    with pytest.raises(ValueError, match=r"'architecture'.*from_keras\(encoder, decoder\)"):
        tfae.Autoencoder(2, architecture=wrong).fit(X)
