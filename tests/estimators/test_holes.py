"""Autoencoders of rows with missing entries."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer

import tfae
from tfae import Autoencoder

pytestmark = pytest.mark.usefixtures("in_executor")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3)) @ RNG.normal(size=(3, 8)) + 0.2 * RNG.normal(size=(300, 8)) + 5
HOLES = RNG.random(X.shape) < 0.2
HOLED = np.where(HOLES, np.nan, X)
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}


def error(filled):
    return np.square(filled - X)[HOLES].mean()


@pytest.fixture(scope="module")
def fitted():
    return Autoencoder(3, **SMALL).fit(HOLED)


def test_rows_with_holes_are_encoded_rebuilt_and_filled(fitted):
    codes = fitted.transform(HOLED)
    assert np.isfinite(codes).all()
    assert_allclose(fitted.inverse_transform(codes), fitted.reconstruct(HOLED), rtol=1e-5)
    filled = fitted.impute(HOLED)
    assert_array_equal(filled[~HOLES], X[~HOLES])
    assert_array_equal(filled[HOLES], fitted.reconstruct(HOLED)[HOLES])
    assert error(filled) < 0.3 * error(SimpleImputer().fit_transform(HOLED))
    assert_array_equal(fitted.impute(X), X)


def test_it_starts_at_a_linear_model_as_good_as_that_of_complete_rows(fitted):
    """The rows are linear, so the estimator is its linear model."""
    pca = PCA(3).fit(X)
    of_pca = np.square(pca.inverse_transform(pca.transform(X)) - X).mean()
    rebuilt = np.square(fitted.reconstruct(HOLED) - X)
    assert rebuilt[~HOLES].mean() < 1.6 * of_pca
    baseline = fitted.baseline_
    assert baseline["autoencoder_loss"] <= baseline["pca_loss"]


def test_scores_and_errors_are_those_of_observed_entries(fitted):
    squares = np.square(fitted.reconstruct(HOLED) - X)
    of_rows = np.where(HOLES, 0, squares).sum(axis=1) / (~HOLES).sum(axis=1)
    assert_allclose(fitted.score_samples(HOLED), -of_rows, rtol=1e-6)
    distance = np.square(HOLED - np.nanmean(HOLED, axis=0))
    assert fitted.score(HOLED) == pytest.approx(1 - squares[~HOLES].sum() / np.nansum(distance))
    empty = np.full((1, 8), np.nan)
    assert_allclose(fitted.reconstruct(empty)[0], np.nanmean(HOLED, axis=0), atol=0.5)


def test_what_stands_in_a_hole_makes_no_difference(fitted):
    """Neither to the scaling, nor to the loss, nor to the linear start."""
    again = clone(fitted).fit(np.ma.masked_array(np.where(HOLES, 1e6, X), HOLES))
    assert_array_equal(again.transform(HOLED), fitted.transform(HOLED))
    stored = clone(fitted).fit(sparse.csr_array(HOLED))
    assert_array_equal(stored.transform(HOLED), fitted.transform(HOLED))


@pytest.mark.parametrize("scaling", ["standard", "minmax", "robust", "quantile", None])
def test_scalings_are_those_of_observed_entries(scaling):
    model = Autoencoder(3, scaling=scaling, **SMALL).fit(HOLED)
    filled = model.impute(HOLED)
    assert error(filled) < 0.5 * error(SimpleImputer().fit_transform(HOLED))
    if scaling == "standard":
        assert_allclose(model.center_, np.nanmean(HOLED, axis=0))
        assert_allclose(model.scale_, np.nanstd(HOLED, axis=0))
    if scaling == "quantile":
        assert_allclose(model.quantiles_[-1], np.nanmax(HOLED, axis=0), rtol=0.1)


def test_complete_rows_train_as_before_and_later_holes_are_filled():
    model = Autoencoder(3, **SMALL).fit(X)
    filled = model.impute(HOLED)
    assert error(filled) < 0.3 * error(SimpleImputer().fit_transform(HOLED))
    assert np.isfinite(model.transform(HOLED)).all()
    pure = Autoencoder(3, linear_path=False, **SMALL).fit(X)
    with pytest.raises(ValueError, match="no linear model to fill them"):
        pure.transform(HOLED)


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("DenoisingAutoencoder", {}),
        ("SparseAutoencoder", {}),
        ("ContractiveAutoencoder", {}),
        ("VariationalAutoencoder", {}),
        ("StackedAutoencoder", {"pretrain_max_iter": 1}),
        ("Autoencoder", {"n_components": 0.9}),
    ],
)
@pytest.mark.filterwarnings("ignore:None of the", "ignore:.* units of the code are dead")
def test_the_family_takes_holes(kind, params):
    model = getattr(tfae, kind)(**{"n_components": 3, **SMALL, **params}).fit(HOLED)
    for found in (model.transform(HOLED), model.reconstruct(HOLED), model.score_samples(HOLED)):
        assert np.isfinite(found).all()
    assert np.isfinite(model.impute(HOLED)).all()


@pytest.mark.parametrize(
    "model",
    [
        tfae.ConvolutionalAutoencoder(image_shape=(1, 8), max_iter=1),
        tfae.ParametricTSNE(perplexity=5, max_iter=1),
    ],
)
def test_images_and_embeddings_take_no_holes(model):
    with pytest.raises(ValueError, match="contains NaN"):
        model.fit(HOLED)
    assert not hasattr(model, "impute")


def test_pairs_take_no_holes_and_nobody_takes_infinity(fitted):
    with pytest.raises(ValueError, match="contains NaN"):
        tfae.DenoisingAutoencoder(3, **SMALL).fit(HOLED, X_clean=X)
    with pytest.raises(ValueError, match=r"contains infinity.* Put NaN in its place"):
        fitted.transform(np.where(HOLES, np.inf, X))


def test_training_goes_on_with_holes():
    model = Autoencoder(3, **{**SMALL, "max_iter": "auto"})
    for part in (X[:100], HOLED[100:200], X[200:]):
        model.partial_fit(part)
    assert np.isfinite(model.transform(HOLED)).all()


@pytest.mark.parametrize("rows", [X, HOLED], ids=["complete", "holed"])
def test_a_row_of_which_nothing_is_known_is_not_the_most_normal(rows):
    model = Autoencoder(3, **SMALL).fit(rows)
    unknown = np.full((1, 8), np.nan)
    found = -model.score_samples(np.vstack([unknown, HOLED[:5]]))
    assert_allclose(found[0], np.nanvar(rows, axis=0).mean(), rtol=0.1)
    assert found[0] > found[1:].max()
    scaled = -model.score_samples(unknown, scaled=True)
    assert_allclose(scaled * model.scale_**2, found[0], rtol=1e-9)
