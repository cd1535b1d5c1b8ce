"""The autoencoder with few active units in its code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfae._estimators.autoencoder import Autoencoder


@dataclass(eq=False, repr=False, kw_only=True)
class SparseAutoencoder(Autoencoder):
    r"""Autoencoder with few active units in its code at a time.

    With ``penalty="kl"`` training minimises the squared error of a row, summed over its features,
    plus :math:`\beta \sum_j \mathrm{KL}(\rho \| \hat\rho_j)`, all divided by the number of
    features. The penalty is the divergence of the mean activation :math:`\hat\rho_j` of every unit
    from a small :math:`\rho` [1]_. Codes longer than the rows are normal here.

    Parameters
    ----------
    n_components : int, default=None
        The length of the code. None takes half of the features, but at most 32.
    penalty : {"kl", "l1", "top_k", "lifetime"} or callable, default="kl"
        "kl" asks for a mean activation of `sparsity`, over the rows of a batch. "l1" adds the sum
        of the absolute values of the code. "top_k" keeps the largest values of every row, also
        after training [2]_. "lifetime" keeps the largest values of every unit over the rows of a
        batch, in training only [3]_. After training the code is the output of the encoder, and the
        decoder takes values below ``thresholds_`` as 0.
    penalty_weight : float, default=None
        :math:`\beta`, MATLAB's "SparsityRegularization". None takes 1, and 0.1 for "l1". It must be
        None for "top_k" and "lifetime", because they add nothing to the loss.
    sparsity : float or int, default=None
        :math:`\rho`, MATLAB's "SparsityProportion"; lower is sparser. For "kl" it is the mean
        activation of a unit to aim at. For "top_k" it is how many units a row keeps, as a fraction
        or a number. For "lifetime" it is the fraction of rows in which a unit may be active. None
        takes 0.05, and 0.1 for "top_k". It must be None for "l1".

    See Also
    --------
    Autoencoder : All other parameters, and the attributes.

    References
    ----------
    .. [1] Ng, A. (2011). Sparse autoencoder. CS294A lecture notes, Stanford University.
    .. [2] Makhzani, A. and Frey, B. (2014). k-sparse autoencoders. ICLR.
    .. [3] Makhzani, A. and Frey, B. (2015). Winner-take-all autoencoders. NeurIPS.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from tfae import SparseAutoencoder
    >>> X = load_digits().data
    >>> model = SparseAutoencoder(
    ...     100, hidden_layer_sizes=(), penalty="top_k", sparsity=10, max_iter=5, random_state=0
    ... ).fit(X)
    >>> int((model.transform(X) != 0).sum(axis=1).max())
    10
    """

    penalty: str | Callable[[Any], Any] | None = "kl"
