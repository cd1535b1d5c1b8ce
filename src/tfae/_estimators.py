"""The autoencoders by name."""

from __future__ import annotations

from dataclasses import dataclass

from tfae._base import BaseAutoencoder


@dataclass(eq=False, repr=False)
class Autoencoder(BaseAutoencoder):
    r"""Autoencoder: a network that squeezes rows through a short code and rebuilds them.

    The encoder :math:`z = f(x)` and the decoder :math:`\hat x = g(z)` are trained together to
    minimise the reconstruction loss, by default the mean squared error in the units of the data
    [1]_.

    Parameters
    ----------
    n_components : int, default=None
        The length of the code. None takes half of the features, but at most 32.
    hidden_layer_sizes : int or sequence of int, default=(256, 128)
        The units of the encoder's hidden layers, from the input to the code.
    decoder_layer_sizes : int or sequence of int, default=None
        The units of the decoder's hidden layers, from the code to the output. None mirrors the
        encoder's.
    activation : str, default="relu"
        The activation of hidden layers, by scikit-learn's or Keras's name: "identity", "relu",
        "gelu", "silu", "elu", "selu", "leaky_relu", "softplus", "logistic", "tanh", "softmax".
    code_activation : str, default="identity"
        The activation of the code.
    output_activation : str, default="auto"
        The activation of the output. "auto" is "sigmoid" for binary cross-entropy and "identity"
        for other losses. A warning tells if it cannot reach the data.
    kernel_initializer : str, default="glorot_uniform"
        How weights are drawn at the start, by Keras's name.
    architecture : str or callable, default="dense"
        How the network is built: a name from :func:`tfae.architectures` or a function as
        described at :func:`tfae.register_architecture`.
    architecture_params : dict, default=None
        Keyword arguments for the architecture.
    loss : {"mse", "mae", "huber", "binary_crossentropy"} or callable, default="mse"
        The reconstruction loss, a mean over all entries of the scaled data. "huber" turns from
        squared to absolute at an error of 1. "binary_crossentropy" needs data in [0, 1] or
        ``scaling="minmax"``. A callable ``(target, output) -> values`` works on tensors of shape
        [batch, features] and returns one value for every entry or every row; Keras's loss objects
        do too.
    scaling : {"global", "standard", "minmax"} or None, default="global"
        What the network sees. "global" centres every feature and divides all by one number, so
        that none is weighted up or down; with binary cross-entropy it leaves the data as they
        are. "standard" divides each feature by its standard deviation, "minmax" maps each to
        [0, 1]. None leaves the data as they are.
    alpha : float, default=0.0
        The L2 penalty: ``alpha / 2`` times the sum of all squared weights (not biases) is added
        to what is minimised, but not to the loss that is reported.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        The optimizer: "adam", "adamw", "sgd" (as in scikit-learn with Nesterov momentum 0.9),
        "rmsprop" or another one of Keras by its name in lower case; or a configured Keras
        optimizer, of which a copy is used, with its own learning rate or schedule.
    learning_rate_init : float or callable, default=0.001
        The learning rate for an optimizer given by name; or a Keras learning-rate schedule, a
        callable of the step.
    batch_size : int, default=256
        Rows a step. More than there are rows is fine: a step then takes them all. Its cost
        is that of a full batch, but batches beyond 1,024 are cut to the size of the data.
    max_iter : int, default=100
        The largest number of epochs.
    shuffle : bool, default=True
        Whether the rows are shuffled before every epoch.
    random_state : int, RandomState instance or None, default=None
        Decides the weights at the start, the order of rows and the rows held out. An int gives
        the same result at every call, bit for bit on the same machine.
    tol : float, default=1e-4
        Training ends when the loss of the scaled data has not fallen by `tol` below its best for
        `n_iter_no_change` epochs; with ``early_stopping=True`` the validation loss.
    n_iter_no_change : int, default=10
        See `tol`.
    early_stopping : bool, default=False
        Whether to hold out rows, watch their loss, and keep the weights with the lowest.
    validation_fraction : float, default=0.1
        The fraction of rows that early stopping holds out.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights and the scaling of the last fit.
    precision : {"float32", "float64"}, default="float32"
        The arithmetic of training. Afterwards a stack of dense layers encodes and decodes rows in
        their own dtype, any other network in this one.
    callbacks : sequence of keras.callbacks.Callback, default=None
        Keras callbacks. As with Keras's ``steps_per_execution``, their batch methods are called
        once for every run of the compiled program. For scikit-learn's own callbacks use
        ``set_callbacks``.
    verbose : int or bool, default=0
        Whether to print a line every epoch.

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
    history_ : dict of str to list of float
        For every epoch "loss", with early stopping "val_loss", and "seconds". Losses are in the
        user's units where one scale serves all features, otherwise in those of the scaled data.
    loss_curve_ : list of float
        ``history_["loss"]``, as in ``MLPRegressor``.
    n_iter_ : int
        The number of epochs trained.
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

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from tfae import Autoencoder
    >>> X = load_digits().data
    >>> autoencoder = Autoencoder(n_components=8, max_iter=20, random_state=0).fit(X)
    >>> autoencoder.transform(X).shape
    (1797, 8)
    >>> autoencoder.score(X) > 0.6
    True
    """
