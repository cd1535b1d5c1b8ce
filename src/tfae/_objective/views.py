"""Two views of a noisy row, one to encode and one to predict, where no clean rows exist.

Noise that is independent in both cannot be predicted, so that the error of a prediction is that of
the clean row plus the noise of the second view. All views are unbiased, and none needs to know the
clean row:

* gaussian noise: ``y + z`` and ``y - z``, with ``z`` of the noise's own variance (Pang, Zheng, Quan
  and Ji, 2021, Recorrupted-to-recorrupted, CVPR);
* counts: two halves, by tossing a coin for every count (Batson, Royer and Webber, 2019, Molecular
  cross-validation for single-cell RNA-seq, bioRxiv 786269);
* any noise that is independent between entries: the entries that are left, and those that are
  hidden (Batson and Royer, 2019, Noise2Self, ICML).

They run where corruptions run, ahead of the device.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from tfae._data.counts import check_counts
from tfae._data.landmarks import Landmarks
from tfae._data.scaling import LOGARITHMS, Forward, Scaling
from tfae._networks.linear_denoiser import Moments, from_others, without_noise
from tfae._objective.corruptions import Corrupt, Levels, Random, Terms, mask, moments_of_masking
from tfae._support.random_bits import write_noisy
from tfae._support.typing import Array

# Of the entries of a row, one in so many is hidden at a time.
N_GROUPS = 4


class Views(ABC):
    """A way to make two views of noisy rows, as it is asked for."""

    hides = False  # whether only the entries that differ in both views are to be predicted
    seen_as: Forward | None = None  # how an encoder takes rows, if not scaled

    @abstractmethod
    def bind(self, scaling: Scaling, marks: Landmarks) -> Corrupt:
        """Return a function that writes one view into a buffer and leaves the other in the rows."""

    def moments(
        self, scaling: Scaling, marks: Landmarks, mean: Array, covariance: Array
    ) -> Moments | None:
        """Return the moments of clean rows and of the view to encode, if there is a formula."""
        return None

    @abstractmethod
    def noise_of(self, targets: Array, scaling: Scaling, marks: Landmarks) -> Array:
        """Return the variance of the noise of scaled targets, of their shape or [features]."""


@dataclass(frozen=True, eq=False)
class GaussianViews(Views):
    """Views of rows with gaussian noise."""

    level: float  # the standard deviation of the noise
    absolute: bool  # whether it is in the user's units

    def bind(self, scaling: Scaling, marks: Landmarks) -> Corrupt:
        return partial(_more_and_less, _deviation(self, scaling, marks))

    def moments(
        self, scaling: Scaling, marks: Landmarks, mean: Array, covariance: Array
    ) -> Moments:
        variance = np.square(_deviation(self, scaling, marks))
        clean = without_noise(covariance, variance)
        return Moments(mean, clean, mean, clean + np.diag(2 * variance), clean)

    def noise_of(self, targets: Array, scaling: Scaling, marks: Landmarks) -> Array:
        return 2 * np.square(_deviation(self, scaling, marks))


@dataclass(frozen=True, eq=False)
class MaskedViews(Views):
    """Views of rows whose noise is independent between entries: some are hidden, and predicted.

    The level is known only if the noise has the same size everywhere.
    """

    level: float | None
    absolute: bool
    hides = True

    def bind(self, scaling: Scaling, marks: Landmarks) -> Corrupt:
        return partial(mask, self._terms(marks), 1 / N_GROUPS)

    def moments(
        self, scaling: Scaling, marks: Landmarks, mean: Array, covariance: Array
    ) -> Moments:
        hidden = Levels(1 / N_GROUPS, 1 / N_GROUPS)
        masked = moments_of_masking(hidden, self._terms(marks), mean, covariance)
        noise = self.noise_of(mean, scaling, marks)
        return replace(from_others(masked), covariance=without_noise(covariance, noise))

    def noise_of(self, targets: Array, scaling: Scaling, marks: Landmarks) -> Array:
        if self.level is None:
            return np.zeros(targets.shape[-1])
        return np.square(_deviation(self, scaling, marks))

    def _terms(self, marks: Landmarks) -> Terms:
        return Terms(marks.mean, marks.low, marks.high, marks.spread)


@dataclass(frozen=True, eq=False)
class ThinnedCounts(Views):
    """Views of rows of counts: half of what was counted, and the other half, both doubled."""

    seen_as = LOGARITHMS

    def bind(self, scaling: Scaling, marks: Landmarks) -> Corrupt:
        return _halved

    def noise_of(self, targets: Array, scaling: Scaling, marks: Landmarks) -> Array:
        return 2 * targets  # half of a Poisson number has its mean as variance


def _deviation(of: GaussianViews | MaskedViews, scaling: Scaling, marks: Landmarks) -> Array:
    unit = 1 / scaling.scale if of.absolute else marks.spread
    return np.asarray(of.level * np.broadcast_to(unit, marks.low.shape))


def _more_and_less(deviation: Array, x: Array, out: Array, rng: Random) -> None:
    """Write rows with more noise into a buffer, and take that noise from the rows."""
    write_noisy(x, deviation, out, rng)
    x *= 2
    x -= out


def _halved(x: Array, out: Array, rng: Random) -> None:
    """Toss a coin for every count; write the logarithms of one half, and leave the other half."""
    check_counts(x)
    some = np.nonzero(x)
    counts = x[some]
    seen = rng.binomial(counts.astype(np.int64), 0.5)
    x[some] = 2 * (counts - seen)
    out[...] = 0
    out[some] = 2 * seen
    LOGARITHMS.forward(out, out.dtype, out=out)
