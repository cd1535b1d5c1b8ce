"""What must hold for every estimator and for everything that is registered, now or later."""

import pickle
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from family import members
from sklearn.base import clone

import tfae
from tfae._data.landmarks import find_landmarks
from tfae._data.scaling import fit_scaling
from tfae._inference.coder import Coder
from tfae._networks.architectures.registry import ARCHITECTURES
from tfae._networks.initial_weights import initial_weights
from tfae._networks.spec import Spec
from tfae._networks.structure import Structure, hashable_params, tied_kernels
from tfae._objective.corruptions import Levels
from tfae._objective.losses import LOSSES
from tfae._objective.objective import Objective
from tfae._training.chunks import Noise, Rows, chunk_shape
from tfae._training.step.chunk import Chunk, aligned
from tfae._training.step.optimizers import get_optimizer
from tfae._training.step.program import Program, ProgramKey, trace_count

pytestmark = pytest.mark.usefixtures("in_executor")

NAMES = list(members())
# A loss changes neither what is random nor what runs after training: `make test-slow` has them.
LOSSES_SLOW = [
    pytest.param(name, marks=pytest.mark.slow) if name.startswith("loss=") else name
    for name in NAMES
]


def member(name, **params):
    return members(**params)[name]


@pytest.fixture(scope="module")
def rows(digits):
    return digits[:600]


@pytest.mark.sample(8)
@pytest.mark.parametrize("name", NAMES)
def test_it_reduces_its_error_to_less_than_half(name, digits):
    """Of what it was untrained; in the user's units, for rows that it has seen."""
    pure = {"n_components": 64, "linear_path": False, "activation": "relu"}
    untrained = member(name, **pure, max_iter=1, learning_rate_init=1e-30)
    digits = digits[:600]
    trained = member(name, **pure, max_iter=50, learning_rate_init=0.005)
    errors = [
        np.square(model.fit(digits).reconstruct(digits) - digits).mean()
        for model in (untrained.set_params(**_unstacked(untrained)), trained)
    ]
    assert errors[1] < 0.5 * errors[0]


def _unstacked(model):
    """Without pretraining, where there is any: an untrained model."""
    return {"pretrain_max_iter": 0} if hasattr(model, "pretrain_max_iter") else {}


@pytest.mark.sample(10)
@pytest.mark.parametrize("name", LOSSES_SLOW)
def test_the_same_seed_traces_nothing_new_and_a_saved_file_gives_the_same_bits(
    name, rows, tmp_path
):
    first = member(name, max_iter=2, early_stopping=True).fit(rows)
    before = trace_count()
    # Another number of rows first: a program must not depend on it, nor keep anything of it.
    clone(first).set_params(random_state=1, learning_rate_init=0.02).fit(rows[:401])
    second = clone(first).fit(rows)
    assert trace_count() == before
    np.testing.assert_array_equal(first.transform(rows), second.transform(rows))
    np.testing.assert_array_equal(first.reconstruct(rows), second.reconstruct(rows))
    first.save(tmp_path / "model")
    loaded = tfae.load(tmp_path / "model")
    for method in ("transform", "reconstruct", "score_samples"):
        one, other = (getattr(model, method)(rows) for model in (first, loaded))
        np.testing.assert_array_equal(one, other, err_msg=method)


@pytest.mark.sample(6)
# Two epochs may be too few for a variational code of one number.
@pytest.mark.filterwarnings("ignore:None of the 1 components of the code is active")
@pytest.mark.parametrize("name", LOSSES_SLOW)
def test_float64_one_row_one_feature(name, rows):
    model = member(name, max_iter=2, precision="float64").fit(rows.astype(np.float64))
    assert model.transform(rows.astype(np.float64)).dtype == np.float64
    assert {weight.dtype for weight in model.encoder_weights_} == {np.dtype(np.float64)}
    one = model.transform(rows[:1].astype(np.float64))
    np.testing.assert_allclose(one, model.transform(rows.astype(np.float64))[:1], rtol=1e-7)
    narrow = member(name, n_features=1, max_iter=2, n_components=1).fit(rows[:, 20:21])
    assert narrow.reconstruct(rows[:, 20:21]).shape == (600, 1)


@pytest.mark.slow
def test_all_are_used_again_in_a_fresh_process(rows, tmp_path):
    fitted = {name: model.fit(rows) for name, model in members(max_iter=1).items()}
    (tmp_path / "models.pkl").write_bytes(pickle.dumps(fitted))
    np.save(tmp_path / "X.npy", rows)
    code = (
        "import pickle, numpy as np\n"
        "models = pickle.load(open('models.pkl', 'rb')); X = np.load('X.npy')\n"
        "np.savez('out.npz', **{name: m.reconstruct(X) for name, m in models.items()})\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    out = np.load(tmp_path / "out.npz")
    for name, model in fitted.items():
        np.testing.assert_allclose(out[name], model.reconstruct(rows), atol=1e-3, err_msg=name)


@pytest.mark.sample(6)
@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_the_numerical_one(name):
    """Along random directions, in double precision, penalties and random numbers included."""
    model = member(
        name,
        n_features=9,
        n_components=3,
        hidden_layer_sizes=(4,),
        activation="tanh",
        linear_path=False,
    )
    X = np.random.default_rng(2).uniform(0.1, 0.9, size=(11, 9))
    program, chunk, scalars, weights = _loaded(model, X)

    def objective(changed):
        program.load(changed, None, np.random.default_rng(0))
        return program.test(chunk, scalars)[0] / len(X)

    program.train(chunk, np.ones(chunk.n_steps), scalars)
    gradient = [old - new for old, new in zip(weights, program.weights(), strict=True)]
    structure = program.key.structure
    n_encoder = len(program.network.encoder.weights)
    tied = {n_encoder + tie.decoder for tie in tied_kernels(structure, program.network)}
    rng = np.random.default_rng(1)
    for _ in range(3):
        direction = [rng.normal(size=w.shape) * (i not in tied) for i, w in enumerate(weights)]
        length = np.sqrt(sum(np.square(d).sum() for d in direction))

        def along(distance, direction=direction, length=length):
            step = distance / length
            return objective([w + step * d for w, d in zip(weights, direction, strict=True)])

        slope = sum(float((g * d).sum()) for g, d in zip(gradient, direction, strict=True)) / length
        assert _slope(along) == pytest.approx(slope, rel=1e-4, abs=3e-5)


def _slope(function):
    """The derivative at 0, to fourth order: XLA's functions are good to 1e-9, so h is large."""
    h = 3e-4
    near, far = (function(k * h) - function(-k * h) for k in (1, 2))
    return (8 * near - far) / (12 * h)


def _loaded(model, X):
    """A program of plain gradient descent at rate 1, one batch for it, its scalars and weights."""
    recipe = model._recipe(model._read(X, reset=True), None)
    optimizer = get_optimizer(keras.optimizers.SGD(1.0), 0.0)
    shape = chunk_shape(16, X.shape[1], "float64")
    structure = recipe.structure
    if structure.spec.dropout:
        structure = replace(structure, spec=replace(structure.spec, dropout=0.0))
    program = Program(ProgramKey(structure, recipe.objective, optimizer.rule, shape, "float64"))
    rng = np.random.default_rng(0)
    weights = initial_weights(program.key.structure, program.network, "float64", rng)
    program.load(weights, None, rng)
    scaling = fit_scaling(None, X)
    width = recipe.objective.noise_width(recipe.structure.spec.n_components)
    corrupt = None
    if recipe.corruption is not None:
        corrupter = replace(recipe.corruption, levels=Levels(0.3, 0.3))
        corrupt = corrupter.bind(scaling, find_landmarks(X, scaling, None))
    chunk = next(Rows(X, scaling, shape, None, Noise(rng, corrupt, width)).epochs())
    named = {**optimizer.scalars, **recipe.scalars}
    scalars = np.array([named[name] for name in program.key.scalars])
    return program, chunk, scalars, weights


@pytest.mark.parametrize("name", sorted(tfae.architectures()))
def test_an_architecture_serves_tables(name):
    """More inputs and outputs than columns, masks of entries, and numbers beside the output."""
    model = members(n_features=9)["ConvolutionalAutoencoder"]
    params = {"image_shape": (3, 3)} if name == model.architecture else {}
    sizes = {"n_inputs": 23, "n_outputs": 14}
    spec = Spec(9, 4, (8,), (8,), "tanh", "linear", "glorot_uniform", **sizes)
    structure = Structure(ARCHITECTURES.find(name), hashable_params(params), spec, "linear")
    objective = Objective(LOSSES.find("mse"), corrupted=True, masked=True, has_offset=True)
    optimizer = get_optimizer("adam", 0.01)
    shape = chunk_shape(16, spec.n_outputs, "float32")
    program = Program(ProgramKey(structure, objective, optimizer.rule, shape, "float32"))
    rng = np.random.default_rng(0)
    weights = initial_weights(structure, program.network, "float32", rng)
    program.load(weights, None, rng)
    n = shape.steps * shape.batch

    def numbers(width):
        found = aligned((n, width), "float32")
        found[:] = rng.normal(size=found.shape)
        return found

    x, inputs, mask, offset = numbers(14), numbers(23), numbers(14), numbers(14)
    mask[:] = mask > 0
    weight = aligned((shape.steps, shape.batch), "float32")
    weight[:] = 1
    chunk = Chunk(x, weight, shape.steps, True, inputs, None, 1, mask, offset)
    scalars = np.array([optimizer.scalars[name] for name in program.key.scalars])
    coders = [
        Coder.of(structure, side, "float32", getattr(program.network, side))
        for side in ("encoder", "decoder")
    ]
    n_encoder = len(program.network.encoder.weights)
    code = coders[0](weights[:n_encoder], inputs)
    output = coders[1](weights[n_encoder:], code)
    assert code.shape == (n, 4)
    expected = (mask * np.square(output + offset - x)).mean(axis=1).sum()
    assert program.test(chunk, scalars)[0] == pytest.approx(expected, rel=1e-4)
    before, _ = program.train(chunk, np.full(shape.steps, 0.01), scalars)
    assert program.test(chunk, scalars)[0] < before.sum()
