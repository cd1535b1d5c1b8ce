"""Ten steps of the compiled program against ten of Keras's own ``train_on_batch``."""

import keras
import numpy as np
import pytest
from small_programs import loaded_program

from tfae._data.scaling import fit_scaling
from tfae._training.chunks import Rows
from tfae._training.step.optimizers import (
    _NAMES,
    FusedRule,
    KerasRule,
    _default_config,
    get_optimizer,
    learning_rates,
)
from tfae._training.step.xla_or_executor import forced

schedules = keras.optimizers.schedules
BATCH, STEPS = 4, 10


def keras_weights_after(program, weights, X, optimizer, loss="mse", alpha=0.0):
    """Train a copy of the program's network in plain Keras on the same batches."""
    model = keras.models.clone_model(program.model)
    if alpha:
        for layer in [*model.layers[1].layers, *model.layers[2].layers]:
            if hasattr(layer, "kernel"):
                layer.kernel.regularizer = keras.regularizers.L2(alpha / 2)
    model.compile(optimizer, loss, jit_compile=False)
    model.set_weights(weights)
    for batch in np.split(X, STEPS):
        model.train_on_batch(batch, batch)
    return model.get_weights()


def our_weights_after(program, optimizer, X):
    rows = Rows(X, fit_scaling(None, X), program.shape)
    chunk = next(rows.epochs())
    assert chunk.n_steps == STEPS
    rates = learning_rates(optimizer.learning_rate, 0, chunk.n_steps, program.shape.dtype)
    program.train(chunk, rates, np.array(list(optimizer.scalars.values()), program.shape.dtype))
    return program.weights()


def assert_equals_keras(optimizer, reference, alpha=0.0, dtype="float32"):
    """Train both from the same weights; return the weights of the start and of the end."""
    program, start = loaded_program(optimizer, batch=BATCH, dtype=dtype)
    X = rows(dtype)
    ours = our_weights_after(program, optimizer, X)
    theirs = keras_weights_after(program, start, X, reference, alpha=alpha)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5, rtol=0)
    return start, ours


def rows(dtype="float32"):
    return np.random.default_rng(1).normal(size=(BATCH * STEPS, 6)).astype(dtype)


CONFIGURED = {
    "adam": (lambda: keras.optimizers.Adam(0.01, beta_1=0.8, epsilon=1e-5), "adam"),
    "adam-decay": (lambda: keras.optimizers.Adam(0.01, weight_decay=0.1), "adam"),
    "adam-amsgrad": (lambda: keras.optimizers.Adam(0.01, amsgrad=True), None),
    "adam-clipped": (lambda: keras.optimizers.Adam(0.01, clipnorm=0.01), None),
    "adam-average": (lambda: keras.optimizers.Adam(0.01, use_ema=True), None),
    "adamw": (lambda: keras.optimizers.AdamW(0.01, weight_decay=0.2), "adam"),
    "sgd": (lambda: keras.optimizers.SGD(0.1), "sgd"),
    "sgd-momentum": (lambda: keras.optimizers.SGD(0.1, momentum=0.7), "momentum"),
    "sgd-nesterov": (lambda: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True), "nesterov"),
    "rmsprop": (lambda: keras.optimizers.RMSprop(0.01, rho=0.8), "rmsprop"),
    "rmsprop-momentum": (lambda: keras.optimizers.RMSprop(0.01, momentum=0.5), "rmsprop"),
    "rmsprop-centered": (lambda: keras.optimizers.RMSprop(0.01, centered=True), None),
    "nadam": (lambda: keras.optimizers.Nadam(0.01), None),
    "lion": (lambda: keras.optimizers.Lion(0.01), None),
    "adagrad": (lambda: keras.optimizers.Adagrad(0.1), None),
    "schedule": (
        lambda: keras.optimizers.Adam(schedules.ExponentialDecay(0.02, 3, 0.5)),
        "adam",
    ),
    "cosine": (lambda: keras.optimizers.SGD(schedules.CosineDecay(0.2, 8)), "sgd"),
}


@pytest.mark.parametrize("name", sorted(set(_NAMES) - {"sgd"}))
def test_an_optimizer_given_by_name_is_configured_as_keras_does_it(name):
    expected = keras.optimizers.get(name)
    kind, config = _default_config(name)
    assert kind is type(expected)
    of_the_fit = {"name", "learning_rate"}
    given = {key: value for key, value in config.items() if key not in of_the_fit}
    assert given == {k: v for k, v in expected.get_config().items() if k not in of_the_fit}


# One for each kind of rule: XLA takes long to compile them, above all Keras's own.
IN_XLA = {"adam-decay", "sgd", "sgd-momentum", "sgd-nesterov", "rmsprop", "adagrad"}
# The others are in `make test-slow`.
QUICK = {"adam", "adamax"}
NAMES = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in sorted(set(_NAMES) - {"sgd"})
]


# Those whose step has an operation that no other has here; the others are in `make test-slow`.
OFTEN = {"adam", "adam-amsgrad", "adamw", "sgd-nesterov", "rmsprop-momentum", "nadam", "schedule"}


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "name",
    [n if n in OFTEN else pytest.param(n, marks=pytest.mark.slow) for n in CONFIGURED],
)
def test_ten_steps_equal_keras(name):
    make, kernel = CONFIGURED[name]
    optimizer = get_optimizer(make(), 123.0)
    expected_kind = KerasRule if kernel is None else FusedRule
    assert isinstance(optimizer.rule, expected_kind)
    assert getattr(optimizer.rule, "kernel", None) == kernel
    with forced(name in IN_XLA):
        start, end = assert_equals_keras(optimizer, make())
    for before, after in zip(start, end, strict=True):
        assert np.abs(after - before).max() > 1e-3


def without(*names, make=keras.optimizers.AdamW, **params):
    optimizer = make(0.01, weight_decay=0.5, **params)
    optimizer.exclude_from_weight_decay(var_names=names)
    return optimizer


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("make", "names"),
    [(keras.optimizers.AdamW, ["bias"]), (keras.optimizers.Lion, ["gamma", "ker"])],
)
def test_names_that_weight_decay_leaves_out_stay_out(make, names):
    optimizer = get_optimizer(without(*names, make=make), 0.0)
    with forced(False):
        assert_equals_keras(optimizer, without(*names, make=make))
    assert optimizer.rule != get_optimizer(without("beta", make=make), 0.0).rule


def test_variables_that_weight_decay_leaves_out_are_refused():
    optimizer = keras.optimizers.AdamW(0.01)
    optimizer.exclude_from_weight_decay(var_list=[keras.Variable([1.0])])
    with pytest.raises(ValueError, match=r"must be given 'var_names'.*Got 'var_list'"):
        get_optimizer(optimizer, 0.0)


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_keras_default_with_the_given_rate(name):
    optimizer = get_optimizer(name, 0.02)
    reference = keras.optimizers.get(name)
    reference.learning_rate = 0.02
    assert_equals_keras(optimizer, reference)


def test_sgd_by_name_is_scikit_learns():
    optimizer = get_optimizer("sgd", 0.1)
    reference = keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)
    assert_equals_keras(optimizer, reference)


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", ["adam", "lion"])
def test_alpha_is_an_l2_penalty_on_kernels(name):
    reference = keras.optimizers.get(name)
    reference.learning_rate = 0.01
    assert_equals_keras(get_optimizer(name, 0.01, alpha=0.3), reference, alpha=0.3)


@pytest.mark.slow
def test_float64_training_equals_keras_in_float64():
    # No closer than in float32: Keras hands float64 batches to the model as float32.
    start, ours = assert_equals_keras(
        get_optimizer("adam", 0.01), keras.optimizers.Adam(0.01), dtype="float64"
    )
    assert start[0].dtype == ours[0].dtype == np.float64


def test_numbers_are_no_part_of_the_structure():
    first = get_optimizer(keras.optimizers.Adam(0.1, beta_1=0.5, weight_decay=0.1), 0.0)
    second = get_optimizer(keras.optimizers.Adam(0.2, beta_1=0.6, weight_decay=0.3), 0.0)
    assert first.rule == second.rule
    assert hash(first.rule) == hash(second.rule)
    assert first.scalars != second.scalars


def test_the_users_optimizer_is_not_touched():
    mine = keras.optimizers.Lion(0.01)
    optimizer = get_optimizer(mine, 0.0)
    program, _ = loaded_program(optimizer, batch=BATCH)
    our_weights_after(program, optimizer, rows())
    assert int(mine.iterations) == 0
    assert not mine.built


@pytest.mark.parametrize(
    "schedule",
    [
        schedules.ExponentialDecay(0.1, 5, 0.5, staircase=True),
        schedules.PiecewiseConstantDecay([3, 7], [0.1, 0.01, 0.001]),
        schedules.PolynomialDecay(0.1, 10),
        schedules.InverseTimeDecay(0.1, 3, 0.5),
        schedules.CosineDecay(0.1, 8, warmup_target=0.3, warmup_steps=4),
        schedules.CosineDecayRestarts(0.1, 4),
        lambda step: 0.1 if step < 4 else 0.01,
    ],
    ids=lambda schedule: type(schedule).__name__,
)
def test_a_schedule_is_asked_for_every_step(schedule):
    rates = learning_rates(schedule, 2, 12, "float32")
    expected = [float(schedule(step)) for step in range(2, 14)]
    np.testing.assert_allclose(rates, expected, rtol=1e-6)


def test_a_misspelt_name_is_told_the_nearest():
    with pytest.raises(ValueError, match=r"'optimizer'.*Got 'adamm'\. Did you mean 'adam'\?"):
        get_optimizer("adamm", 0.1)


def test_a_schedule_that_keras_does_not_know_goes_elsewhere():
    class Halving(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.01 * 0.5 ** (step / 10)

        def get_config(self):
            return {}

    Halving.__module__ = "__main__"  # as in a notebook, which Keras cannot import from
    with pytest.raises(ValueError, match="Got a Halving; pass your own schedule as"):
        get_optimizer(keras.optimizers.Adam(Halving()), 0.0)
    assert get_optimizer("adam", Halving()).learning_rate(10) == pytest.approx(0.005)
