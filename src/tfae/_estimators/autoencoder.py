"""The autoencoder, and what all autoencoders can do."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.utils import check_array

from tfae._data.reading import begun, check_passes, repeatable
from tfae._data.source import Source
from tfae._data.statistics import mean_variance
from tfae._estimators.attributes import Fact
from tfae._estimators.base import BaseEncoder
from tfae._estimators.parameters import AutoencoderParameters
from tfae._fitting.adopt import adopted, ended_before_sigmoid
from tfae._fitting.code_length import with_found_length
from tfae._fitting.fit import fit_network
from tfae._fitting.parameters import make_recipe
from tfae._networks.imported import learned_weights, read_models
from tfae._support.sklearn import with_callbacks
from tfae._support.typing import Array
from tfae._training.state import TrainingState


@dataclass(eq=False, repr=False)
class Autoencoder(AutoencoderParameters, BaseEncoder):
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

    baseline_ = Fact[dict[str, float]]("baseline")
    component_errors_ = Fact[Array]("component_errors")
    mean_activation_ = Fact[Array]("mean_activation")
    n_dead_units_ = Fact[int]("n_dead_units")
    thresholds_ = Fact[Array]("thresholds")

    @classmethod
    def from_keras(cls, encoder: Any, decoder: Any, **params: Any) -> Self:
        """Wrap trained Keras models as a fitted estimator.

        Parameters
        ----------
        encoder : keras.Model
            Maps rows, or images and the like, to codes. The estimator's rows and codes are flat:
            of shape (n_samples, n_features) and (n_samples, n_components).
        decoder : keras.Model
            Maps codes back to rows.
        **params
            Parameters of the estimator. `n_components`, `architecture`, `scaling`, which is None,
            and `linear_path`, which is False, are read from the models and cannot be given; those
            that shape layers, such as `hidden_layer_sizes`, mean nothing. The decoder is taken to
            give rows, unless `output_activation` is given; a sigmoid that ends it is taken off and
            applied as ``output_activation="sigmoid"`` where that or the loss asks for it.

        Returns
        -------
        estimator
            Fitted, with an empty ``history_``. The models are copied and stay as they are; layers
            that both of them hold are two after that. ``fit`` trains the same structure anew, with
            ``warm_start=True`` or by ``partial_fit`` it goes on from the weights given.

        Raises
        ------
        ValueError
            If the models cannot be read or do not fit together, or a parameter is wrong.

        Examples
        --------
        >>> import keras
        >>> from sklearn.datasets import load_digits
        >>> from tfae import Autoencoder
        >>> X = load_digits().data
        >>> encoder = keras.Sequential([keras.Input((64,)), keras.layers.Dense(8)])
        >>> decoder = keras.Sequential([keras.Input((8,)), keras.layers.Dense(64)])
        >>> estimator = Autoencoder.from_keras(encoder, decoder, random_state=0)
        >>> estimator.transform(X).shape
        (1797, 8)
        >>> estimator.partial_fit(X).n_iter_
        1
        """
        imported = read_models(encoder, decoder)
        own = {"n_components": imported.n_components, "scaling": None, "linear_path": False}
        for name, value in {**own, "architecture": imported}.items():
            if params.get(name, value) != value:
                raise ValueError(
                    f"from_keras reads {name!r} from the models, it must be {value!r}. Got "
                    f"{params[name]!r}."
                )
        model = cls(**{**params, **own, "architecture": imported})
        model._validate_params()
        model.architecture, model.output_activation = ended_before_sigmoid(
            imported, model.loss, model.output_activation
        )
        recipe = make_recipe(model.get_params(deep=False), (0, imported.n_features))
        weights = [*learned_weights(encoder), *learned_weights(decoder)]
        model.n_features_in_ = imported.n_features
        model._fitted = adopted(recipe, weights)
        return model

    @with_callbacks
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Train for one epoch on `X`, going on from the calls before.

        The first call decides the structure and learns the scaling, so let its rows be many: what
        is constant in them keeps a scale of 1. The optimizer's state and the random state are
        carried on from call to call. Where the first call has fewer than five rows for four
        components there is no linear path: principal components of so few leave nothing to learn.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream
            One row or more. A stream may be an iterator, too, unless the first call must train on
            its rows more than once.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the data do not fit those seen before; if the first call has too few rows for
            ``linear_path=True``, or an iterator where its rows must be read more than once; with
            ``early_stopping=True``, which needs all rows at once.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from tfae import Autoencoder
        >>> X = load_digits().data
        >>> autoencoder = Autoencoder(8, random_state=0)
        >>> for start in range(0, 1500, 500):
        ...     autoencoder = autoencoder.partial_fit(X[start : start + 500])
        >>> autoencoder.n_iter_
        3
        """
        self._validate_params()
        if self.early_stopping not in ("auto", False):
            raise ValueError("partial_fit must be used with early_stopping=False. Got True.")
        if self.refit not in ("auto", False):
            raise ValueError(
                "partial_fit, which trains on all rows, must be used with refit=False."
            )
        start, reader = self._fitted, copy.copy(self)
        X = begun(reader._read(X, reset=start is None), self.random_state)
        recipe = reader._recipe(X, start, partial=True)
        if start is None:
            check_passes(X, recipe.reads_rows_before)
        recipe = with_found_length(recipe, X).of_one_epoch()
        state = copy.deepcopy(self._state) or TrainingState.new(self.random_state)
        fitted = fit_network(recipe, X, state, start, self._watch(reader))
        return self._become(reader, fitted, state)

    def inverse_transform(self, X: Any) -> Array:
        """Decode codes into rows in the user's units.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        ndarray of shape (n_samples, n_features)

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `X` cannot be used: if it is no matrix of finite numbers, one
            column for every component.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from tfae import Autoencoder
        >>> X = load_digits().data
        >>> autoencoder = Autoencoder(8, max_iter=5, random_state=0).fit(X)
        >>> autoencoder.inverse_transform(autoencoder.transform(X[:5])).shape
        (5, 64)
        """
        fitted = self._checked_fitted()
        codes = check_array(X, dtype=[np.float64, np.float32], input_name="X")
        n_components = fitted.structure.spec.n_components
        if codes.shape[1] != n_components:
            raise ValueError(
                f"X must have {n_components} columns, one for each component of the code. "
                f"Got {codes.shape[1]}."
            )
        return fitted.decode(codes)

    def reconstruct(self, X: Any) -> Array:
        """Encode and decode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            ``inverse_transform(transform(X))``.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `X` cannot be used: if it has other features, or values that are not finite.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from tfae import Autoencoder
        >>> X = load_digits().data
        >>> autoencoder = Autoencoder(8, max_iter=5, random_state=0).fit(X)
        >>> bool(abs(autoencoder.reconstruct(X) - X).mean() < 2)  # of 0 to 16
        True
        """
        return self._checked_fitted().reconstruct(self._read(X, reset=False))

    def score_samples(self, X: Any, *, scaled: bool = False) -> Array:
        """Return the negative mean squared reconstruction error of every row.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        scaled : bool, default=False
            Whether the errors are those of the scaled data, as `scaling` makes them; otherwise they
            are in the square of the user's units.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            The lower, the odder the row.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `X` cannot be used: if it has other features, or values that are not finite.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_digits
        >>> from tfae import Autoencoder
        >>> X = load_digits().data
        >>> autoencoder = Autoencoder(8, max_iter=5, random_state=0).fit(X)
        >>> digit, stripes = X[0], 16.0 * (np.arange(64) % 2)
        >>> scores = autoencoder.score_samples([digit, stripes])
        >>> bool(scores[1] < scores[0])
        True
        """
        return -self._checked_fitted().errors(self._read(X, reset=False), scaled=scaled)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the fraction of the variance of `X` that its reconstruction keeps.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        y : None
            Ignored.

        Returns
        -------
        float
            1 minus the squared error over the squared distance from the mean of `X`, both summed
            over all entries; like ``r2_score(..., multioutput="variance_weighted")``, but errors
            in constant columns count too.
            At most 1; 0 for a constant guess. Constant `X` scores 1 if reconstructed exactly,
            otherwise 0.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `X` cannot be used: if it has other features, values that are not finite, or is
            an iterator, for rows are read twice.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from tfae import Autoencoder
        >>> X = load_digits().data
        >>> autoencoder = Autoencoder(8, max_iter=5, random_state=0).fit(X)
        >>> autoencoder.score(X) > 0.7
        True
        """
        fitted = self._checked_fitted()
        X = self._read(repeatable(X, "score"), reset=False)
        variance = mean_variance(X)
        if variance != 0:
            with np.errstate(over="ignore", invalid="ignore"):  # which gives minus infinity or NaN
                return float(1 - fitted.errors(X).mean() / variance)
        # All rows are the same; many of them are rebuilt with rounding that a single one has not.
        same = X if isinstance(X, Source) else X[:1]
        return float(not fitted.errors(same).any())
