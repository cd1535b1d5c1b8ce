"""A fit that fails leaves the estimator as it was: the same attributes, and the same objects."""

import keras
import numpy as np
import pandas as pd
import pytest
from family import FOR_FEW_ROWS, kinds

pytestmark = pytest.mark.usefixtures("in_executor")

KINDS = kinds()


class Fails(keras.callbacks.Callback):
    """Raises an error at the end of an epoch."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def on_epoch_end(self, epoch, logs=None):
        raise self.error


def small(kind, **params):
    given = {"n_components": 2, "hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}
    return kind(**{**given, **FOR_FEW_ROWS.get(kind.__name__, {}), **params})


def named(X):
    """Rows of other features, with names: scikit-learn notes both before anything fails."""
    return pd.DataFrame(X[:, :16], columns=[f"p{i}" for i in range(16)])


def bad_rows(model, X):
    rows = X.copy()
    rows[3, 5] = np.nan
    return model, rows


def bad_parameter(model, X):
    return model.set_params(activation="reluu"), named(X)


def bad_callback(model, X):
    return model.set_params(callbacks=[Fails(RuntimeError("mine"))]), named(X)


def bad_initializer(model, X):
    return model.set_params(kernel_initializer="nothing_such"), named(X)


@pytest.mark.parametrize("spoil", [bad_rows, bad_parameter, bad_callback, bad_initializer])
@pytest.mark.parametrize("fitted", [False, True], ids=["new", "fitted"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_failed_fit_changes_nothing(kind, fitted, spoil, digits):
    X = digits[:60]
    model = small(kind)
    if fitted:
        model.fit(X)
    model, rows = spoil(model, X)
    before = dict(vars(model))
    codes = model.transform(X[:5]) if fitted else None
    with pytest.raises((ValueError, RuntimeError)):
        model.fit(rows)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is value for name, value in before.items())
    if fitted:
        np.testing.assert_array_equal(model.transform(X[:5]), codes)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if hasattr(kind, "partial_fit")])
def test_a_failed_partial_fit_changes_nothing(kind, digits):
    """Neither the weights nor what the next call goes on from."""
    X = digits[:60]
    model, other = (small(kind).partial_fit(X) for _ in range(2))
    model.set_params(callbacks=[Fails(RuntimeError("mine"))])
    before = dict(vars(model))
    with pytest.raises(RuntimeError, match="mine"):
        model.partial_fit(X)
    assert vars(model) == before
    model.set_params(callbacks=None)
    codes = [each.partial_fit(X).transform(X) for each in (model, other)]
    np.testing.assert_array_equal(*codes)


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_earlier_fit_knew_is_gone_after_the_next(kind, digits):
    X = digits[:60]
    model = small(kind).fit(named(X))
    assert model.n_features_in_ == 16
    assert hasattr(model, "feature_names_in_")
    model.fit(X)
    assert model.n_features_in_ == 64
    assert not hasattr(model, "feature_names_in_")
