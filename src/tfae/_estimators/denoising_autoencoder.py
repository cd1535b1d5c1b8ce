"""The autoencoder that rebuilds clean rows from corrupted ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from tfae._estimators.attributes import Learned
from tfae._estimators.autoencoder import Autoencoder
from tfae._estimators.parameters import AUTO, NOT_NEGATIVE, parameter
from tfae._support.sklearn import StrOptions, with_callbacks
from tfae._support.typing import Array


@dataclass(eq=False, repr=False, kw_only=True)
class DenoisingAutoencoder(Autoencoder):
    r"""Autoencoder that learns to rebuild clean rows from corrupted ones.

    Every row :math:`x` is corrupted anew at every step, :math:`\tilde x \sim q(\tilde x | x)`, and
    the network minimises the loss between :math:`x` and :math:`g(f(\tilde x))` [1]_ [2]_. So it
    cannot just copy its input, and it learns codes that do not depend on single entries.
    ``transform`` and ``reconstruct`` corrupt nothing.

    By default training starts at the best linear denoiser of the code's rank [3]_ and corrects it,
    as :class:`Autoencoder` starts at PCA. What the network does not improve on held-out rows stays
    linear. ``linear_path=False`` is the network of the papers.

    If nothing is said about the noise, the code is for neighbours: `keep_neighbors`.

    Where no clean rows exist, ``training_rows="noisy"`` learns from noisy ones: each is split into
    two views with independent noise, and one is predicted from the other.

    Parameters
    ----------
    n_components : int, float or "auto", default=None
        The length of the code. None takes half of the features, but at most 128. This is more than
        for other estimators, because a code that cleans rows must keep their detail. "auto" finds
        the shortest code, of at most 64 numbers, whose error on held-out, corrupted rows is at most
        5 % above the smallest. A fraction is as in :class:`Autoencoder`.
    corruption : str, callable or None, default="auto"
        How training corrupts rows: "auto", "gaussian", "masking", "salt_and_pepper" or "swap".
        "gaussian" adds noise; "masking" sets entries to `fill_value`; "salt_and_pepper" sets them
        to the lowest or the highest value of their column, with equal probability; "swap" takes the
        value of another row in the same column. "auto" is "gaussian". A callable
        ``(X, level, rng) -> corrupted`` takes rows in the user's units, the `corruption_level` and
        a :class:`numpy.random.Generator`. With noisy rows it says what noise they have; see
        `training_rows`.
    corruption_level : float, pair of float or "auto", default=None
        The strength of the corruption; None means 0.25. For "gaussian" it is the standard deviation
        of the noise in the unit that `corruption_unit` names. The noise takes one of 65,536 values,
        up to 4.3 standard deviations. For the other names it is the fraction of entries that are
        changed, rounded to a multiple of 1/65,536. A pair (low, high) draws a level for every row,
        uniformly, so that one model serves all levels between; a callable then takes an array of
        shape (n_rows, 1). With noisy rows it is the standard deviation of their noise, and "auto"
        estimates it from their median singular value [4]_, if the noise is the same in all entries
        and the clean rows vary in less than half of the directions that there are. ``settings_``
        has the result.
    corruption_unit : {"spread", "data"}, default="spread"
        The unit of the level of "gaussian". "spread" is the root of the features' mean variance, so
        that a level means the same for pixels from 0 to 255 and from 0 to 1. "data" is the user's
        own unit: noise with a standard deviation of 10 grey values has the level 10.
    corruption_range : pair of float, default=None
        The range (low, high), in the user's units, that corrupted rows are clipped to, as sensors
        do. None clips nothing. Clean rows are those of the same sensor. So with a linear path this
        is the `output_range`, too, unless `scaling`, `output_activation`, `loss` or noisy training
        rows ask for something else; see :class:`Autoencoder`.
    fill_value : float or array-like of shape (n_features,), default=0.0
        The value of masked entries, in the user's units.
    emphasis : float, default=0.5
        How much corrupted entries count in the loss. They weigh ``2 * emphasis``, the other entries
        ``2 * (1 - emphasis)`` [2]_. 0.5 makes no difference; 1 leaves the other entries out.
    training_rows : {"clean", "noisy"}, default="clean"
        Whether `X` holds clean rows, or only noisy ones exist. The mean of the noise must be 0, so
        it must not be clipped. `corruption` then says what noise the rows have.

        - "gaussian", which "auto" means: normal noise of `corruption_level`, None meaning "auto".
          Of a row :math:`y`, the network encodes :math:`y + z` and predicts :math:`y - z`, where
          :math:`z` is noise of the same level, drawn anew at every step [5]_.
        - "masking": any noise that is independent between entries. A quarter of the entries is
          hidden behind the means of their features, and predicted from the others [6]_.
          ``reconstruct`` does so for all quarters, while ``transform`` takes rows as they are. If
          the noise is the same everywhere and
          `corruption_level` says how large, it returns the best mean of prediction and entry.
        - "thinning", which "auto" means with ``loss="poisson"``: the rows are counts. Each is
          halved at random; the logarithm of one half predicts the other half [7]_.

    keep_neighbors : bool, default="auto"
        Whether the code is linear and in the units of near rows, so that its distances find better
        neighbours than principal components do; see :class:`Autoencoder`. Only the decoder is then
        a network, which rebuilds clean rows a little worse than two networks. "auto" means yes if
        `corruption`, `corruption_level`, `hidden_layer_sizes`, `architecture` and `penalty` are
        left at their defaults, there is a linear path, and `fit` gets no pairs.

    Attributes
    ----------
    baseline_ : dict of str to float
        With early stopping, a comparison on corrupted held-out rows: the mean squared error, in the
        square of the user's units, of the "linear" denoiser of the code's rank, of the one of full
        rank, "linear_full_rank", and of the "autoencoder"; the number of rows, "n_samples"; and
        with a linear path "linear_loss" and "autoencoder_loss", which decide whether the network
        stays. With more than 2,048 features "linear" is the best one within the principal
        components, and "linear_full_rank" is left out. With noisy rows the errors are those of
        one view, predicted from the other, less the noise of the view if its level is known. So
        they estimate the error of clean rows.
    observation_weights_ : ndarray of shape (n_features,)
        With noisy rows and "masking": the weight of an entry beside its prediction, 0 if the level
        of the noise is not known.

    See Also
    --------
    Autoencoder : All other parameters, and the attributes.

    References
    ----------
    .. [1] Vincent, P., Larochelle, H., Bengio, Y. and Manzagol, P.-A. (2008). Extracting and
       composing robust features with denoising autoencoders. ICML.
    .. [2] Vincent, P. et al. (2010). Stacked denoising autoencoders. JMLR 11, 3371-3408.
    .. [3] Chen, M., Xu, Z., Weinberger, K. and Sha, F. (2012). Marginalized denoising autoencoders
       for domain adaptation. ICML.
    .. [4] Gavish, M. and Donoho, D. L. (2014). The optimal hard threshold for singular values is
       4/sqrt(3). IEEE Transactions on Information Theory 60, 5040-5053.
    .. [5] Pang, T., Zheng, H., Quan, Y. and Ji, H. (2021). Recorrupted-to-recorrupted: unsupervised
       deep learning for image denoising. CVPR.
    .. [6] Batson, J. and Royer, L. (2019). Noise2Self: blind denoising by self-supervision. ICML.
    .. [7] Batson, J., Royer, L. and Webber, J. (2019). Molecular cross-validation for single-cell
       RNA-seq. bioRxiv 786269.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from tfae import DenoisingAutoencoder
    >>> X = load_digits().data
    >>> noisy = X + np.random.default_rng(0).normal(0, 4, X.shape)
    >>> model = DenoisingAutoencoder(32, corruption_level=1.0, max_iter=10, random_state=0).fit(X)
    >>> cleaned = model.reconstruct(noisy)
    >>> bool(np.square(cleaned - X).mean() < 0.6 * np.square(noisy - X).mean())
    True

    Without clean rows:

    >>> model = DenoisingAutoencoder(
    ...     32,
    ...     training_rows="noisy",
    ...     corruption_level=4,
    ...     corruption_unit="data",
    ...     max_iter=10,
    ...     random_state=0,
    ... )
    >>> cleaned = model.fit(noisy).reconstruct(noisy)
    >>> bool(np.square(cleaned - X).mean() < 0.6 * np.square(noisy - X).mean())
    True
    """

    corruption: str | Callable[..., Any] | None = "auto"
    corruption_level: float | Sequence[float] | str | None = parameter(
        None, NOT_NEGATIVE, "array-like", None, AUTO
    )
    keep_neighbors: bool | str = "auto"
    training_rows: str = parameter("clean", StrOptions({"clean", "noisy"}))

    observation_weights_ = Learned[Array](
        lambda fitted: None if fitted.from_others is None else fitted.from_others.weight
    )

    @with_callbacks
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, *, X_clean: Any = None) -> Self:
        """Learn to rebuild clean rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream
            Clean rows, which training corrupts; with `X_clean` or ``training_rows="noisy"`` noisy
            rows. See :meth:`Autoencoder.fit`.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows; see :meth:`Autoencoder.fit`.
        X_clean : {array-like, sparse matrix, DataFrame} of the shape of `X`, default=None
            The clean row of every noisy row. The noise is then what it is, and `corruption` must be
            "auto" or None. The scaling is learned from the clean rows. If `X` is a stream this must
            be one, too, and give the clean rows in the same order; its batches may differ in size.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter or the data cannot be used. The estimator is then unchanged.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_digits
        >>> from tfae import DenoisingAutoencoder
        >>> clean = load_digits().data
        >>> noisy = 0.5 * clean + np.random.default_rng(0).normal(0, 2, clean.shape)
        >>> model = DenoisingAutoencoder(32, max_iter=10, random_state=0).fit(noisy, X_clean=clean)
        >>> bool(np.square(model.reconstruct(noisy) - clean).mean() < 8)  # of 0 to 16
        True
        """
        return self._fit(X, y, sample_weight, X_clean)

    @with_callbacks
    def partial_fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, X_clean: Any = None
    ) -> Self:
        """Train for one epoch on `X`, continuing from earlier calls.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream
            See :meth:`Autoencoder.partial_fit`.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows; see :meth:`Autoencoder.partial_fit`.
        X_clean : {array-like, sparse matrix, DataFrame} of the shape of `X`, default=None
            The clean row of every noisy row, as in :meth:`fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As :meth:`Autoencoder.partial_fit`.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_digits
        >>> from tfae import DenoisingAutoencoder
        >>> clean = load_digits().data
        >>> noisy = clean + np.random.default_rng(0).normal(0, 2, clean.shape)
        >>> model = DenoisingAutoencoder(32, random_state=0).partial_fit(noisy, X_clean=clean)
        >>> model.n_iter_
        1
        """
        return self._partial_fit(X, y, sample_weight, X_clean)
