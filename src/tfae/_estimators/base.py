"""The base class of all estimators: it fits, encodes rows and makes Keras models."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any, ClassVar, Self

from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin

from tfae._data.columns import naming_columns
from tfae._data.reading import (
    as_stream,
    in_memory_if_small,
    is_stream,
    prepare,
    read_rows,
    repeatable,
)
from tfae._data.streams import Opened, Stream
from tfae._data.weights import weighted
from tfae._estimators.attributes import Learned
from tfae._estimators.checking import check_rows, check_weightable, warn_of_pairs
from tfae._estimators.checking_parameters import check_callbacks
from tfae._estimators.fitted_value import HoldsFitted
from tfae._estimators.pairs import check_pairs, paired
from tfae._estimators.parameters import EncoderParameters
from tfae._estimators.sharing import with_workers
from tfae._estimators.sklearn_callbacks import SklearnCallbacks
from tfae._estimators.surviving import check_can_survive, surviving
from tfae._estimators.tables import learned_schema, read_table
from tfae._fitting.code_length import with_found_length
from tfae._fitting.defaults import has_linear_path
from tfae._fitting.fit import fit_network
from tfae._fitting.from_parameters import code_length, enough_for_linear_path, make_recipe
from tfae._fitting.network_training import Watch
from tfae._fitting.noisy_rows import with_found_level
from tfae._fitting.recipe import Recipe
from tfae._inference.fitted import Fitted
from tfae._networks.filling import without_filling
from tfae._networks.spec import Network
from tfae._saving.keras import keras_models
from tfae._support.sklearn import has_callbacks, with_callbacks
from tfae._support.typing import Array
from tfae._training.state import TrainingState
from tfae._training.step.distribution import workers_of


class BaseEncoder(
    EncoderParameters,
    ClassNamePrefixFeaturesOutMixin,
    CallbackSupportMixin,
    TransformerMixin,
    HoldsFitted[Fitted],
):
    """An estimator that holds the fitted value of its last fit; see :class:`tfae.Autoencoder`.

    A subclass defines its fit in :meth:`_recipe`. It may also override :meth:`_read`, to read data
    in another way, and public methods that differ.
    """

    _fitted: Fitted | None = None
    _state: TrainingState | None = None  # `partial_fit` continues from it
    _needs: ClassVar[tuple[str, ...]] = ("n_features_in_",)  # attributes that every fit writes

    n_components_ = Learned(lambda fitted: fitted.structure.spec.n_components)
    encoder_weights_ = Learned(lambda fitted: fitted.encoder_weights)
    decoder_weights_ = Learned(lambda fitted: fitted.decoder_weights)
    center_ = Learned(lambda fitted: fitted.scaling.center)
    scale_ = Learned(lambda fitted: fitted.scaling.scale)
    quantiles_ = Learned(lambda fitted: getattr(without_filling(fitted.scaling), "quantiles", None))
    history_ = Learned(lambda fitted: fitted.history)
    loss_curve_ = Learned(lambda fitted: fitted.history.get("loss", []))
    n_iter_ = Learned(lambda fitted: fitted.n_epochs)
    settings_ = Learned(lambda fitted: fitted.settings)

    @with_callbacks
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn to encode and reconstruct `X`.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream
            At least two rows of numbers. NaN and masked values are missing entries, which images
            and embeddings may not have. Memory maps are not read whole. A stream is a
            ``tf.data.Dataset``, an iterable of arrays or data frames that can be read more than
            once, a callable that returns an iterable, or the result of a function in
            ``tfae.streams``.
        y : None
            Ignored. For pairs of noisy and clean rows see :class:`DenoisingAutoencoder`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of rows, of at least 0; None weighs all alike. Only their ratios matter. Rows of
            weight 0 are left out, as if they were not in `X`. All that is learned is weighted: the
            scaling, PCA, losses, the comparison on held-out rows. A stream takes no weights.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter or the data cannot be used. The estimator is then unchanged.
        KeyboardInterrupt
            If Ctrl-C interrupts a training that comes before the main one: the pretraining, or the
            search for `n_components`; or one that several workers share. The estimator is then
            unchanged.
        RuntimeError
            If a strategy of several workers is made after TensorFlow was used, or another worker
            ends before the fit does. The estimator is then unchanged.

        Warns
        -----
        ConvergenceWarning
            If the loss becomes infinite or NaN; the last good weights are kept. Also if training
            stops at `max_iter` while the loss is still falling: the last tenth of the epochs
            lowered it by more than 2 %.
        UserWarning
            If the training is interrupted (Ctrl-C), if the output activation cannot reach the
            data, if the code is wider than the data or than the layer before it, if `y` has the
            shape of `X`, or, with a linear path, if the network could not improve on PCA.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from tfae import Autoencoder
        >>> X = load_digits().data
        >>> autoencoder = Autoencoder(8, max_iter=5, random_state=0).fit(X)
        >>> autoencoder.n_iter_, autoencoder.settings_["batch_size"]
        (5, 32)
        """
        return self._fit(X, y, sample_weight)

    def transform(self, X: Any) -> Array:
        """Encode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            The codes, float32 for float32 input and float64 otherwise.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `X` cannot be used: it has other features, infinite values, missing ones that
            the estimator cannot fill, or values so large that codes overflow.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from tfae import Autoencoder
        >>> X = load_digits().data
        >>> autoencoder = Autoencoder(8, max_iter=5, random_state=0).fit(X)
        >>> autoencoder.transform(X[:5]).shape
        (5, 8)
        """
        with naming_columns(X, self):
            return self._checked_fitted().encode(self._read(X, reset=False))

    def to_keras(self) -> Network:
        """Build the trained network as Keras models that work in the user's units.

        Returns
        -------
        encoder, decoder : keras.Model
            A named pair. ``encoder`` maps rows to codes, like :meth:`transform`; ``decoder`` maps
            codes to rows, like :meth:`inverse_transform`. Both work in float32. They are copies:
            training them does not change the estimator.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            With ``scaling="quantile"``, because no layer can do that.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from tfae import Autoencoder
        >>> X = load_digits().data
        >>> autoencoder = Autoencoder(8, max_iter=5, random_state=0).fit(X)
        >>> encoder, decoder = autoencoder.to_keras()
        >>> decoder(encoder(X[:5])).shape
        TensorShape([5, 64])
        """
        fitted = self._checked_fitted()
        if not fitted.scaling.is_affine:
            raise ValueError(
                "to_keras needs a 'scaling' that a layer can do: 'global', 'standard', 'robust', "
                f"'minmax' or None. Got {fitted.to_agree_with['scaling']!r}; use scaling=None, and "
                "put sklearn.preprocessing.QuantileTransformer before the estimator."
            )
        return keras_models(fitted)

    @property
    def _n_features_out(self) -> int:
        return int(self.n_components_)

    def _recipe(
        self, X: Any, start: Fitted | None, *, partial: bool = False, **instead: Any
    ) -> Recipe:
        """Return the recipe of a fit; a subclass with another fit overrides this method.

        A stream is read once here, because the pass depends on whether there is a linear path.

        Parameters
        ----------
        X : ndarray, CSR matrix or Source
            The rows of the fit, read and checked.
        start : Fitted or None
            The fitted value that the training continues from.
        partial : bool
            Whether this is one of several calls, as in `partial_fit`.
        **instead
            Values that replace those of parameters.
        """
        params = {**self.get_params(deep=False), **instead}
        if start is None and self._schema is not None and params["n_components"] is None:
            params["n_components"] = code_length(params, len(self._schema.columns))
        linear_path = start is None and has_linear_path(params)
        prepare(X, covariance=linear_path, once=partial and start is not None)
        if partial and linear_path:
            linear_path = enough_for_linear_path(params, X.shape)
        return make_recipe(
            params, X.shape, linear_path=linear_path, start=start, schema=self._schema
        )

    def _read(
        self,
        X: Any,
        *,
        reset: bool,
        min_samples: int = 1,
        learning: bool = False,
        missing: bool = True,
        whole: Stream | None = None,
    ) -> Any:
        """Return data as checked rows.

        Parameters
        ----------
        X : object
        reset : bool
            Whether these are the first rows of a fit; later rows must be like them.
        min_samples : int
        learning : bool
            Whether a network learns from the rows.
        missing : bool
            Whether entries may be missing here, if the estimator takes such rows.
        whole : Stream or None
            The stream that `X` is a batch of, if it can be read more than once.
        """
        if is_stream(X):
            return self._read_stream(X, reset, learning, missing)
        if reset:
            self._schema = learned_schema(self, X, whole)
        how: dict[str, Any] = {
            "reset": reset,
            "min_samples": min_samples,
            "missing": missing and self.takes_tables,
        }
        if self._schema is not None:
            return read_table(self, X, self._schema, learning=learning, **how)
        check = functools.partial(check_rows, self, **how)
        return read_rows(X, check, min_samples, how["missing"] and self._fills_files(reset))

    def _fills_files(self, reset: bool) -> bool:
        """Whether entries of rows that are read block by block may be missing."""
        known = None if reset else self._fitted
        return self.takes_tables and (known is None or known.fills_holes)

    def _read_stream(self, X: Any, reset: bool, learning: bool, missing: bool) -> Opened:
        """Return a stream whose batches are read like data of their own."""
        if reset and not hasattr(self, "partial_fit"):
            raise ValueError(
                f"X must be an array or a data frame: {type(self).__name__} learns from all "
                f"rows at once. Got {X!r}."
            )
        stream = as_stream(X)
        whole = None if stream.once else stream

        def check(batch: Any, first: bool, missing: bool) -> Any:
            return self._read(
                batch, reset=reset and first, learning=learning, missing=missing, whole=whole
            )

        digests = getattr(self, "strategy", None) is not None
        return Opened(stream, check, missing=missing and self._fills_files(reset), digests=digests)

    def _fit(self, X: Any, y: Any, sample_weight: Any = None, X_clean: Any = None) -> Self:
        """Fit to rows, which are the noisy ones if there are clean ones besides."""
        self._validate_params()
        check_can_survive(self)
        workers = workers_of(getattr(self, "strategy", None))  # before TensorFlow is used
        if X_clean is not None:
            check_pairs(X, X_clean, self.corruption)
        check_weightable(X, sample_weight)
        warn_of_pairs(X, y)
        start = self._fitted if self.warm_start else None
        reader = copy.copy(self)
        with workers.together(), naming_columns(X, reader):
            rows = reader._read(
                repeatable(X, "fit"),
                reset=start is None,
                min_samples=2,
                learning=True,
                missing=X_clean is None,
            )
            rows = weighted(rows, sample_weight, min_samples=2)
            rows, instead = reader._with_clean(
                rows, repeatable(X_clean, "fit"), sample_weight, min_samples=2
            )
            recipe = reader._recipe(rows, start, **instead)
            check_callbacks(self, recipe)
            recipe = with_workers(self, workers, recipe, rows, start)
            with surviving(self, recipe, rows, start) as recipe:
                recipe = with_found_length(with_found_level(recipe, rows), rows)
                state = TrainingState.new(self.random_state)
                fitted = fit_network(recipe, rows, state, start, self._watch(reader))
        return self._become(reader, fitted)

    def _with_clean(
        self, X: Any, X_clean: Any, sample_weight: Any, min_samples: int = 1
    ) -> tuple[Any, dict[str, Any]]:
        """Return the rows to rebuild, and what replaces parameters if others are encoded.

        A small stream becomes an array.
        """
        in_memory = functools.partial(
            in_memory_if_small, random_state=self.random_state, min_samples=min_samples
        )
        if X_clean is None:
            return in_memory(X), {}

        def read(rows: Any) -> Any:
            rows = self._read(rows, reset=False, learning=True, missing=False)
            return weighted(rows, sample_weight)

        clean, pairs = paired(X, X_clean, read, in_memory)
        return clean, {"corruption": pairs}

    def _watch(self, reader: Self) -> Watch | None:
        """Return a function that makes the observer for scikit-learn's callbacks, if any."""
        if not has_callbacks(self):
            return None
        given = self.get_params(deep=False)
        learned = {k: v for k, v in vars(reader).items() if not (k in given or "callback" in k)}

        def watch(n_epochs: int, fitted: Callable[[], Fitted]) -> SklearnCallbacks:
            return SklearnCallbacks(self, n_epochs, lambda: {**learned, "_fitted": fitted()})

        return watch

    def _become(self, reader: Self, fitted: Fitted, state: TrainingState | None = None) -> Self:
        """Take over the fitted value, and the attributes that scikit-learn wrote to a copy.

        The estimator was not changed before, so nothing must be restored after an error.
        """
        # scikit-learn keeps callbacks, and their context in a fit, in attributes of these names.
        callbacks = {name: value for name, value in vars(self).items() if "callback" in name}
        self.__dict__ = {**vars(reader), **callbacks, "_fitted": fitted, "_state": state}
        return self
