"""Conformal p-values of scores, and what follows from them: false discoveries and drift.

Scores are those of rows that no training has seen, calibration rows, and of new rows; the lower,
the odder. If the new row is one more of the same kind, its rank among them is uniform, whatever the
scores are (Vovk, Gammerman and Shafer, 2005, Algorithmic Learning in a Random World, Springer).
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import numpy as np
from scipy import special, stats

from tfae._support.typing import Array

# Powers of p-values that a martingale bets with: the smaller, the more it bets on small ones.
_POWERS = np.linspace(0.02, 0.98, 49)


def p_values(calibration: Array, scores: Array) -> Array:
    """Return the share of rows that are at least as odd, of the calibration rows and the new one.

    A row of their kind has a p-value of at most alpha with a probability of at most alpha.

    Parameters
    ----------
    calibration : ndarray of shape (n_calibration,)
    scores : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (n,)
        From ``1 / (n_calibration + 1)`` to 1.
    """
    n_as_odd = np.searchsorted(np.sort(calibration), scores, side="right")
    return np.asarray((1 + n_as_odd) / (len(calibration) + 1))


def p_values_of_groups(
    calibration: Array, groups: Array, scores: Array, groups_of_scores: Array
) -> Array:
    """Return p-values among the calibration rows of the same group (Mondrian, ibid., section 4.5).

    They are valid in every group alone. They are 1 in a group without calibration rows.
    """
    found = np.ones(len(scores))
    for group in set(np.unique(groups_of_scores).tolist()):
        here = groups_of_scores == group
        found[here] = p_values(calibration[groups == group], scores[here])
    return found


def cross_p_values(left_out: Array, folds: Array, scores_by_fold: Array) -> Array:
    """Return cross-conformal p-values, for which every row is a training and a calibration row.

    Every calibration row is compared with a new row by the same model: that of the folds without
    it. The probability of a p-value of at most alpha is at most about 2 alpha, and in practice
    about alpha (Barber et al., 2021, Predictive inference with the jackknife+, Annals of Statistics
    49, 486-507; Vovk, 2015, Cross-conformal predictors, AMAI 74, 9-28).

    Parameters
    ----------
    left_out : ndarray of shape (n_calibration,)
        The score of every calibration row by the model that has not seen its fold.
    folds : ndarray of int of shape (n_calibration,)
        The fold of every calibration row.
    scores_by_fold : ndarray of shape (n, n_folds)
        The scores of new rows by the model that has not seen a fold.
    """
    n_as_odd = np.zeros(len(scores_by_fold))
    for fold, scores in enumerate(scores_by_fold.T):
        of_fold = np.sort(left_out[folds == fold])
        n_as_odd += np.searchsorted(of_fold, scores, side="right")
    return np.asarray((1 + n_as_odd) / (len(left_out) + 1))


def discoveries(p: Array, fdr: float) -> Array:
    """Return which rows are odd, so that in the mean at most a share of `fdr` of them is not.

    This is the procedure of Benjamini and Hochberg (1995). It holds for p-values with the same
    calibration rows (Bates et al., 2023, Testing for outliers with conformal p-values, Annals of
    Statistics 51, 149-178).
    """
    if not len(p):
        return np.zeros(0, bool)
    return np.asarray(stats.false_discovery_control(p) <= fdr)


def calibration_rows_needed(level: float) -> int:
    """Return how many calibration rows allow a p-value as small as a level."""
    # Rounding must not ask for one row more where 1 / level is whole.
    return max(0, math.ceil(round(1 / level, 9)) - 1)


def changed(calibration: Array, scores: Array) -> float:
    """Return the p-value of the hypothesis that new scores are drawn like the calibration scores.

    It is that of the two-sample test of Kolmogorov and Smirnov. A one-sample test of p-values would
    reject far too often, because they share their calibration rows.
    """
    return float(stats.ks_2samp(calibration, scores).pvalue)


class Martingale:
    """A game against the hypothesis that new rows are drawn like the calibration rows.

    Every new score gets a p-value among all scores before it, and a bet on small p-values and one
    on large ones. Under the hypothesis the capital, 1 at the start, reaches a number c at any time
    with a probability of at most 1 / c (Ville's inequality). So an alarm at c = 100 is false with
    a probability of at most .01, however long one watches (Vovk, Nouretdinov and Gammerman, 2003,
    Testing exchangeability on-line, ICML; the bets are its mixture of power martingales).

    Parameters
    ----------
    calibration : ndarray of shape (n_calibration,)
    random_state : numpy.random.Generator
        It breaks ties, which must be broken at random.
    """

    def __init__(self, calibration: Array, random_state: np.random.Generator) -> None:
        self._before = np.sort(calibration)
        self._rng = random_state
        self._log_capitals = np.full(2 * len(_POWERS), -math.log(2 * len(_POWERS)))

    @property
    def log_capital(self) -> float:
        """The natural logarithm of the capital."""
        return float(special.logsumexp(self._log_capitals))

    def update(self, scores: Array) -> Array:
        """Play on for new scores, in their order; return the logarithms of the capital.

        Shape (n,).
        """
        p = self._p_values(scores)
        logs = np.log(np.stack([p, 1 - p], axis=1))[:, :, None]
        bets = (np.log(_POWERS) + (_POWERS - 1) * logs).reshape(len(p), 2 * len(_POWERS))
        capitals = self._log_capitals + np.cumsum(bets, axis=0)
        if len(p):
            self._log_capitals = capitals[-1]
        return np.asarray(special.logsumexp(capitals, axis=1))

    def _p_values(self, scores: Array) -> Array:
        """Return smoothed p-values, which are independent and uniform under the hypothesis."""
        found = np.empty(len(scores))
        for place, score in enumerate(scores):
            low = int(np.searchsorted(self._before, score, side="left"))
            high = int(np.searchsorted(self._before, score, side="right"))
            ties = 1 + high - low  # the score is one of its own ties
            found[place] = (low + self._rng.random() * ties) / (len(self._before) + 1)
            self._before = np.insert(self._before, high, score)
        tiny = np.finfo(np.float64).eps
        return np.clip(found, tiny, 1 - tiny)


def groups_as_array(groups: Any, n_rows: int, known: set[Hashable] | None = None) -> Array:
    """Return the group of every row.

    Raises
    ------
    ValueError
        If there is not one for every row, or one is not among the `known` groups.
    """
    found = np.asarray(groups)
    if found.shape != (n_rows,):
        raise ValueError(
            f"'groups' must have one label for each of the {n_rows} rows. Got shape {found.shape}."
        )
    unknown = set() if known is None else set(found.tolist()) - known
    if unknown:
        some = ", ".join(sorted(map(repr, unknown))[:3])
        raise ValueError(
            f"'groups' must be groups of the rows that were given to fit. Got {some}, of which no "
            "calibration rows are known."
        )
    return found
