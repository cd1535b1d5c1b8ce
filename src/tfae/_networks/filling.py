"""A scaling that fills holes, so that whatever takes scaled rows takes rows with holes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tfae._data.holes import has_holes
from tfae._data.layout import Layout
from tfae._data.observed import standard_scaling
from tfae._data.scaling import Scaling
from tfae._data.table_scaling import TableScaling
from tfae._networks.factor_analysis import FactorAnalysis, chosen_factor_analysis
from tfae._networks.principal_components import Components
from tfae._support.typing import Array

# The least share of the variance of a feature that its error has: components that explain all of a
# row would make the conditional means of its other entries a matter of rounding errors.
_LEAST_NOISE = 1e-4


@dataclass(frozen=True, eq=False)
class Filling:
    """A scaling, and a linear model of scaled rows that fills their missing entries.

    See :class:`.scaling.Scaling`. Filled entries are the conditional means given the observed ones.
    """

    scaling: Scaling
    model: FactorAnalysis

    @property
    def center(self) -> Array:
        return self.scaling.center

    @property
    def scale(self) -> float | Array:
        return self.scaling.scale

    @property
    def is_identity(self) -> bool:
        return False

    @property
    def is_affine(self) -> bool:
        return self.scaling.is_affine

    def unit(self, power: int) -> float:
        return self.scaling.unit(power)

    def forward(self, X: Array, dtype: Any, out: Array | None = None) -> Array:
        """Scale rows in the user's units and fill their holes."""
        scaled = self.scaling.forward(X, dtype, out)
        if has_holes(scaled):
            scaled[:] = self.model.filled(scaled.astype(np.float64))
        return scaled

    def backward(self, X: Array) -> Array:
        """Turn scaled rows into the user's units."""
        return self.scaling.backward(X)


def learned_filling(
    scaling: Scaling,
    rows: Array,
    layout: Layout | None = None,
    weights: Array | None = None,
) -> Filling:
    """Return a scaling that fills holes by a factor analysis of the observed entries of rows.

    The number of factors is chosen by entries that are hidden by fixed random numbers: whole
    columns of the layout, if there is one. `weights` are positive, one for each row; None weighs
    all alike.
    """
    layout = Layout.of_numbers(rows.shape[1]) if layout is None else layout
    scaled = scaling.forward(rows, np.float64)
    standard = standard_scaling(scaled, layout, weights)
    standardised = standard.forward(scaled, np.float64)
    model = chosen_factor_analysis(standardised, layout, np.random.default_rng(0), weights)
    scale = np.asarray(standard.scale)
    return Filling(
        scaling,
        FactorAnalysis(
            standard.backward(model.mean[None])[0],
            model.loadings * scale,
            model.noise * np.square(scale),
        ),
    )


def model_of(found: Components) -> FactorAnalysis:
    """Return the linear model of complete rows whose code is a linear code of theirs.

    So are probabilistic principal components (Tipping and Bishop, 1999, Probabilistic principal
    component analysis, JRSS B 61, 611-622), but every feature has its own noise.
    """
    loadings = found.axes * found.spread[:, None]
    explained = np.square(loadings).sum(axis=0)
    noise = np.maximum(np.square(found.residual), _LEAST_NOISE * explained)
    return FactorAnalysis(found.mean, loadings, np.where(noise > 0, noise, 1.0))


def without_filling(scaling: Scaling) -> Scaling:
    """Return the scaling alone."""
    return scaling.scaling if isinstance(scaling, Filling) else scaling


def table_of(scaling: Scaling) -> TableScaling | None:
    """Return the scaling of a table with categories; None if it is one of numbers."""
    scaling = without_filling(scaling)
    return scaling if isinstance(scaling, TableScaling) else None
