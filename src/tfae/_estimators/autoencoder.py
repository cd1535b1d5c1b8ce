"""The autoencoder, and the methods that its variants inherit."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tfae._data.columns import naming_columns
from tfae._data.reading import blocks_of, check_passes, repeatable
from tfae._data.rows import dense_rows
from tfae._data.weights import weighted
from tfae._data.writing import joined
from tfae._estimators.attributes import Fact, Learned
from tfae._estimators.base import BaseEncoder
from tfae._estimators.checking import check_codes, check_weightable, warn_of_pairs
from tfae._estimators.checking_parameters import check_callbacks
from tfae._estimators.pairs import check_pairs
from tfae._estimators.parameters import AutoencoderParameters
from tfae._estimators.sharing import with_workers
from tfae._estimators.tables import chances, errors_as_given, given_as, with_filled
from tfae._fitting.adopt import adopted, ended_before_sigmoid
from tfae._fitting.code_length import with_found_length
from tfae._fitting.fit import fit_network
from tfae._fitting.from_parameters import make_recipe
from tfae._fitting.noisy_rows import with_found_level
from tfae._inference.fitted import explained_variance
from tfae._networks.imported import learned_weights, read_models
from tfae._support.sklearn import with_callbacks
from tfae._support.typing import Array
from tfae._training.state import TrainingState
from tfae._training.step.distribution import workers_of


@dataclass(eq=False, repr=False)
class Autoencoder(AutoencoderParameters, BaseEncoder):
    r"""Autoencoder: a network that squeezes rows through a short code and rebuilds them.

    The encoder :math:`z = f(x)` and the decoder :math:`\hat x = g(z)` are trained together to
    minimise the reconstruction loss, by default the mean squared error in the units of the data
    [1]_.

    Parameters
    ----------
    n_components : int, float or "auto", default=None
        The length of the code: how many numbers stand for a row. None takes half of the features,
        but at most 32. A float between 0 and 1 finds the shortest code that keeps this fraction of
        the variance of held-out rows. "auto" finds the elbow, the length from which more numbers
        gain little on held-out rows [2]_; it is at most 64. A float and "auto" both need
        `linear_path` and one extra training run, which tries codes of all lengths at once [3]_.
    linear_path : bool, default="auto"
        Whether a linear path runs beside the network. The code is then the principal components of
        a row plus a correction by the encoder, and the output is PCA's reconstruction plus a
        correction by the decoder. So training starts at the error of
        :class:`sklearn.decomposition.PCA`. With `early_stopping` the estimator keeps the
        weights that are best on held-out rows, and PCA is among the candidates. If rows are
        corrupted, the best linear denoiser takes the place of PCA. "auto" means yes, unless one of
        these is asked for: an activation of the code or the output, a penalty, tied weights, a
        cross-entropy or Poisson loss, or an architecture other than "dense". In the first call of
        `partial_fit` "auto" also needs five rows for every four components. False gives the plain
        network that papers describe.
    keep_neighbors : bool, default=False
        Whether the code serves methods that go by distances, such as t-SNE or nearest neighbours.
        It is then linear: that of the linear path alone, multiplied by a symmetric matrix. The
        matrix shortens the directions in which a row differs from its three nearest rows [7]_,
        which are found among at most 5,000 rows. Only the decoder is a network, and
        `hidden_layer_sizes` describes it, mirrored. True needs `linear_path`. "auto" is the
        default of :class:`DenoisingAutoencoder`, which says its rule.
    hidden_layer_sizes : int or sequence of int, default="auto"
        The numbers of units of the encoder's hidden layers, from the input to the code. "auto" is
        two layers. With a linear path the first has four units per feature, but at least 128 and
        at most 1,024, and the second has half as many, but at most 256. A first layer that would
        have more than 400,000 weights gets fewer units, but at least 64. Its number of units is
        rounded down to a multiple of 32. Without a linear path the layers are (256, 128), each made
        as wide as the code where that is wider and not sparse. ``settings_`` has the values that
        were chosen, and :doc:`/defaults` all rules for "auto".
    decoder_layer_sizes : int or sequence of int, default=None
        The numbers of units of the decoder's hidden layers, from the code to the output. None
        mirrors the encoder's layers.
    activation : str, default="auto"
        The activation of hidden layers, by scikit-learn's or Keras's name: "identity", "relu",
        "gelu", "silu", "elu", "selu", "leaky_relu", "softplus", "logistic", "tanh", "softmax".
        "auto" is "gelu" [4]_ with a linear path, otherwise "relu".
    code_activation : str, default="auto"
        The activation of the code. "auto" suits the penalty: "logistic" for "kl", "relu" for "l1",
        "top_k" and "lifetime", otherwise "identity".
    output_activation : str, default="auto"
        The activation of the decoder's last layer, which limits what can be rebuilt: "sigmoid" to
        values between 0 and 1, for example. "auto" is "sigmoid" for
        ``loss="binary_crossentropy"``, "exponential" for ``loss="poisson"`` and "identity", which
        limits nothing, for other losses; with `output_range` it is "hard_tanh". `fit` warns if the
        scaled data exceed the limits.
    kernel_initializer : str, default="glorot_uniform"
        The Keras initializer, by name, that draws the first weights.
    tied : bool, default=False
        Whether the decoder uses the kernels of the encoder, mirrored. It has its own biases.
    dropout : float, default=0.0
        The fraction of the units of every hidden layer to drop in training.
    batch_normalization : bool, default=False
        Whether hidden layers are normalised over the batch, before their activation.
    architecture : str or callable, default="dense"
        How the network is built: a name from :func:`tfae.architectures`, or a function as
        described at :func:`tfae.register_architecture`. Models that are built already go to
        :meth:`from_keras`.
    architecture_params : dict, default=None
        Keyword arguments for the architecture.
    corruption : {"gaussian", "masking", "salt_and_pepper", "swap"} or callable, default=None
        How training corrupts rows before it encodes them, anew at every step. The loss compares
        the output with the clean rows. See :class:`DenoisingAutoencoder`.
    corruption_level : float or pair of float, default=None
        The strength of the corruption. For "gaussian" it is the standard deviation of the noise, in
        units of the typical spread of a feature (the root of the features' mean variance). For the
        other names it is the fraction of entries that are changed. None means 0.25.
    corruption_unit, corruption_range, fill_value
        The unit of gaussian noise, the range that corrupted rows are clipped to, and the value of
        masked entries; see :class:`DenoisingAutoencoder`.
    emphasis : float, default=0.5
        How much corrupted entries count in the loss. They weigh ``2 * emphasis``, the other entries
        ``2 * (1 - emphasis)``. 0.5 makes no difference; 1 leaves the other entries out.
    penalty : {"l1", "kl", "top_k", "lifetime", "contractive"} or callable, default=None
        What is asked of the code besides a small loss; see :class:`SparseAutoencoder` and
        :class:`ContractiveAutoencoder`. A callable ``(code) -> values`` takes a tensor of shape
        [batch, n_components] and returns one value for every entry or every row.
    penalty_weight : float, default=None
        How much the penalty counts: training minimises
        ``loss + penalty_weight * penalty / n_features``. None takes 0.1 for "l1" and "contractive",
        otherwise 1. "top_k" and "lifetime" switch units off and add nothing to the loss, so for
        them it must be None.
    sparsity : float or int, default=None
        How sparse the code must be; lower is sparser. For "kl" it is the mean activation of a unit
        to aim at. For "top_k" it is how many units a row keeps, as a fraction or a number. For
        "lifetime" it is the fraction of rows in which a unit may be active. None takes 0.05, and
        0.1 for "top_k". It must be None for other penalties.
    scaling : {"auto", "global", "standard", "robust", "minmax", "quantile"} or None, default="auto"
        How the data are scaled for the network. Results come back in the units of the data. "auto"
        is "global" for numbers, and "standard" for frames of mixed kinds. "global" centres every
        feature and divides all of them by one number, so that features of large values count most;
        with binary cross-entropy and "poisson" it leaves the data as they are. "standard" centres
        every feature and divides it by its standard deviation, so that all count alike. "robust"
        subtracts the median and divides by the interquartile range, or by the standard deviation
        where that range is 0. "minmax" maps every feature to [0, 1]. "quantile" maps every feature
        to normal deviates by its ranks. "robust" and "quantile" learn from at most 10,000 evenly
        spaced rows. None leaves the data as they are.
    output_range : pair of float, default=None
        The range (low, high), in the units of the data, that all values of `X` lie in: (0, 255) for
        pixels, for example. Rebuilt rows are then clipped to it, in training already, so that the
        network need not learn where values end. It pays where many values lie at one of the two
        ends. The range takes the place of `scaling`, and data frames must hold numbers only. With
        None, rebuilt rows are not clipped.
    columns : dict, default=None
        What columns of a data frame hold, by their names: a kind ("number", "integer", "boolean",
        "category", "datetime" or "timedelta"), a list of all categories, or "error" for a column
        that must neither be left out nor get unknown categories. Other columns have the kind of
        their type; see :doc:`/tables`. None leaves frames of numbers and booleans as they are.
    loss : str or callable, default="mse"
        The reconstruction loss, a mean over all entries of the scaled data: "mse", "mae", "huber",
        "binary_crossentropy", "gaussian", "poisson", or a callable. "huber" [5]_ changes from
        the squared to the absolute error at an error of 1. "binary_crossentropy" needs data in
        [0, 1] or ``scaling="minmax"``. "gaussian" is a negative log-likelihood, with the variance
        that fits the errors of a batch best [6]_. "poisson" is the negative log-likelihood of
        counts, without the term that no output changes; for noisy counts see
        :class:`DenoisingAutoencoder`. A callable ``(target, output) -> values`` takes tensors of
        shape [batch, features] and returns one value for every entry or every row. Keras's loss
        objects work, too. For a frame with columns of categories it is the loss of numbers, "mse",
        "mae", "huber" or "gaussian". A category has the cross-entropy, over the entropy of its
        column, and the loss is a mean over columns; see :doc:`/tables`.
    alpha : float, default=0.0
        The L2 penalty. Training adds ``alpha / 2`` times the sum of all squared weights (not
        biases) to the loss that it minimises, but not to the loss that it reports.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        A name: "adam", "adamw", "sgd" (with Nesterov momentum 0.9, as in scikit-learn), "rmsprop"
        or the lower-case name of another Keras optimizer. Or a configured Keras optimizer, with its
        own learning rate or schedule; a copy of it is used. Its ``exclude_from_weight_decay`` may
        name variables, such as "bias".
    learning_rate_init : float or callable, default="auto"
        The learning rate of an optimizer that is given by name: a number, or a Keras learning-rate
        schedule, a callable of the step. "auto" is 0.001 without a linear path. With one it rises
        to 0.002 and then falls, as a cosine does, to 0 at the last epoch; in `partial_fit`, where
        the last epoch is unknown, it stays at 0.002.
    batch_size : int, default="auto"
        The number of rows in a step, which is one update of the weights. "auto" is the largest
        power of two not above a hundredth of the rows, but at least 32 and at most 256 (64 with
        more than 256 features). A batch larger than the data is filled up, so a step costs as much
        as if it were full; values above 1,024 are therefore cut to about the number of rows.
    max_iter : int, default="auto"
        The largest number of epochs, which are passes over all rows. "auto" is the number that
        makes 12,000 steps of the "auto" `batch_size` (4,000 with more than 256 features), but at
        least 20 and at most 300 (100 without a linear path).
    shuffle : bool, default=True
        Whether the rows are shuffled before every epoch.
    tol : float, default=1e-4
        Training ends when the loss has not fallen by `tol` below its best value for
        `n_iter_no_change` epochs. The loss is that of held-out rows with early stopping, otherwise
        that of the training rows. With a linear path `tol` is a fraction of PCA's loss, otherwise
        it is in the units of the scaled data.
    n_iter_no_change : int, default="auto"
        The number of epochs that `tol` refers to. "auto" is 10.
    early_stopping : bool, default="auto"
        Whether to hold out rows, watch their loss, and keep the weights with the lowest loss.
        "auto" means yes with a linear path, and for denoisers with ``linear_path="auto"``;
        otherwise no.
    validation_fraction : float, default="auto"
        The fraction of rows that early stopping holds out. "auto" is 0.1; with a linear path and
        fewer than 1,000 rows it is the fraction that makes 100 rows, but at most 0.3.
    refit : bool, default="auto"
        Whether to train a second time, on all rows. The first training finds the best number of
        epochs on the rows that early stopping holds out; the second runs for as many epochs. So
        True needs early stopping. "auto" means yes with a linear path and fewer than 5,000 rows. It
        means no with `warm_start`, because a later `fit` must hold out rows that the weights have
        not seen.
    warm_start : bool, default=False
        Whether `fit` continues from the weights and the scaling of the last fit.
    precision : {"float32", "float64", "mixed_bfloat16"}, default="float32"
        The arithmetic of training. "mixed_bfloat16" computes layers in bfloat16, a format of 16
        bits with three digits, and keeps weights, losses and the optimizer in float32, like the
        Keras policy of that name. It is faster on a CPU or GPU with bfloat16 instructions only. If
        an imported model has a layer that centres rows, rows far from zero lose digits in it. After
        training, dense networks encode and decode rows in the dtype of the rows. Any other network
        works in float64 if it was trained in float64, otherwise in float32.
    random_state : int, RandomState instance or None, default=None
        Determines the first weights, the order of rows and the held-out rows. An int gives the same
        result at every call, bit for bit on the same machine.
    callbacks : sequence of keras.callbacks.Callback, default=None
        Keras callbacks, which are called after every epoch. Every call of `fit` or `partial_fit`
        counts epochs from 0 and starts at `learning_rate_init`. A callback can monitor what
        ``history_`` records; "val_loss" is among it with `early_stopping`. Its batch methods are
        called once for every run of the compiled program, which takes many steps, as with Keras's
        ``steps_per_execution``. For scikit-learn's own callbacks use ``set_callbacks``.
    checkpoint : str or path-like, default=None
        A folder in which `fit` writes down every few seconds where it is, so that it continues when
        it is called again after its process was killed. It then ends with the bits of a `fit` that
        was never interrupted, on the same machine with the same versions and threads. The file is
        named after the parameters and the data, so that folds, clones and different fits may share
        a folder, and is removed when `fit` has ended. This needs a `random_state` and no
        `callbacks`; ``partial_fit`` writes nothing. See :doc:`/saving`.
    strategy : {"mirrored", "multi_worker"} or callable, default=None
        How several machines or devices share the steps of a training, by TensorFlow's own
        distribution [8]_. "multi_worker" is for several processes, each of which is given the same
        parameters, all of `X`, and its place among the others in the environment variable
        ``TF_CONFIG``; all end with the same estimator. "mirrored" is for all GPUs of this process,
        or all logical CPUs. A callable returns a ``tf.distribute.MirroredStrategy`` or
        ``tf.distribute.MultiWorkerMirroredStrategy``. `batch_size` is the number of rows of a step
        on all of them. See :doc:`/several-machines`, also for what cannot be shared.
    verbose : int or bool, default=0
        Whether to print a line for every epoch, and a line for every training if there are several.

    Attributes
    ----------
    n_components_ : int
        The length of the code.
    encoder_weights_, decoder_weights_ : list of ndarray
        The trained weights in Keras's order: kernel and bias of each layer.
    center_ : ndarray of shape (n_features,)
        The values that are subtracted from the data.
    scale_ : float or ndarray of shape (n_features,)
        The divisor of the centred data.
    quantiles_ : ndarray of shape (n_quantiles, n_features)
        With ``scaling="quantile"``: the quantiles of each feature, which define its map.
    history_ : dict of str to list of float
        One value for every epoch: "loss"; with a penalty "reconstruction_loss", the loss without
        the penalty; with early stopping "val_loss" and "val_reconstruction_loss", the same for the
        held-out rows; and "seconds". Losses are in the user's units if one scale serves all
        features, otherwise in the units of the scaled data.
    loss_curve_ : list of float
        ``history_["loss"]``, as in ``MLPRegressor``.
    n_iter_ : int
        The number of epochs trained.
    settings_ : dict of str to object
        The value of every parameter that was "auto", but for activations; and whether there is a
        linear path, "linear_path", and a trained linear map beside it, "linear_correction".
    baseline_ : dict of str to float
        With a linear path and early stopping, a comparison on held-out rows: the mean squared error
        of "pca" and of the "autoencoder", in the user's units; the number of rows, "n_samples"; and
        "pca_loss" and "autoencoder_loss", the minimised `loss` of the scaled data in the units of
        ``history_`` (for "gaussian" the squared error). The losses decide: if the gain of the
        network is not clear (above 2 % and two standard errors in the losses, and three standard
        errors in their logarithms), `fit` warns, and the estimator becomes PCA. Frames with columns
        of categories have no units, so "pca" and "autoencoder" are losses there, too.
    component_errors_ : ndarray of shape (longest + 1,)
        If `n_components` is a float or "auto": the mean squared error on held-out rows, for codes
        of every length from 0. It is in the user's units if one scale serves all features,
        otherwise in the units of the scaled data. For frames with categories it is their loss.
    mean_activation_ : ndarray of shape (n_components,)
        With a sparse penalty: the mean of every component of the code over the training rows.
    n_dead_units_ : int
        With a sparse penalty: the number of components that stay below 1 % of the largest
        activation.
    thresholds_ : ndarray of shape (n_components,)
        With ``penalty="lifetime"``: the decoder takes components below these values as 0.
    dropped_columns_ : dict
        After a fit on a frame of mixed kinds: the columns that nothing can be learned from, by
        their names, and why.
    n_features_in_ : int
        The number of features, which is that of the columns of a frame.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features, if all are strings.

    See Also
    --------
    sklearn.decomposition.PCA : The best linear code.
    sklearn.neural_network.MLPRegressor : The same parameters, for regression.

    Notes
    -----
    Weights are NumPy arrays. So a fitted estimator can be pickled and copied, and a dense network
    runs in NumPy after training, without TensorFlow. Fits of the same structure share one compiled
    program, whatever their data, learning rates or seeds.

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
    .. [7] Shental, N., Hertz, T., Weinshall, D. and Pavel, M. (2002). Adjustment learning and
       relevant component analysis. ECCV. Nearest neighbours take the place of rows that are known
       to be alike.
    .. [8] Abadi, M. et al. (2016). TensorFlow: a system for large-scale machine learning. OSDI,
       265-283. https://www.tensorflow.org/guide/distributed_training

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

    takes_tables = True

    dropped_columns_ = Learned(
        lambda fitted: None if fitted.schema is None else fitted.schema.reasons
    )
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
            Maps rows, images or similar arrays to codes. The estimator's rows and codes are flat:
            of shape (n_samples, n_features) and (n_samples, n_components).
        decoder : keras.Model
            Maps codes back to rows.
        **params
            Parameters of the estimator. The models determine `n_components` and `architecture`, and
            `scaling` and `output_range` are None and `linear_path` is False; other values of
            these cannot be given.
            Parameters that shape layers, such as `hidden_layer_sizes`, have no effect. Without
            `output_activation` the output of the decoder is the reconstruction. If the decoder ends
            with a sigmoid and `output_activation` or the loss asks for one, the sigmoid is removed
            from the decoder and applied as ``output_activation="sigmoid"``.

        Returns
        -------
        estimator
            Fitted, with an empty ``history_``. The models are copied and not changed; a layer that
            both share becomes two layers. ``fit`` trains the same structure from new weights.
            ``partial_fit``, and ``fit`` with ``warm_start=True``, continue from the given weights.

        Raises
        ------
        ValueError
            If the models cannot be read or do not fit together, or a parameter is wrong. Models
            that hold Python code, as a ``Lambda`` layer of a ``lambda`` does, cannot be read: the
            code would be kept as text and run wherever the estimator is loaded.

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
        own: dict[str, Any] = {"n_components": imported.n_components, "scaling": None}
        own |= {"linear_path": False, "output_range": None}
        for name, value in {**own, "architecture": imported}.items():
            if np.any(params.get(name, value) != value):
                raise ValueError(
                    f"With from_keras {name!r} must be {value!r}, because the models decide it. "
                    f"Got {params[name]!r}."
                )
        model = cls(**{**params, **own, "architecture": imported})
        model._validate_params()
        model.architecture, model.output_activation = ended_before_sigmoid(
            imported, model.loss, model.output_activation
        )
        params = model.get_params(deep=False)
        recipe = make_recipe(params, (0, imported.n_features), linear_path=False)
        weights = [*learned_weights(encoder), *learned_weights(decoder)]
        model.n_features_in_ = imported.n_features
        model._fitted = adopted(recipe, weights)
        return model

    @with_callbacks
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch on `X`, continuing from earlier calls.

        The first call decides the structure and learns the scaling. So make the first batch large:
        a feature constant in it keeps a scale of 1. The optimizer's state and the random state
        carry over from call to call. There is no linear path if the first call has fewer than five
        rows for every four components, because principal components of so few rows leave nothing to
        learn.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream
            One row or more. A stream may also be an iterator, unless the first call must train on
            its rows more than once.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows, as in :meth:`fit`. They compare rows of one call, not of several: the
            rows of every call weigh 1 on average.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the data do not fit those of earlier calls, or overflow when they are scaled; if the
            first call has too few rows for ``linear_path=True``, or gets an iterator although it
            must read the rows more than once; with ``early_stopping=True``, because that needs all
            rows at once; or with `strategy` and a stream that is too large for memory.
        RuntimeError
            As in :meth:`fit`.

        Warns
        -----
        UserWarning
            As in :meth:`fit`.

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
        return self._partial_fit(X, y, sample_weight)

    def inverse_transform(self, X: Any) -> Array:
        """Decode codes into rows in the user's units.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            After a fit on a frame of mixed kinds it is a frame; columns that are not learned from
            are missing.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `X` is not a matrix of finite numbers with one column for every component, or the
            rows of such codes overflow.

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
        rows = fitted.decode(check_codes(X, fitted.structure.spec.n_components))
        return given_as(fitted, rows, index=X)

    def reconstruct(self, X: Any, *, probabilities: bool = False) -> Any:
        """Encode and decode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        probabilities : bool, default=False
            Whether to return the probabilities of categories instead of rows.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            ``inverse_transform(transform(X))``, also for missing entries. After a fit on a frame of
            mixed kinds it is a frame; columns that are not learned from are carried over from `X`.
            With `probabilities` it is a dict: for every column of categories, by its name, a frame
            with a column for every category.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `X` cannot be used: it has other features, infinite values, missing ones that
            the estimator cannot fill, or values so large that the reconstruction overflows; or,
            with `probabilities`, if no column has categories.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from tfae import Autoencoder
        >>> X = load_digits().data
        >>> autoencoder = Autoencoder(8, max_iter=5, random_state=0).fit(X)
        >>> bool(abs(autoencoder.reconstruct(X) - X).mean() < 2)  # of 0 to 16
        True
        """
        fitted = self._checked_fitted()
        with naming_columns(X, self):
            rows = fitted.reconstruct(self._read(X, reset=False))
        return chances(fitted, rows, X) if probabilities else given_as(fitted, rows, like=X)

    def column_errors(self, X: Any) -> Any:
        """Return how far every value is from its reconstruction.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)

        Returns
        -------
        ndarray or DataFrame of float64 of shape (n_samples, n_features)
            For a number the absolute error in its own unit; for a date or a duration it is in
            seconds. For a category it is 1 minus the probability of the one that is there. Errors
            are taken before anything is rounded. If `X` is a data frame, they are one, too, with
            the columns that are learned from.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `X` cannot be used, as in :meth:`reconstruct`.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from tfae import Autoencoder
        >>> X = load_wine(as_frame=True).data
        >>> autoencoder = Autoencoder(4, max_iter=5, random_state=0).fit(X)
        >>> errors = autoencoder.column_errors(X)
        >>> errors.shape, errors.columns.equals(X.columns)
        ((178, 13), True)
        """
        fitted = self._checked_fitted()
        with naming_columns(X, self):
            errors = fitted.column_errors(self._read(X, reset=False))
        return errors_as_given(fitted, errors, X)

    def impute(self, X: Any) -> Any:
        """Fill the missing entries of rows by their reconstruction.

        An :class:`AutoencoderImputer`, which has no bottleneck, mostly fills better.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            NaN stands for missing entries.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Only missing entries change. After a fit on a frame of mixed kinds it is a frame of the
            types of `X`; in columns that are not learned from, missing values stay, except in those
            whose values are all the same.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `X` cannot be used; see :meth:`reconstruct`.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_digits
        >>> from tfae import Autoencoder
        >>> X = load_digits().data
        >>> autoencoder = Autoencoder(8, max_iter=5, random_state=0).fit(X)
        >>> holed = X[:5].copy()
        >>> holed[:, 30:34] = np.nan
        >>> filled = autoencoder.impute(holed)
        >>> bool(np.square(filled - X[:5])[:, 30:34].mean() < X[:, 30:34].var())
        True
        """
        fitted = self._checked_fitted()
        blocks = blocks_of(X, missing=fitted.fills_holes)
        if blocks is not None:
            return joined([self.impute(block) for block in blocks])
        with naming_columns(X, self):
            rows = dense_rows(self._read(X, reset=False), slice(None))
            missing = np.isnan(rows)
            filled = np.where(missing, fitted.reconstruct(rows), rows) if missing.any() else rows
        return filled.copy() if fitted.schema is None else with_filled(fitted.schema, filled, X)

    def score_samples(self, X: Any, *, scaled: bool = False) -> Array:
        """Return the negative mean squared reconstruction error of every row.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        scaled : bool, default=False
            Whether to measure the errors on the scaled data, see `scaling`. Otherwise they are in
            the square of the user's units. Frames of mixed kinds have none, so theirs are always
            measured on the scaled data; if they have categories it is the mean loss of their cells,
            see `loss`.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            Lower scores are more anomalous. Missing entries do not count; a row without any other
            has the score that is expected of an unknown row.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `X` cannot be used: it has other features, infinite values, missing ones that
            the estimator cannot fill, or values so large that errors overflow.

        See Also
        --------
        OutlierDetector : Finds odd rows also where reconstruction errors fail.

        Notes
        -----
        A row with a small error need not be usual. If the rows of the fit hold outliers, the
        network learns to rebuild them, too: 150 equal outliers among 5,000 rows are rebuilt best of
        all, because PCA and network spend a direction of the code on them. And a network that
        rebuilds everything well, such as one with a long code, tells nothing apart.

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
        with naming_columns(X, self):
            fitted = self._checked_fitted()
            scaled = scaled or fitted.schema is not None  # categories have no units
            return -fitted.errors(self._read(X, reset=False), scaled=scaled)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the fraction of the variance of `X` that its reconstruction keeps.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows, as in :meth:`fit`, for the errors and for the mean of `X`.

        Returns
        -------
        float
            1 minus the squared error over the squared distance from the mean of `X`, both summed
            over all entries. This is ``r2_score(..., multioutput="variance_weighted")``, except
            that errors in constant columns count, too. It is at most 1, and 0 if every row is
            rebuilt as the mean. Constant `X` scores 1 if it is rebuilt exactly, otherwise 0. For
            frames of mixed kinds it is 1 minus the loss of their cells over that of means and of
            frequencies of categories.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `X` cannot be used: it has other features, infinite values, missing ones that
            the estimator cannot fill, or values so large that squares overflow; or it is an
            iterator, because rows are read twice.

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
        check_weightable(X, sample_weight)
        warn_of_pairs(X, y)
        with naming_columns(X, self):
            rows = self._read(repeatable(X, "score"), reset=False)
            return explained_variance(fitted, weighted(rows, sample_weight))

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any = None, X_clean: Any = None) -> Self:
        """Train for one epoch on rows, which are the noisy ones if there are clean ones besides."""
        self._validate_params()
        if self.early_stopping not in ("auto", False):
            raise ValueError("partial_fit must be used with early_stopping=False. Got True.")
        if self.refit not in ("auto", False):
            raise ValueError(
                "partial_fit, which trains on all rows, must be used with refit=False."
            )
        workers = workers_of(self.strategy)  # before TensorFlow is used
        if X_clean is not None:
            check_pairs(X, X_clean, self.corruption)
        check_weightable(X, sample_weight)
        warn_of_pairs(X, y)
        start, reader = self._fitted, copy.copy(self)
        with workers.together(), naming_columns(X, reader):
            rows = reader._read(X, reset=start is None, learning=True, missing=X_clean is None)
            rows = weighted(rows, sample_weight)
            rows, instead = reader._with_clean(rows, X_clean, sample_weight)
            recipe = reader._recipe(rows, start, partial=True, **instead)
            if start is None:
                check_passes(rows, recipe.reads_rows_before)
            check_callbacks(self, recipe.of_one_epoch())
            recipe = with_workers(self, workers, recipe, rows, start)
            recipe = with_found_level(recipe, rows, first=start is None)
            recipe = with_found_length(recipe, rows).of_one_epoch()
            state = copy.deepcopy(self._state) or TrainingState.new(self.random_state)
            fitted = fit_network(recipe, rows, state, start, self._watch(reader))
        return self._become(reader, fitted, state)
