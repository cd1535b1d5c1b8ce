"""One fit of an imputer: from a recipe and rows with holes to a fitted imputation.

The linear model comes first, then a network that corrects it, trained to guess entries that are
hidden from it. Held-out rows with hidden entries decide how much of the correction is used: nothing
if it is not clearly better, otherwise a share for every column. Few rows are then fitted once more,
all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tfae._data.layout import Layout
from tfae._data.scaling import Affine, Scaling
from tfae._fitting.baseline import gains_clearly
from tfae._fitting.first_weights import drawn
from tfae._fitting.network_training import train_network
from tfae._fitting.recipe import Recipe, Split
from tfae._fitting.table_network import Open, table_recipe
from tfae._inference.fitted import Fitted
from tfae._inference.imputation import Guesses, Imputation
from tfae._networks.linear_path import ends_linearly, last_layer
from tfae._networks.spec import Network
from tfae._networks.table_inputs import TableInputs
from tfae._objective.column_losses import column_loss, losses_of_columns, weights_of_columns
from tfae._support.typing import Array, Params
from tfae._support.warn import warn
from tfae._training.chunks import Noise
from tfae._training.hidden_entries import HiddenEntries, Hiding
from tfae._training.state import TrainingState
from tfae._training.step.chunk import ChunkShape

_AUTO = Open(sizes=(256, 256, 256), activation="gelu", n_steps=5000, batch_size=64, rate=0.003)
# Fewer rows are fitted once more, all of them, and fewer than the least get the linear model only.
_FEW, _LEAST_ROWS = 2000, 20
_LEAST_HELD_OUT, _MOST_HELD_OUT = 100, 2000
# Held-out rows are compared with other entries hidden until there are this many of them, because
# a share for every column needs some.
_N_HIDDEN, _MOST_ROUNDS = 5000, 10
# A column's share of the correction is drawn towards that of all columns by this many entries.
_PRIOR_ENTRIES = 20
_SHARES = np.linspace(0, 1, 11)


def imputer_recipe(params: Params, layout: Layout, n_rows: int) -> Recipe:
    """Return the recipe of the network for the parameters of an imputer.

    Parameters
    ----------
    params : mapping
        All parameters of :class:`tfae.Autoencoder`, with "auto" for those that are left open. The
        last of the hidden layers takes the place of the code, which is no bottleneck.
    layout : Layout
    n_rows : int
    """
    n_inputs = layout.width + len(layout.numbers) + layout.n_columns
    widths, loss = (n_inputs, layout.width), column_loss(layout)
    recipe = table_recipe(params, layout, n_rows, loss, widths, _AUTO, has_offset=True)
    return replace(recipe, first_weights=_starting_at_zero)


def fit_imputation(
    make_recipe: Callable[[int], Recipe], rows: Array, layout: Layout, state: TrainingState
) -> Imputation:
    """Fit an imputation to rows with holes.

    Parameters
    ----------
    make_recipe : callable
        Takes the number of training rows and returns the recipe of the network.
    rows : ndarray of shape (n, places), float64
        With NaN in the places of missing entries.
    layout : Layout
    state : TrainingState

    Raises
    ------
    KeyboardInterrupt
        If the training is interrupted.

    Warns
    -----
    UserWarning
        If the network could not improve on the linear guess.
    """
    fit = _Fit(make_recipe, rows, layout, weights_of_columns(layout, rows), state)
    if len(rows) < _LEAST_ROWS or layout.n_columns < 2:
        return fit.linear()
    return fit.run()


@dataclass(frozen=True)
class _Fit:
    """A fit of all rows."""

    make_recipe: Callable[[int], Recipe]
    rows: Array
    layout: Layout
    weights: Array  # [columns], the factors of the columns' losses
    state: TrainingState

    def linear(self) -> Imputation:
        """Return the linear model of so few rows that none are held out."""
        tables = TableInputs.learned(self.rows, self.layout, self.state.split_rng)
        return Imputation(tables, None, np.zeros(self.layout.n_columns), {})

    def run(self) -> Imputation:
        """Train on some rows, compare on the others, and fit few rows once more."""
        train, held_out = self._split()
        tables = TableInputs.learned(train, self.layout, self.state.split_rng)
        hiding = Hiding.like(self.rows, self.layout)
        network = self._trained(tables, train, hiding)
        none = np.zeros(self.layout.n_columns)
        first = Imputation(tables, network, none, {})
        compared = _Comparison.of(first, held_out, hiding, self.weights, self.state.split_rng)
        shares = none if network is None else compared.shares()
        stays = network is not None and compared.improves(shares)
        if network is not None and not stays:
            _warn_of_linear(compared)
        facts = dict(compared.facts(shares if stays else none))
        facts |= {} if network is None else {"history": network.history}
        fitted = replace(first, shrinkage=shares, facts=facts)
        return self._refitted(fitted, hiding) if stays else self._all_linear(fitted)

    def _split(self) -> tuple[Array, Array]:
        n = len(self.rows)
        n_held_out = int(np.clip(n // 10, min(_LEAST_HELD_OUT, round(0.3 * n)), _MOST_HELD_OUT))
        order = self.state.split_rng.permutation(n)
        held_out, train = np.sort(order[:n_held_out]), np.sort(order[n_held_out:])
        return self.rows[train], self.rows[held_out]

    def _trained(self, tables: TableInputs, rows: Array, hiding: Hiding) -> Fitted | None:
        """Return the trained network; None if its training diverged."""
        recipe = replace(
            self.make_recipe(len(rows)),
            batches=partial(_batches, tables, hiding, self.weights),
        )
        nothing = Affine(np.zeros(self.layout.width), 1.0)  # the inputs are scaled already
        # The second training begins anew, also its schedule, and draws other numbers.
        begun = replace(self.state, slots=None, rule=None, step=0)
        fitted, outcome = train_network(recipe, Split(rows), nothing, begun)
        if outcome.interrupted:
            raise KeyboardInterrupt
        if outcome.diverged_at is not None:
            warn(
                "The loss of the network became infinite or NaN in epoch "
                f"{outcome.diverged_at}: the imputer is now the linear model. Lower "
                "'learning_rate_init', or look for extreme values in the data."
            )
            return None
        return fitted

    def _refitted(self, fitted: Imputation, hiding: Hiding) -> Imputation:
        """Fit few rows once more, the held-out ones too; the shares and the facts stay."""
        if len(self.rows) >= _FEW:
            return fitted
        again = self._all_linear(fitted)
        network = self._trained(again.tables, self.rows, hiding)
        if network is None:
            return fitted
        return replace(again, network=network, shrinkage=fitted.shrinkage)

    def _all_linear(self, fitted: Imputation) -> Imputation:
        """Return the linear model of all rows."""
        rng, n_factors = self.state.split_rng, fitted.tables.model.n_factors
        tables = TableInputs.learned(self.rows, self.layout, rng, n_factors)
        return replace(fitted, tables=tables, network=None, shrinkage=0 * fitted.shrinkage)


class _Comparison(NamedTuple):
    """Guesses of hidden entries of held-out rows, beside the entries."""

    imputation: Imputation
    weights: Array  # [columns]
    target: Array  # [rows, places], as the network sees it
    hidden: Array  # [rows, columns]
    guesses: Guesses
    n_rows: int  # rows are there several times, with other entries hidden

    @classmethod
    def of(
        cls,
        imputation: Imputation,
        rows: Array,
        hiding: Hiding,
        weights: Array,
        rng: np.random.Generator,
    ) -> _Comparison:
        """Hide entries of rows and guess them."""
        layout, missing = imputation.layout, imputation.layout.missing(rows)
        expected = max(1.0, 0.5 * (hiding.lowest + hiding.highest) * float((~missing).sum()))
        n_rounds = int(np.clip(np.ceil(_N_HIDDEN / expected), 1, _MOST_ROUNDS))
        repeated, missing = np.tile(rows, (n_rounds, 1)), np.tile(missing, (n_rounds, 1))
        hidden = hiding.draw(missing, rng)
        seen = np.where(layout.spread(hidden), np.nan, repeated)
        target = imputation.tables.target(repeated)
        return cls(imputation, weights, target, hidden, imputation.guesses(seen), len(rows))

    def losses(self, shares: Array) -> Array:
        """Return the losses of hidden entries with shares of the columns; 0 for others."""
        layout = self.imputation.layout
        output = self.guesses.corrected(layout.spread(shares))
        return np.asarray(self.hidden * losses_of_columns(layout, self.target, output))

    def shares(self) -> Array:
        """Return the share of the correction for every column that makes its loss smallest."""
        n_columns = len(self.weights)
        by_share = np.array([self.losses(np.full(n_columns, s)).sum(axis=0) for s in _SHARES])
        of_all = by_share @ self.weights
        prior = _PRIOR_ENTRIES * of_all[:, None] / (self.hidden.sum() * self.weights)
        return np.asarray(_SHARES[np.argmin(by_share + prior, axis=0)])

    def improves(self, shares: Array) -> bool:
        """Whether the corrections lower the losses of rows by more than luck."""
        before, after = (self._of_rows(each) for each in (0 * shares, shares))
        return gains_clearly(before, after)

    def _of_rows(self, shares: Array) -> Array:
        """Return a loss for each held-out row, over all its hidden entries."""
        losses = self.losses(shares) @ self.weights
        return np.asarray(losses.reshape(-1, self.n_rows).sum(axis=0))

    def mean(self, shares: Array) -> float:
        """Return the mean loss of hidden entries."""
        total = float((self.losses(shares) @ self.weights).sum())
        return total / max(1, int(self.hidden.sum()))

    def facts(self, shares: Array) -> Mapping[str, Any]:
        """Return what is known of the errors of an imputation with these shares."""
        return {
            "baseline": {
                "linear_loss": self.mean(0 * shares),
                "autoencoder_loss": self.mean(shares),
                "n_samples": self.n_rows,
                "n_entries": int(self.hidden.sum()),
            },
            "errors": self._errors(shares),
        }

    def _errors(self, shares: Array) -> Array:
        """Return the error of every column: of numbers in their unit, of categories a rate."""
        imputation, layout = self.imputation, self.imputation.layout
        output = self.guesses.corrected(layout.spread(shares))
        scale = np.broadcast_to(imputation.tables.scaling.scale, layout.width)[layout.starts]
        target, found = layout.decoded(self.target), layout.decoded(output)
        is_number = np.equal(layout.levels, 0)
        squares = np.where(is_number, np.square(found - target), found != target)
        counts = self.hidden.sum(axis=0)
        with np.errstate(invalid="ignore"):  # NaN where nothing was hidden
            mean = (self.hidden * squares).sum(axis=0) / counts
        return np.asarray(np.where(is_number, scale * np.sqrt(mean), mean))


def _batches(
    tables: TableInputs,
    hiding: Hiding,
    weights: Array,
    X: Array,
    scaling: Scaling,
    shape: ChunkShape,
    rows: Any,
    noise: Noise,
) -> HiddenEntries:
    """Return training rows in batches; see :data:`.recipe.MakeBatches`."""
    assert noise.rng is not None
    return HiddenEntries(X, tables, hiding, weights, shape, noise.rng)


def _starting_at_zero(
    recipe: Recipe, network: Network, split: Split, scaling: Scaling, rng: np.random.Generator
) -> Fitted:
    """Draw weights with which the network corrects nothing.

    Raises
    ------
    ValueError
        If the decoder does not end with a layer that has a kernel and no activation.
    """
    begun = drawn(recipe, network, split, scaling, rng)
    last = last_layer(network.decoder)
    if not ends_linearly(last):
        raise ValueError(
            "The imputer needs an architecture whose decoder ends with a dense or convolutional "
            f"layer without an activation. Got {last!r}."
        )
    zeroed = {id(weight) for weight in last.weights}
    decoder = [
        np.zeros_like(value) if id(weight) in zeroed else value
        for weight, value in zip(network.decoder.weights, begun.decoder_weights, strict=True)
    ]
    return begun.with_weights([*begun.encoder_weights, *decoder])


def _warn_of_linear(compared: _Comparison) -> None:
    warn(
        "The network could not improve on the linear model, whose loss on hidden entries of "
        f"{compared.n_rows} held-out rows is {compared.mean(0 * compared.weights):.6g}: the "
        "imputer is now the linear model. It may help to use more rows or a larger 'max_iter'."
    )
