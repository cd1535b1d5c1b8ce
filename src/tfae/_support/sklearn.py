"""What scikit-learn has no public place for: every private name of it that is used stands here."""

from __future__ import annotations

from typing import Any

from sklearn.manifold._t_sne import _joint_probabilities_nn
from sklearn.utils._param_validation import HasMethods, Interval, RealNotInt, StrOptions

__all__ = ["HasMethods", "Interval", "RealNotInt", "StrOptions", "joint_probabilities"]


def joint_probabilities(squared_distances: Any, perplexity: float) -> Any:
    """Return the joint probabilities of neighbours, as scikit-learn's ``TSNE`` makes them."""
    return _joint_probabilities_nn(squared_distances, perplexity, 0)
