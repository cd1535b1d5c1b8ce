"""A fit that fails leaves the estimator as it was: the same attributes, and the same objects."""

import copy
from functools import cache

import keras
import numpy as np
import pandas as pd
import pytest
from family import FOR_FEW_ROWS, kinds
from sklearn.datasets import load_digits

pytestmark = pytest.mark.usefixtures("in_executor")

KINDS = kinds()
X = load_digits().data[:60].astype(np.float32)
# Rows of other features, with names: scikit-learn notes both before anything fails.
NAMED = pd.DataFrame(X[:, :16], columns=[f"p{i}" for i in range(16)])


class Fails(keras.callbacks.Callback):
    """Raises an error at the end of an epoch."""

    def on_epoch_end(self, epoch, logs=None):
        raise RuntimeError("mine")


def small(kind):
    given = {"n_components": 2, "hidden_layer_sizes": (8,), "max_iter": 1, "random_state": 0}
    return kind(**{**given, **FOR_FEW_ROWS.get(kind.__name__, {})})


@cache
def fitted_once(kind):
    return small(kind).fit(X)


def fitted(kind):
    return copy.deepcopy(fitted_once(kind))


def assert_unchanged(model, before):
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is value for name, value in before.items())


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    "spoilt",
    [{"activation": "reluu"}, {"kernel_initializer": "nothing_such"}, {"callbacks": [Fails()]}],
    ids=lambda spoilt: next(iter(spoilt)),
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_failed_fit_changes_nothing(kind, spoilt):
    model = fitted(kind).set_params(**spoilt)
    before, codes = dict(vars(model)), model.transform(X)
    with pytest.raises((ValueError, RuntimeError)):
        model.fit(NAMED)
    assert_unchanged(model, before)
    np.testing.assert_array_equal(model.transform(X), codes)


@pytest.mark.sample(4)
@pytest.mark.parametrize("kind", KINDS)
def test_a_failed_first_fit_leaves_nothing(kind):
    model = small(kind).set_params(callbacks=[Fails()])
    before = dict(vars(model))
    with pytest.raises(RuntimeError, match="mine"):
        model.fit(NAMED)
    assert_unchanged(model, before)
    with pytest.raises(ValueError, match="contains infinity"):
        model.fit(NAMED.assign(p3=np.inf))
    assert_unchanged(model, before)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if hasattr(kind, "partial_fit")])
def test_a_failed_partial_fit_changes_nothing(kind):
    """Neither the weights nor what the next call continues from."""
    model = small(kind).partial_fit(X)
    other = copy.deepcopy(model)
    model.set_params(callbacks=[Fails()])
    before = dict(vars(model))
    with pytest.raises(RuntimeError, match="mine"):
        model.partial_fit(X)
    assert_unchanged(model, before)
    model.set_params(callbacks=None)
    codes = [each.partial_fit(X).transform(X) for each in (model, other)]
    np.testing.assert_array_equal(*codes)


@pytest.mark.sample(3)
@pytest.mark.parametrize("kind", KINDS)
def test_the_attributes_of_an_earlier_fit_are_gone_after_the_next(kind):
    model = fitted(kind).fit(NAMED)
    assert model.n_features_in_ == 16
    assert hasattr(model, "feature_names_in_")
    model.fit(X)
    assert model.n_features_in_ == 64
    assert not hasattr(model, "feature_names_in_")
