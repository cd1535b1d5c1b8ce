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
from functools import cached_property

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


@dataclass(frozen=True)
class Densities:
    """The densities of the columns of a table, and the outputs that they are made of.

    The outputs of numbers come first, then the logits of categories in the order of their places.
    """

    layout: Layout
    mixture: Mixture = Mixture()

    @cached_property
    def columns(self) -> Array:
        """The column that every output belongs to."""
        numbers = np.flatnonzero(self._is_number)
        categories = self.layout.column_of[self.places_of_categories]
        return np.concatenate([np.tile(numbers, self.mixture.n_outputs), categories])

    @property
    def n_outputs(self) -> int:
        return len(self.columns)

    @property
    def n_outputs_of_numbers(self) -> int:
        return self.mixture.n_outputs * len(self.layout.numbers)

    @cached_property
    def places_of_categories(self) -> Array:
        return np.flatnonzero(~self._is_number[self.layout.column_of])

    @cached_property
    def categories(self) -> Layout:
        """The layout of the columns of categories alone."""
        return Layout(tuple(n_levels for n_levels in self.layout.levels if n_levels))

    @cached_property
    def _is_number(self) -> Array:
        return np.equal(self.layout.levels, 0)

    def surprise(self, rows: Array, outputs: Array) -> Array:
        """Return the negative logarithm of the density of every entry; NaN for missing ones.

        Parameters
        ----------
        rows : ndarray of shape (n, places)
            With scaled numbers.
        outputs : ndarray of shape (…, n, outputs)

        Returns
        -------
        ndarray of shape (…, n, columns), float64
        """
        of_numbers, logs = self._of_kinds(outputs)
        found = np.empty((*outputs.shape[:-1], self.layout.n_columns))
        numbers = rows[:, self.layout.numbers]
        found[..., self._is_number] = self.mixture.surprise(numbers, of_numbers)
        if self.layout.has_categories:
            chosen = logs * rows[:, self.places_of_categories]
            starts = self.categories.starts
            found[..., ~self._is_number] = -np.add.reduceat(chosen, starts, axis=-1)
        return found

    def expected(self, outputs: Array) -> Array:
        """Return the means of numbers and the probabilities of categories, for every place."""
        of_numbers, logs = self._of_kinds(outputs)
        found = np.empty((*outputs.shape[:-1], self.layout.width))
        found[..., self.layout.numbers] = self.mixture.mean(of_numbers)
        found[..., self.places_of_categories] = np.exp(logs)
        return found

    def _of_kinds(self, outputs: Array) -> tuple[Array, Array]:
        """Return the outputs of numbers and the logarithms of probabilities of categories."""
        of_numbers, logits = np.split(outputs, [self.n_outputs_of_numbers], axis=-1)
        if not self.layout.has_categories:
            return of_numbers, logits
        rows = logits.reshape(-1, logits.shape[-1])
        return of_numbers, self.categories.log_probabilities(rows).reshape(logits.shape)


# NumPy's own functions for these two take ten times as long.
def _softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log(1 + np.exp(-np.abs(x)))


def _log_sum_exp(parts: Array) -> Array:
    """Return the logarithm of the sum over the last axis but one."""
    largest = parts.max(axis=-2, keepdims=True)
    return np.asarray(np.log(np.exp(parts - largest).sum(axis=-2)) + largest[..., 0, :])
