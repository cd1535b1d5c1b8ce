"""What methods are called with, besides rows that cannot be read."""

import warnings

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from family import FOR_FEW_ROWS, kinds
from scipy import sparse
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tfae import Autoencoder, ConvolutionalAutoencoder

pytestmark = pytest.mark.usefixtures("in_executor")

RNG = np.random.default_rng(0)
CLEAN = RNG.normal(size=(40, 6))
NOISY = CLEAN + RNG.normal(size=CLEAN.shape)


def small(kind=Autoencoder, **params):
    given = {"n_components": 2, "hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0}
    given |= {"linear_path": False} if kind is Autoencoder else {}
    return kind(**{**given, **FOR_FEW_ROWS.get(kind.__name__, {}), **params})


@pytest.mark.sample(4)
@pytest.mark.parametrize("kind", kinds())
def test_clean_rows_beside_noisy_ones_are_not_ignored_in_silence(kind):
    model = small(kind)
    with pytest.warns(UserWarning, match="'y' should be None or labels, because it is ignored"):
        model.fit(NOISY, CLEAN)
    alone = small(kind).fit(NOISY)
    np.testing.assert_array_equal(model.transform(NOISY), alone.transform(NOISY))
    for method in {"partial_fit", "fit_transform", "score"} & set(dir(model)):
        with pytest.warns(UserWarning, match="it is ignored"):
            getattr(model, method)(NOISY, CLEAN)


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (pd.DataFrame(NOISY), CLEAN),
        (NOISY, pd.DataFrame(CLEAN)),
        (NOISY.tolist(), CLEAN.tolist()),
        (sparse.csr_array(NOISY), sparse.csr_array(CLEAN)),
        (NOISY, tf.constant(CLEAN)),
        (lambda: iter([NOISY]), lambda: iter([CLEAN])),
        (tf.data.Dataset.from_tensors(NOISY), tf.data.Dataset.from_tensors(CLEAN)),
    ],
    ids=["frame", "frame of y", "lists", "sparse", "tensor", "stream", "dataset"],
)
def test_pairs_of_every_kind_are_noticed(X, y):
    with pytest.warns(UserWarning, match="it is ignored"):
        small().fit(X, y)


def test_images_are_noticed_beside_images_and_flat_rows():
    images = NOISY[:36].reshape(-1, 6, 6)
    assert images.shape == (6, 6, 6)
    model = small(ConvolutionalAutoencoder, image_shape=(6, 6))
    for X, y in [(images, images + 1), (images.reshape(6, 36), images + 1)]:
        with pytest.warns(UserWarning, match="it is ignored"):
            model.fit(X, y)


@pytest.mark.parametrize(
    "y",
    [
        None,
        np.arange(40) % 3,
        (np.arange(40) % 3).astype(str).tolist(),
        np.arange(40.0)[:, None],
        np.eye(40)[:, :3],
        pd.Series(np.arange(40)),
        [[1], [2, 3]],
    ],
)
def test_labels_stay_silent(y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small().fit(NOISY, y)
        make_pipeline(StandardScaler(), small()).fit(NOISY, y)
        assert np.isfinite(small().fit(NOISY).score(NOISY, y))


def test_one_feature_beside_one_label_and_folds_of_rows_given_twice_stay_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small(n_components=1).fit(NOISY[:, :1], CLEAN[:, :1])
        small().fit(NOISY, NOISY)
        assert np.isfinite(cross_val_score(small(), NOISY, NOISY, cv=2)).all()
