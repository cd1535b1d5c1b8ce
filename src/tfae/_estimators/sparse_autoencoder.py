"""The autoencoder whose code has few active units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfae._estimators.autoencoder import Autoencoder


@dataclass(eq=False, repr=False)
class SparseAutoencoder(Autoencoder):
    r"""Autoencoder whose code has few active units at a time.

    With ``penalty="kl"`` what is minimised is the squared error of a row, summed over its features,
    plus :math:`\beta \sum_j \mathrm{KL}(\rho \| \hat\rho_j)`, the divergence of the mean activation
    :math:`\hat\rho_j` of every unit from the small :math:`\rho` [1]_, divided by the number of
    features. Codes longer than the rows are normal here.

    Parameters
    ----------
    n_components : int, default=None
        The length of the code. None takes half of the features, but at most 32.
    penalty : {"kl", "l1", "top_k", "lifetime"} or callable, default="kl"
        "kl" asks for a mean activation of `sparsity`, over the rows of a batch. "l1" adds the sum
        of the absolute values of the code. "top_k" keeps the largest values of every row, after
        training too [2]_. "lifetime" keeps, in training, of every unit the values in the rows of
        a batch where they are largest [3]_; afterwards the code is what the encoder gives, and
        ``thresholds_`` stand before the decoder.
    penalty_weight : float, default=None
        :math:`\beta`, MATLAB's "SparsityRegularization". None takes 1, and 0.1 for "l1"; "top_k"
        and "lifetime", which add nothing, need None.
    sparsity : float or int, default=None
        :math:`\rho`, MATLAB's "SparsityProportion"; for "top_k" the fraction or the number of
        units kept in a row; for "lifetime" the fraction of rows kept for a unit. None takes 0.05,
        and 0.1 for "top_k"; "l1" needs None.

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
    ...     100, hidden_layer_sizes=(), penalty="top_k", sparsity=10, max_iter=20, random_state=0
    ... ).fit(X)
    >>> int((model.transform(X) != 0).sum(axis=1).max())
    10
    """

    penalty: str | Callable[[Any], Any] | None = "kl"
