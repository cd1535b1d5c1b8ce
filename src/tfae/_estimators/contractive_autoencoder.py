"""The autoencoder with a code that changes little when the row changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfae._estimators.autoencoder import Autoencoder


@dataclass(eq=False, repr=False)
class ContractiveAutoencoder(Autoencoder):
    r"""Autoencoder with a code that changes little when the row changes.

    The penalty is the squared Frobenius norm of the encoder's Jacobian at the row,
    :math:`\lambda \|\partial f(x) / \partial x\|_F^2` [1]_, in the units that the network sees. It
    is exact for an encoder of one layer. For a deeper encoder every step estimates it, without
    bias, by the squared length of :math:`v^\top \partial f / \partial x` for a standard normal
    :math:`v`. As in the paper, the units are logistic and the weights are tied: a decoder with its
    own weights could undo any shrinking of the code.

    Parameters
    ----------
    n_components : int, default=None
        The length of the code. None takes half of the features, but at most 32.
    penalty_weight : float, default=None
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
    >>> model = ContractiveAutoencoder(
    ...     64, hidden_layer_sizes=(), max_iter=60, learning_rate_init=0.005, random_state=0
    ... ).fit(X)
    >>> model.score(X) > 0.5
    True
    """

    activation: str = "logistic"
    code_activation: str = "logistic"
    tied: bool = True
    penalty: str | Callable[[Any], Any] | None = "contractive"
