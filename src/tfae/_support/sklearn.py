"""The private names of scikit-learn that this library uses, all in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from sklearn import callback
from sklearn.manifold._t_sne import _joint_probabilities_nn
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    MissingValues,
    RealNotInt,
    StrOptions,
)
from sklearn.utils.validation import _check_feature_names_in

__all__ = [
    "HasMethods",
    "Interval",
    "MissingValues",
    "RealNotInt",
    "StrOptions",
    "feature_names",
    "fitted_within",
    "has_callbacks",
    "joint_probabilities",
    "searches_by_products",
    "with_callbacks",
]

F = TypeVar("F", bound=Callable[..., Any])
E = TypeVar("E", bound=Any)


def with_callbacks(method: F) -> F:
    """Decorate `fit` for scikit-learn's callbacks; keep its type, which their decorator loses."""
    return cast(F, callback.with_callbacks(method))


def has_callbacks(estimator: Any) -> bool:
    """Whether ``set_callbacks`` was called; scikit-learn 1.9 has no public way to ask."""
    return bool(getattr(estimator, "_skl_callbacks", ()))


def feature_names(estimator: Any, given: Any) -> Any:
    """Return the names of the features of a fitted estimator, which must be those `given`."""
    return _check_feature_names_in(estimator, given)


def joint_probabilities(squared_distances: Any, perplexity: float) -> Any:
    """Return the joint probabilities of neighbours, as scikit-learn's ``TSNE`` makes them."""
    return _joint_probabilities_nn(squared_distances, perplexity, 0)


def fitted_within(estimator: E, X: Any) -> E:
    """Fit scikit-learn's ``PCA`` or ``NearestNeighbors`` as a part of another computation.

    Trackers such as MLflow's ``sklearn.autolog`` replace the ``fit`` of every estimator of
    scikit-learn, and would log the part as if it were the user's model. This is what ``fit`` calls
    after it has checked parameters, so the results have the same bits.
    """
    estimator._fit(X)
    return estimator


def searches_by_products(search: Any) -> bool:
    """Whether a fitted search for neighbours takes products of rows; trees take differences."""
    return bool(search._fit_method == "brute")
