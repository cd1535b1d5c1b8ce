"""Callbacks of Keras that ask for more than the epochs."""

import keras
import numpy as np
import pytest

from tfae import Autoencoder

pytestmark = pytest.mark.usefixtures("in_executor")


def test_the_progress_bar_of_keras_can_watch():
    X = np.random.default_rng(0).normal(size=(40, 4))
    bar = keras.callbacks.ProgbarLogger()
    model = Autoencoder(2, max_iter=3, batch_size=8, random_state=0, callbacks=[bar]).fit(X)
    assert model.n_iter_ == bar.epochs == 3
    assert bar.target >= 5  # steps, which it counts itself
