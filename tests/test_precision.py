"""float32, float64 and bfloat16: what computes in which, and what it does to the result."""

import pickle
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from family import members

from tfae import Autoencoder, ConvolutionalAutoencoder, ParametricTSNE, VariationalAutoencoder
from tfae._support.keras_graphs import flat_layers
from tfae._training.step.program import PROGRAMS, Program

pytestmark = pytest.mark.usefixtures("in_executor")

MIXED = "mixed_bfloat16"


def pure(kind=Autoencoder, **params):
    given = {"hidden_layer_sizes": (32,), "batch_size": 64, "random_state": 0, "max_iter": 40}
    return kind(8, **{**given, "learning_rate_init": 0.003, "linear_path": False, **params})


@pytest.fixture
def built(monkeypatch):
    """The programs of a test, none of which was there before."""
    programs = []
    monkeypatch.setattr(PROGRAMS, "_idle", OrderedDict())

    def make(plan):
        programs.append(Program(plan))
        return programs[-1]

    monkeypatch.setattr(PROGRAMS, "_make", make)
    return programs


SLOW = {
    "linear path": Autoencoder(8, random_state=0, max_iter=5),
    "normalised": pure(batch_normalization=True, activation="gelu"),
    "convolutional": pure(
        ConvolutionalAutoencoder, hidden_layer_sizes=(8, 16), max_iter=20, image_shape=(8, 8)
    ),
    "variational": pure(VariationalAutoencoder, loss="gaussian"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(pure(), id="dense"),
        *(pytest.param(e, id=name, marks=pytest.mark.slow) for name, e in SLOW.items()),
    ],
)
def test_the_final_error_in_bfloat16_is_that_in_float32(estimator, digits):
    errors = [
        -estimator.set_params(precision=precision).fit(digits).score_samples(digits).mean()
        for precision in ("float32", MIXED)
    ]
    assert errors[1] == pytest.approx(errors[0], rel=0.02)
    assert errors[1] != errors[0]


# What differs in the compiled step: classes and penalties.
OTHER_STEPS = [name for name in members() if not name.startswith(("corruption", "loss"))]


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", OTHER_STEPS)
def test_every_member_trains_in_bfloat16(name, built, digits):
    model = members(max_iter=1, precision=MIXED)[name].fit(digits[:300])
    assert np.isfinite(model.history_["loss"]).all()
    assert built
    for program in built:
        variables = [v for v in program.model.variables if "float" in v.dtype]
        assert {v.dtype for v in variables} == {"float32"}
        assert "bfloat16" in {layer.compute_dtype for layer in flat_layers(program.model)}


@pytest.mark.slow
def test_neighbours_are_placed_in_bfloat16(digits):
    X = digits[:500]
    found = [
        ParametricTSNE(precision=precision, max_iter=15, random_state=0).fit(X).kl_divergence_
        for precision in ("float32", MIXED)
    ]
    assert found[1] == pytest.approx(found[0], rel=0.1)


def test_layers_compute_in_bfloat16_and_keep_their_weights_in_float32(built, digits):
    Autoencoder(5, precision=MIXED, hidden_layer_sizes=(7,), max_iter=1, batch_size=99).fit(digits)
    (program,) = built
    dtypes = {}
    for side in program.network:
        inner = next(layer for layer in side.layers if hasattr(layer, "layers"))
        dense = [layer for layer in inner.layers if isinstance(layer, keras.layers.Dense)]
        dtypes |= {layer: layer.compute_dtype for layer in dense}
        # Of what it keeps of the data bfloat16 would keep three digits.
        assert side.get_layer("linear_path").compute_dtype == "float32"
    assert set(dtypes.values()) == {"bfloat16"}
    assert {v.dtype for v in program.model.variables if "float" in v.dtype} == {"float32"}


def test_keras_models_and_copies_are_in_float32(digits):
    model = pure(precision=MIXED, max_iter=2).fit(digits)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(digits), model.transform(digits))
    encoder, decoder = model.to_keras()
    assert {layer.compute_dtype for layer in [*encoder.layers, *decoder.layers]} == {"float32"}
    np.testing.assert_allclose(encoder(digits), model.transform(digits), rtol=1e-4, atol=1e-3)


def test_imported_models_train_in_bfloat16(built, digits):
    model = pure(max_iter=1).fit(digits)
    wrapped = Autoencoder.from_keras(*model.to_keras(), precision=MIXED, max_iter=5)
    before = wrapped.score(digits)
    assert wrapped.set_params(warm_start=True).fit(digits).score(digits) > before
    assert "bfloat16" in {layer.compute_dtype for layer in flat_layers(built[-1].model)}


def test_the_policy_of_the_process_stays(digits):
    before = keras.config.dtype_policy().name
    pure(precision=MIXED, max_iter=1).fit(digits)
    assert keras.config.dtype_policy().name == before


@pytest.mark.parametrize(
    ("kind", "own"), [(Autoencoder, {}), (ConvolutionalAutoencoder, {"image_shape": (8, 8)})]
)
def test_threads_that_transform_at_once_get_the_same_codes(kind, own, digits):
    """One class runs in NumPy, the other as compiled functions that threads must not share."""
    models = [pure(kind, max_iter=1, random_state=i, **own).fit(digits[:300]) for i in range(3)]
    alone = [model.transform(digits) for model in models]
    with ThreadPoolExecutor(6) as pool:
        jobs = [(i, pool.submit(models[i].transform, digits)) for i in [0, 1, 2] * 6]
        for i, job in jobs:
            np.testing.assert_array_equal(job.result(), alone[i])
