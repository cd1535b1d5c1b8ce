"""Public attributes that are read from the fitted value."""

import pickle

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from tfae import Autoencoder, SparseAutoencoder, VariationalAutoencoder

pytestmark = pytest.mark.usefixtures("in_executor")

ALWAYS = [
    "center_",
    "decoder_weights_",
    "encoder_weights_",
    "history_",
    "loss_curve_",
    "n_components_",
    "n_iter_",
    "scale_",
    "settings_",
]


@pytest.fixture(scope="module")
def plain(digits):
    return Autoencoder(2, hidden_layer_sizes=(8,), max_iter=2, linear_path=False).fit(digits[:90])


def test_there_are_none_before_a_fit():
    model = Autoencoder()
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    for name in ALWAYS:
        assert not hasattr(model, name)
        assert name not in dir(model)
    with pytest.raises(AttributeError, match="This Autoencoder is not fitted yet: it has no 'n_it"):
        model.n_iter_  # noqa: B018


def test_a_fit_has_those_that_it_knows_and_dir_names_no_others(plain):
    check_is_fitted(plain)
    assert set(ALWAYS) <= set(dir(plain))
    for name in ("baseline_", "quantiles_", "thresholds_", "component_errors_"):
        assert not hasattr(plain, name)
        assert name not in dir(plain)
    with pytest.raises(AttributeError, match="has no attribute 'baseline_': its fit"):
        plain.baseline_  # noqa: B018


def test_what_one_fit_knows_is_gone_after_another(digits):
    model = SparseAutoencoder(
        8, hidden_layer_sizes=(8,), max_iter=2, penalty="lifetime", scaling="quantile"
    ).fit(digits[:90])
    assert {"thresholds_", "mean_activation_", "quantiles_"} <= set(dir(model))
    model.set_params(penalty=None, scaling="global").fit(digits[:90])
    assert not {"thresholds_", "mean_activation_", "quantiles_"} & set(dir(model))


def test_they_cannot_be_set(plain):
    with pytest.raises(AttributeError, match="'n_components_' is the result of a fit"):
        plain.n_components_ = 3


def test_they_survive_pickling_and_are_not_kept_twice(plain):
    assert len(pickle.dumps(plain)) < 3 * sum(w.nbytes for w in plain._fitted.weights) + 8192
    again = pickle.loads(pickle.dumps(plain))
    for one, other in zip(again.encoder_weights_, plain.encoder_weights_, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore:None of the")
def test_the_html_diagram_shows_what_there_is_and_links_to_our_documentation(digits):
    model = VariationalAutoencoder(2, hidden_layer_sizes=(8,), max_iter=2)
    link = "tfae.VariationalAutoencoder.html"
    assert link in model._repr_html_()
    html = model.fit(digits[:90])._repr_html_()
    assert link in html
    assert "active_units_" in html
    assert "thresholds_" not in html
