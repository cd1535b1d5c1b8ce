"""A trained network as a probabilistic model: a Gaussian code, and a likelihood of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfae._data.cell_losses import losses_of_columns
from tfae._data.table_scaling import TableScaling
from tfae._inference import outcome
from tfae._inference.blocks import of_every_block
from tfae._inference.fitted import Fitted
from tfae._inference.workspace import NEW, Workspace
from tfae._networks.codes import MAX_LOG_VARIANCE
from tfae._networks.filling import table_of
from tfae._support.typing import Array

# Rounding may move entries this far out of [0, 1].
_SLACK = 1e-6


def posterior(
    fitted: Fitted, rows: Array, dtype: Any, space: Workspace = NEW
) -> tuple[Array, Array]:
    """Return the mean and the log-variance of every row's code."""
    scaled = fitted.scaling.forward(rows, dtype)
    given = fitted.encoder.run(fitted.encoder_weights, scaled, space)
    mean, log_variance = np.split(given, 2, axis=1)
    return mean, np.minimum(log_variance, given.dtype.type(MAX_LOG_VARIANCE))


def posterior_of_all(fitted: Fitted, X: Any) -> tuple[Array, Array]:
    """Return the mean and the standard deviation of the codes of all rows of `X`."""

    def of_rows(rows: Array, space: Workspace) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            mean, log_variance = posterior(fitted, rows, rows.dtype, space)
            found = np.stack([mean, np.exp(0.5 * log_variance)], axis=1)
        return outcome.of_rows(found, rows, fitted.scaling, "finite codes")

    fitted = fitted.filling(X)
    mean, deviation = of_every_block(X, of_rows, fitted.encoder.floats_per_row).swapaxes(0, 1)
    return mean, deviation


def log_likelihood_bound(fitted: Fitted, X: Any, rng: Any, size: tuple[int, int]) -> Array:
    """Return a lower bound on the log-likelihood of every row, in nats.

    `size` is the number of codes drawn for a row, and their length. Every row gets the same normal
    numbers.
    """
    normal, fitted = rng.standard_normal(size), fitted.filling(X)

    def bound(rows: Array, space: Workspace) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            found = _bound(fitted, rows, normal, rows.dtype)
            possible = _is_possible(fitted, rows)
        outcome.of_rows(np.where(possible, found, 0), rows, fitted.scaling, "finite scores")
        return np.where(possible, found, -np.inf)

    return of_every_block(X, bound, floats_per_row=0)  # a turn would take seconds


def with_noise(fitted: Fitted, rows: Array, rng: Any) -> Array:
    """Draw rows from the likelihood; `rows` are its means."""
    variance, table = _noise_variance(fitted), table_of(fitted.scaling)
    if table is not None:
        return _drawn_of_table(table, variance, rows, rng)
    if variance is not None:
        return np.asarray(rows + np.sqrt(variance) * rng.standard_normal(rows.shape))
    chance = fitted.scaling.forward(rows, rows.dtype)
    return fitted.scaling.backward((rng.random_sample(rows.shape) < chance).astype(rows.dtype))


def _drawn_of_table(table: TableScaling, variance: Array, rows: Array, rng: Any) -> Array:
    """Draw rows of a table: numbers, and categories by their probabilities."""
    layout = table.layout
    deviation = np.sqrt(np.nan_to_num(variance))[layout.column_of]
    drawn = rows + deviation * rng.standard_normal(rows.shape)
    for _, places in layout.categories():
        bounds = np.cumsum(rows[:, places], axis=1)
        below = rng.random_sample((len(rows), 1)) * bounds[:, -1:] >= bounds
        drawn[:, places] = np.eye(bounds.shape[1])[below.sum(axis=1)]
    return np.asarray(drawn)


def _noise_variance(fitted: Fitted) -> Any:
    """Return the noise variance of a Gaussian likelihood; None for a Bernoulli likelihood.

    Of a table with categories, it is that of every column.
    """
    return fitted.facts.get("noise_variance")


def _bound(fitted: Fitted, rows: Array, normal: Array, dtype: Any) -> Array:
    mean, log_variance = posterior(fitted, rows, dtype)
    deviation = np.exp(0.5 * log_variance)
    total = np.full(len(rows), -np.inf)
    for epsilon in normal:
        code = mean + deviation * epsilon.astype(dtype)
        # The densities of the prior and of the posterior, without their common factor.
        ratio = 0.5 * (epsilon @ epsilon - np.square(code, dtype=np.float64).sum(axis=1))
        weight = log_likelihood(fitted, rows, code) + ratio
        total = np.logaddexp(total, weight)
    # Not the logarithm of the deviation, which is 0 where the variance is tiny.
    total += 0.5 * log_variance.sum(axis=1, dtype=np.float64) - np.log(len(normal))
    return np.asarray(total)


def _is_possible(fitted: Fitted, rows: Array) -> Array:
    """Return which rows the likelihood can give: Bernoulli variables are in [0, 1]."""
    if _noise_variance(fitted) is not None:
        return np.ones(len(rows), bool)
    scaling = fitted.scaling
    x = scaling.forward(rows, rows.dtype)
    rounding = 2 * np.finfo(rows.dtype).eps * np.abs(scaling.center) / scaling.scale
    slack = _SLACK + rounding
    return np.asarray(((x >= -slack) & (x <= 1 + slack) | np.isnan(rows)).all(axis=1))


def log_likelihood(fitted: Fitted, rows: Array, code: Array) -> Array:
    """Return log p(x | z) of the observed entries of every row, in the user's units."""
    variance, table = _noise_variance(fitted), table_of(fitted.scaling)
    if table is not None:
        return _log_likelihood_of_table(fitted, table, rows, code)
    if variance is None:
        x = fitted.scaling.forward(rows, code.dtype)
        logits = fitted.decoder.run(fitted.decoder_weights, code)
        values = np.where(np.isnan(rows), 0.0, x * logits - np.logaddexp(0, logits))
        return np.asarray(values.sum(axis=1, dtype=np.float64))
    variance, missing = np.broadcast_to(variance, rows.shape[1:]), np.isnan(rows)
    errors = np.square(rows - fitted.codec.decode(code), dtype=np.float64) / variance
    volumes = np.log(2 * np.pi * variance)
    if missing.any():
        errors, volumes = np.where(missing, 0.0, errors), np.where(missing, 0.0, volumes)
        return np.asarray(-0.5 * (errors.sum(axis=1) + volumes.sum(axis=1)))
    return np.asarray(-0.5 * (errors.sum(axis=1) + volumes.sum()))


def _log_likelihood_of_table(
    fitted: Fitted, table: TableScaling, rows: Array, code: Array
) -> Array:
    layout, variance = table.layout, _noise_variance(fitted)
    target, output = fitted.scaling.forward(rows, code.dtype), fitted.codec.output(code)
    losses = losses_of_columns(layout, target, output).astype(np.float64)
    factor = np.square(table.of_numbers(table.scale)) / variance
    of_numbers = 0.5 * (losses * factor + np.log(2 * np.pi * variance))
    losses = np.where(np.equal(layout.levels, 0), of_numbers, losses)
    return np.asarray(-np.where(layout.missing(rows), 0.0, losses).sum(axis=1))
