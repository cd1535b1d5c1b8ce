"""The detector of outliers: how odd rows are, with what certainty, and why."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import OutlierMixin

from tfae._data.columns import naming_columns
from tfae._data.frames import as_frame, index_of
from tfae._data.layout import Layout
from tfae._data.reading import as_stream, is_stream, read_rows
from tfae._data.rows import dense_rows
from tfae._data.samples import sample_of
from tfae._data.scaling import check_squares
from tfae._data.streams import Opened, Stream
from tfae._estimators.attributes import Learned
from tfae._estimators.autoencoder import Autoencoder
from tfae._estimators.checking import check_rows
from tfae._estimators.drift_monitor import DriftMonitor
from tfae._estimators.fitted_value import HoldsFitted
from tfae._estimators.parameters import DetectorParameters, defaults
from tfae._estimators.reasons import (
    labels_of_rows,
    reasons_frame,
    values_of_columns,
    with_remainder,
)
from tfae._estimators.tables import (
    frame_of_numbers,
    learned_schema,
    read_table,
    with_changed,
)
from tfae._fitting.outliers import OutlierRecipe, fit_outliers
from tfae._fitting.surprise import surprise_recipe
from tfae._inference import conformal
from tfae._inference.counterfactual import counterfactuals
from tfae._inference.outliers import OutlierModel
from tfae._support.sklearn import feature_names
from tfae._support.typing import Array, History
from tfae._support.warn import warn
from tfae._training.state import TrainingState

# The weights of surprise and distance.
_WEIGHTS = {"both": (2 / 3, 1 / 3), "surprise": (1.0, 0.0), "distance": (0.0, 1.0)}


@dataclass(eq=False, repr=False)
class OutlierDetector(DetectorParameters, OutlierMixin, HoldsFitted[OutlierModel]):
    r"""Detector of odd rows, with p-values and with reasons.

    The score may have two parts. The *distance* of a row is that to its fifth nearest training row,
    in standard deviations. Its *surprise*, if that is asked for, is a mean of
    :math:`-\log p(x_j \mid x_{-j})`, as far as that is above what is usual for column j: how
    improbable each of its columns is given the others, by an ensemble of autoencoders that see
    which columns are hidden. The mean is between the arithmetic one and the largest value. Before
    that, the most remote training rows are dropped and columns are scaled by the others, because
    outliers in the training table would hide
    themselves. Some rows are held out, and tell how odd usual rows are.

    Parameters
    ----------
    training_rows : {"mixed", "clean"}, default="mixed"
        What the rows given to `fit` are. "mixed" rows may hold outliers: three times, the 30 %
        with the largest ridge Mahalanobis distance from the mean of the others are left out [1]_,
        then small clusters that are far from others, and of equal rows one counts. "clean" rows are
        all as they should be, and nothing is dropped. Only you can know which it is.
    contamination : "auto" or float, default="auto"
        The share of the rows given to `fit` that are outliers, in (0, 0.5]: so many have the lowest
        scores. With "auto" the fence of the boxplot decides, adjusted to the skewness of the scores
        of the calibration rows [2]_, and a row is also an outlier if 99 % of them have higher
        scores.
    false_alarm_rate : float, default=None
        The share of rows *like those of the fit* that are to be called outliers, in (0, 1); see
        :meth:`p_values`. It takes the place of `contamination`, which must then be "auto".
    calibration_fraction : float, default=0.2
        The share of the rows that nothing is learned from, drawn at random.
    evidence : {"both", "surprise", "distance"}, default="distance"
        The parts of the score. In "both" the surprise has twice the weight of the distance; each is
        first brought to the same median and quartiles among the training rows. "distance" trains
        no network and takes a fraction of a second. It is the default because "both" was not better
        on labelled sets; it was where rows contradict themselves, and where columns are mostly 0.
    n_neighbors : int, default=5
        Which of the nearest training rows the distance leads to: 5 means the fifth.
    columns : dict, default=None
        What columns of a data frame hold, by their names; see :class:`Autoencoder`.
    hidden_layer_sizes : int or sequence of int, default="auto"
        The numbers of units of the hidden layers of each autoencoder.
    activation : str, default="auto"
        The activation of hidden layers, see :class:`Autoencoder`.
    dropout : float, default=0.0
        The fraction of hidden units to drop during training.
    architecture : str or callable, default="dense"
        The name of a registered architecture or a builder of networks; see
        :func:`register_architecture`.
    architecture_params : mapping, default=None
        Parameters of the architecture.
    alpha : float, default=0.0
        The weight of the L2 penalty of kernels.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        See :class:`Autoencoder`.
    learning_rate_init : float, callable or "auto", default="auto"
        The learning rate, or a schedule of steps.
    batch_size : int, default="auto"
        The number of rows per step.
    max_iter : int, default="auto"
        The number of epochs.
    random_state : int, RandomState instance or None, default=None
        Decides all that is random.
    precision : {"float32", "float64", "mixed_bfloat16"}, default="float32"
        The precision of the training.
    verbose : int, default=0
        Whether to print a line for every epoch.

    Attributes
    ----------
    offset_ : float
        Rows with lower scores are outliers.
    calibration_scores_ : ndarray of shape (n_calibration,)
        The scores of the calibration rows.
    settings_ : dict of str to object
        The values of "auto" parameters of the networks; empty without any.
    history_ : dict of str to list of float
        The loss of every epoch; empty without networks.
    n_iter_ : int
        The number of epochs; 1 without networks, because distances are learned in one pass.
    dropped_columns_ : dict of str to str
        After a fit on a frame of mixed kinds: the columns that nothing can be learned from, with
        the reason.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the features, if all are strings.

    See Also
    --------
    sklearn.ensemble.IsolationForest : Trees that isolate rows.
    sklearn.neighbors.LocalOutlierFactor : Densities of neighbourhoods.

    Notes
    -----
    A row that is equal to a training row is judged as if it had not been in training: it is not
    its own neighbour, and only autoencoders that have not seen it judge its surprise. This is so in
    every method, and ``fit_predict(X)`` equals ``fit(X).predict(X)``.

    At most 20,000 rows, drawn at random, are learned from, and fewer in very wide tables. All are
    scored. Scores do not depend on the other rows that they are computed with.

    The estimator holds training rows, and so does its file.

    References
    ----------
    .. [1] Rousseeuw, P. J. and Van Driessen, K. (1999). A fast algorithm for the minimum covariance
       determinant estimator. Technometrics 41, 212-223.
    .. [2] Hubert, M., & Vandervieren, E. (2008). An adjusted boxplot for skewed distributions.
       Computational Statistics & Data Analysis 52, 5186-5201.

    Examples
    --------
    >>> import numpy as np
    >>> from tfae import OutlierDetector
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 3)) @ [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    >>> X[:15] = [3, -3, 0]  # equal outliers, each column of which is in its usual range
    >>> detector = OutlierDetector(evidence="distance", random_state=0).fit(X)
    >>> found = detector.predict(X) == -1
    >>> bool(found[:15].all()), bool(found.mean() < 0.1)
    (True, True)
    """

    takes_tables: ClassVar[bool] = True
    _fitted: OutlierModel | None = field(default=None, init=False)  # loading checks its type
    _needs: ClassVar[tuple[str, ...]] = ("n_features_in_",)

    offset_ = Learned[float](lambda fitted: fitted.offset)
    calibration_scores_ = Learned[Array](lambda fitted: fitted.calibration.scores)
    settings_ = Learned[Mapping[str, Any]](lambda fitted: fitted.facts.get("settings", {}))
    history_ = Learned[History](lambda fitted: fitted.facts.get("history", {}))
    n_iter_ = Learned[int](lambda fitted: len(fitted.facts.get("history", {}).get("loss", [0])))
    dropped_columns_ = Learned[Mapping[Any, str]](lambda fitted: fitted.facts.get("dropped"))

    def fit(self, X: Any, y: Any = None, *, groups: Any = None) -> Self:
        """Learn what usual rows look like.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream
            At least two rows. NaN and masked values are missing entries. A data frame may have
            columns of text, categories, booleans, dates and durations, too. Of memory maps and
            streams a sample is learned from; see :doc:`/streams`.
        y : None
            Ignored.
        groups : array-like of shape (n_samples,), default=None
            The label of a group for each row. :meth:`p_values` can then compare each row with the
            calibration rows of its own group.

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
            If there are too few calibration rows for the `false_alarm_rate`.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from tfae import OutlierDetector
        >>> X = load_wine().data
        >>> detector = OutlierDetector(evidence="distance", contamination=0.1, random_state=0)
        >>> int((detector.fit(X).predict(X) == -1).sum())
        18
        """
        self._validate_params()
        reader, state = copy.copy(self), TrainingState.new(self.random_state)
        with naming_columns(X, reader):
            read = reader._read(X, reset=True)
            rows, places = sample_of(read, state.split_rng.spawn(1)[0])
            _check_two(rows)
            check_squares(np.where(np.isnan(rows), 0, rows))
        layout, labels = reader._layout, None
        if groups is not None:
            labels = _groups_of(read, groups)[places]
        recipe = reader._recipe(layout)
        fitted = fit_outliers(recipe, rows, layout, state, labels)
        if reader._schema is not None:
            fitted = fitted.with_facts({"dropped": reader._schema.reasons})
        reader._fitted = fitted
        self.__dict__ = {**vars(reader)}
        return self

    def score_samples(self, X: Any) -> Array:
        """Return the score of every row; lower scores are odder.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream

        Returns
        -------
        ndarray of shape (n_samples,), float64
            0 for a row in the middle of the training rows. The unit is the distance of their
            quartiles. Missing entries do not count; a row without any other has a score of -1, so
            that it does not look usual.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `X` cannot be used: it has other features or infinity.

        Examples
        --------
        >>> import numpy as np
        >>> from tfae import OutlierDetector
        >>> X = np.random.default_rng(0).normal(size=(200, 2))
        >>> detector = OutlierDetector(evidence="distance", random_state=0).fit(X)
        >>> usual, odd = detector.score_samples([[0, 0], [5, 5]])
        >>> bool(odd < detector.offset_ < usual)
        True
        """
        model = self._checked_fitted()
        with naming_columns(X, self):
            return model.scores(self._read(X, reset=False))

    def decision_function(self, X: Any) -> Array:
        """Return the score of every row less `offset_`: outliers are below 0.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream

        Returns
        -------
        ndarray of shape (n_samples,), float64

        Raises
        ------
        NotFittedError, ValueError
            As in :meth:`score_samples`.

        Examples
        --------
        >>> import numpy as np
        >>> from tfae import OutlierDetector
        >>> X = np.random.default_rng(0).normal(size=(200, 2))
        >>> detector = OutlierDetector(evidence="distance", random_state=0).fit(X)
        >>> (detector.decision_function([[0, 0], [5, 5]]) > 0).tolist()
        [True, False]
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> Array:
        """Return -1 for every outlier, and 1 for other rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream

        Returns
        -------
        ndarray of int of shape (n_samples,)

        Raises
        ------
        NotFittedError, ValueError
            As in :meth:`score_samples`.

        Examples
        --------
        >>> import numpy as np
        >>> from tfae import OutlierDetector
        >>> X = np.random.default_rng(0).normal(size=(200, 2))
        >>> detector = OutlierDetector(evidence="distance", random_state=0).fit(X)
        >>> detector.predict([[0, 0], [5, 5]])
        array([ 1, -1])
        """
        return np.where(self.score_samples(X) < self.offset_, -1, 1)

    def p_values(
        self, X: Any, method: Literal["split", "cross"] = "split", *, groups: Any = None
    ) -> Array:
        """Return the share of rows like those of the fit that are at least as odd.

        A new row that is drawn like the rows of the fit has a p-value of at most alpha with a
        probability of at most alpha, whatever the score is [1]_. With "mixed" training rows, rows
        "like those of the fit" include their outliers, so that p-values are larger than among
        clean rows alone.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream
        method : {"split", "cross"}, default="split"
            "split" compares with the calibration rows. "cross" compares with all training rows,
            each judged by what has not seen its fold [2]_: p-values are finer, and the probability
            is at most 2 alpha, in practice about alpha. It takes as many times longer as there are
            folds, and the first call scores all training rows.
        groups : array-like of shape (n_samples,), default=None
            The group of each row, among those given to `fit`; only for "split". Each row is
            compared with the calibration rows of its group, so that p-values hold in every group
            (Mondrian p-values, [1]_).

        Returns
        -------
        ndarray of shape (n_samples,), float64
            From 1 / (n + 1) to 1, where n is the number of the rows compared with.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `X` or `groups` cannot be used.

        References
        ----------
        .. [1] Vovk, V., Gammerman, A. and Shafer, G. (2005). Algorithmic learning in a random
           world. Springer.
        .. [2] Vovk, V. (2015). Cross-conformal predictors. Annals of Mathematics and Artificial
           Intelligence 74, 9-28.

        Examples
        --------
        >>> import numpy as np
        >>> from tfae import OutlierDetector
        >>> rng = np.random.default_rng(0)
        >>> detector = OutlierDetector(evidence="distance", random_state=0)
        >>> p = detector.fit(rng.normal(size=(495, 2))).p_values([[0, 0], [5, 5]])
        >>> bool(p[0] > 0.5), float(p[1])
        (True, 0.01)
        """
        model = self._checked_fitted()
        if method not in ("split", "cross"):
            raise ValueError(f"'method' must be 'split' or 'cross'. Got {method!r}.")
        if groups is not None:
            if method == "cross":
                raise ValueError("'groups' need method='split'. Got 'cross'.")
            return self._p_values_of_groups(X, groups)
        if method == "split":
            return conformal.p_values(model.calibration.scores, self.score_samples(X))
        with naming_columns(X, self):
            by_fold = model.cross_scores(self._read(X, reset=False))
        return conformal.cross_p_values(model.left_out_scores, model.folds, by_fold)

    def detect(self, X: Any, fdr: float = 0.1, *, groups: Any = None) -> Array:
        """Return which rows are outliers, so that few of these are false.

        This is the procedure of Benjamini and Hochberg on split p-values [1]_: in the mean, at most
        a share `fdr` of the rows that it names are drawn like the rows of the fit.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream
            New rows, not those of the fit.
        fdr : float, default=0.1
            The false discovery rate, in (0, 1).
        groups : array-like of shape (n_samples,), default=None
            See :meth:`p_values`.

        Returns
        -------
        ndarray of bool of shape (n_samples,)

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `X`, `fdr` or `groups` cannot be used.

        Warns
        -----
        UserWarning
            If rows are odder than all calibration rows, but these are too few to name any.

        References
        ----------
        .. [1] Bates, S., Candès, E., Lei, L., Romano, Y. and Sesia, M. (2023). Testing for outliers
           with conformal p-values. Annals of Statistics 51, 149-178.

        Examples
        --------
        >>> import numpy as np
        >>> from tfae import OutlierDetector
        >>> rng = np.random.default_rng(0)
        >>> detector = OutlierDetector(evidence="distance", training_rows="clean", random_state=0)
        >>> X_new = np.vstack([rng.normal(size=(50, 2)), np.full((10, 2), 6.0)])
        >>> found = detector.fit(rng.normal(size=(500, 2))).detect(X_new)
        >>> int(found[:50].sum()), int(found[50:].sum())
        (0, 10)
        """
        if not 0 < fdr < 1:
            raise ValueError(f"'fdr' must be above 0 and below 1. Got {fdr!r}.")
        p = self.p_values(X, groups=groups)
        found = conformal.discoveries(p, fdr)
        n_calibration = len(self.calibration_scores_)
        n_odder = int((p <= 1 / (n_calibration + 1)).sum())
        if n_odder and not found.any():
            needed = conformal.calibration_rows_needed(fdr * n_odder / len(p))
            warn(
                f"{n_odder} of {len(p)} rows are odder than all {n_calibration} calibration rows, "
                f"and none is named: with a false discovery rate of {fdr:g} that needs at least "
                f"{needed} calibration rows. Give fit more rows, or raise 'calibration_fraction'."
            )
        return found

    def drift(self, X: Any) -> float:
        """Return the p-value of the hypothesis that rows are drawn like those of the fit.

        It is that of the two-sample test of Kolmogorov and Smirnov on the scores of the calibration
        rows and of `X` [1]_. It sees drift that makes rows more or less odd.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream
            New rows, not those of the fit.

        Returns
        -------
        float
            Small if there is drift.

        Raises
        ------
        NotFittedError, ValueError
            As in :meth:`score_samples`.

        See Also
        --------
        monitor : Watches rows as they come.

        References
        ----------
        .. [1] Hodges, J. L. (1958). The significance probability of the Smirnov two-sample test.
           Arkiv för Matematik 3, 469-486.

        Examples
        --------
        >>> import numpy as np
        >>> from tfae import OutlierDetector
        >>> rng = np.random.default_rng(0)
        >>> X, X_new = rng.normal(size=(2, 500, 3))
        >>> detector = OutlierDetector(evidence="distance", random_state=0).fit(X)
        >>> bool(detector.drift(X_new) > 0.05), bool(detector.drift(X_new + 1) < 0.001)
        (True, True)
        """
        return conformal.changed(self._checked_fitted().calibration.scores, self.score_samples(X))

    def monitor(self, random_state: Any = None) -> DriftMonitor:
        """Return a monitor that watches new rows batch by batch; see :class:`DriftMonitor`.

        Parameters
        ----------
        random_state : int, RandomState instance or None, default=None
            Breaks ties among scores.

        Returns
        -------
        DriftMonitor

        Raises
        ------
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> from tfae import OutlierDetector
        >>> X = np.random.default_rng(0).normal(size=(200, 2))
        >>> monitor = OutlierDetector(evidence="distance", random_state=0).fit(X).monitor()
        >>> monitor.update([[9.0, 9.0]] * 30).shape, monitor.alarm()
        ((30,), True)
        """
        self._checked_fitted()
        return DriftMonitor(self, random_state)

    def explain(self, X: Any) -> Any:
        """Return what every column adds to the oddness of every row.

        What a column adds is its share of the distance term plus its share of the surprise. Its
        share of the distance is in proportion to the fall of the squared distances to the
        neighbours, if the column is left out and the neighbours are sought without it. The last
        column, "remainder", is what belongs to no column: a constant. Each row sums to its negative
        score.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream

        Returns
        -------
        DataFrame of shape (n_samples, n_features + 1)
            Of the library of `X`, with its index; of pandas if `X` is no frame. Columns that
            nothing is learned from are not in it.

        Raises
        ------
        NotFittedError, ValueError
            As in :meth:`score_samples`.

        See Also
        --------
        reasons : The same in words: columns, values, and what was expected.
        tfae.plotting.contributions : A picture of one row.

        Notes
        -----
        With distances, all differences between rows and training rows are taken, column by column:
        about ten times the cost of the scores, and fifty times with many hundred columns.

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> from tfae import OutlierDetector
        >>> X = pd.DataFrame(np.random.default_rng(0).normal(size=(300, 3)), columns=[*"abc"])
        >>> detector = OutlierDetector(evidence="distance", random_state=0).fit(X)
        >>> odd = pd.DataFrame({"a": [0.0], "b": [7.0], "c": [0.0]})
        >>> found = detector.explain(odd)
        >>> found.idxmax(axis=1)[0], list(found.columns)
        ('b', ['a', 'b', 'c', 'remainder'])
        >>> bool(np.isclose(found.sum(axis=1), -detector.score_samples(odd)).all())
        True
        """
        model = self._checked_fitted()
        with naming_columns(X, self):
            found = model.contributions(self._read(X, reset=False))
        return frame_of_numbers(with_remainder(self._labels), found, X)

    def expected(self, X: Any) -> Any:
        """Return what every column of every row was expected to be, in the user's units.

        With the surprise, it is what is expected given the other columns of the row. With
        ``evidence="distance"`` it is the mean of the neighbours, or their commonest category, which
        are sought without the column.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream

        Returns
        -------
        ndarray of shape (n_samples, n_features), or a frame
            A frame if `X` is one.

        Raises
        ------
        NotFittedError, ValueError
            As in :meth:`score_samples`.

        Examples
        --------
        >>> import numpy as np
        >>> from tfae import OutlierDetector
        >>> x = np.random.default_rng(0).normal(size=(300, 1))
        >>> X = np.hstack([x, 2 * x])
        >>> detector = OutlierDetector(evidence="distance", random_state=0).fit(X)
        >>> bool(abs(detector.expected([[0.5, 1.0]]) - [[0.5, 1.0]]).max() < 0.2)
        True
        """
        model = self._checked_fitted()
        with naming_columns(X, self):
            return self._as_given(model.expected(self._read(X, reset=False)), X)

    def nearest_normal(self, X: Any) -> Any:
        """Return the nearest training row that is no outlier, for every row.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream

        Returns
        -------
        ndarray of shape (n_samples, n_features), or a frame
            A frame if `X` is one. In a frame of mixed kinds rare categories, which the detector
            knows by one name only, and columns that nothing is learned from are missing.

        Raises
        ------
        NotFittedError, ValueError
            As in :meth:`score_samples`.

        Examples
        --------
        >>> import numpy as np
        >>> from tfae import OutlierDetector
        >>> X = np.random.default_rng(0).normal(size=(300, 2))
        >>> detector = OutlierDetector(evidence="distance", random_state=0).fit(X)
        >>> found = detector.nearest_normal([[9, 9]])
        >>> bool(detector.predict(found)[0] == 1), bool((X == found).all(axis=1).any())
        (True, True)
        """
        model = self._checked_fitted()
        with naming_columns(X, self):
            rows = model.nearest_normal(self._read(X, reset=False))
        return self._as_given(self._without_rare(rows), X, carry=False)

    def reasons(self, X: Any, n_columns: int = 3) -> pd.DataFrame:
        """Return the outliers among rows, the oddest first, and the columns that speak most.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        n_columns : int, default=3
            The number of columns for each row.

        Returns
        -------
        pandas.DataFrame
            A line for each outlier and column: "row", its label in the index of `X` or its number;
            its "score"; the "column"; its "contribution", see :meth:`explain`; the "value" that it
            has, and the "expected" one, see :meth:`expected`.

        Raises
        ------
        NotFittedError, ValueError
            As in :meth:`score_samples`. Also if `n_columns` is below 1.

        Examples
        --------
        >>> import numpy as np
        >>> from tfae import OutlierDetector
        >>> X = np.random.default_rng(0).normal(size=(300, 3))
        >>> detector = OutlierDetector(evidence="distance", random_state=0).fit(X)
        >>> found = detector.reasons([[0, 0, 0], [0, 9, 0]], n_columns=1)
        >>> found["row"].tolist(), found["column"].tolist(), found["value"].tolist()
        ([1], ['x1'], [9.0])
        """
        if n_columns < 1:
            raise ValueError(f"'n_columns' must be at least 1. Got {n_columns!r}.")
        model = self._checked_fitted()
        with naming_columns(X, self):
            rows = dense_rows(self._read(X, reset=False), slice(None))
        scores = model.scores(rows)
        odd = np.flatnonzero(scores < model.offset)
        values, expected = self._lists(rows[odd], X, odd), self._lists(model.expected(rows[odd]))
        labels = np.array(labels_of_rows(X, len(rows)), dtype=object)[odd]
        found = model.contributions(rows[odd])[:, :-1] if len(odd) else np.zeros((0, 0))
        return reasons_frame(found, self._labels, values, expected, labels, scores[odd], n_columns)

    def counterfactual(self, X: Any) -> Any:
        """Return rows after few changed cells, with which `predict` gives 1.

        Cells are changed, one by one, to the values of the nearest training row that is no outlier
        or to those that were expected, each time the cell that helps most. Changes that are not
        needed are taken back. This finds few cells, not always the fewest. Rows that are no
        outliers stay as they are.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features), or a frame
            A frame if `X` is one. An outlier for which nothing is found stays as it is.

        Raises
        ------
        NotFittedError, ValueError
            As in :meth:`score_samples`.

        Notes
        -----
        It takes some hundred scores for each outlier and changed cell.

        Examples
        --------
        >>> import numpy as np
        >>> from tfae import OutlierDetector
        >>> X = np.random.default_rng(0).normal(size=(300, 3))
        >>> detector = OutlierDetector(evidence="distance", random_state=0).fit(X)
        >>> changed = detector.counterfactual([[0.0, 9.0, 0.0]])
        >>> (changed == [[0.0, 9.0, 0.0]]).tolist(), detector.predict(changed).tolist()
        ([[True, False, True]], [1])
        """
        model = self._checked_fitted()
        with naming_columns(X, self):
            rows = dense_rows(self._read(X, reset=False), slice(None))
        rows = rows.astype(np.float64, copy=False)
        targets = model.nearest_normal(rows), model.expected(rows)
        found, changed = counterfactuals(model, rows, [self._possible(each) for each in targets])
        if self._schema is not None:
            return with_changed(self._schema, found, X, changed)
        return self._as_given(found, X)

    @property
    def _layout(self) -> Layout:
        if self._schema is not None:
            return self._schema.layout
        return Layout.of_numbers(self.n_features_in_)

    @property
    def _labels(self) -> list[Any]:
        """The labels of the columns that are learned from."""
        if self._schema is not None:
            return [column.label for column in self._schema.columns]
        return list(feature_names(self, None))

    def _read(self, X: Any, *, reset: bool, whole: Stream | None = None) -> Any:
        """Return data as rows with NaN for missing entries: an array, a CSR matrix or a source."""
        if is_stream(X):
            return self._read_stream(X, reset)
        if reset:
            self._schema = learned_schema(self, X, whole)
        least = 2 if reset and whole is None else 1
        if self._schema is not None:
            return read_table(
                self, X, self._schema, reset=reset, min_samples=least, learning=reset, missing=True
            )
        check = functools.partial(check_rows, self, reset=reset, min_samples=least, missing=True)
        return read_rows(X, check, least)

    def _read_stream(self, X: Any, reset: bool) -> Opened:
        """Return a stream whose batches are read like data of their own."""
        stream = as_stream(X)
        whole = None if stream.once else stream

        def check(batch: Any, first: bool, _: bool) -> Any:
            rows = dense_rows(self._read(batch, reset=reset and first, whole=whole), slice(None))
            return rows.astype(np.float64, copy=False)

        return Opened(stream, check, missing=True)

    def _recipe(self, layout: Layout) -> OutlierRecipe:
        own = {declared.name for declared in fields(self)} & defaults(Autoencoder).keys()
        params = {**defaults(Autoencoder), **{name: getattr(self, name) for name in own}}
        is_auto = isinstance(self.contamination, str)
        return OutlierRecipe(
            trims=self.training_rows == "mixed",
            n_neighbors=self.n_neighbors,
            calibration_fraction=self.calibration_fraction,
            contamination=None if is_auto else float(self.contamination),
            false_alarm_rate=self.false_alarm_rate,
            weights=_WEIGHTS[self.evidence],
            surprise=lambda n_rows: surprise_recipe(params, layout, n_rows),
        )

    def _p_values_of_groups(self, X: Any, groups: Any) -> Array:
        of = self._checked_fitted().calibration
        if not of.names:
            raise ValueError("'groups' need a fit with groups. Got a fit without any.")
        scores = self.score_samples(X)
        given = conformal.groups_as_array(groups, len(scores), set(of.names))
        places = {name: place for place, name in enumerate(of.names)}
        codes = np.array([places[label] for label in given.tolist()], dtype=np.int64)
        empty = sorted({of.names[code] for code in set(codes.tolist()) - set(of.groups.tolist())})
        if empty:
            warn(f"There are no calibration rows of {empty[:3]}, so that p-values there are 1.")
        return conformal.p_values_of_groups(of.scores, of.groups, scores, codes)

    def _as_given(self, rows: Array, X: Any, carry: bool = True) -> Any:
        """Return rows of numbers as the data were given: an array, or a frame like `X`."""
        frame = as_frame(X)
        if frame is None:
            return rows
        if self._schema is None:
            return frame_of_numbers(self._labels, rows, X)
        return self._schema.decode(rows, like=frame if carry else None, index=index_of(X))

    def _without_rare(self, rows: Array) -> Array:
        return rows if self._schema is None else self._schema.without_rare(rows)

    def _possible(self, rows: Array) -> Array:
        """Return rows as they come back from a frame: whole numbers are whole, and so on."""
        if self._schema is None:
            return rows
        return self._schema.encode(self._schema.decode(self._without_rare(rows)))

    def _lists(self, rows: Array, X: Any = None, chosen: Array | None = None) -> list[Any]:
        """Return the values of every column as a list; of a frame as they are given."""
        if self._schema is None:
            return list(rows.T.tolist())
        frame = as_frame(X)
        if frame is None or chosen is None:
            return values_of_columns(self._schema.decode(rows), self._labels)
        values = values_of_columns(frame, self._labels)
        return [[of[place] for place in chosen] for of in values]

    def _validate_params(self) -> None:
        super()._validate_params()
        if self.false_alarm_rate is not None and not isinstance(self.contamination, str):
            raise ValueError(
                "'contamination' must be 'auto' if there is a 'false_alarm_rate', because either "
                f"decides which rows are outliers. Got contamination={self.contamination!r} and "
                f"false_alarm_rate={self.false_alarm_rate!r}."
            )


def _check_two(rows: Array) -> None:
    """Raise unless there are two rows, which a stream may not have."""
    if len(rows) < 2:
        raise ValueError(f"X must have at least 2 rows. Got a stream of {len(rows)}.")


def _groups_of(read: Any, groups: Any) -> Array:
    if not read.shape:
        raise ValueError("'groups' need an array or a data frame. Got a stream.")
    return conformal.groups_as_array(groups, read.shape[0])
