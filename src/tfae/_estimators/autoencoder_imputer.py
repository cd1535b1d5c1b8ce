"""The imputer: a linear model of the observed entries, and a network that corrects it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from numbers import Integral
from typing import Any, ClassVar, Self

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from pandas.api.types import is_integer_dtype, is_numeric_dtype
from sklearn.base import TransformerMixin
from sklearn.utils import Tags, check_scalar
from sklearn.utils.validation import check_is_fitted

from tfae._data.columns import naming_columns
from tfae._data.layout import Layout
from tfae._data.reading import (
    as_stream,
    blocks_of,
    in_memory_if_small,
    is_stream,
    repeatable,
    some_in_memory,
)
from tfae._data.rows import as_floats
from tfae._data.scaling import check_squares
from tfae._data.streams import Opened, Stream
from tfae._data.writing import joined
from tfae._estimators.attributes import Learned
from tfae._estimators.autoencoder import Autoencoder
from tfae._estimators.checking import check_rows
from tfae._estimators.fitted_value import HoldsFitted
from tfae._estimators.indicator import as_holes, learned_indicator
from tfae._estimators.parameters import ImputerParameters, defaults
from tfae._estimators.surviving import check_can_survive, surviving
from tfae._estimators.tables import learned_schema, read_table, with_filled
from tfae._fitting.imputation import fit_imputation, imputer_recipe
from tfae._fitting.recipe import Recipe
from tfae._inference.imputation import Imputation
from tfae._support.sklearn import feature_names
from tfae._support.typing import Array, History
from tfae._support.warn import warn
from tfae._training.checkpoints import Checkpoints
from tfae._training.state import TrainingState


@dataclass(eq=False, repr=False)
class AutoencoderImputer(ImputerParameters, TransformerMixin, HoldsFitted[Imputation]):
    r"""Imputer that fills missing entries by a linear model and a network that corrects it.

    The linear model is a factor analysis, :math:`x = \mu + W^T z + e`, fitted to the observed
    entries by expectation maximisation [1]_ [2]_. It fills a missing entry with its mean given the
    observed entries of its row. A network without a bottleneck sees the filled row, the ranks of
    its numbers and which entries are missing, and adds a correction, which is 0 at first. It is
    trained as a denoising autoencoder [3]_: further entries of the training rows are hidden, and
    only they count in the loss.

    Held-out rows decide: if the network does not rebuild their hidden entries better than the
    linear model by more than luck, the imputer is the linear model. Otherwise the correction is
    scaled down, for every column, to what helps. Imputed numbers stay in the range of the observed
    ones. Only missing entries change.

    Parameters
    ----------
    missing_values : int, float or None, default=numpy.nan
        What stands for a missing entry; None is the same as NaN. In data frames nulls are missing,
        too, and so are the masked values of masked arrays. In sparse matrices, an entry that is not
        stored is 0.
    add_indicator : bool, default=False
        Whether `transform` also returns which entries were missing, for the columns that had
        missing entries in `fit`, as :class:`sklearn.impute.MissingIndicator` does.
    keep_empty_features : bool, default=False
        Whether columns without any observed entry in `fit` are kept, and filled with 0. Otherwise
        they are left out, with a warning.
    sample_posterior : bool, default=False
        Whether `transform` draws missing entries given the observed ones of the row, instead of
        guessing them; see `impute` for several draws.
    columns : dict, default=None
        What columns of a data frame hold, by their names; see :class:`Autoencoder`.
    hidden_layer_sizes : int or sequence of int, default="auto"
        The numbers of units of the hidden layers. "auto" is (256, 256, 256).
    activation : str, default="auto"
        The activation of hidden layers, see :class:`Autoencoder`. "auto" is "gelu".
    dropout : float, default=0.0
        The fraction of hidden units to drop during training.
    architecture : str or callable, default="dense"
        The name of a registered architecture or a builder of networks; see
        :func:`register_architecture`. The last of the `hidden_layer_sizes` is the width of its
        code. Its decoder must end without an activation.
    architecture_params : mapping, default=None
        Parameters of the architecture.
    alpha : float, default=0.0
        The weight of the L2 penalty of kernels.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        See :class:`Autoencoder`.
    learning_rate_init : float, callable or "auto", default="auto"
        The learning rate, or a schedule of steps. "auto" rises to 0.003 and falls as a cosine to 0
        at the last epoch.
    batch_size : int, default="auto"
        The number of rows per step. "auto" is 64.
    max_iter : int, default="auto"
        The number of epochs. "auto" is the number that makes 5,000 steps. More epochs take longer
        and often fill better.
    random_state : int, RandomState instance or None, default=None
        Decides all that is random.
    precision : {"float32", "float64", "mixed_bfloat16"}, default="float32"
        The precision of the training.
    checkpoint : str or path-like, default=None
        A folder for checkpoints of `fit`; see :class:`Autoencoder`.
    verbose : int, default=0
        Whether to print a line for every epoch.

    Attributes
    ----------
    baseline_ : dict of str to float
        The comparison on held-out rows: the mean loss of hidden entries with the linear model,
        "linear_loss", and with the imputer, "autoencoder_loss"; the number of rows, "n_samples",
        and of hidden entries, "n_entries". The loss of an entry is the squared error in standard
        deviations. If both are the same, the imputer is the linear model. With fewer than 20 rows
        there is no comparison.
    imputation_errors_ : ndarray of shape (n_features - n_dropped,)
        The root mean squared error of every column for hidden entries of held-out rows, in the
        column's unit (seconds for dates); for columns of categories the share of wrong guesses.
        NaN for columns of which none was hidden. The columns of `dropped_columns_` have no entry.
    n_factors_ : int
        The number of factors of the linear model, chosen by hidden entries.
    indicator_ : sklearn.impute.MissingIndicator or None
    history_ : dict of str to list of float
        The loss of every epoch of the training that is compared, and its seconds.
    n_iter_ : int
        The number of epochs; 0 if there are too few rows for a network.
    settings_ : dict of str to object
        The values of "auto" parameters.
    dropped_columns_ : dict of str to str
        After a fit on a frame of mixed kinds: the columns that nothing can be learned from, with
        the reason. Their missing values stay, except in columns whose values are all the same.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features, if all are strings.

    See Also
    --------
    sklearn.impute.IterativeImputer : Regressions of every column on the others, in turns.
    sklearn.impute.KNNImputer : Means of near rows.

    Notes
    -----
    With fewer than 2,000 rows both models are fitted once more, to all rows. Ctrl-C during the
    training leaves the estimator as it was.

    References
    ----------
    .. [1] Rubin, D. B. and Thayer, D. T. (1982). EM algorithms for ML factor analysis.
       Psychometrika 47, 69-76.
    .. [2] Ghahramani, Z. and Hinton, G. E. (1996). The EM algorithm for mixtures of factor
       analyzers. University of Toronto, CRG-TR-96-1.
    .. [3] Vincent, P., Larochelle, H., Bengio, Y. and Manzagol, P.-A. (2008). Extracting and
       composing robust features with denoising autoencoders. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_s_curve
    >>> from tfae import AutoencoderImputer
    >>> X = np.column_stack(make_s_curve(500, random_state=0))
    >>> holes = np.random.default_rng(0).random(X.shape) < 0.2
    >>> imputer = AutoencoderImputer(hidden_layer_sizes=(64, 64), max_iter=60, random_state=0)
    >>> filled = imputer.fit_transform(np.where(holes, np.nan, X))
    >>> baseline = imputer.baseline_
    >>> baseline["autoencoder_loss"] < 0.8 * baseline["linear_loss"]
    True
    """

    takes_tables: ClassVar[bool] = True
    _fitted: Imputation | None = field(default=None, init=False)  # loading checks its type
    _needs: ClassVar[tuple[str, ...]] = ("n_features_in_", "indicator_")

    baseline_ = Learned[Mapping[str, float]](lambda fitted: fitted.facts.get("baseline"))
    imputation_errors_ = Learned[Array](lambda fitted: fitted.facts.get("errors"))
    n_factors_ = Learned[int](lambda fitted: fitted.tables.model.n_factors)
    history_ = Learned[History](lambda fitted: fitted.facts.get("history", {}))
    n_iter_ = Learned[int](lambda fitted: len(fitted.facts.get("history", {}).get("loss", [])))
    settings_ = Learned[Mapping[str, Any]](lambda fitted: fitted.facts["settings"])
    dropped_columns_ = Learned[Mapping[Any, str]](lambda fitted: fitted.facts.get("dropped"))

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn to fill the missing entries of `X`.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream
            Some of the values may be missing. A data frame may have columns of text, categories,
            booleans, dates and durations, too. Of a memory map, evenly spaced rows of 128 MB are
            learned from, of a stream up to 20,000 rows drawn from all of them; the whole stream if
            it has 128 MB at most. See :class:`Autoencoder` for what a stream may be.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter or the data cannot be used: for example infinity. The estimator is then
            unchanged.
        KeyboardInterrupt
            If Ctrl-C interrupts the training. The estimator is then unchanged.

        Warns
        -----
        UserWarning
            If the network could not improve on the linear model, if its loss became infinite or
            NaN, or if columns without observed entries are left out.

        Examples
        --------
        >>> from tfae import AutoencoderImputer
        >>> X = [[1, 2], [2, None], [3, 6], [4, 8.5], [None, 4]]
        >>> AutoencoderImputer().fit(X).n_features_in_
        2
        """
        self._validate_params()
        check_can_survive(self)
        reader = copy.copy(self)
        with naming_columns(X, reader):
            rows, layout = reader._read_all(X)
            observed = reader._observed(layout.missing(rows))
            check_squares(np.where(np.isnan(rows), 0, rows))
            recipe = reader._recipe(layout, len(rows))
            values = rows.astype(np.float64, copy=False)
            with surviving(self, recipe, values) as recipe:
                make_recipe = reader._recipe_of(layout, recipe.checkpoints)
                state = TrainingState.new(self.random_state)
                fitted = fit_imputation(make_recipe, values, layout, state)
        seed = int(state.split_rng.integers(2**63))  # of draws
        facts = {"settings": recipe.settings, "observed": observed, "seed": seed}
        if reader._schema is not None:
            facts["dropped"] = reader._schema.reasons
        reader._fitted = fitted.with_facts(facts)
        self.__dict__ = {**vars(reader)}
        return self

    def transform(self, X: Any) -> Any:
        """Fill the missing entries of rows; other entries stay as they are.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream
            Memory maps and streams are read block by block; the result is in memory.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), or a frame
            float32 for float32 input, otherwise float64. A data frame gives a frame of the same
            library, whose columns of integers stay integers.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `X` cannot be used: it has other features or infinity.

        Examples
        --------
        >>> from tfae import AutoencoderImputer
        >>> X = [[1, 2], [2, None], [3, 6], [4, 8.5], [None, 4]]
        >>> filled = AutoencoderImputer(random_state=0).fit(X).transform([[2, 3], [2, None]])
        >>> filled[0].tolist(), bool(2 < filled[1, 1] < 8.5)
        ([2.0, 3.0], True)
        """
        self._checked_fitted()
        n_draws = 1 if self.sample_posterior else 0
        return self._filled(X, n_draws, self.add_indicator)[0]

    def impute(self, X: Any, *, n_imputations: int | None = None) -> Any:
        """Fill the missing entries of rows once, or draw them several times.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream
        n_imputations : int, default=None
            The number of draws; None guesses, whatever `sample_posterior` says.

        Returns
        -------
        ndarray of shape (n_samples, n_features), or a frame; or several of these
            Without the columns of `add_indicator`. Draws have the shape (n_imputations, n_samples,
            n_features); of a frame they are a list of frames.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `n_imputations` is not an integer of at least 1, or `X` cannot be used.

        Notes
        -----
        A draw of a row depends on the row, its position in `X`, the number of the draw, and the
        seed that `fit` took from `random_state`; not on other rows. The same call gives the same
        draws, and the first is what `transform` returns with ``sample_posterior=True``. The truth
        lies between the smallest and the largest of 20 draws in 19/21, some 90 %, of the cases.
        Estimates from each draw are pooled by Rubin's rules (Rubin, 1987, Multiple imputation for
        nonresponse in surveys).

        Examples
        --------
        >>> import numpy as np
        >>> from tfae import AutoencoderImputer
        >>> X = [[1, 2], [2, None], [3, 6], [4, 8.5], [None, 4]]
        >>> imputer = AutoencoderImputer(random_state=0).fit(X)
        >>> draws = imputer.impute(X, n_imputations=20)
        >>> draws.shape, bool(np.std(draws[:, 1, 1]) > 0), bool(np.std(draws[:, 0, 0]) > 0)
        ((20, 5, 2), True, False)
        """
        if n_imputations is not None:
            check_scalar(n_imputations, "n_imputations", Integral, min_val=1)
        self._checked_fitted()
        if n_imputations is None:
            return self._filled(X, 0)[0]
        draws = self._filled(X, int(n_imputations))
        return np.stack(draws) if isinstance(draws[0], np.ndarray) else draws

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the columns that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            The names of the features if `fit` had none; otherwise the same as there.

        Returns
        -------
        ndarray of str objects
            Those of the features, then ``missingindicator_*`` of those that had missing entries.

        Examples
        --------
        >>> from tfae import AutoencoderImputer
        >>> X = [[1, 2], [2, None], [3, 6], [4, 8.5], [5, 4]]
        >>> AutoencoderImputer(add_indicator=True).fit(X).get_feature_names_out(["a", "b"])
        array(['a', 'b', 'missingindicator_b'], dtype=object)
        """
        check_is_fitted(self)
        names = feature_names(self, input_features)
        learned, kept = names, names
        if self._schema is None:
            kept = names[self._kept]
        else:
            learned = np.array([str(c.label) for c in self._schema.columns], dtype=object)
        if self.indicator_ is None:
            return kept
        return np.concatenate([kept, self.indicator_.get_feature_names_out(learned)])

    def _filled(self, X: Any, n_draws: int, indicate: bool = False) -> list[Any]:
        """Return draws of filled data as these were given; without any draw, the guess.

        What comes in blocks is filled block by block.
        """
        blocks = blocks_of(X, missing=self._nan_is_missing)
        if blocks is None:
            return self._filled_block(X, n_draws, indicate, start=0)
        parts, start = [], 0
        for block in blocks:
            parts.append(self._filled_block(block, n_draws, indicate, start))
            start += parts[-1][0].shape[0]
        return [joined(of_draw) for of_draw in zip(*parts, strict=True)]

    def _filled_block(self, X: Any, n_draws: int, indicate: bool, start: int) -> list[Any]:
        fitted = self._checked_fitted()
        with naming_columns(X, self):
            rows, layout = self._read(X, reset=False)
            if n_draws:
                filled = fitted.drawn(rows, fitted.facts["seed"], n_draws, start)
            else:
                filled = fitted.filled(rows, probabilities=self._schema is not None)[None]
        indicated = self._indicated(layout.missing(rows)) if indicate else None
        return [self._given_as(X, of_draw, indicated) for of_draw in filled]

    @property
    def _kept(self) -> Array:
        """Which features `transform` returns."""
        assert self._fitted is not None
        return np.asarray(self._fitted.facts["observed"] | self.keep_empty_features)

    def _read_all(self, X: Any) -> tuple[Array, Layout]:
        """Return the rows to learn from; of a memory map or a stream an even sample."""
        if not is_stream(X):
            return self._read(some_in_memory(X, missing=self._nan_is_missing), reset=True)
        stream = as_stream(repeatable(X, "fit"))

        def check(batch: Any, first: bool, missing: bool) -> Array:
            return self._read(batch, reset=first, whole=stream)[0]

        rows = in_memory_if_small(Opened(stream, check, missing=True), self.random_state)
        if isinstance(rows, Opened):
            rows.prepare(covariance=False)
            rows = rows.some(None)
        n_places = rows.shape[1]
        return rows, Layout.of_numbers(n_places) if self._schema is None else self._schema.layout

    def _read(self, X: Any, *, reset: bool, whole: Stream | None = None) -> tuple[Array, Layout]:
        """Return data as rows with NaN for missing entries, and the layout of their columns."""
        nan_is_missing = self._nan_is_missing
        if reset:
            self._schema = learned_schema(self, X, whole)
        if self._schema is not None:
            rows = read_table(
                self, X, self._schema, reset=reset, min_samples=1, learning=reset, missing=True
            )
            return rows, self._schema.layout
        rows = check_rows(self, X, reset=reset, missing=nan_is_missing)
        rows = as_floats(rows if isinstance(rows, np.ndarray) else rows.toarray())
        if not nan_is_missing:
            rows = np.where(rows == self.missing_values, np.nan, rows)
        return rows, Layout.of_numbers(rows.shape[1])

    def _indicated(self, missing: Array) -> Array | None:
        """Return the columns that say what was missing, if there are any."""
        if self.indicator_ is None:
            return None
        return np.asarray(self.indicator_.transform(as_holes(missing)))

    def _given_as(self, X: Any, filled: Array, indicated: Array | None = None) -> Any:
        """Return filled rows as `X` was given: an array, or a frame with its types."""
        if self._schema is not None:
            frame = with_filled(self._schema, filled, X)
            return frame if indicated is None else self._with_indicator(frame, indicated)
        filled, names = filled[:, self._kept], self.get_feature_names_out()
        n_filled = filled.shape[1]
        if indicated is not None:
            filled = np.hstack([filled, indicated])
        if nw.dependencies.is_into_dataframe(X):
            return _as_frame(filled, X, names[: n_filled if indicated is None else None])
        return filled

    def _with_indicator(self, frame: Any, indicated: Array) -> Any:
        """Return a frame of mixed kinds with columns that say what was missing."""
        names = self.get_feature_names_out()[frame.shape[1] :]
        made = nw.from_native(frame)
        for name, column in zip(names, indicated.T, strict=True):
            series = nw.new_series(name, column, backend=made.implementation)
            made = made.with_columns(series)
        return made.to_native()

    @property
    def _nan_is_missing(self) -> bool:
        given = self.missing_values
        return given is None or given != given

    def _observed(self, missing: Array) -> Array:
        """Learn which columns have missing entries; return which have any others."""
        observed = ~missing.all(axis=0)
        self.indicator_ = None
        if self.add_indicator:
            self.indicator_ = learned_indicator(missing)
        if not (observed.all() or self.keep_empty_features):
            empty = np.flatnonzero(~observed).tolist()
            names = getattr(self, "feature_names_in_", None)
            warn(
                "Columns without observed entries are left out: "
                f"{empty if names is None else names[empty].tolist()}. Use "
                "keep_empty_features=True to fill them with 0."
            )
        return np.asarray(observed)

    def _recipe(self, layout: Layout, n_rows: int) -> Recipe:
        own = {declared.name for declared in fields(self)} & defaults(Autoencoder).keys()
        params = {**defaults(Autoencoder), **{name: getattr(self, name) for name in own}}
        return imputer_recipe(params, layout, n_rows)

    def _recipe_of(self, layout: Layout, checkpoints: Checkpoints) -> Callable[[int], Recipe]:
        """Return the function that makes the recipe for a number of training rows."""
        return lambda n_rows: replace(self._recipe(layout, n_rows), checkpoints=checkpoints)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._nan_is_missing
        return tags


def _as_frame(values: Array, X: Any, names: Array) -> Any:
    """Return filled rows as a frame of the library of `X`, with its index and dtypes."""
    columns = {name: values[:, place] for place, name in enumerate(names)}
    if nw.dependencies.is_pandas_dataframe(X):
        found = pd.DataFrame(columns, index=X.index)
        dtypes = dict(zip(X.columns, X.dtypes, strict=True))
        for name in (n for n in names if n in dtypes and is_numeric_dtype(dtypes[n])):
            is_integer = is_integer_dtype(dtypes[name])
            found[name] = (found[name].round() if is_integer else found[name]).astype(dtypes[name])
        return found
    frame = nw.from_native(X)
    of_library = nw.from_dict(columns, backend=frame.implementation)
    for name, dtype in frame.schema.items():
        if name in names and dtype.is_numeric():
            column = of_library[name].round(0) if dtype.is_integer() else of_library[name]
            of_library = of_library.with_columns(column.cast(dtype))
    return of_library.to_native()
