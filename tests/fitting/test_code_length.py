"""How long a code must be, on data whose dimension is known."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from tfae import Autoencoder, ConvolutionalAutoencoder, SparseAutoencoder
from tfae._fitting.code_length import elbow, shortest_of_the_best
from tfae._training.step.program import trace_count

pytestmark = pytest.mark.usefixtures("in_executor")

RNG = np.random.default_rng(0)
PLANES = RNG.normal(size=(500, 4)) @ RNG.normal(size=(4, 12)) + 0.01 * RNG.normal(size=(500, 12))


@pytest.mark.slow
def test_a_fraction_asks_for_no_more_than_pca(digits):
    model = Autoencoder(0.9, max_iter=30, random_state=0).fit(digits)
    linear = PCA(0.9).fit(digits)
    assert 2 <= model.n_components_ < linear.n_components_
    assert model.transform(digits).shape[1] == model.n_components_
    assert model.score(digits) > 0.89
    kept = 1 - model.component_errors_ / model.component_errors_[0]
    assert kept[model.n_components_] >= 0.9 > kept[model.n_components_ - 1]


@pytest.mark.parametrize("asked", ["auto", pytest.param(0.99, marks=pytest.mark.slow)])
def test_planes_in_space_have_their_dimension(asked):
    model = Autoencoder(asked, max_iter=100, random_state=0).fit(PLANES)
    assert model.n_components_ in (3, 4)
    assert len(model.get_feature_names_out()) == model.n_components_


@pytest.mark.slow
def test_errors_fall_with_the_length_and_end_like_a_code_of_that_length(digits):
    model = Autoencoder("auto", max_iter=30, random_state=0).fit(digits)
    errors = model.component_errors_
    assert len(errors) == 65
    assert errors[model.n_components_] < 0.5 * errors[0]
    assert (np.diff(errors)[:10] < 0).all()


@pytest.mark.slow
def test_all_lengths_cost_one_program_and_a_second_search_none():
    model = Autoencoder(0.95, max_iter=20, random_state=0).fit(PLANES)
    before = trace_count()
    other = clone(model).fit(PLANES)
    assert trace_count() == before
    np.testing.assert_array_equal(other.component_errors_, model.component_errors_)
    other.set_params(warm_start=True).fit(PLANES[:100])
    assert other.n_components_ == model.n_components_


def test_a_fraction_is_one_of_the_variance_of_scaled_rows():
    X = load_wine().data  # one column of which has 99.8 % of the variance as it is
    model = Autoencoder(0.8, scaling="standard", max_iter=20, random_state=0).fit(X)
    linear = PCA(0.8).fit(StandardScaler().fit_transform(X))
    assert 2 <= model.n_components_ <= linear.n_components_
    assert -model.score_samples(X, scaled=True).mean() < 0.25
    assert model.component_errors_[0] == pytest.approx(1, rel=0.2)


@pytest.mark.slow
def test_it_says_when_no_code_keeps_the_fraction():
    noise = np.random.default_rng(0).normal(size=(40, 100))
    with pytest.warns(UserWarning, match=r"asks for 0.95 of the.* of 20 components, keeps 0"):
        model = Autoencoder(0.95, max_iter=2, random_state=0).fit(noise)
    assert model.n_components_ == 20


@pytest.mark.sample(1)
@pytest.mark.filterwarnings("error:.*divide")
@pytest.mark.parametrize("X", [np.ones((20, 3)), np.eye(2, 3)], ids=["constant", "two rows"])
def test_rows_that_say_nothing_get_one_component(X):
    assert Autoencoder(0.9, max_iter=2).fit(X).n_components_ == 1


def test_a_denoiser_gets_the_shortest_code_that_is_nearly_the_best():
    assert shortest_of_the_best(np.array([10.0, 6, 2, 1.05, 1.0, 1.02])) == 3
    assert shortest_of_the_best(np.ones(5)) == 1


def test_the_elbow_is_the_corner():
    assert elbow(np.array([10.0, 6, 2, 1.9, 1.8, 1.7])) == 2
    assert elbow(np.ones(5)) == 1


def test_it_needs_a_linear_path(digits):
    with pytest.raises(ValueError, match=r"must be an integer or None.*Got 0\.9"):
        SparseAutoencoder(0.9).fit(digits)
    with pytest.raises(ValueError, match="'n_components' parameter"):
        Autoencoder(1.5).fit(digits)


def test_going_on_keeps_the_length_and_refuses_another_wish():
    model = Autoencoder(0.8, warm_start=True, max_iter=2, random_state=0).fit(PLANES[:100])
    length = model.n_components_
    assert model.fit(PLANES[:100]).n_components_ == length
    with pytest.raises(ValueError, match="network of the last fit"):
        model.set_params(n_components=0.95).fit(PLANES[:100])


@pytest.mark.slow
def test_images_are_searched_in_their_shape():
    images = RNG.normal(size=(40, 1, 1)) * RNG.normal(size=(6, 4))
    model = ConvolutionalAutoencoder(
        0.5,
        image_shape=(6, 4),
        linear_path=True,
        hidden_layer_sizes=(2,),
        max_iter=1,
        random_state=0,
    ).fit(images)
    assert model.image_shape_ == (6, 4, 1)
    assert model.component_errors_.shape[0] >= 2
