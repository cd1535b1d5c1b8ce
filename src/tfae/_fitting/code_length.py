"""How long a code must be: one training for all lengths, with codes that are cut at random.

Nested dropout (Rippel, Gelbart and Adams, 2014, Learning ordered representations with nested
dropout, ICML) keeps the first b components of every row, b drawn anew at every step. The network
then works with a code of any length, and its errors on held-out rows say which is enough.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.utils import check_random_state

from tfae._data.rows import dense_rows, evenly_spaced
from tfae._data.scaling import fit_scaling
from tfae._data.source import Source
from tfae._data.streams import Share
from tfae._support.typing import Array
from tfae._support.warn import warn
from tfae._training.state import TrainingState

# The longest code that "auto" considers, and the most rows that PCA sees to bound the length and
# that the errors are measured on.
_LONGEST = 64
_MAX_ROWS = 20_000
# A fraction may be missed by so much without a word: held-out rows are few where it is, and a
# training for codes of that length alone keeps more.
_NEARLY = 0.05


def choose_length(model: Any, X: Any) -> tuple[int, Array]:
    """Return how many components a model asks for, and the held-out error of every length from 0.

    A fraction asks for the shortest code whose reconstruction keeps that much of the variance of
    held-out rows, scaled as the network sees them; a warning tells if none does. "auto" asks for
    the elbow of the errors.
    """
    longest = _longest(model.n_components, model.scaling, X)
    nested = model._untrained().set_params(
        n_components=longest,
        linear_path=True,
        refit=False,
        early_stopping=True,
        callbacks=None,
        random_state=int(check_random_state(model.random_state).randint(2**31)),
    )
    nested._nested = nested._within = True
    if model.verbose:
        print(f"How many components: training for codes of every length up to {longest}")
    nested.fit(X)
    if model.verbose:
        print("The network itself")
    held_out = nested._split(X, TrainingState.new(nested.random_state).split_rng)[1]
    errors = _errors(nested, _some(X, held_out))
    if model.n_components == "auto":
        return elbow(errors), errors
    enough = np.flatnonzero(errors[1:] <= (1 - model.n_components) * errors[0])
    if len(enough):
        return int(enough[0]) + 1, errors
    kept = max(0.0, 1 - errors[-1] / errors[0]) if errors[0] > 0 else 1.0
    if kept < model.n_components - _NEARLY:
        _warn_of_less(model.n_components, longest, kept)
    return longest, errors


def _some(X: Any, held_out: Any) -> Array:
    """Return the held-out rows, or evenly spaced ones of very many."""
    if not isinstance(held_out, Share):
        held_out = evenly_spaced(X, held_out, _MAX_ROWS)
    return dense_rows(X, held_out)


def _warn_of_less(fraction: float, longest: int, kept: float) -> None:
    warn(
        f"'n_components' asks for {fraction:.6g} of the variance. The longest code that was tried, "
        f"of {longest} components, keeps {kept:.3g} of it on held-out rows. More rows may help."
    )


def elbow(errors: Array) -> int:
    """Return the length whose error lies furthest below the line from the first to the last.

    Both axes are scaled to [0, 1] before (Satopää et al., 2011, Finding a "kneedle" in a haystack).
    """
    lengths = np.linspace(0, 1, len(errors))
    fall = errors[0] - errors[-1]
    below = (errors[0] - errors) / fall - lengths if fall > 0 else -lengths
    return max(1, int(np.argmax(below)))


def _longest(n_components: float | str, scaling: str | None, X: Any) -> int:
    """Return the longest code to consider: PCA's, of which the network needs no more.

    At least two rows must come on a component.
    """
    most = min(X.shape[1], max(1, X.shape[0] // 2))
    if isinstance(n_components, str):
        return min(_LONGEST, most)
    if isinstance(X, Source):
        rows = X.some(None)
    else:
        rows = dense_rows(X, evenly_spaced(X, None, _MAX_ROWS))
    scaled = fit_scaling(scaling, rows).forward(rows, np.float64)
    if not scaled.var(axis=0).any():
        return 1
    kept = np.cumsum(PCA(svd_solver="full").fit(scaled).explained_variance_ratio_)
    return min(most, int(np.searchsorted(kept, n_components)) + 1)


def _errors(nested: Any, rows: Array) -> Array:
    """Return the mean squared error of codes of every length from 0, as `history_` has losses."""
    scaled = nested._scaling.forward(rows, rows.dtype)
    codes = nested._encoder(nested.encoder_weights_, scaled)
    errors = [np.square(scaled - scaled.mean(axis=0)).mean()]
    for length in range(1, codes.shape[1] + 1):
        kept = np.where(np.arange(codes.shape[1]) < length, codes, codes.dtype.type(0))
        errors.append(np.square(scaled - nested._coding.output(kept)).mean())
    return nested._unit(2) * np.array(errors)
