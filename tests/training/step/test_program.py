"""The compiled program: exact means, no second trace, one owner at a time."""

import threading

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from small_programs import loaded_program, small_key, small_structure

from tfae import Autoencoder
from tfae._data.scaling import fit_scaling
from tfae._training.chunks import Rows
from tfae._training.step.optimizers import get_optimizer
from tfae._training.step.program import trace_count


def reconstruct(weights, X):
    """The network of ``small_structure`` (tanh, one hidden layer a side), in NumPy."""
    w1, b1, w2, b2, w3, b3, w4, b4 = weights
    code = np.tanh(X @ w1 + b1) @ w2 + b2
    return np.tanh(code @ w3 + b3) @ w4 + b4


def summed_loss(program, X):
    """Return the sum of the losses of all rows."""
    total = 0.0
    for chunk in Rows(X, fit_scaling(None, X), program.shape).epochs():
        total += program.test(chunk, np.zeros(len(program.key.scalars)))[0]
        if chunk.last:
            return total


NUMPY_LOSSES = {
    "mse": lambda t, o: np.mean((t - o) ** 2, axis=1),
    "mae": lambda t, o: np.mean(np.abs(t - o), axis=1),
    "huber": lambda t, o: np.mean(
        np.where(np.abs(t - o) <= 1, (t - o) ** 2 / 2, np.abs(t - o) - 0.5), axis=1
    ),
    "binary_crossentropy": lambda t, o: np.mean(np.logaddexp(0, o) - t * o, axis=1),
    "poisson": lambda t, o: np.mean(np.exp(o) - t * o, axis=1),
}
# Of the losses that take the output before an activation.
OUTPUTS = {"binary_crossentropy": "sigmoid", "poisson": "exponential"}


@pytest.mark.parametrize("loss", NUMPY_LOSSES)
@pytest.mark.parametrize("n_rows", [1, 4, 7, 300])
def test_the_loss_is_the_exact_mean_over_the_rows(loss, n_rows):
    output = OUTPUTS.get(loss, "linear")
    program, weights = loaded_program(loss=loss, dtype="float64", output=output)
    X = np.random.default_rng(0).uniform(size=(n_rows, 6)) * (1 if output == "sigmoid" else 4)
    total = summed_loss(program, X)
    expected = NUMPY_LOSSES[loss](X, reconstruct(weights, X)).sum()
    np.testing.assert_allclose(total, expected, rtol=1e-8)


@pytest.mark.parametrize("steps", [1, 3])
def test_the_loss_is_the_same_however_many_steps_are_tested_at_once(steps, monkeypatch):
    program, weights = loaded_program(dtype="float64")
    widest = max(weight.shape[-1] for weight in weights)
    monkeypatch.setattr(
        "tfae._training.step.program._TESTED_AT_ONCE", steps * program.shape.batch * widest
    )
    X = np.random.default_rng(0).uniform(size=(7 * program.shape.batch - 1, 6))
    expected = NUMPY_LOSSES["mse"](X, reconstruct(weights, X)).sum()
    np.testing.assert_allclose(summed_loss(program, X), expected, rtol=1e-8)


def test_a_loss_of_the_users_own_is_tested_on_batches_of_the_size_it_is_trained_on():
    """It may divide by what the batch has, or make constants of its shape."""

    def loss(target, output):
        weights = keras.ops.reshape(keras.ops.arange(1.0, target.shape[0] + 1), (-1, 1))
        return keras.ops.square(output - target) * keras.ops.cast(weights, target.dtype)

    program, weights = loaded_program(loss=loss, dtype="float64")
    batch = program.shape.batch
    X = np.random.default_rng(0).uniform(size=(3 * batch, 6))
    of_rows = NUMPY_LOSSES["mse"](X, reconstruct(weights, X))
    expected = of_rows @ np.tile(np.arange(1.0, batch + 1), 3)
    np.testing.assert_allclose(summed_loss(program, X), expected, rtol=1e-8)


@pytest.mark.parametrize("loss", NUMPY_LOSSES)
def test_the_gradient_of_a_partly_filled_batch_is_that_of_its_real_rows(loss):
    """One step of plain gradient descent against a numerical gradient over the 3 rows."""
    rate = 1.0
    output = OUTPUTS.get(loss, "linear")
    optimizer = get_optimizer(keras.optimizers.SGD(rate), 0.0)
    program, weights = loaded_program(optimizer, loss=loss, dtype="float64", output=output)
    X = np.random.default_rng(2).uniform(0.1, 0.9, size=(3, 6))
    rows = Rows(X, fit_scaling(None, X), program.shape)
    program.train(next(rows.epochs()), np.full(1, rate), np.array([]))
    steps = [before - after for before, after in zip(weights, program.weights(), strict=True)]

    def objective(changed):
        return NUMPY_LOSSES[loss](X, reconstruct(changed, X)).mean()

    h = 1e-6
    for number, step in enumerate(steps):
        numerical = np.zeros_like(step)
        for place in np.ndindex(step.shape):
            values = []
            for sign in (1, -1):
                changed = [weight.copy() for weight in weights]
                changed[number][place] += sign * h
                values.append(objective(changed))
            numerical[place] = (values[0] - values[1]) / (2 * h)
        np.testing.assert_allclose(step, numerical, atol=1e-8)


def test_a_second_fit_a_clone_and_other_numbers_trace_nothing(digits):
    estimator = Autoencoder(
        3, hidden_layer_sizes=(7,), max_iter=2, early_stopping=True, batch_size=33
    )
    estimator.fit(digits[:500])
    before = trace_count()
    clone(estimator).fit(digits[:321])
    clone(estimator).set_params(learning_rate_init=0.05, random_state=3, max_iter=3).fit(digits)
    clone(estimator).set_params(tol=0.1, validation_fraction=0.3).fit(digits[:10].astype(float))
    assert trace_count() == before
    clone(estimator).set_params(hidden_layer_sizes=(8,)).fit(digits[:100])
    assert trace_count() == before + 2  # one to train, one to validate


@pytest.mark.slow
def test_grid_search_traces_once_for_every_structure(digits):
    before = trace_count()
    search = GridSearchCV(
        Autoencoder(
            hidden_layer_sizes=(9,),
            max_iter=2,
            random_state=0,
            batch_size=64,
            early_stopping=False,
        ),
        {"n_components": [2, 5], "learning_rate_init": [1e-3, 1e-2], "max_iter": [1, 2]},
        cv=3,
    ).fit(digits[:300])
    assert len(search.cv_results_["params"]) == 8
    assert trace_count() - before == 2


@pytest.mark.slow
def test_grid_search_gives_the_same_bits_in_other_processes(digits):
    model = Autoencoder(hidden_layer_sizes=(12,), max_iter=3, random_state=0, linear_path=False)
    grid = {"n_components": [2, 4]}
    searches = [
        GridSearchCV(model, grid, cv=2, n_jobs=n_jobs).fit(digits[:400]) for n_jobs in (1, 2)
    ]
    for fold in range(2):
        key = f"split{fold}_test_score"
        np.testing.assert_array_equal(*(search.cv_results_[key] for search in searches))
    np.testing.assert_array_equal(*(search.transform(digits) for search in searches))


@pytest.mark.slow
def test_two_threads_fitting_at_once_do_not_meet(digits):
    def estimator(seed):
        return Autoencoder(4, hidden_layer_sizes=(11,), max_iter=5, random_state=seed)

    alone = [estimator(seed).fit(digits).transform(digits) for seed in range(4)]
    together = [None] * 4

    def work(seed):
        together[seed] = estimator(seed).fit(digits).transform(digits)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_equal_plans_are_equal_keys():
    adam = get_optimizer("adam", 0.1)
    assert small_key(adam) == small_key(get_optimizer("adam", 0.2))
    assert hash(small_key(adam)) == hash(small_key(adam))
    assert small_key(adam) != small_key(adam, loss="mae")
    assert small_key(adam) != small_key(get_optimizer("rmsprop", 0.1))
    assert small_key(adam) != small_key(get_optimizer("adam", 0.1, alpha=1.0))


def test_double_precision_is_not_rounded_at_the_door():
    network = small_structure(n_features=6).build("float64")
    x = np.ones((1, 6))
    assert np.abs(network.encoder(x) - network.encoder(x * (1 + 1e-10))).max() > 0
