"""The search for the length of the code: one training for all lengths, with randomly cut codes.

Nested dropout (Rippel, Gelbart and Adams, 2014, Learning ordered representations with nested
dropout, ICML) keeps the first b components of every row and draws b anew at every step. The network
then works with codes of any length, and its errors on held-out rows show which length is enough.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.utils import check_random_state

from tfae._data.rows import dense_rows, evenly_spaced
from tfae._data.source import Source, weights_of
from tfae._data.weights import with_weights
from tfae._fitting.fit import fit_split, learned_scaling, split_rows
from tfae._fitting.held_out import HeldOut
from tfae._fitting.recipe import Recipe, Split
from tfae._networks.filling import table_of
from tfae._networks.principal_components import weighted_axes
from tfae._support.sklearn import fitted_within
from tfae._support.typing import Array
from tfae._support.warn import warn
from tfae._training.state import TrainingState

# The longest code that "auto" considers. PCA, which bounds the length, and the measured errors use
# no more rows than this.
_LONGEST = 64
_MAX_ROWS = 20_000
# A fraction may be missed by this much without a warning: held-out rows are few where it is missed,
# and a training for codes of that length alone keeps more.
_NEARLY = 0.05


def with_found_length(recipe: Recipe, X: Any) -> Recipe:
    """Return a recipe with a known length of the code; find it from rows if the recipe asks for it.

    A fraction asks for the shortest code that keeps that much of the variance of scaled held-out
    rows; a warning is given if no code does. "auto" asks for the elbow of the errors. The errors of
    codes of every length from 0 become a fact.
    """
    wanted = recipe.length
    if wanted is None:
        return recipe
    # Worker 0 decides, because the length is a jump where other processors round otherwise.
    longest = recipe.workers.agreed(_longest(wanted, recipe, X))
    seed = int(check_random_state(recipe.random_state).randint(2**31))
    if recipe.verbose:
        print(f"How many components: training for codes of every length up to {longest}")
    errors = recipe.workers.agreed(_errors_of_all(recipe.for_all_lengths(longest, seed), X))
    if recipe.verbose:
        print("The network itself")
    found = recipe.with_length(_length(wanted, errors, recipe.corruption is not None))
    return replace(found, facts={**recipe.facts, "component_errors": errors})


def _length(wanted: float | str, errors: Array, denoises: bool) -> int:
    """Return the length that is asked for, from the errors of all lengths."""
    longest = len(errors) - 1
    if isinstance(wanted, str):
        return shortest_of_the_best(errors) if denoises else elbow(errors)
    enough = np.flatnonzero(errors[1:] <= (1 - wanted) * errors[0])
    if len(enough):
        return int(enough[0]) + 1
    kept = max(0.0, 1 - errors[-1] / errors[0]) if errors[0] > 0 else 1.0
    if kept < wanted - _NEARLY:
        _warn_of_less(wanted, longest, kept)
    return longest


def _errors_of_all(nested: Recipe, X: Any) -> Array:
    """Train for codes of all lengths; return their errors in `history_`'s units.

    They are mean squared errors, or for a table with categories the mean losses of its cells.
    """
    state = TrainingState.new(nested.random_state)
    split = split_rows(nested, X, state.split_rng)
    fitted, _ = fit_split(nested, split, state)
    if nested.corruption is None:
        rows, weights, _ = split.some_held_out(_MAX_ROWS)
        held_out = HeldOut(rows, weights=weights)
    else:
        held_out = HeldOut.of(nested, split, fitted, state.noise_rng.spawn(1)[0])
    scaled = fitted.scaling.forward(held_out.rows, held_out.rows.dtype)
    seen = scaled if held_out.corrupted is None else held_out.corrupted
    codes = fitted.encoder(fitted.encoder_weights, seen)
    table = table_of(fitted.scaling)

    def error(output: Array) -> float:
        if table is None:
            return held_out.mean_error(np.square(scaled - output))
        return float(held_out.mean(table.mean_losses(held_out.rows, scaled, output)))

    mean = held_out.mean(scaled)[None]
    errors = [error(mean if table is None else table.linear_output(mean))]
    for length in range(1, codes.shape[1] + 1):
        kept = np.where(np.arange(codes.shape[1]) < length, codes, codes.dtype.type(0))
        errors.append(error(fitted.codec.output(kept)))
    return fitted.scaling.unit(2) * np.array(errors)


def _warn_of_less(fraction: float, longest: int, kept: float) -> None:
    warn(
        f"'n_components' asks for {fraction:.6g} of the variance. The longest code that was tried, "
        f"of {longest} components, keeps {kept:.3g} of it on held-out rows. More rows may help."
    )


def shortest_of_the_best(errors: Array) -> int:
    """Return the shortest length whose error is nearly the smallest.

    A denoiser is not looked at but used. At the elbow its error may still be above the noise.
    """
    return 1 + int(np.argmax(errors[1:] <= (1 + _NEARLY) * errors[1:].min()))


def elbow(errors: Array) -> int:
    """Return the length whose error lies furthest below the line from the first to the last.

    Both axes are first scaled to [0, 1] (Satopää et al., 2011, Finding a "kneedle" in a haystack).
    """
    lengths = np.linspace(0, 1, len(errors))
    fall = errors[0] - errors[-1]
    below = (errors[0] - errors) / fall - lengths if fall > 0 else -lengths
    return max(1, int(np.argmax(below)))


def _longest(n_components: float | str, recipe: Recipe, X: Any) -> int:
    """Return the longest code to consider; for a fraction PCA's, because no network needs more.

    There must be at least two rows per component.
    """
    most = min(X.shape[1], max(1, X.shape[0] // 2))
    if isinstance(n_components, str):
        return min(_LONGEST, most)
    weights = None
    if isinstance(X, Source) and weights_of(X) is None:
        rows = X.some(None)
    else:
        some = evenly_spaced(X, None, _MAX_ROWS)
        rows, weights = dense_rows(X, some), weights_of(X, some)
    scaling = learned_scaling(recipe, Split(with_weights(rows, weights)))
    scaled = scaling.forward(rows, np.float64)
    if not scaled.var(axis=0).any():
        return 1
    kept = np.cumsum(_explained(scaled, weights))
    return min(most, int(np.searchsorted(kept, n_components)) + 1)


def _explained(scaled: Array, weights: Array | None) -> Array:
    """Return the share of the variance of rows that each principal component explains."""
    if weights is None:
        pca = fitted_within(PCA(svd_solver="full"), scaled)
        return np.asarray(pca.explained_variance_ratio_)
    variances, _ = weighted_axes(scaled, weights)
    return np.asarray(variances / variances.sum())
