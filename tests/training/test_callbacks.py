"""Callbacks of Keras that ask for more than the epochs."""

import keras
import numpy as np
import pytest

from tfae import Autoencoder, ParametricTSNE, SparseAutoencoder, StackedAutoencoder

pytestmark = pytest.mark.usefixtures("in_executor")


def test_the_progress_bar_of_keras_can_watch():
    X = np.random.default_rng(0).normal(size=(40, 4))
    bar = keras.callbacks.ProgbarLogger()
    model = Autoencoder(2, max_iter=3, batch_size=8, random_state=0, callbacks=[bar]).fit(X)
    assert model.n_iter_ == bar.epochs == 3
    assert bar.target >= 5  # steps, which it counts itself


X = np.random.default_rng(0).normal(size=(40, 4))
KERAS = keras.callbacks


def small(kind=Autoencoder, **params):
    given = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0, "linear_path": False}
    return kind(2, **{**given, **params})


@pytest.mark.parametrize(
    "callback",
    [
        KERAS.EarlyStopping(),
        KERAS.ReduceLROnPlateau(),
        KERAS.ModelCheckpoint("best.weights.h5", save_best_only=True, save_weights_only=True),
        KERAS.EarlyStopping("val_reconstruction_loss", mode="min"),
    ],
    ids=lambda callback: f"{type(callback).__name__}-{callback.monitor}",
)
def test_a_callback_must_watch_what_is_recorded(callback):
    penalty = {"penalty": "l1"} if "reconstruction" in callback.monitor else {}
    message = rf"monitor values that .*\['loss'.*{type(callback).__name__}\(monitor='val_.*"
    for method in ("fit", "partial_fit"):
        model = small(callbacks=[callback], **penalty)
        with pytest.raises(ValueError, match=message + "early_stopping=True"):
            getattr(model, method)(X)
    if not isinstance(callback, KERAS.ModelCheckpoint):
        assert small(callbacks=[callback], early_stopping=True, **penalty).fit(X).n_iter_


def test_the_nearest_value_is_suggested():
    stops = KERAS.EarlyStopping("reconstruction_los", mode="min")
    with pytest.raises(ValueError, match="Did you mean 'reconstruction_loss'"):
        small(SparseAutoencoder, callbacks=[stops]).fit(X)
    tsne = ParametricTSNE(perplexity=2, callbacks=[KERAS.EarlyStopping()], max_iter=1)
    with pytest.raises(ValueError, match="monitor='val_loss'") as caught:
        tsne.fit(X)
    assert "early_stopping" not in str(caught.value)  # it has no such parameter


def test_nothing_trains_before_a_callback_is_refused(capsys):
    for model in (
        small(StackedAutoencoder, verbose=1),
        Autoencoder(0.9, verbose=1, early_stopping=False),
    ):
        model.set_params(callbacks=[KERAS.EarlyStopping()])
        with pytest.raises(ValueError, match="monitor"):
            model.fit(X)
    with pytest.raises(ValueError, match="must be instances of"):
        small(StackedAutoencoder, verbose=1, callbacks=[len]).fit(X)
    assert not capsys.readouterr().out


class Adds(KERAS.Callback):
    """Writes a value of its own."""

    def on_epoch_end(self, epoch, logs=None):
        logs["mine"] = -epoch


@pytest.mark.parametrize(
    "adds",
    [Adds(), KERAS.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(mine=-epoch))],
    ids=["own class", "function"],
)
def test_values_of_own_callbacks_may_be_watched(adds):
    stops = KERAS.EarlyStopping("mine", mode="max", patience=1)
    model = small(callbacks=[adds, stops], max_iter=9, n_iter_no_change=9).fit(X)
    assert model.n_iter_ == 2


def test_callbacks_that_read_no_value_are_let_alone(tmp_path):
    every = KERAS.ModelCheckpoint(str(tmp_path / "{epoch}.weights.h5"), save_weights_only=True)
    given = [every, KERAS.TerminateOnNaN(), KERAS.History(), KERAS.EarlyStopping("loss")]
    assert small(callbacks=given).fit(X).n_iter_ == 3
