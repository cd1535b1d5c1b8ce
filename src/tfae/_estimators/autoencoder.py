"""The autoencoders by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfae._estimators.base import BaseAutoencoder


@dataclass(eq=False, repr=False)
class Autoencoder(BaseAutoencoder):
    r"""Autoencoder: a network that squeezes rows through a short code and rebuilds them.

    The encoder :math:`z = f(x)` and the decoder :math:`\hat x = g(z)` are trained together to
    minimise the reconstruction loss, by default the mean squared error in the units of the data
    [1]_.

    Parameters
    ----------
    n_components : int, float or "auto", default=None
        The length of the code. None takes half of the features, but at most 32. A float between 0
        and 1 takes the shortest code whose reconstruction keeps that fraction of the variance of
        held-out rows, "auto" one of at most 64 at the elbow of their error [2]_; both cost a
        training more, in which codes of all lengths are tried at once [3]_, and need a linear path.
    hidden_layer_sizes : int or sequence of int, default="auto"
        The units of the encoder's hidden layers, from the input to the code. "auto" here and below
        is decided from the number of rows and features, see :doc:`/defaults`, and noted in
        ``settings_``. Here it is two layers of multiples of 32 units, the second at most 256; (256,
        128) without a linear path.
    decoder_layer_sizes : int or sequence of int, default=None
        The units of the decoder's hidden layers, from the code to the output. None mirrors the
        encoder's.
    activation : str, default="auto"
        The activation of hidden layers, by scikit-learn's or Keras's name: "identity", "relu",
        "gelu", "silu", "elu", "selu", "leaky_relu", "softplus", "logistic", "tanh", "softmax".
        "auto" is "gelu" [4]_ with a linear path, otherwise "relu".
    code_activation : str, default="auto"
        The activation of the code. "auto" is the one that suits the penalty: "logistic" for "kl",
        "relu" for "l1", "top_k" and "lifetime", otherwise "identity".
    output_activation : str, default="auto"
        The activation of the output. "auto" is "sigmoid" for binary cross-entropy and "identity"
        for other losses. A warning tells if it cannot reach the data.
    kernel_initializer : str, default="glorot_uniform"
        How weights are drawn at the start, by Keras's name.
    linear_path : bool, default="auto"
        Whether principal components carry the code and the network only corrects them: training
        starts at the error of :class:`sklearn.decomposition.PCA`, and with `early_stopping` the
        best weights on held-out rows are kept, PCA's among them. "auto" means yes where the code
        and the output have no activation and nothing else is asked of the network: no penalty,
        corruption, tied weights, cross-entropy or other architecture; and not where the first call
        of `partial_fit` has fewer than five rows for four components. False gives the pure network
        of papers.
    tied : bool, default=False
        Whether the decoder's kernels are those of the encoder, mirrored. Its biases are its own.
    dropout : float, default=0.0
        The fraction of the units of every hidden layer to drop in training.
    batch_normalization : bool, default=False
        Whether hidden layers are normalised over the batch, before their activation.
    architecture : str or callable, default="dense"
        How the network is built: a name from :func:`tfae.architectures` or a function as
        described at :func:`tfae.register_architecture`.
    architecture_params : dict, default=None
        Keyword arguments for the architecture.
    corruption : {"gaussian", "masking", "salt_and_pepper", "swap"} or callable, default=None
        How rows are corrupted before they are encoded in training, anew at every step, while the
        loss compares with the clean rows; see :class:`DenoisingAutoencoder`.
    corruption_level : float, default=0.25
        How much: for "gaussian" the standard deviation of the noise, in units of the root mean
        variance of the data; for the others the fraction of entries that are changed.
    emphasis : float, default=0.5
        What corrupted entries count in the loss: they weigh ``2 * emphasis``, the others
        ``2 * (1 - emphasis)``. 0.5 makes no difference, 1 leaves the others out.
    penalty : {"l1", "kl", "top_k", "lifetime", "contractive"} or callable, default=None
        What is asked of the code besides a small loss; see :class:`SparseAutoencoder` and
        :class:`ContractiveAutoencoder`. A callable ``(code) -> values`` works on a tensor of shape
        [batch, n_components] and returns one value for every entry or every row.
    penalty_weight : float, default=None
        The weight of the penalty beside the loss summed over the features; what is minimised is
        ``loss + penalty_weight * penalty / n_features``. None takes 0.1 for "l1" and
        "contractive" and otherwise 1; "top_k" and "lifetime", which add nothing, need None.
    sparsity : float or int, default=None
        For "kl" the mean activation to aim at, for "top_k" the fraction or the number of units
        kept in a row, for "lifetime" the fraction of rows kept for a unit. None takes 0.05, and
        0.1 for "top_k"; other penalties need None.
    loss : {"mse", "mae", "huber", "binary_crossentropy", "gaussian"} or callable, default="mse"
        The reconstruction loss, a mean over all entries of the scaled data. "huber" [5]_ turns from
        squared to absolute at an error of 1. "binary_crossentropy" needs data in [0, 1] or
        ``scaling="minmax"``. "gaussian" is a negative log-likelihood, with the variance that fits
        the errors of a batch best [6]_. A callable ``(target, output) -> values`` works on tensors
        of shape [batch, features] and returns one value for every entry or every row; Keras's loss
        objects do too.
    scaling : {"global", "standard", "robust", "minmax", "quantile"} or None, default="global"
        What the network sees. "global" centres every feature and divides all by one number, so
        that none is weighted up or down; with binary cross-entropy it leaves the data as they
        are. "standard" divides each feature by its standard deviation, "robust" does
        with the median and the interquartile range (where that is 0, with the standard deviation),
        "minmax" maps each to [0, 1], "quantile" to normal deviates by its ranks; the last and
        "robust" learn from at most 10,000 evenly spaced rows. None leaves the data as they are.
    alpha : float, default=0.0
        The L2 penalty: ``alpha / 2`` times the sum of all squared weights (not biases) is added
        to what is minimised, but not to the loss that is reported.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        The optimizer: "adam", "adamw", "sgd" (as in scikit-learn with Nesterov momentum 0.9),
        "rmsprop" or another one of Keras by its name in lower case; or a configured Keras
        optimizer, of which a copy is used, with its own learning rate or schedule; its
        ``exclude_from_weight_decay`` may name variables, as "bias".
    learning_rate_init : float or callable, default="auto"
        The learning rate for an optimizer given by name; or a Keras learning-rate schedule, a
        callable of the step. "auto" is 0.001, with a linear path one that falls from 0.002 to 0;
        in `partial_fit`, which knows no last step, it stays at 0.002.
    batch_size : int, default="auto"
        Rows a step. More than there are rows is fine: a step then takes them all. Its cost
        is that of a full batch, but batches beyond 1,024 are cut to the size of the data.
    max_iter : int, default="auto"
        The largest number of epochs.
    shuffle : bool, default=True
        Whether the rows are shuffled before every epoch.
    random_state : int, RandomState instance or None, default=None
        Decides the weights at the start, the order of rows and the rows held out. An int gives
        the same result at every call, bit for bit on the same machine.
    tol : float, default=1e-4
        Training ends when the loss of the scaled data has not fallen by `tol` below its best for
        `n_iter_no_change` epochs; with ``early_stopping=True`` the validation loss. With a linear
        path `tol` is a fraction of the error that this leaves.
    n_iter_no_change : int, default="auto"
        See `tol`; "auto" is 10.
    early_stopping : bool, default="auto"
        Whether to hold out rows, watch their loss, and keep the weights with the lowest. "auto"
        does with a linear path.
    validation_fraction : float, default="auto"
        The fraction of rows that early stopping holds out.
    refit : bool, default="auto"
        Whether to train once more on all rows, those too that early stopping held out, for as many
        epochs as were best. "auto" does with a linear path and fewer than 5,000 rows, but not with
        `warm_start`, for a later `fit` must hold out rows that are new to the network. True needs
        held-out rows.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights and the scaling of the last fit.
    precision : {"float32", "float64", "mixed_bfloat16"}, default="float32"
        The arithmetic of training. "mixed_bfloat16" computes layers in bfloat16 and keeps weights,
        losses and the optimizer in float32, as Keras's policy of that name does; it pays on a CPU
        or GPU with instructions for it. Layers of imported models that centre rows far from zero
        lose digits in it. Afterwards a stack of dense layers encodes and decodes rows
        in their own dtype, any other network in that of the training: float64 if it was, otherwise
        float32.
    callbacks : sequence of keras.callbacks.Callback, default=None
        Keras callbacks. As with Keras's ``steps_per_execution``, their batch methods are called
        once for every run of the compiled program. Every call counts its epochs from 0 and begins
        with `learning_rate_init`, `partial_fit` too. For scikit-learn's own callbacks use
        ``set_callbacks``.
    verbose : int or bool, default=0
        Whether to print a line every epoch, and one for every training where there are several.

    Attributes
    ----------
    n_components_ : int
        The length of the code.
    encoder_weights_, decoder_weights_ : list of ndarray
        The trained weights in Keras's order: kernel and bias of each layer.
    center_ : ndarray of shape (n_features,)
        What is subtracted from the data.
    scale_ : float or ndarray of shape (n_features,)
        What the data are divided by after that.
    quantiles_ : ndarray of shape (n_quantiles, n_features)
        With ``scaling="quantile"``: the values of each feature that it is mapped by.
    history_ : dict of str to list of float
        For every epoch "loss", with a penalty "reconstruction_loss", which is the loss without
        it, with early stopping the same as "val_loss" and "val_reconstruction_loss", and
        "seconds". Losses are in the
        user's units where one scale serves all features, otherwise in those of the scaled data.
    loss_curve_ : list of float
        ``history_["loss"]``, as in ``MLPRegressor``.
    n_iter_ : int
        The number of epochs trained.
    settings_ : dict of str to object
        What every parameter that was "auto" stands for.
    baseline_ : dict of str to float
        With a linear path and early stopping: the mean squared error, in the user's units, of
        "pca" and of the "autoencoder" on the same held-out rows, "n_samples" of them; and what
        was minimised, the `loss` of the scaled data in the units of `history_`, as "pca_loss" and
        "autoencoder_loss" (of "gaussian" the squared error). These decide: where the gain of the
        network is not larger than twice its standard error, a warning tells so, and the estimator
        is PCA.
    component_errors_ : ndarray of shape (longest + 1,)
        Where `n_components` is a float or "auto": the mean squared error on held-out rows of codes
        of every length from 0, in the user's units where one scale serves all features, otherwise
        in those of the scaled data.
    mean_activation_ : ndarray of shape (n_components,)
        With a sparse penalty: the mean of every component of the code over the training rows.
    n_dead_units_ : int
        With a sparse penalty: how many components stay below 1 % of the largest activation.
    thresholds_ : ndarray of shape (n_components,)
        With ``penalty="lifetime"``: components below these are 0 to the decoder.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    See Also
    --------
    sklearn.decomposition.PCA : The best linear code.
    sklearn.neural_network.MLPRegressor : The same parameters, for regression.

    Notes
    -----
    Weights are NumPy arrays, so a fitted estimator can be pickled and copied, and a dense network
    runs in NumPy after training, without TensorFlow. Fits of equal structure share one compiled
    program, whatever their data, learning rates or seeds are.

    References
    ----------
    .. [1] Hinton, G. E. and Salakhutdinov, R. R. (2006). Reducing the dimensionality of data with
       neural networks. Science 313, 504-507.
    .. [2] Satopää, V., Albrecht, J., Irwin, D. and Raghavan, B. (2011). Finding a "kneedle" in a
       haystack: detecting knee points in system behavior. ICDCS Workshops, 166-171.
    .. [3] Rippel, O., Gelbart, M. and Adams, R. (2014). Learning ordered representations with
       nested dropout. ICML.
    .. [4] Hendrycks, D. and Gimpel, K. (2016). Gaussian error linear units (GELUs).
       arXiv:1606.08415.
    .. [5] Huber, P. J. (1964). Robust estimation of a location parameter. Annals of Mathematical
       Statistics 35, 73-101.
    .. [6] Rybkin, O., Daniilidis, K. and Levine, S. (2021). Simple and effective VAE training with
       calibrated decoders. ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from tfae import Autoencoder
    >>> X = load_digits().data
    >>> autoencoder = Autoencoder(n_components=8, random_state=0).fit(X)
    >>> autoencoder.transform(X).shape
    (1797, 8)
    >>> autoencoder.baseline_["autoencoder"] < 0.7 * autoencoder.baseline_["pca"]
    True
    """


@dataclass(eq=False, repr=False)
class DenoisingAutoencoder(Autoencoder):
    r"""Autoencoder that learns to rebuild clean rows from corrupted ones.

    Every row :math:`x` is corrupted anew at every step, :math:`\tilde x \sim q(\tilde x | x)`, and
    the network minimises the loss between :math:`x` and :math:`g(f(\tilde x))` [1]_ [2]_. It can
    therefore not just copy, and learns codes that do not hang on single entries. ``transform`` and
    ``reconstruct`` corrupt nothing.

    Parameters
    ----------
    n_components : int, default=None
        The length of the code. None takes half of the features, but at most 32.
    corruption : {"gaussian", "masking", "salt_and_pepper", "swap"} or callable, default="gaussian"
        "gaussian" adds noise; "masking" sets entries to 0; "salt_and_pepper" sets them to the
        lowest or the highest value of their column, one as likely as the other; "swap" takes the
        value of another row in the same column. A callable ``(X, level, rng) -> corrupted`` gets
        rows in the user's units and a :class:`numpy.random.Generator`.
    corruption_level : float, default=0.25
        For "gaussian" the standard deviation of the noise, in units of the root mean variance of
        the data, so that it means the same for pixels from 0 to 255 and from 0 to 1; for the
        others the fraction of entries that are changed. Fractions are rounded to a 65,536th, and
        the noise has as many values, up to 4.3 standard deviations.
    emphasis : float, default=0.5
        What corrupted entries count in the loss: they weigh ``2 * emphasis``, the others
        ``2 * (1 - emphasis)`` [2]_. 0.5 makes no difference, 1 leaves the others out.

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


@dataclass(eq=False, repr=False)
class ContractiveAutoencoder(Autoencoder):
    r"""Autoencoder whose code changes little when a row does.

    The penalty is the squared Frobenius norm of the encoder's Jacobian at the row,
    :math:`\lambda \|\partial f(x) / \partial x\|_F^2` [1]_, in the units that the network sees. It
    is exact for an encoder of one layer; for a deeper one it is estimated at every step, without
    bias, by the squared length of :math:`v^\top \partial f / \partial x` for a standard normal
    :math:`v`. As in the paper, the units are logistic and the weights are tied; with weights of its
    own the decoder could undo any shrinking of the code.

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
