"""The autoencoder with a code that changes little when the row changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfae._estimators.autoencoder import Autoencoder


@dataclass(eq=False, repr=False, kw_only=True)
class ContractiveAutoencoder(Autoencoder):
    r"""Autoencoder with a code that changes little when the row changes.

    The penalty is the squared Frobenius norm of the encoder's Jacobian at the row,
    :math:`\lambda \|\partial f(x) / \partial x\|_F^2` [1]_, in the units that the network sees. It
    is exact for an encoder of one layer. For a deeper encoder every step estimates it, without
    bias, by the squared length of :math:`v^\top \partial f / \partial x` for a standard normal
    :math:`v`.

    By default principal components carry the code and a network corrects them; see `linear_path`.
    The penalty then smooths the corrections. The network of the paper has one layer of logistic
    units and tied weights, because a decoder with its own weights could undo any shrinking of the
    code: ``linear_path=False, hidden_layer_sizes=(), activation="logistic",
    code_activation="logistic", tied=True, penalty_weight=0.1``.

    Parameters
    ----------
    n_components : int, default=None
        The length of the code. None takes half of the features, but at most 32.
    linear_path : bool, default=True
        Whether principal components carry the code. True needs a code without an activation and
        weights that are not tied.
    penalty_weight : float, default=0.01
        :math:`\lambda`. None takes 0.1.

    See Also
    --------
    Autoencoder : All other parameters, and the attributes.

    References
    ----------
    .. [1] Rifai, S., Vincent, P., Muller, X., Glorot, X. and Bengio, Y. (2011). Contractive
       auto-encoders: explicit invariance during feature extraction. ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from tfae import ContractiveAutoencoder
    >>> X = load_digits().data
    >>> model = ContractiveAutoencoder(8, max_iter=5, random_state=0).fit(X)
    >>> model.score(X) > 0.7
    True
    """

    linear_path: bool | str = True
    penalty: str | Callable[[Any], Any] | None = "contractive"
    penalty_weight: float | None = 0.01
