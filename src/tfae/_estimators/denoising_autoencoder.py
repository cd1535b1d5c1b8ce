"""The autoencoder that rebuilds clean rows from corrupted ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfae._estimators.autoencoder import Autoencoder


@dataclass(eq=False, repr=False)
class DenoisingAutoencoder(Autoencoder):
    r"""Autoencoder that learns to rebuild clean rows from corrupted ones.

    Every row :math:`x` is corrupted anew at every step, :math:`\tilde x \sim q(\tilde x | x)`, and
    the network minimises the loss between :math:`x` and :math:`g(f(\tilde x))` [1]_ [2]_. So it
    cannot just copy its input, and it learns codes that do not depend on single entries.
    ``transform`` and ``reconstruct`` corrupt nothing.

    Parameters
    ----------
    n_components : int, default=None
        The length of the code. None takes half of the features, but at most 32.
    corruption : {"gaussian", "masking", "salt_and_pepper", "swap"} or callable, default="gaussian"
        "gaussian" adds noise; "masking" sets entries to 0; "salt_and_pepper" sets them to the
        lowest or the highest value of their column, with equal probability; "swap" takes the value
        of another row in the same column. A callable ``(X, level, rng) -> corrupted`` takes rows in
        the user's units, the `corruption_level` and a :class:`numpy.random.Generator`.
    corruption_level : float, default=0.25
        The strength of the corruption. For "gaussian" it is the standard deviation of the noise, in
        units of the root mean variance of the data, so that it means the same for pixels from 0 to
        255 and from 0 to 1. The noise takes one of 65,536 values, up to 4.3 standard deviations.
        For the other names it is the fraction of entries that are changed, rounded to a multiple of
        1/65,536.
    emphasis : float, default=0.5
        How much corrupted entries count in the loss. They weigh ``2 * emphasis``, the other entries
        ``2 * (1 - emphasis)`` [2]_. 0.5 makes no difference; 1 leaves the other entries out.

    See Also
    --------
    Autoencoder : All other parameters, and the attributes.

    References
    ----------
    .. [1] Vincent, P., Larochelle, H., Bengio, Y. and Manzagol, P.-A. (2008). Extracting and
       composing robust features with denoising autoencoders. ICML.
    .. [2] Vincent, P. et al. (2010). Stacked denoising autoencoders. JMLR 11, 3371-3408.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from tfae import DenoisingAutoencoder
    >>> X = load_digits().data
    >>> noisy = X + np.random.default_rng(0).normal(0, 4, X.shape)
    >>> model = DenoisingAutoencoder(32, corruption_level=1.0, max_iter=30, random_state=0).fit(X)
    >>> cleaned = model.reconstruct(noisy)
    >>> bool(np.square(cleaned - X).mean() < 0.6 * np.square(noisy - X).mean())
    True
    """

    corruption: str | Callable[..., Any] | None = "gaussian"
