"""The comparison of a network with the best linear code on held-out rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from tfae._data.holes import has_holes, observed_means
from tfae._fitting.denoiser_start import NoisyRows
from tfae._fitting.held_out import HeldOut
from tfae._fitting.recipe import Recipe, Split
from tfae._inference.fitted import Fitted
from tfae._inference.workspace import Workspace
from tfae._networks.linear_path import start_at_zero
from tfae._networks.spec import Network
from tfae._support.typing import Array
from tfae._support.warn import warn

# An error this many times as large as another is clearly larger.
_CLEARLY = 1.02
# Errors below this fraction of the mean error count as equal.
_TINY = 1e-12
# A squared error below this fraction of the squared values is a rounding error.
_LOSSLESS = 1e-12


class Comparison(NamedTuple):
    """The better of two networks, and whether it is the trained one."""

    better: Fitted
    improved: bool


def better_of(
    trained: Fitted, network: Network, recipe: Recipe, held_out: HeldOut, residual: float
) -> Comparison:
    """Compare a network with its linear path alone, by their losses on held-out rows.

    The trained network stays if its gain is more than luck; see :func:`is_better`. Otherwise a
    warning is given. `network` has the same structure as `trained`. `residual` is the mean squared
    error of the linear path alone on the training rows.
    """
    linear = trained.with_weights(start_at_zero(network, trained.weights))
    before, after = (_losses_and_errors(each, held_out, recipe) for each in (linear, trained))
    improved = is_better(before[:, 0], after[:, 0])
    unit = trained.scaling.unit(recipe.objective.power)
    n_rows = held_out.rows.shape[0]
    if not improved:
        if not (recipe.inner or (residual == 0 and _is_lossless(linear, held_out))):
            _warn_of_linear(recipe, unit * float(before[:, 0].mean()), n_rows)
        after = before
    name = _name_of_linear(recipe)
    better = (trained if improved else linear).with_facts(
        {
            "baseline": {
                name: float(before[:, 1].mean()),
                "autoencoder": float(after[:, 1].mean()),
                f"{name}_loss": unit * float(before[:, 0].mean()),
                "autoencoder_loss": unit * float(after[:, 0].mean()),
                "n_samples": n_rows,
            }
        }
    )
    return Comparison(better, improved)


def with_linear_denoiser(
    fitted: Fitted, recipe: Recipe, split: Split, held_out: HeldOut, anchored: bool
) -> Fitted:
    """Add the errors of the linear denoisers of the code's rank and of full rank to the facts.

    The first is known already if the network is `anchored`: if its linear path is that denoiser.
    """
    assert recipe.corruption is not None
    assert held_out.corrupted is not None
    known = dict(fitted.facts.get("baseline", {}))
    if "autoencoder" not in known:
        losses_and_errors = _losses_and_errors(fitted, held_out, recipe)
        known["autoencoder"] = float(losses_and_errors[:, 1].mean())
        known["n_samples"] = len(held_out.rows)
    rank = fitted.structure.spec.n_components
    ranks = {"linear_full_rank": None} | ({} if anchored else {"linear": rank})
    marks = fitted.landmarks
    found = NoisyRows(recipe.corruption, split.X, fitted.scaling, split.train, marks, 0).denoiser()
    if found is not None:  # rows are not too wide
        for name, of_rank in ranks.items():
            scaled = found.reconstruct(held_out.corrupted, of_rank)
            squares = np.square(held_out.rows - fitted.scaling.backward(scaled), dtype=np.float64)
            known[name] = float(observed_means(squares, held_out.rows).mean())
    if not recipe.inner and known["autoencoder"] > _CLEARLY * known.get("linear", np.inf):
        _warn_of_worse(known)
    return fitted.with_facts({"baseline": known})


def _warn_of_worse(baseline: Mapping[str, float]) -> None:
    warn(
        "The network rebuilds noisy held-out rows worse than the linear denoiser of its rank: the "
        f"mean squared errors are {baseline['autoencoder']:.6g} and {baseline['linear']:.6g}. It "
        "may help to train longer, or to use a network with a linear path, which starts there; a "
        "warm start does not."
    )


def is_better(before: Array, after: Array) -> bool:
    """Tell whether losses of held-out rows became smaller by more than luck.

    The gain of a few odd rows can dominate a mean. So the gain must be clear both in the mean of
    the losses (2 standard errors, and 2 % of the mean) and in the mean of their logarithms (3
    standard errors), where all rows count alike. With few rows Student's distribution raises these
    numbers of standard errors. Of 120 small tables, made by splitting training rows, one in two
    passed, and one of these lost more than 1 % on the other part (by normal quantiles).
    """
    total = before.mean()
    ratio = before - after
    if total > 0 and before.min() >= 0 and after.min() >= 0:  # otherwise there are no logarithms
        tiny = _TINY * total
        ratio = np.log(np.maximum(before, tiny) / np.maximum(after, tiny))
    return gains_clearly(before, after) and _clear(ratio, 3)


def gains_clearly(before: Array, after: Array) -> bool:
    """Tell whether losses became smaller by 2 % of their mean and by two standard errors."""
    gain = before - after
    return bool(gain.mean() > 0.02 * abs(before.mean()) and _clear(gain, 2))


def _clear(values: Array, n_errors: float) -> bool:
    """Tell whether a mean is above 0, as surely as by `n_errors` standard errors of many values."""
    n = len(values)
    if n < 2:
        return False
    n_errors = stats.t.isf(stats.norm.sf(n_errors), n - 1)
    return bool(values.mean() > n_errors * values.std(ddof=1) / np.sqrt(n))


def _losses_and_errors(fitted: Fitted, held_out: HeldOut, recipe: Recipe) -> Array:
    """Return the loss of every scaled row, and its squared error in the user's units.

    Shape [rows, 2].
    """
    loss, scaling, codec = recipe.objective.loss, fitted.scaling, fitted.codec
    # A loss of the user's may hold constants of the dtype of the training.
    dtype = np.float64 if loss.of_entries else recipe.dtype

    def of_rows(rows: Array, corrupted: Array | None, space: Workspace) -> Array:
        x = scaling.forward(rows, rows.dtype)
        seen = x if corrupted is None else corrupted
        codes = codec.encoder(codec.encoder_weights, seen, space)
        output = codec.output(codes, space)
        rebuilt = scaling.backward(output)
        if loss.from_logits:
            output = codec.decoder.run(codec.decoder_weights, codes)
        weight = _weight_of_observed(rows, dtype)
        losses = loss.of_rows(x.astype(dtype, copy=False), output.astype(dtype, copy=False), weight)
        squares = np.square(rows - rebuilt, dtype=np.float64)
        errors = squares.mean(axis=1) if weight is None else observed_means(squares, rows)
        return np.stack([losses, errors], axis=1)

    # A loss of the user's may wait for other threads that encode rows; these must get their turn.
    return held_out.of_every_block(of_rows, codec.floats_per_row if loss.of_entries else 0)


def _weight_of_observed(rows: Array, dtype: Any) -> Array | None:
    """Return factors of entries with which a mean of a row is one of its observed entries."""
    if not has_holes(rows):
        return None
    observed = ~np.isnan(rows)
    counts = np.maximum(observed.sum(axis=1, keepdims=True), 1)
    return np.asarray(observed * (rows.shape[1] / counts), dtype)


def _is_lossless(fitted: Fitted, held_out: HeldOut) -> bool:
    """Whether scaled rows are rebuilt exactly, except for rounding errors."""
    codec = fitted.codec

    def squares(rows: Array, corrupted: Array | None, space: Workspace) -> Array:
        x = fitted.scaling.forward(rows, rows.dtype)
        seen = x if corrupted is None else corrupted
        codes = codec.encoder(codec.encoder_weights, seen, space)
        error = x - codec.output(codes, space)
        return np.stack([np.square(v, dtype=np.float64).mean(1) for v in (error, x)], axis=1)

    error, size = held_out.of_every_block(squares, codec.floats_per_row).mean(axis=0)
    return bool(error <= _LOSSLESS * size)


def _name_of_linear(recipe: Recipe) -> str:
    return "pca" if recipe.corruption is None else "linear"


def _warn_of_linear(recipe: Recipe, loss: float, n_rows: int) -> None:
    rows = f"{n_rows} held-out row{'s' if n_rows > 1 else ''}"
    linear = "PCA" if recipe.corruption is None else "the linear denoiser"
    warn(
        f"The network could not improve on {linear}, whose loss on {rows} is "
        f"{loss:.6g}: the estimator is now {linear}. It may help to use more rows, a 'scaling' "
        "that makes the features vary alike, a larger 'n_iter_no_change', or other "
        "'hidden_layer_sizes' or 'max_iter'."
    )
