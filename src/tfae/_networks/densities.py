"""What a network must put out so that it is a density of every column of a table.

A number has a mixture of a few densities of Student's t, whose weights, locations and scales are
outputs (mixture density networks: Bishop, 1994, Mixture density networks, Aston University; of
heavy tails: Peel and McLachlan, 2000, Robust mixture modelling using the t distribution, Statistics
and Computing 10, 339-348). Its logarithm falls like that of the distance. So no value is infinitely
surprising, a remote training row pulls with a bounded force, and float32 is enough. A column of
categories has a logit for each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tfae._data.layout import Layout
from tfae._support.typing import Array

# The outputs of one part of a mixture: its weight as a logit, its location, its scale.
N_KINDS = 3


@dataclass(frozen=True)
class Mixture:
    """The form of the density of a scaled number.

    Attributes
    ----------
    n_parts : int
    freedom : float
        The degrees of freedom of Student's t.
    least_scale : float
        The smallest scale of a part, so that a column with few values has no density without bound.
    """

    n_parts: int = 3
    freedom: float = 3.0
    least_scale: float = 0.05

    @property
    def n_outputs(self) -> int:
        """How many outputs a number has."""
        return N_KINDS * self.n_parts

    @property
    def log_constant(self) -> float:
        """The logarithm of the density of Student's t at 0."""
        half = 0.5 * self.freedom
        gammas = math.lgamma(half + 0.5) - math.lgamma(half)
        return gammas - 0.5 * math.log(math.pi * self.freedom)

    def surprise(self, x: Array, outputs: Array) -> Array:
        """Return the negative logarithm of the density of numbers.

        Parameters
        ----------
        x : ndarray of shape (…, numbers)
        outputs : ndarray of shape (…, numbers * n_outputs)
            The logits of all numbers for the first part, then those for the second, …, and so the
            locations and the scales.
        """
        logits, location, scale = self._parts(outputs)
        scale = self.least_scale + _softplus(scale)
        far = np.square((x[..., None, :] - location) / scale)
        logs = logits - np.log(scale) - self._power * np.log(1 + far / self.freedom)
        return np.asarray(_log_sum_exp(logits) - _log_sum_exp(logs) - self.log_constant)

    def mean(self, outputs: Array) -> Array:
        """Return the means of the densities, of shape (…, numbers)."""
        logits, location, _ = self._parts(outputs)
        weight = np.exp(logits - logits.max(axis=-2, keepdims=True))
        return np.asarray((weight * location).sum(axis=-2) / weight.sum(axis=-2))

    @property
    def _power(self) -> float:
        return 0.5 * (self.freedom + 1)

    def _parts(self, outputs: Array) -> tuple[Array, Array, Array]:
        """Return logits, locations and raw scales, each of shape (…, parts, numbers)."""
        n_numbers = outputs.shape[-1] // self.n_outputs
        shape = (*outputs.shape[:-1], N_KINDS, self.n_parts, n_numbers)
        logits, location, scale = np.moveaxis(outputs.reshape(shape), -3, 0)
        return logits, location, scale


def density_outputs(layout: Layout, mixture: Mixture) -> Array:
    """Return the column that every output belongs to.

    The outputs of numbers come first, then the logits of categories in the order of their places.
    """
    is_number = np.equal(layout.levels, 0)
    places = layout.column_of[~is_number[layout.column_of]]
    return np.concatenate([np.tile(np.flatnonzero(is_number), mixture.n_outputs), places])


# NumPy's own functions for these two take ten times as long.
def _softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log(1 + np.exp(-np.abs(x)))


def _log_sum_exp(parts: Array) -> Array:
    """Return the logarithm of the sum over the last axis but one."""
    largest = parts.max(axis=-2, keepdims=True)
    return np.asarray(np.log(np.exp(parts - largest).sum(axis=-2)) + largest[..., 0, :])
