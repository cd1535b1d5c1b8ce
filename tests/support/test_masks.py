"""A masked value is a missing one, wherever data come in."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from tfae import (
    Autoencoder,
    ConvolutionalAutoencoder,
    ParametricTSNE,
    metrics,
    plotting,
)
from tfae._support.masks import check_unmasked, first_masked

pytestmark = pytest.mark.usefixtures("in_executor")

ROWS = np.random.default_rng(0).normal(size=(40, 4))
SMALL = {"max_iter": 1, "hidden_layer_sizes": (4,), "random_state": 0}


def masked(shape=ROWS.shape):
    X = np.ma.masked_array(ROWS.reshape(shape).copy())
    X.reshape(ROWS.shape)[3, 2] = 9.97e36
    mask = np.zeros(ROWS.shape, bool)
    mask[3, 2] = True
    return np.ma.masked_array(X, mask.reshape(shape))


@pytest.mark.parametrize(
    ("X", "place"),
    [
        (ROWS, None),
        (np.ma.masked_array(ROWS), None),
        (np.ma.masked_array(ROWS, np.zeros_like(ROWS, bool)), None),
        (masked(), (3, 2)),
        (masked()[3], (2,)),
        (list(masked()), (3, 2)),
        (tuple(masked().tolist()), None),  # a list of None and numbers
        ([ROWS, masked()], (1, 3, 2)),
        ([[1.0, np.ma.masked], [2.0, 3.0]], (0, 1)),
        (np.array([[1.0, np.ma.masked], [2.0, 3.0]], object), (0, 1)),
        (np.ma.masked, ()),
        (np.ma.masked_array(1.0), None),
        (np.ma.array([(1, 2), (3, 4)], "i4,i4", mask=[(0, 0), (0, 1)]), (1,)),
        (np.ma.array([(1, 2), (3, 4)], "i4,i4"), None),
        ("text", None),
        (None, None),
    ],
)
def test_the_first_masked_value_is_found(X, place):
    assert first_masked(X) == place
    if place is None:
        check_unmasked(X)
    else:
        with pytest.raises(ValueError, match="Input X contains masked values"):
            check_unmasked(X)


FIRST = "contains masked values.*row 3, column 2.*Impute"
IMAGES = ConvolutionalAutoencoder(2, max_iter=1, hidden_layer_sizes=(2,), random_state=0)
INTO = {
    "fit of a list": lambda X: Autoencoder(2, **SMALL).fit(list(X)),
    "inverse_transform": lambda X: Autoencoder(4, **SMALL).fit(ROWS).inverse_transform(X),
    "t-SNE": lambda X: ParametricTSNE(perplexity=3, **SMALL).fit(X),
    "trustworthiness": lambda X: metrics.trustworthiness(X, ROWS),
    "reconstruction_errors": lambda X: metrics.reconstruction_errors(X, ROWS),
    "plotting.reconstructions": lambda X: plotting.reconstructions(PCA(2).fit(ROWS), X),
    "plotting.reconstructed_rows": lambda X: plotting.reconstructed_rows(PCA(2).fit(ROWS), X),
}


@pytest.mark.parametrize("name", INTO)
def test_masked_rows_are_refused_where_they_come_in(name):
    with pytest.raises(ValueError, match=FIRST):
        INTO[name](masked())


@pytest.mark.parametrize("make", [np.asanyarray, list])
def test_masked_images_are_refused(make):
    X = make(masked((40, 2, 2)))
    with pytest.raises(ValueError, match=r"Input X contains masked values.*row 3"):
        IMAGES.fit(X)
    model = IMAGES.fit(ROWS.reshape(40, 2, 2))
    with pytest.raises(ValueError, match="contains masked values"):
        model.transform(X)
    with pytest.raises(ValueError, match="contains masked values"):
        model.transform(iter([X]))


def test_masked_embeddings_labels_and_codes_are_named():
    labels = np.ma.masked_array(np.arange(40) % 2, np.arange(40) == 5)
    with pytest.raises(ValueError, match=r"Input X_embedded contains masked.*row 3, column 2"):
        metrics.trustworthiness(ROWS, masked())
    with pytest.raises(ValueError, match=r"Input X_embedded contains masked.*row 3, column 2"):
        metrics.knn_accuracy(masked(), labels.data)
    with pytest.raises(ValueError, match=r"Input y contains masked values.*row 5"):
        metrics.knn_accuracy(ROWS, labels)
    with pytest.raises(ValueError, match=r"Input X_reconstructed contains masked"):
        metrics.reconstruction_errors(ROWS, masked())
    with pytest.raises(ValueError, match=r"Input codes contains masked values"):
        plotting.code_scatter(masked()[:, 1:3])
    with pytest.raises(ValueError, match=r"Input labels contains masked values.*row 5"):
        plotting.code_scatter(ROWS[:, :2], labels)


@pytest.mark.parametrize("mask", [np.ma.nomask, np.zeros(ROWS.shape, bool)])
def test_an_array_without_a_masked_value_is_ordinary(mask):
    X = np.ma.masked_array(ROWS, mask)
    model = Autoencoder(2, **SMALL).fit(ROWS)
    codes = model.transform(ROWS)
    np.testing.assert_array_equal(Autoencoder(2, **SMALL).fit(X).transform(ROWS), codes)
    np.testing.assert_array_equal(model.transform(X), codes)
    np.testing.assert_array_equal(model.inverse_transform(codes), model.reconstruct(X))
    assert type(model.transform(X)) is np.ndarray
    assert metrics.trustworthiness(X, X) == 1
