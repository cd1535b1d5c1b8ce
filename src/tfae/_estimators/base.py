"""What all autoencoders have in common: parameters, fit, and what can be done after it."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags, check_array
from sklearn.utils.validation import check_is_fitted

import tfae._networks.architectures  # noqa: F401  (registers the built-in ones)
from tfae._data.checks import float_dtype, put_back, unchanged_on_error
from tfae._data.landmarks import find_landmarks
from tfae._data.reading import described, for_training, read_rows, repeatable
from tfae._data.scaling import Affine, Quantiles, Scaling, check_held_out, fit_scaling, scaled_range
from tfae._data.source import Source
from tfae._data.statistics import mean_variance
from tfae._data.streams import Opened
from tfae._fitting.activity import describe_activity
from tfae._fitting.adopt import end_before_sigmoid
from tfae._fitting.baseline import keep_the_better
from tfae._fitting.code_length import choose_length
from tfae._fitting.defaults import annealed, has_linear_path, least_rows, settings
from tfae._fitting.recipe import Asked, code_length, read_parameters
from tfae._inference.blocks import of_every_block
from tfae._inference.coder import Coder
from tfae._inference.coding import Coding
from tfae._inference.workspace import Workspace
from tfae._networks.activations import get_activation
from tfae._networks.imported import learned_weights, read_models
from tfae._networks.initial_weights import initial_weights
from tfae._networks.linear_path import fixed_places, fixed_weights, residual_variance, start_at_zero
from tfae._networks.principal_components import principal_components
from tfae._networks.spec import Builder, Network
from tfae._networks.structure import Structure, tied_kernels
from tfae._objective.losses import Loss
from tfae._objective.penalties import NESTED, NO_PENALTY, PENALTIES, Penalty
from tfae._saving.keras import keras_models
from tfae._support.sklearn import HasMethods, Interval, RealNotInt, StrOptions
from tfae._support.typing import Array, Weights, stored_dtype
from tfae._support.warn import warn
from tfae._training.callbacks import (
    KerasCallbacks,
    Observer,
    PrintedLines,
    SklearnCallbacks,
    has_sklearn_callbacks,
)
from tfae._training.chunks import Noise, chunk_shape, rows_of
from tfae._training.loop import Batches, Numbers, Outcome, Stopping, Training
from tfae._training.state import TrainingState
from tfae._training.step.chunk import ChunkShape
from tfae._training.step.optimizers import Optimizer, get_optimizer
from tfae._training.step.program import PROGRAMS, Plan, Program

_AUTO = StrOptions({"auto"})
_COUNTS = frozenset({"n_components", "batch_size", "max_iter", "n_iter_no_change"})


@dataclass(eq=False, repr=False)
class BaseAutoencoder(
    ClassNamePrefixFeaturesOutMixin, CallbackSupportMixin, TransformerMixin, BaseEstimator
):
    """The parameters and methods that every autoencoder shares; see :class:`tfae.Autoencoder`."""

    n_components: int | float | str | None = None
    _: KW_ONLY
    hidden_layer_sizes: int | Sequence[int] | str = "auto"
    decoder_layer_sizes: int | Sequence[int] | None = None
    activation: str = "auto"
    code_activation: str = "auto"
    output_activation: str = "auto"
    kernel_initializer: str = "glorot_uniform"
    linear_path: bool | str = "auto"
    tied: bool = False
    dropout: float = 0.0
    batch_normalization: bool = False
    architecture: str | Builder = "dense"
    architecture_params: Mapping[str, Any] | None = None
    corruption: str | Callable[..., Any] | None = None
    corruption_level: float = 0.25
    emphasis: float = 0.5
    penalty: str | Callable[[Any], Any] | None = None
    penalty_weight: float | None = None
    sparsity: float | None = None
    loss: str | Callable[[Any, Any], Any] = "mse"
    scaling: str | None = "global"
    alpha: float = 0.0
    optimizer: Any = "adam"
    learning_rate_init: float | Callable[[Any], Any] | str = "auto"
    batch_size: int | str = "auto"
    max_iter: int | str = "auto"
    shuffle: bool = True
    random_state: Any = None
    tol: float = 1e-4
    n_iter_no_change: int | str = "auto"
    early_stopping: bool | str = "auto"
    validation_fraction: float | str = "auto"
    refit: bool | str = "auto"
    warm_start: bool = False
    precision: str = "float32"
    callbacks: Sequence[Any] | None = None
    verbose: int | bool = 0

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [
            *(Interval(Integral, 1, None, closed="left"), None),
            *(Interval(RealNotInt, 0, 1, closed="neither"), _AUTO),
        ],
        "hidden_layer_sizes": [
            *("array-like", Interval(Integral, 1, None, closed="left"), _AUTO),
        ],
        "decoder_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left"), None],
        "activation": [str],
        "code_activation": [str],
        "output_activation": [str],
        "kernel_initializer": [str],
        "linear_path": ["boolean", _AUTO],
        "tied": ["boolean"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "batch_normalization": ["boolean"],
        "architecture": [str, callable],
        "architecture_params": [Mapping, None],
        "corruption": [str, callable, None],
        "corruption_level": [Interval(Real, 0, None, closed="left")],
        "emphasis": [Interval(Real, 0, 1, closed="both")],
        "penalty": [str, callable, None],
        "penalty_weight": [Interval(Real, 0, None, closed="left"), None],
        "sparsity": [Interval(Real, 0, None, closed="neither"), None],
        "loss": [str, callable],
        "scaling": [str, None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "optimizer": [str, HasMethods(["get_config", "apply"])],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither"), callable, _AUTO],
        "batch_size": [Interval(Integral, 1, None, closed="left"), _AUTO],
        "max_iter": [Interval(Integral, 1, None, closed="left"), _AUTO],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), _AUTO],
        "early_stopping": ["boolean", _AUTO],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), _AUTO],
        "refit": ["boolean", _AUTO],
        "warm_start": ["boolean"],
        "precision": [StrOptions({"float32", "float64", "mixed_bfloat16"})],
        "callbacks": ["array-like", None],
        "verbose": ["verbose"],
    }

    # Whether training cuts codes at random, to find how long they must be.
    _nested: ClassVar[bool] = False
    # Whether it is trained as a part of another fit.
    _within = False
    # What only some fits set.
    _of_one_fit: ClassVar[tuple[str, ...]] = (
        *("_landmarks", "mean_activation_", "n_dead_units_", "thresholds_", "baseline_"),
        "quantiles_",
    )

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
        end_before_sigmoid(model)
        model._take_over(learned_weights(encoder), learned_weights(decoder))
        return model

    def _take_over(self, encoder_weights: Weights, decoder_weights: Weights) -> None:
        """Become fitted with the weights of imported models."""
        imported: Any = self.architecture
        nothing = np.empty((0, imported.n_features), self._dtype)
        self.settings_ = self._automatic(0, imported.n_features, anchored=False)
        asked = read_parameters(self, imported.n_features)
        network = asked.structure.build(self._dtype)
        self._asked_length, self._asked_kind = self.n_components, self.scaling
        self.n_features_in_ = imported.n_features
        self._state: TrainingState | None = None
        self._start(nothing, None, asked)
        self._note_network(asked.structure, network, nothing)
        self._set_weights([*encoder_weights, *decoder_weights], network)
        for tie in tied_kernels(asked.structure, network):
            kernel = self.encoder_weights_[tie.encoder]
            if not np.array_equal(
                kernel.T if tie.transposed else kernel, self.decoder_weights_[tie.decoder]
            ):
                raise ValueError(
                    "tied=True needs a decoder whose kernels are those of the encoder, mirrored. "
                    "Got models whose kernels differ; use tied=False."
                )

    @unchanged_on_error
    @with_callbacks
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn to encode and reconstruct `X`.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream
            At least two rows of finite numbers; memory maps are not read whole. A stream is a
            ``tf.data.Dataset``, an iterable of arrays or data frames that can be read again, a
            callable that returns one, or what ``tfae.streams`` makes.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter or the data cannot be used. The estimator is then as it was before.
        KeyboardInterrupt
            If another training is interrupted that comes before, of a stage or of codes of all
            lengths. The estimator is then as it was before.

        Warns
        -----
        ConvergenceWarning
            If the loss becomes infinite or NaN; the last good weights are kept.
        UserWarning
            If the training is interrupted (Ctrl-C), or if the output activation cannot reach the
            data; with a linear path, if the network could not improve on PCA.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from tfae import Autoencoder
        >>> X = load_digits().data
        >>> autoencoder = Autoencoder(8, max_iter=5, random_state=0).fit(X)
        >>> autoencoder.n_iter_, autoencoder.settings_["batch_size"]
        (5, 32)
        """
        self._validate_params()
        again = self.warm_start and hasattr(self, "encoder_weights_")
        X = self._check_rows(repeatable(X, "fit"), reset=not again, min_samples=2)
        anchored = has_linear_path(self)
        X = for_training(X, self.random_state, anchored, min_samples=2)
        self._settle(X, again, anchored)
        if self.refit not in ("auto", False) and not self._setting("early_stopping"):
            raise ValueError(
                "refit=True needs early_stopping=True, whose best number of epochs it repeats. Got "
                f"early_stopping={self.early_stopping!r}."
            )
        state = TrainingState.new(self.random_state)
        train, held_out = self._split(X, state.split_rng)
        outcome = self._train(X, train, held_out, state, self._max_iter(), again)
        self._warn_of_end(outcome)
        if outcome.ended_well and held_out is not None and self._setting("refit") and not again:
            self._train_on_all(X, outcome)
        self._state = None
        return self

    @unchanged_on_error
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
        again = hasattr(self, "encoder_weights_")
        X = self._check_rows(X, reset=not again)
        anchored = has_linear_path(self)
        X = for_training(X, self.random_state, anchored, once=again)
        if not again:
            anchored = anchored and self._can_be_anchored(X)
            self._check_passes(X)
        self._settle(X, again, anchored)
        state = copy.deepcopy(self._state) if again else None
        state = state or TrainingState.new(self.random_state)
        self._warn_of_end(self._train(X, None, None, state, 1, again, endless=True))
        self._state = state
        return self

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
            If `X` cannot be used: if it has other features, or values that are not finite.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from tfae import Autoencoder
        >>> X = load_digits().data
        >>> autoencoder = Autoencoder(8, max_iter=5, random_state=0).fit(X)
        >>> autoencoder.transform(X[:5]).shape
        (5, 8)
        """
        X = self._check_fitted_rows(X)
        coding = self._coding.ready_to_encode(X)

        def codes(rows: Array, space: Workspace) -> Array:
            return coding.encode(rows, rows.dtype, space)

        return of_every_block(X, codes, coding.encoder.n_numbers)

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
        check_is_fitted(self)
        codes = check_array(X, dtype=[np.float64, np.float32], input_name="X")
        if codes.shape[1] != self.n_components_:
            raise ValueError(
                f"X must have {self.n_components_} columns, one for each component of the code. "
                f"Got {codes.shape[1]}."
            )
        coding = self._coding.ready_to_decode(codes)
        n_numbers = coding.decoder.n_numbers
        return of_every_block(codes, coding.decode, n_numbers, width=self.n_features_in_)

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
        X = self._check_fitted_rows(X)
        coding = self._coding.ready_to_encode(X).ready_to_decode(X)
        return of_every_block(X, coding.rebuilt, coding.n_numbers)

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
        return self._row_scores(self._check_fitted_rows(X), scaled)

    def _row_scores(self, X: Any, scaled: bool = False) -> Array:
        coding = self._coding.ready_to_encode(X).ready_to_decode(X)

        def scores(rows: Array, space: Workspace) -> Array:
            rebuilt = coding.rebuilt(rows, space)
            if scaled:
                rows, rebuilt = (self._scaling.forward(r, r.dtype) for r in (rows, rebuilt))
            return -np.mean(np.square(rows - rebuilt, dtype=np.float64), axis=1)

        return of_every_block(X, scores, coding.n_numbers)

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
        X = self._check_fitted_rows(repeatable(X, "score"))
        variance = mean_variance(X)
        if variance != 0:
            with np.errstate(over="ignore", invalid="ignore"):  # which gives minus infinity or NaN
                return float(1 + self._row_scores(X).mean() / variance)
        # All rows are the same; many of them are rebuilt with rounding that a single one has not.
        same = X if isinstance(X, Source) else X[:1]
        return float(not self._row_scores(same).any())

    def to_keras(self) -> Network:
        """Build the trained network as Keras models that work in the user's units.

        Returns
        -------
        encoder, decoder : keras.Model
            A named pair. ``encoder`` maps rows to codes like :meth:`transform`, ``decoder`` codes
            to rows like :meth:`inverse_transform`, in float32. They are the caller's own:
            training them leaves the estimator as it is.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            With ``scaling="quantile"``, which no layer does.

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
        check_is_fitted(self)
        if hasattr(self, "quantiles_"):
            raise ValueError(
                "to_keras needs a 'scaling' that layers can do: 'global', 'standard', 'robust', "
                "'minmax' or None. Got 'quantile'; put sklearn.preprocessing.QuantileTransformer "
                "before an estimator with scaling=None instead."
            )
        models = keras_models(self._encoder.structure, self.center_, self.scale_, self._thresholds)
        models.encoder.set_weights(self.encoder_weights_)
        models.decoder.set_weights(self.decoder_weights_)
        return models

    @property
    def loss_curve_(self) -> list[float]:
        """The training loss of every epoch."""
        return self._history("loss")

    @property
    def n_iter_(self) -> int:
        """The number of epochs trained."""
        return len(self._history("loss"))

    @property
    def _n_features_out(self) -> int:
        return int(self.n_components_)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _history(self, name: str) -> list[float]:
        try:
            return self.history_.get(name, [])  # none yet of imported models
        except AttributeError:
            raise AttributeError(f"This {type(self).__name__} is not fitted yet.") from None

    def _check_fitted_rows(self, X: Any) -> Any:
        check_is_fitted(self)
        return self._check_rows(X, reset=False)

    def _check_rows(self, X: Any, *, reset: bool, min_samples: int = 1) -> Any:
        """Check the data of fit (``reset=True``) or of a fitted estimator."""
        return read_rows(self, X, reset=reset, min_samples=min_samples)

    def _architecture_params(self) -> Mapping[str, Any]:
        """Return the keyword arguments of the architecture's builder."""
        return self.architecture_params or {}

    @property
    def _coding(self) -> Coding:
        scaling = self._scaling
        return Coding(
            self._encoder,
            self._decoder,
            self.encoder_weights_,
            self.decoder_weights_,
            scaling,
            scaling,
            self._thresholds,
        )

    @property
    def _thresholds(self) -> Array | None:
        """What a component must reach to count for the decoder."""
        return getattr(self, "thresholds_", None)

    @property
    def _dtype(self) -> str:
        """Of the weights, and of the rows that are trained on."""
        return stored_dtype(self.precision)

    @property
    def _scaling(self) -> Scaling:
        if hasattr(self, "quantiles_"):
            return Quantiles(self.quantiles_)
        return Affine(self.center_, self.scale_)

    def _train(
        self,
        X: Any,
        train: Array | None,
        held_out: Array | None,
        state: TrainingState,
        max_iter: int,
        again: bool,
        watched: bool = True,
        endless: bool = False,
    ) -> Outcome:
        """Run the engine over some rows of `X`, from new weights or `again` from those here."""
        n_rows = X.shape[0] if train is None else len(train)
        batch_size = self._batch_size(X.shape[0])
        rate = self._learning_rate(None if endless else -(-n_rows // batch_size))
        optimizer = get_optimizer(self.optimizer, rate, float(self.alpha))
        asked = self._asked(X)
        structure, objective = asked.structure, asked.objective
        if not again:
            check_held_out(X, train, held_out)
            self._start(X, train, asked)
        elif structure != self._encoder.structure:
            raise _another_network(*structure.changed(self._encoder.structure))
        if watched:
            self._check_range(X, train, asked)
        if state.rule != optimizer.rule:
            state.slots, state.rule = None, optimizer.rule
        # The numbers of dropout have two bytes.
        dropped = 2 * structure.n_dropped // np.dtype(self._dtype).itemsize
        beside = objective.noise_width(structure.spec.n_components) + dropped
        shape = chunk_shape(batch_size, X.shape[1], self._dtype, beside)
        plan = Plan(structure, objective, optimizer.rule, shape, self.precision)
        with PROGRAMS.lease(plan) as program:
            if not again:
                self._initialise(structure, program, state, X, train)
            # What the linear path leaves over is the unit of the network's errors.
            anchored = structure.linear_path
            left = residual_variance(program.network, self._weights()) if anchored else 1.0

            def run(together: bool) -> Outcome:
                program.load(self._weights(), state.slots, state.weights_rng)
                noise = self._noise(asked, X, train, state.noise_rng)
                fixed = replace(noise, rng=state.noise_rng.spawn(1)[0], fresh=False)
                training = Training(
                    program,
                    self._rows(asked, X, shape, train, noise),
                    None if held_out is None else self._rows(asked, X, shape, held_out, fixed),
                    optimizer,
                    self._numbers(asked, optimizer, program),
                    Stopping(max_iter, self.tol * left, self._setting("n_iter_no_change")),
                    self._observers(program, optimizer, max_iter) if watched else [],
                    unit=self._unit(objective.power),
                    keep_start=anchored,
                    together=together,
                )
                return training.run(state, self.shuffle)

            start = state.copy()
            outcome = run(together=True)
            diverged = outcome.diverged_at is not None and not outcome.interrupted
            if diverged and outcome.went_together:
                # What is kept must not depend on whether somebody watched the epochs.
                vars(state).update(vars(start))
                outcome = run(together=False)
            self._keep(outcome, program)
            if hasattr(self, "baseline_"):
                del self.baseline_  # of weights that are no more
            compared = anchored and held_out is not None
            if compared and not keep_the_better(self, X, held_out, program.network, asked, left):
                outcome.best_epoch = 0
        self._describe(*described(X, train), asked)
        return outcome

    def _train_on_all(self, X: Any, found: Outcome) -> None:
        """Train anew, as long as was best, on the rows that were held out too."""
        first = dict(vars(self))
        n_epochs = found.best_epoch
        if not (n_epochs or self._setting("linear_path")):
            n_epochs = len(found.history["loss"])  # none counts before the loss has settled
        if self.verbose:
            print(f"Again on all {X.shape[0]} rows")
        state = TrainingState.new(self.random_state)
        outcome = None
        with contextlib.suppress(KeyboardInterrupt):  # before or after its epochs
            outcome = self._train(X, None, None, state, n_epochs, again=False, watched=False)
        if outcome is not None and outcome.ended_well:
            for name in {"history_", "baseline_"} & first.keys():
                setattr(self, name, first[name])
            return
        put_back(self, first)
        diverged = outcome is not None and not outcome.interrupted
        reason = "stopped by an infinite or NaN loss" if diverged else "interrupted"
        warn(
            f"The second training, on all rows, was {reason}. The network of the first one, which "
            "the held-out rows had no part in, was kept."
        )

    def _automatic(self, n_rows: int, n_features: int, anchored: bool) -> dict[str, Any]:
        """Return what "auto" stands for, with a linear path or without."""
        return settings(self, n_rows, n_features, anchored)

    def _untrained(self) -> Self:
        """Return a copy that can be fitted to the same checked rows."""
        return clone(self)

    def _can_be_anchored(self, X: Any) -> bool:
        """Whether the first rows of several calls are enough for a linear path."""
        if self._length_is_open():
            return True  # no longer than the rows allow
        n_features = X.shape[1]
        least = least_rows(code_length(self._setting("n_components"), n_features), n_features)
        if X.shape[0] < least and self.linear_path != "auto":
            raise ValueError(
                f"With linear_path=True the first call of partial_fit needs at least {least} rows. "
                f"Got {X.shape[0]}; linear_path='auto' does without the path there."
            )
        return X.shape[0] >= least

    def _check_passes(self, X: Any) -> None:
        """Refuse a stream that can be read once where more than one training reads it."""
        if isinstance(X, Opened) and X.once and self._trains_before():
            raise ValueError(
                "X must be something that can be read more than once in the first call: a network "
                "is trained on it before, to find 'n_components' or layer by layer. Got an "
                "iterator; pass a callable that returns a new one each time, or an array."
            )

    def _trains_before(self) -> bool:
        """Whether the first rows go through other trainings before that of the network."""
        return self._length_is_open()

    def _settle(self, X: Any, again: bool, anchored: bool) -> None:
        """Decide what "auto" stands for, once for all trainings of the same network."""
        if again:
            earlier = self.settings_
            if self.scaling != self._asked_kind:
                raise ValueError(
                    f"Training goes on with the scaling that was learned, {self._asked_kind!r}. "
                    f"Got scaling={self.scaling!r}; fit with warm_start=False to begin anew."
                )
            chosen = self._automatic(X.shape[0], X.shape[1], earlier["linear_path"])
            self.settings_ = {name: earlier.get(name, value) for name, value in chosen.items()}
            if self._length_is_open():
                if self.n_components != self._asked_length:
                    raise _another_network("n_components")
                self.settings_["n_components"] = earlier["n_components"]
            return
        self.settings_ = self._automatic(X.shape[0], X.shape[1], anchored)
        self._asked_length, self._asked_kind = self.n_components, self.scaling
        self.component_errors_: Array
        if hasattr(self, "component_errors_"):
            del self.component_errors_
        if self._length_is_open():
            if not self._setting("linear_path"):
                raise ValueError(
                    "'n_components' must be an integer or None where there is no linear path. Got "
                    f"{self.n_components!r}."
                )
            self.settings_["n_components"], self.component_errors_ = choose_length(self, X)

    def _length_is_open(self) -> bool:
        """Whether the length of the code is to be found from the data."""
        given = self.n_components
        return isinstance(given, str) or (given is not None and not isinstance(given, Integral))

    def _setting(self, name: str) -> Any:
        """Return a parameter, or what "auto" stands for."""
        value = getattr(self, name)
        if name == "n_components" and self._length_is_open():
            return self.settings_[name]
        if isinstance(value, str) and value == "auto":
            return self.settings_[name]
        # A narrow integer of NumPy's would overflow where it is multiplied.
        return int(value) if name in _COUNTS and value is not None else value

    @property
    def _anneals(self) -> bool:
        """Whether the automatic learning rate falls to 0 at the last step."""
        return bool(self._setting("linear_path"))

    def _learning_rate(self, steps_per_epoch: int | None) -> Any:
        """Return what the optimizer takes; None stands for training without a known end."""
        rate = self._setting("learning_rate_init")
        automatic = isinstance(self.learning_rate_init, str)
        if automatic and self._anneals and steps_per_epoch is not None:
            return annealed(rate, self._setting("max_iter") * steps_per_epoch)
        return rate

    def _unit(self, power: int) -> float:
        """Return what turns losses of scaled rows into the user's units, where one scale can."""
        return float(self.scale_) ** power if np.ndim(self.scale_) == 0 else 1.0

    def _start(self, X: Any, train: Array | None, asked: Asked) -> None:
        """Learn the scaling, forget the history."""
        for name in self._of_one_fit:
            if hasattr(self, name):  # from an earlier fit
                delattr(self, name)
        scaling = fit_scaling(self._asked_scaling(asked.objective.loss), X, train)
        if isinstance(scaling, Quantiles):
            self.quantiles_ = scaling.quantiles
            scaling = Affine(np.zeros(X.shape[1]), np.ones(X.shape[1]))
        assert isinstance(scaling, Affine)
        self.center_, self.scale_ = scaling.center, scaling.scale
        self.n_components_ = asked.structure.spec.n_components
        self.history_: dict[str, list[float]] = {}

    def _asked_scaling(self, loss: Loss) -> str | None:
        """Return the scaling: cross-entropy takes values as they are, in [0, 1] already."""
        return None if loss.from_logits and self.scaling == "global" else self.scaling

    def _asked(self, X: Any) -> Asked:
        """Return what is to be built and minimised for some rows."""
        return read_parameters(self, X.shape[1])

    def _rows(
        self, asked: Asked, X: Any, shape: ChunkShape, index: Array | None, noise: Noise
    ) -> Batches:
        """Return what is trained or tested on: some rows of `X` as chunks."""
        return rows_of(X, self._scaling, shape, index, noise)

    def _max_iter(self) -> int:
        """Return how many epochs `fit` trains at most."""
        return int(self._setting("max_iter"))

    def _asked_penalty(self) -> tuple[Penalty, float]:
        """Return the penalty and its weight."""
        if self._nested:
            return NESTED, 0.0
        penalty = NO_PENALTY if self.penalty is None else PENALTIES.find(self.penalty)
        return penalty, penalty.weight if self.penalty_weight is None else self.penalty_weight

    def _describe(self, X: Any, train: Array | None, asked: Asked) -> None:
        """Say after training what is known of the code."""
        if asked.objective.penalty.sparse:
            describe_activity(self, X, train, asked.objective.code)

    def _noise(self, asked: Asked, X: Any, train: Array | None, rng: np.random.Generator) -> Noise:
        """Say what is random in the training besides the order of rows."""
        width = asked.objective.noise_width(asked.structure.spec.n_components)
        if asked.corruption is None:
            return Noise(rng, None, width)
        if not hasattr(self, "_landmarks"):
            self._landmarks = find_landmarks(X, self._scaling, train)
        level = float(self.corruption_level)
        return Noise(rng, asked.corruption.bind(level, self._scaling, self._landmarks), width)

    def _numbers(self, asked: Asked, optimizer: Optimizer, program: Program) -> Numbers:
        """Return the numbers that the compiled functions take."""
        named = {**optimizer.numbers, **asked.numbers}
        if asked.structure.linear_path:
            left = residual_variance(program.network, self._weights())
            named["loss_scale"] = 1 / left if left > 0 else 1.0
        return Numbers(
            np.array([named[name] for name in program.plan.numbers], program.shape.dtype)
        )

    def _batch_size(self, n_rows: int) -> int:
        """Cut a batch that is far larger than the data, to one of few sizes: each is compiled."""
        return min(self._setting("batch_size"), max(1024, 1 << (n_rows - 1).bit_length()))

    def _check_range(self, X: Any, rows: Array | None, asked: Asked) -> None:
        """See whether the output can reach the data."""
        bounds = get_activation(asked.structure.output_activation)
        if np.isinf(bounds.low) and np.isinf(bounds.high):
            return
        # What the scaling does not learn must hold for all rows, whichever are held out.
        learned = self._asked_scaling(asked.objective.loss) is not None
        low, high = scaled_range(X, self._scaling, rows if learned else None)
        slack = 1e-6 * max(1.0, high - low)
        if bounds.low - slack <= low and high <= bounds.high + slack:
            return
        if asked.objective.loss.from_logits:
            raise ValueError(
                f"With loss={self.loss!r} the data must lie in [0, 1]. Got values from {low:.6g} "
                f"to {high:.6g}; use scaling='minmax' or another loss."
            )
        warn(
            f"output_activation={self.output_activation!r} gives values in [{bounds.low:g}, "
            f"{bounds.high:g}] and cannot reach the scaled data, which go from {low:.6g} to "
            f"{high:.6g}. Use output_activation='identity', or choose 'scaling' to suit it."
        )

    def _split(self, X: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Choose the rows to train on and those to hold out; None stands for all and for none."""
        if not self._setting("early_stopping"):
            return None, None
        fraction, n_samples = self._setting("validation_fraction"), X.shape[0]
        if isinstance(X, Opened):
            return X.split(fraction)
        n_held_out = min(max(1, round(fraction * n_samples)), n_samples - 1)
        order = rng.permutation(n_samples)
        return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])

    def _initialise(
        self,
        structure: Structure,
        program: Program,
        state: TrainingState,
        X: Any,
        train: Array | None,
    ) -> None:
        """Draw the first weights and note how the network is run."""
        network = program.network
        self._note_network(structure, network, X)
        weights = initial_weights(structure, network, self._dtype, state.weights_rng)
        if structure.linear_path:
            seed = int(state.weights_rng.integers(2**31))
            found = principal_components(X, self._scaling, train, self.n_components_, seed)
            weights = start_at_zero(network, weights)
            for place, value in fixed_weights(network, found).items():
                weights[place] = value
        self._set_weights(weights, network)

    def _note_network(self, structure: Structure, network: Network, X: Any) -> None:
        dtype = self._dtype
        self._encoder = Coder.of(structure, "encoder", dtype, network.encoder)
        self._decoder = Coder.of(structure, "decoder", dtype, network.decoder)
        # The data's dtype if it is the finer one: NumPy need not convert them at every use then.
        self._weights_dtype = np.result_type(float_dtype(X), dtype)

    def _set_weights(self, weights: Weights, network: Network) -> None:
        weights = [weight.astype(self._weights_dtype, copy=False) for weight in weights]
        n_encoder = len(network.encoder.weights)
        self.encoder_weights_, self.decoder_weights_ = weights[:n_encoder], weights[n_encoder:]

    def _weights(self) -> Weights:
        return [*self.encoder_weights_, *self.decoder_weights_]

    def _observers(self, program: Program, optimizer: Optimizer, max_iter: int) -> list[Observer]:
        def fitted() -> dict[str, Any]:
            now = copy.copy(self)
            now._set_weights(program.weights(), program.network)
            given = set(self.get_params(deep=False))
            return {
                name: value
                for name, value in vars(now).items()
                if name not in given and "callback" not in name
            }

        observers: list[Observer] = []
        if has_sklearn_callbacks(self):
            observers.append(SklearnCallbacks(self, max_iter, fitted))
        if self.callbacks is not None and len(self.callbacks):
            rate = optimizer.learning_rate
            rate = float(rate(0)) if callable(rate) else rate
            observers.append(
                KerasCallbacks(self.callbacks, program, rate, epochs=max_iter, verbose=0)
            )
        if self.verbose:
            observers.append(PrintedLines(max_iter))
        return observers

    def _keep(self, outcome: Outcome, program: Program) -> None:
        """Take over what a training leaves."""
        before, weights = self._weights(), outcome.weights
        if program.plan.structure.linear_path:
            for place in fixed_places(program.network):
                weights[place] = before[place]  # which may be of a higher precision
        self._set_weights(weights, program.network)
        n_before, n_epochs = self.n_iter_, len(outcome.history["loss"])
        # What one of two trainings did not record is NaN, so that every list has all epochs.
        self.history_ = {
            name: [
                *self.history_.get(name, [np.nan] * n_before),
                *outcome.history.get(name, [np.nan] * n_epochs),
            ]
            for name in {**outcome.history, **self.history_}
        }

    def _warn_of_end(self, outcome: Outcome) -> None:
        """Tell if a training ended badly; one within another `fit` ends that if interrupted."""
        if outcome.interrupted and self._within:
            raise KeyboardInterrupt
        if outcome.diverged_at is not None:
            warn(
                "The loss or a weight became infinite or NaN in epoch "
                f"{outcome.diverged_at}. Training was stopped and the last good weights were kept. "
                "Lower 'learning_rate_init', or look for extreme values in the data.",
                ConvergenceWarning,
            )
        elif outcome.interrupted:
            warn(
                f"Training was interrupted after {len(outcome.history['loss'])} epochs. The "
                f"{'best' if 'val_loss' in outcome.history else 'last'} weights so far were kept "
                "and the estimator can be used."
            )


def _another_network(*names: str) -> ValueError:
    return ValueError(
        "Training can only go on with the network of the last fit. The parameters that shape it "
        f"must be the same. Got another {', '.join(map(repr, names))}; fit with warm_start=False "
        "to begin anew."
    )
