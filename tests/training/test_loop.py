"""The epoch loop: what is kept, when it stops, and how it ends badly."""

import pickle
import warnings
from functools import partial

import keras
import numpy as np
import pytest
from keras.optimizers import Adam
from keras.optimizers.schedules import CosineDecay, ExponentialDecay
from sklearn.callback import ProgressBar
from sklearn.exceptions import ConvergenceWarning

from tfae import Autoencoder, DenoisingAutoencoder, VariationalAutoencoder
from tfae._fitting.defaults import annealed
from tfae._fitting.fit import split_rows
from tfae._training.loop import still_falls
from tfae._training.state import TrainingState
from tfae._training.step.program import Program


def small(**params):
    params = {"n_components": 4, "hidden_layer_sizes": (16,), "batch_size": 64, **params}
    params = {"linear_path": False, **params}
    return Autoencoder(**{"random_state": 0, "learning_rate_init": 0.003, **params})


class Spy(keras.callbacks.Callback):
    """Keeps the weights and the logs of every epoch, and may raise at one."""

    def __init__(self, interrupt_at=None):
        super().__init__()
        self.weights, self.logs, self.batches, self.events = [], [], [], []
        self.interrupt_at = interrupt_at

    def on_train_begin(self, logs=None):
        self.events.append("begin")

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append((batch, logs["loss"]))

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())
        self.logs.append(logs)
        if epoch == self.interrupt_at:
            raise KeyboardInterrupt

    def on_train_end(self, logs=None):
        self.events.append("end")


def weights_of(model):
    return [*model.encoder_weights_, *model.decoder_weights_]


def assert_same_weights(some, others):
    for one, other in zip(some, others, strict=True):
        np.testing.assert_array_equal(one, other)


def test_history_is_the_users_mse_and_falls(digits):
    model = small(max_iter=30).fit(digits)
    assert model.n_iter_ == len(model.loss_curve_) == len(model.history_["seconds"]) == 30
    assert min(model.history_["seconds"]) > 0
    variance = digits.var(axis=0).mean()
    assert model.loss_curve_[0] == pytest.approx(variance, rel=0.3)  # an untrained guess
    final = -model.score_samples(digits).mean()
    assert model.loss_curve_[-1] == pytest.approx(final, rel=0.05)
    assert final < 0.5 * variance


@pytest.mark.parametrize("scaling", ["standard", "minmax", None])
def test_history_is_in_scaled_units_where_features_have_their_own(digits, scaling):
    model = small(max_iter=20, scaling=scaling).fit(digits)
    scaled = (digits - model.center_) / model.scale_
    rebuilt = (model.reconstruct(digits) - model.center_) / model.scale_
    assert model.loss_curve_[-1] == pytest.approx(np.square(scaled - rebuilt).mean(), rel=0.1)


def test_early_stopping_keeps_the_weights_with_the_lowest_validation_loss(digits):
    spy = Spy()
    # From step 30 on the rate is so high that the loss jumps: the best epoch is not the last.
    model = small(
        max_iter=15,
        early_stopping=True,
        learning_rate_init=lambda step: 0.01 if step < 30 else 1.0,
        callbacks=[spy],
    ).fit(digits[:200])
    losses = model.history_["val_loss"]
    best = int(np.argmin(losses))
    assert best < len(losses) - 1
    assert_same_weights(weights_of(model), spy.weights[best])
    held_out = _split(model, digits[:200]).held_out
    assert -model.score_samples(digits[:200][held_out]).mean() == pytest.approx(losses[best], 1e-4)


def _split(model, X):
    """Split rows as the fit of a model does."""
    return split_rows(model._recipe(X, None), X, TrainingState.new(model.random_state).split_rng)


@pytest.fixture
def calls(monkeypatch):
    """How many epochs every call of a program has gone through."""
    train, epochs = Program.train, []

    def counted(self, chunk, *args):
        epochs.append(chunk.n_epochs)
        return train(self, chunk, *args)

    monkeypatch.setattr(Program, "train", counted)
    return epochs


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    "make",
    [
        partial(small),
        pytest.param(partial(small, scaling=None), marks=pytest.mark.slow),
        partial(small, dropout=0.3),
        partial(small, optimizer=Adam(0.003, use_ema=True)),
        partial(small, optimizer="sgd", learning_rate_init=lambda step: 0.1 / (1 + step)),
        partial(small, learning_rate_init=CosineDecay(0.01, 50)),
        pytest.param(
            partial(small, optimizer=Adam(ExponentialDecay(0.01, 7, 0.9))), marks=pytest.mark.slow
        ),
        partial(small, batch_normalization=True),
        partial(small, warm_start=True),
        partial(small, tol=0.05, n_iter_no_change=3, max_iter=200),
        partial(
            DenoisingAutoencoder,
            4,
            hidden_layer_sizes=(16,),
            linear_path=False,
            random_state=0,
            tol=0.02,
            n_iter_no_change=3,
            max_iter=300,
        ),
        partial(
            DenoisingAutoencoder, 4, hidden_layer_sizes=(16,), linear_path=False, random_state=0
        ),
        partial(VariationalAutoencoder, 4, hidden_layer_sizes=(16,), random_state=0, kl_warm_up=5),
    ],
    ids=[
        *("plain", "as-given", "dropout", "averages", "schedule", "cosine", "exponential"),
        *("normalization", "warm-start", "tol", "noise-and-tol", "noise", "warm-up"),
    ],
)
def test_epochs_go_through_a_call_together_where_nobody_sees_the_difference(digits, calls, make):
    X = digits[:150].astype(np.float32)  # five batches of 32, the last of them not full
    params = {"max_iter": 12, "batch_size": 32, **make.keywords}
    together = make(**params).fit(X)
    if params.get("warm_start"):
        together.fit(X)
    assert max(calls) > 1
    assert sum(calls) == together.n_iter_
    calls.clear()
    params["callbacks"] = [keras.callbacks.Callback()]
    watched = make(**params).fit(X)
    if params.get("warm_start"):
        watched.fit(X)
    assert set(calls) == {1}
    assert_same_weights(weights_of(together), weights_of(watched))
    for name in together.history_.keys() - {"seconds"}:
        assert together.history_[name] == watched.history_[name]
    if "tol" in make.keywords:
        assert 3 < together.n_iter_ < make.keywords["max_iter"]


def test_no_epoch_is_trained_beyond_the_last(digits, calls):
    model = small(max_iter=300, tol=1e9, n_iter_no_change=4).fit(digits[:64])
    # The first one cannot be the end, nor can it be better than none before it.
    assert model.n_iter_ == 6
    assert calls == [5, 1]


@pytest.mark.slow
def test_what_is_kept_after_divergence_does_not_hang_on_who_watches(digits, calls):
    def fitted(**params):
        with pytest.warns(ConvergenceWarning, match="in epoch 6") as warned:
            model = small(
                max_iter=20,
                batch_size=64,
                # Epochs have two steps.
                learning_rate_init=lambda step: 0.001 if step < 10 else 1e6,
                optimizer="sgd",
                **params,
            ).fit(digits[:128])
        assert len(warned) == 1
        return model

    together = fitted()
    assert calls[0] > 1
    watched = fitted(callbacks=[keras.callbacks.Callback()])
    assert_same_weights(weights_of(together), weights_of(watched))
    assert together.loss_curve_ == pytest.approx(watched.loss_curve_)


def test_a_slow_schedule_is_asked_for_the_steps_that_are_taken(digits):
    asked = []

    def schedule(step):
        asked.append(int(step))  # fails for several steps at once
        return 0.001

    small(max_iter=2, learning_rate_init=schedule, early_stopping=True).fit(digits[:100])
    assert max(asked) == 3  # two batches of 64 an epoch


def test_training_ends_when_the_loss_stops_falling(digits):
    model = small(max_iter=500, tol=0.02, n_iter_no_change=3).fit(digits)
    assert 5 < model.n_iter_ < 100
    curve = np.array(model.loss_curve_) / model.scale_**2  # `tol` is in scaled units
    best = np.minimum.accumulate(curve)
    fell = curve[1:] <= best[:-1] - 0.02
    assert not fell[-4:].any()  # four epochs in a row without a fall,
    assert not any((~fell[i : i + 4]).all() for i in range(len(fell) - 4))  # for the first time


def test_without_early_stopping_the_last_weights_are_kept(digits):
    spy = Spy()
    model = small(max_iter=4, callbacks=[spy]).fit(digits)
    assert_same_weights(weights_of(model), spy.weights[-1])


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([], False),
        ([1.0], False),  # nothing to compare it with
        ([1.0, 0.5], True),
        ([1.0, 0.99], False),
        ([*(0.5**n for n in range(20))], False),  # only 4 % of a millionth of the fall
        ([1 - n / 40 for n in range(20)], True),  # a straight line
        ([1 - n / 40 for n in range(15)] + [0.64] * 5, False),  # but over before the last two
        ([-1 - n / 40 for n in range(20)], True),  # logarithms
        ([3.0, 0.02, 0.01, 0.001], False),  # the fall counts where a logarithm is near 0
    ],
)
def test_a_loss_is_still_falling_if_the_last_tenth_lowers_it_clearly(losses, expected):
    assert still_falls(losses) is expected


@pytest.mark.slow
def test_what_stops_at_max_iter_while_the_loss_falls_says_so(digits):
    with pytest.warns(ConvergenceWarning, match=r"stopped at max_iter=5 while the loss was still"):
        small(max_iter=5).fit(digits)
    with pytest.warns(ConvergenceWarning, match=r"stopped at max_iter=2 while"):
        small(max_iter=2, linear_path=True).fit(digits)


def test_what_has_ended_for_another_reason_says_nothing(digits):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small(max_iter=300, tol=0.01, n_iter_no_change=1).fit(digits)
        small(max_iter=20, learning_rate_init=annealed(0.003, 20 * 29)).fit(digits)
        model = small()
        for _ in range(3):
            model.partial_fit(digits)


def test_a_diverging_loss_stops_and_keeps_good_weights(digits):
    with pytest.warns(ConvergenceWarning, match=r"infinite or NaN in epoch \d+"):
        model = small(max_iter=50, optimizer=keras.optimizers.SGD(30.0)).fit(digits)
    assert model.n_iter_ < 50
    assert np.isfinite(model.loss_curve_).all()
    assert np.isfinite(model.transform(digits)).all()


def test_weights_kept_after_divergence_are_those_of_the_best_epoch(digits):
    """The learning rate explodes after epoch 5; what epoch 5 started from is kept."""
    steps_an_epoch = -(-len(digits) // 64)

    def schedule(step):
        return 0.001 if step < 5 * steps_an_epoch else 1e6

    spy = Spy()
    with pytest.warns(ConvergenceWarning, match="in epoch [67]"):
        model = small(
            max_iter=20, learning_rate_init=schedule, optimizer="sgd", callbacks=[spy]
        ).fit(digits)
    assert_same_weights(weights_of(model), spy.weights[3])


def test_ctrl_c_leaves_a_usable_estimator_and_says_so(digits):
    spy = Spy(interrupt_at=3)
    with pytest.warns(UserWarning, match="interrupted after 4 epochs. The last weights"):
        model = small(max_iter=50, callbacks=[spy]).fit(digits)
    assert model.n_iter_ == 4
    assert_same_weights(weights_of(model), spy.weights[-1])
    assert model.transform(digits).shape == (len(digits), 4)


def test_ctrl_c_with_early_stopping_leaves_the_best_weights(digits):
    spy = Spy(interrupt_at=6)
    with pytest.warns(UserWarning, match="interrupted after 7 epochs. The best weights"):
        model = small(max_iter=50, early_stopping=True, callbacks=[spy]).fit(digits)
    best = int(np.argmin(model.history_["val_loss"]))
    assert_same_weights(weights_of(model), spy.weights[best])


def test_ctrl_c_while_the_device_works(digits, monkeypatch):
    train, calls = Program.train, []

    def interrupted(self, *args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return train(self, *args)

    monkeypatch.setattr(Program, "train", interrupted)
    # Four epochs go through a call.
    with pytest.warns(UserWarning, match="interrupted after 8 epochs"):
        model = small(max_iter=50).fit(digits)
    assert np.isfinite(model.transform(digits)).all()


def test_ctrl_c_that_is_heard_after_a_call_leaves_no_epoch_that_nothing_tells_of(
    digits, monkeypatch
):
    train, calls = Program.train, []

    def interrupted(self, *args):
        calls.append(1)
        result = train(self, *args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return result

    expected = small(max_iter=8).fit(digits)
    monkeypatch.setattr(Program, "train", interrupted)
    with pytest.warns(UserWarning, match="interrupted after 8 epochs"):
        model = small(max_iter=50).fit(digits)
    assert_same_weights(weights_of(model), weights_of(expected))


def test_keras_callbacks_see_what_keras_shows_them(digits):
    spy = Spy()
    model = small(max_iter=3, early_stopping=True, callbacks=[spy], batch_size=4).fit(digits)
    assert spy.events == ["begin", "end"]
    assert [logs["loss"] for logs in spy.logs] == model.history_["loss"]
    assert [logs["val_loss"] for logs in spy.logs] == model.history_["val_loss"]
    assert len(spy.batches) > 3  # once a chunk
    assert spy.params["epochs"] == 3


def test_keras_callbacks_can_stop_and_set_the_learning_rate(digits):
    stop = keras.callbacks.EarlyStopping("loss", min_delta=1e9, patience=2)
    assert small(max_iter=50, callbacks=[stop]).fit(digits).n_iter_ == 3
    # A learning rate of zero from epoch 2 on: the loss of later epochs stands still.
    freeze = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate if epoch < 2 else 0.0)
    curve = small(max_iter=5, shuffle=False, callbacks=[freeze]).fit(digits).loss_curve_
    assert curve[0] > curve[1] > curve[2]
    assert curve[2] == curve[3] == curve[4]


def test_other_callbacks_are_refused(digits):
    with pytest.raises(ValueError, match=r"'callbacks' must be instances of keras.*Got 3"):
        small(callbacks=[3]).fit(digits)


@pytest.mark.sample(1)
@pytest.mark.parametrize("of_numpy", [np.int8, np.uint8, np.int16])
def test_narrow_integers_do_not_overflow(digits, of_numpy):
    counts = {"n_components": 8, "batch_size": 64, "max_iter": 3, "n_iter_no_change": 5}
    narrow = {name: of_numpy(count) for name, count in counts.items()}
    expected = Autoencoder(**counts, random_state=0).fit(digits[:300])
    model = Autoencoder(**narrow, random_state=0).fit(digits[:300])
    np.testing.assert_array_equal(model.transform(digits), expected.transform(digits))


def test_checkpoints_hold_the_live_weights_and_the_model_is_let_go(digits, tmp_path):
    path = str(tmp_path / "last.keras")
    checkpoint = keras.callbacks.ModelCheckpoint(path)
    model = small(max_iter=3, callbacks=[checkpoint]).fit(digits)
    assert_same_weights(keras.models.load_model(path).get_weights(), weights_of(model))
    # The compiled model serves the next fit; a callback that kept it would see other weights.
    assert checkpoint.model is None
    pickle.dumps(model)


def test_scikit_learn_callbacks_are_told_of_every_epoch(digits):
    class Recorder:
        events, scores = [], []

        def setup(self, estimator, context):
            self.events.append("setup")

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            self.scores.append(fitted_estimator.score(digits))
            return len(self.scores) == 3

        def teardown(self, estimator, context):
            self.events.append("teardown")

    recorder = Recorder()
    model = small(max_iter=30).set_callbacks(recorder).fit(digits)
    assert model.n_iter_ == 3
    assert recorder.events == ["setup", "teardown"]
    assert recorder.scores[0] < recorder.scores[1] < recorder.scores[2]
    assert recorder.scores[2] == pytest.approx(model.score(digits))
    with pytest.raises(ValueError, match="infinity"):
        model.fit(np.full((3, 3), np.inf))
    assert recorder.events == ["setup", "teardown"] * (len(recorder.events) // 2)


def test_the_progress_bar_of_scikit_learn_works(digits, capsys):
    small(max_iter=3).set_callbacks(ProgressBar()).fit(digits)
    assert "Autoencoder" in capsys.readouterr().out


def test_verbose_prints_a_line_every_epoch_and_silence_is_the_default(digits, capfd):
    small(max_iter=2).fit(digits)
    assert capfd.readouterr().out == ""
    model = small(max_iter=2, verbose=1).fit(digits)
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("Epoch 1/2: loss ")
    assert float(lines[1].rpartition(" ")[2]) == pytest.approx(model.loss_curve_[1], rel=1e-4)
