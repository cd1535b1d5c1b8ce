"""A monitor of new rows, which tells when they are no longer like those of a fit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from tfae._inference.conformal import Martingale
from tfae._support.typing import Array


class DriftMonitor:
    """A conformal test martingale of the scores of new rows; :meth:`OutlierDetector.monitor`.

    Every new row gets a p-value among the calibration rows and all new rows before it, and a bet is
    placed against the hypothesis that it is drawn like them. The capital is 1 at the start. As long
    as the hypothesis is true, it ever reaches ``1 / rate`` with a probability of at most `rate`
    (Ville's inequality), however long the monitor watches and however often one looks [1]_.

    Parameters
    ----------
    detector : OutlierDetector
        A fitted one.
    random_state : int, RandomState instance or None, default=None
        Breaks ties among scores.

    Attributes
    ----------
    log_capitals_ : ndarray of shape (n_rows_seen,)
        The decimal logarithm of the capital after every row.
    batch_ends_ : list of int
        The numbers of rows seen at the end of every batch.

    References
    ----------
    .. [1] Vovk, V., Nouretdinov, I. and Gammerman, A. (2003). Testing exchangeability on-line.
       ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from tfae import OutlierDetector
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 3))
    >>> detector = OutlierDetector(evidence="distance", training_rows="clean", random_state=0)
    >>> monitor = detector.fit(X).monitor(random_state=0)
    >>> capital = monitor.update(rng.normal(size=(200, 3)))
    >>> monitor.alarm(rate=0.01)
    False
    >>> capital = monitor.update(rng.normal(size=(200, 3)) + 1)
    >>> monitor.alarm(rate=0.01)
    True
    """

    def __init__(self, detector: Any, random_state: Any = None) -> None:
        seed = check_random_state(random_state).randint(2**31)
        calibration = detector.calibration_scores_
        self._detector = detector
        self._martingale = Martingale(calibration, np.random.default_rng(seed))
        self.log_capitals_ = np.zeros(0)
        self.batch_ends_: list[int] = []

    def update(self, X: Any) -> Array:
        """Watch more rows, in their order.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features), or a stream

        Returns
        -------
        ndarray of shape (n_samples,)
            The decimal logarithm of the capital after every row.

        Raises
        ------
        ValueError
            If `X` cannot be used.
        """
        scores = self._detector.score_samples(X)
        found = self._martingale.update(scores) / math.log(10)
        self.log_capitals_ = np.concatenate([self.log_capitals_, found])
        self.batch_ends_.append(len(self.log_capitals_))
        return found

    def alarm(self, rate: float = 0.01) -> bool:
        """Return whether the capital has ever reached ``1 / rate``.

        Parameters
        ----------
        rate : float, default=0.01
            The highest probability of a false alarm, over all the time of watching.

        Returns
        -------
        bool

        Raises
        ------
        ValueError
            If `rate` is not between 0 and 1.
        """
        if not 0 < rate < 1:
            raise ValueError(f"'rate' must be above 0 and below 1. Got {rate!r}.")
        return bool(np.max(self.log_capitals_, initial=0.0) >= -math.log10(rate))
