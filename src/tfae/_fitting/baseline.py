"""The comparison of a network with the best linear code on held-out rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from tfae._data.holes import has_holes, observed_means
from tfae._data.source import mean_of_rows
from tfae._fitting.denoiser_start import NoisyRows
from tfae._fitting.held_out import HeldOut
from tfae._fitting.recipe import Recipe, Split
from tfae._inference.fitted import Fitted
from tfae._inference.workspace import Workspace
from tfae._networks.activations import get_activation
from tfae._networks.filling import table_of
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
    improved = is_better(before[:, 0], after[:, 0], held_out.weights)
    unit = trained.scaling.unit(recipe.objective.power)
    n_rows = held_out.rows.shape[0]
    if not improved:
        if not (recipe.inner or (residual == 0 and _is_lossless(linear, held_out))):
            _warn_of_linear(recipe, unit * float(held_out.mean(before[:, 0])), n_rows)
        after = before
    name = _name_of_linear(recipe)
    better = (trained if improved else linear).with_facts(
        {
            "baseline": {
                name: float(held_out.mean(before[:, 1])),
                "autoencoder": float(held_out.mean(after[:, 1])),
                f"{name}_loss": unit * float(held_out.mean(before[:, 0])),
                "autoencoder_loss": unit * float(held_out.mean(after[:, 0])),
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
        known["autoencoder"] = float(held_out.mean(losses_and_errors[:, 1]))
        known["n_samples"] = len(held_out.rows)
    rank = fitted.structure.spec.n_components
    unit = np.square(fitted.scaling.scale)
    ranks = {"linear_full_rank": None} | ({} if anchored else {"linear": rank})
    marks = fitted.landmarks
    found = NoisyRows(recipe.corruption, split.X, fitted.scaling, split.train, marks, 0).denoiser()
    if found is not None:  # rows are not too wide
        for name, of_rank in ranks.items():
            scaled = found.reconstruct(held_out.corrupted, of_rank)
            known[name] = _error_of_linear(fitted, held_out, scaled, unit)
    # The squared errors of counts, which are those of the largest ones, are not minimised.
    minimised = recipe.objective.loss.link != "exponential" and not recipe.inner
    if minimised and known["autoencoder"] > _CLEARLY * known.get("linear", np.inf):
        _warn_of_worse(known)
    return fitted.with_facts({"baseline": known})


def _error_of_linear(fitted: Fitted, held_out: HeldOut, scaled: Array, unit: Any) -> float:
    """Return the error of rows that a linear model has rebuilt; `unit` is that of squares."""
    rows, scaling, table = held_out.rows, fitted.scaling, table_of(fitted.scaling)
    if table is not None:
        target = scaling.forward(rows, rows.dtype)
        return float(held_out.mean(table.mean_losses(rows, target, table.linear_output(scaled))))
    if fitted.structure.output_activation == "hard_tanh":  # clips all that is rebuilt
        scaled = get_activation("hard_tanh").numpy(scaled)
    squares = np.square(rows - scaling.backward(scaled), dtype=np.float64)
    if has_holes(rows):
        squares = observed_means(squares, rows)[:, None]
    return held_out.mean_error(squares, unit)


def _warn_of_worse(baseline: Mapping[str, float]) -> None:
    warn(
        "The network rebuilds noisy held-out rows worse than the linear denoiser of its rank: the "
        f"mean squared errors are {baseline['autoencoder']:.6g} and {baseline['linear']:.6g}. It "
        "may help to train longer, or to use a network with a linear path, which starts there; a "
        "warm start does not."
    )


def is_better(before: Array, after: Array, weights: Array | None = None) -> bool:
    """Tell whether losses of held-out rows became smaller by more than luck.

    The gain of a few odd rows can dominate a mean. So the gain must be clear both in the mean of
    the losses (2 standard errors, and 2 % of the mean) and in the mean of their logarithms (3
    standard errors), where all rows count alike. With few rows Student's distribution raises these
    numbers of standard errors. Of 120 small tables, made by splitting training rows, one in two
    passed, and one of these lost more than 1 % on the other part (by normal quantiles).

    With weights, means are weighted, and there are as many rows as would give a mean of the same
    variance (Kish, 1965, Survey sampling).
    """
    total = mean_of_rows(before, weights)
    ratio = before - after
    if total > 0 and before.min() >= 0 and after.min() >= 0:  # otherwise there are no logarithms
        tiny = _TINY * total
        ratio = np.log(np.maximum(before, tiny) / np.maximum(after, tiny))
    return gains_clearly(before, after, weights) and _clear(ratio, 3, weights)


def gains_clearly(before: Array, after: Array, weights: Array | None = None) -> bool:
    """Tell whether losses became smaller by 2 % of their mean and by two standard errors."""
    gain, total = before - after, mean_of_rows(before, weights)
    clear = _clear(gain, 2, weights)
    return bool(clear and mean_of_rows(gain, weights) > 0.02 * abs(total))


def _clear(values: Array, n_errors: float, weights: Array | None) -> bool:
    """Tell whether a mean is above 0, as surely as by `n_errors` standard errors of many values."""
    n: float = len(values)
    if weights is not None:
        n = float(np.square(weights.sum()) / np.square(weights).sum())
    if n < 2:
        return False
    n_errors = stats.t.isf(stats.norm.sf(n_errors), n - 1)
    mean = mean_of_rows(values, weights)
    return bool(mean > n_errors * _deviation_of_mean(values, weights, n))


def _deviation_of_mean(values: Array, weights: Array | None, n: float) -> float:
    if weights is None:
        return float(values.std(ddof=1) / np.sqrt(n))
    share = weights / weights.sum()
    squares = np.square(share * (values - share @ values)).sum()
    return float(np.sqrt(squares * n / (n - 1)))


def _losses_and_errors(fitted: Fitted, held_out: HeldOut, recipe: Recipe) -> Array:
    """Return the loss of every scaled row, and its squared error in the user's units.

    Tables with categories have no units: their errors are those of :meth:`.Fitted.errors`. Shape
    [rows, 2].
    """
    loss, scaling, codec = recipe.objective.loss, fitted.scaling, fitted.codec
    table, cells = table_of(scaling), recipe.cell_weights(scaling)
    unit = np.square(scaling.scale)  # of squared errors
    # A loss of the user's may hold constants of the dtype of the training.
    dtype = np.float64 if loss.of_entries else recipe.dtype

    def of_rows(part: HeldOut, space: Workspace) -> Array:
        rows = part.rows
        x = scaling.forward(rows, rows.dtype)
        seen = x if part.corrupted is None else part.corrupted
        codes = codec.encoder(codec.encoder_weights, seen, space)
        output = codec.output(codes, space)
        if table is not None and cells is not None:
            of_cells = cells.of_each(rows).astype(dtype)
            losses = loss.of_rows(x.astype(dtype), output.astype(dtype), of_cells)
            return np.stack([losses, table.mean_losses(rows, x, output)], axis=1)
        rebuilt = scaling.backward(output)
        if loss.from_logits:
            output = codec.decoder.run(codec.decoder_weights, codes)
        weight = (
            _weight_of_observed(rows, dtype) if part.entry_weight is None else part.entry_weight
        )
        losses = loss.of_rows(x.astype(dtype, copy=False), output.astype(dtype, copy=False), weight)
        if part.noise is not None and loss.power == 2:
            losses = losses + part.counted(np.zeros(x.shape)).mean(axis=1)
        squares = part.counted(np.square(rows - rebuilt, dtype=np.float64), unit)
        errors = observed_means(squares, rows) if has_holes(rows) else squares.mean(axis=1)
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

    def squares(part: HeldOut, space: Workspace) -> Array:
        x = fitted.scaling.forward(part.rows, part.rows.dtype)
        seen = x if part.corrupted is None else part.corrupted
        codes = codec.encoder(codec.encoder_weights, seen, space)
        error = x - codec.output(codes, space)
        return np.stack([np.square(v, dtype=np.float64).mean(1) for v in (error, x)], axis=1)

    error, size = held_out.mean(held_out.of_every_block(squares, codec.floats_per_row))
    return bool(error <= _LOSSLESS * size)


def _name_of_linear(recipe: Recipe) -> str:
    return "pca" if recipe.corruption is None else "linear"


def _warn_of_linear(recipe: Recipe, loss: float, n_rows: int) -> None:
    rows = f"{n_rows} held-out row{'s' if n_rows > 1 else ''}"
    linear = "PCA" if recipe.corruption is None else "the linear denoiser"
    scaling = "a 'scaling' that makes the features vary alike, "
    warn(
        f"The network could not improve on {linear}, whose loss on {rows} is "
        f"{loss:.6g}: the estimator is now {linear}. It may help to use more rows, "
        f"{scaling if recipe.output_range is None else ''}a larger 'n_iter_no_change', or other "
        "'hidden_layer_sizes' or 'max_iter'."
    )
