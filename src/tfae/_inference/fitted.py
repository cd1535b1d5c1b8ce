"""The result of a fit: a trained network and everything needed to use it, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tfae._data.holes import has_holes, observed_means
from tfae._data.landmarks import Landmarks
from tfae._data.layout import Layout
from tfae._data.rows import dense_blocks
from tfae._data.scaling import Forward, Scaling, finite_variance
from tfae._data.schema import Schema
from tfae._data.source import Source, mean_of_rows, weights_of
from tfae._data.statistics import Survey, survey
from tfae._inference import outcome
from tfae._inference.blocks import of_every_block
from tfae._inference.codec import Codec
from tfae._inference.coder import Coder
from tfae._inference.from_others import FromOthers
from tfae._inference.table_errors import column_errors
from tfae._inference.workspace import Workspace
from tfae._networks.factor_analysis import FactorAnalysis
from tfae._networks.filling import Filling, table_of, without_filling
from tfae._networks.spec import Network
from tfae._networks.structure import Structure
from tfae._support.typing import Array, History, Weights


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained network, its scaling and facts about it; it never changes."""

    encoder: Coder
    decoder: Coder
    encoder_weights: Weights
    decoder_weights: Weights
    weights_dtype: str  # the more precise one of the data's and the training's
    scaling: Scaling
    settings: Mapping[str, Any]  # the values that "auto" stands for
    to_agree_with: Mapping[str, Any]  # parameters that a later training must agree with
    history: History = field(default_factory=dict)
    landmarks: Landmarks | None = None  # only if rows are corrupted
    seen_as: Forward | None = None  # what the encoder takes if not scaled rows
    from_others: FromOthers | None = None  # if every entry is rebuilt from the others alone
    linear_model: FactorAnalysis | None = None  # of scaled rows, only with a linear path
    facts: Mapping[str, Any] = field(default_factory=dict)  # those that only some fits find out
    schema: Schema | None = None  # None for arrays and frames of numbers only
    layout: Layout | None = None  # None for numbers

    @classmethod
    def of_network(
        cls,
        structure: Structure,
        network: Network,
        weights: Weights,
        *,
        dtype: str,
        weights_dtype: Any,
        scaling: Scaling,
        settings: Mapping[str, Any],
        to_agree_with: Mapping[str, Any],
    ) -> Fitted:
        """Return a built network with weights, which no training has changed yet.

        `dtype` is that of the training.
        """
        n_encoder = len(network.encoder.weights)
        weights = _cast(weights, weights_dtype)
        return cls(
            Coder.of(structure, "encoder", dtype, network.encoder),
            Coder.of(structure, "decoder", dtype, network.decoder),
            weights[:n_encoder],
            weights[n_encoder:],
            np.dtype(weights_dtype).name,
            scaling,
            settings,
            to_agree_with,
        )

    @property
    def n_features(self) -> int:
        """The number of features."""
        return self.structure.spec.n_features

    @property
    def structure(self) -> Structure:
        """The network without its weights."""
        return self.encoder.structure

    @property
    def weights(self) -> Weights:
        """The encoder's and then the decoder's weights."""
        return [*self.encoder_weights, *self.decoder_weights]

    @property
    def n_epochs(self) -> int:
        """The number of epochs of training."""
        return len(self.history.get("loss", []))

    @property
    def codec(self) -> Codec:
        """The codec of rows in the user's units."""
        return Codec(
            self.encoder,
            self.decoder,
            self.encoder_weights,
            self.decoder_weights,
            self.scaling if self.seen_as is None else self.seen_as,
            self.scaling,
            self.facts.get("thresholds"),
        )

    def with_weights(self, weights: Weights) -> Fitted:
        """Return a copy with other weights, the encoder's first."""
        weights = _cast(weights, self.weights_dtype)
        n_encoder = len(self.encoder_weights)
        return replace(
            self, encoder_weights=weights[:n_encoder], decoder_weights=weights[n_encoder:]
        )

    def with_facts(self, facts: Mapping[str, Any]) -> Fitted:
        """Return a copy with more facts."""
        return replace(self, facts={**self.facts, **facts})

    @property
    def fills_holes(self) -> bool:
        """Whether there is a linear model that can fill holes."""
        return isinstance(self.scaling, Filling) or self.linear_model is not None

    def filling(self, X: Any) -> Fitted:
        """Return what to use for `X`: if it has holes, a copy that fills them.

        Raises
        ------
        ValueError
            If there is no linear model that could fill them.
        """
        unknown = isinstance(X, Source) and not X.in_memory
        if isinstance(self.scaling, Filling) or not (unknown or has_holes(X)):
            return self
        if unknown and not self.fills_holes:
            return self  # such rows are read without any
        if self.linear_model is None:
            raise ValueError(
                "X must have no missing entries, because the estimator was fitted to complete rows "
                "without a linear path and has no linear model to fill them. Fit it to rows with "
                "missing entries or with linear_path=True, or impute first, for example with "
                "tfae.AutoencoderImputer."
            )
        return replace(self, scaling=Filling(self.scaling, self.linear_model))

    def encode(self, X: Any) -> Array:
        """Return the codes of rows, of shape [rows, components]."""
        codec = self.filling(X).codec.ready_to_encode(X)

        def codes(rows: Array, space: Workspace) -> Array:
            with np.errstate(over="ignore", invalid="ignore"):
                found = codec.encode(rows, rows.dtype, space)
            return outcome.of_rows(found, rows, self.scaling, "finite codes")

        return of_every_block(X, codes, codec.encoder.floats_per_row)

    def decode(self, codes: Array) -> Array:
        """Return the rows of codes, of shape [rows, features]."""
        codec = self.codec.ready_to_decode(codes)
        width = self.structure.spec.n_outputs

        def rows(some: Array, space: Workspace) -> Array:
            with np.errstate(over="ignore", invalid="ignore"):
                found = codec.decode(some, space)
            return outcome.of_codes(found, some)

        return of_every_block(codes, rows, codec.decoder.floats_per_row, width=width)

    def reconstruct(self, X: Any) -> Array:
        """Encode and decode rows."""
        codec = self.filling(X).codec.ready_to_encode(X).ready_to_decode(X)

        def rebuilt(rows: Array, space: Workspace) -> Array:
            with np.errstate(over="ignore", invalid="ignore"):
                found = self._rebuilt(codec, rows, space)
            return outcome.of_rows(found, rows, self.scaling, "a finite reconstruction")

        return of_every_block(X, rebuilt, codec.floats_per_row)

    def _rebuilt(self, codec: Codec, rows: Array, space: Workspace) -> Array:
        if self.from_others is None:
            return codec.rebuilt(rows, space)
        return self.from_others(rows, lambda seen: codec.rebuilt(seen, space))

    def errors(self, X: Any, *, scaled: bool = False, per_feature: bool = False) -> Array:
        """Return the squared error of every row, a mean over its features unless `per_feature`.

        The errors are float64, in the square of the user's units or of those of the `scaled` data.
        Missing entries have none: the mean is that of the observed ones, and `per_feature` gives
        NaN. A row without observed entries has the error that is expected of an unknown row. For a
        table with categories errors are the losses of its cells, and always scaled.
        """
        filling = self.filling(X)
        if table_of(self.scaling) is not None:
            return filling._losses(X)
        codec = filling.codec.ready_to_encode(X).ready_to_decode(X)

        def of_rows(rows: Array, space: Workspace) -> Array:
            holed = has_holes(rows)
            with np.errstate(over="ignore", invalid="ignore"):
                one, other = rows, self._rebuilt(codec, rows, space)
                if scaled:
                    one, other = (filling.scaling.forward(r, r.dtype) for r in (one, other))
                squares = np.square(one - other, dtype=np.float64)
                if holed:
                    squares = np.where(np.isnan(rows), 0.0, squares)
                if per_feature:
                    found = squares
                elif holed:
                    found = filling._with_unknown(observed_means(squares, rows), rows, scaled)
                else:
                    found = np.mean(squares, axis=1)
            found = outcome.of_rows(found, rows, filling.scaling, "finite errors")
            return np.where(np.isnan(rows), np.nan, found) if holed and per_feature else found

        return of_every_block(X, of_rows, codec.floats_per_row)

    def _losses(self, X: Any) -> Array:
        """Return the mean loss of the observed cells of every row of a table with categories."""
        codec, table = self.codec.ready_to_encode(X), table_of(self.scaling)
        assert table is not None

        def of_rows(rows: Array, space: Workspace) -> Array:
            with np.errstate(over="ignore", invalid="ignore"):
                target = self.scaling.forward(rows, rows.dtype)
                codes = codec.encoder(codec.encoder_weights, target, space)
                found = table.mean_losses(rows, target, codec.output(codes, space))
            found = outcome.of_rows(found, rows, self.scaling, "finite errors")
            # Of an unknown row means and frequencies are expected, whose losses are 1.
            return np.where(table.layout.missing(rows).all(axis=1), 1.0, found)

        return of_every_block(X, of_rows, codec.floats_per_row)

    def _with_unknown(self, errors: Array, rows: Array, scaled: bool) -> Array:
        """Return errors of rows, with the variance of the features for rows that are all missing.

        They are rebuilt as the mean, and an error of 0 would make them the most normal of all.
        """
        unknown = np.isnan(rows).all(axis=1)
        if unknown.any():
            assert isinstance(self.scaling, Filling)
            model, unit = self.scaling.model, 1.0 if scaled else np.square(self.scaling.scale)
            errors[unknown] = ((np.square(model.loadings).sum(axis=0) + model.noise) * unit).mean()
        return errors

    def column_errors(self, X: Any) -> Array:
        """Return the error of every value; see :func:`.table_errors.column_errors`."""
        codec = self.filling(X).codec.ready_to_encode(X).ready_to_decode(X)
        n_features = self.structure.spec.n_features
        layout = Layout.of_numbers(n_features) if self.layout is None else self.layout

        def of_rows(rows: Array, space: Workspace) -> Array:
            with np.errstate(over="ignore", invalid="ignore"):
                found, missing = column_errors(layout, rows, codec.rebuilt(rows, space)), None
            if has_holes(rows):
                missing = layout.missing(rows)
                found[missing] = 0
            found = outcome.of_rows(found, rows, self.scaling, "finite errors")
            if missing is not None:
                found[missing] = np.nan
            return found

        return of_every_block(X, of_rows, codec.floats_per_row)


def explained_variance(fitted: Fitted, X: Any) -> float:
    """Return the fraction of the variance of rows that their reconstruction keeps.

    Raises
    ------
    ColumnError
        If the variance or an error is not finite.
    """
    if fitted.schema is not None:
        return _explained_loss(fitted, X)
    if has_holes(X):
        return _explained_in_observed(fitted, X)
    variance = finite_variance(X)
    if np.isnan(variance):  # a stream has holes
        return _explained_in_observed(fitted, X)
    if variance != 0:
        return float(1 - mean_of_rows(fitted.errors(X), weights_of(X)) / variance)
    # All rows are the same. Rebuilding many adds rounding errors that one row does not have.
    same = X if isinstance(X, Source) else X[:1]
    return float(not fitted.errors(same).any())


def _explained_loss(fitted: Fitted, X: Any) -> float:
    """Return 1 minus the loss of a table's cells over that of its means and frequencies."""
    layout, table, weights = fitted.layout, table_of(fitted.scaling), weights_of(X)
    assert layout is not None
    scaling = without_filling(fitted.scaling)
    scaled = (scaling.forward(rows, np.float64) for _, rows in dense_blocks(X))
    of = Survey(scaled, weights=weights, holes=has_holes(X))
    guess = of.variance if table is None else table.losses_of_means(of)
    counted = np.ones(of.n_rows) if weights is None else weights
    of_rows, of_columns = counted, np.ones(layout.n_columns)
    if has_holes(X):
        observed = np.concatenate([~layout.missing(rows) for _, rows in dense_blocks(X)])
        of_rows, of_columns = counted * observed.sum(axis=1), counted @ observed
    if not of_columns.any():
        return 0.0  # nothing is known of any row, and means are all there is to rebuild
    error = mean_of_rows(fitted.errors(X, scaled=True), of_rows)
    least = np.average(guess, weights=of_columns)
    return float(1 - error / least) if least else float(not error)


def _explained_in_observed(fitted: Fitted, X: Any) -> float:
    """Return the fraction of the variance of observed entries."""
    mean, weights, sums = survey(X, holes=True).mean, weights_of(X), np.zeros(2)
    for places, rows in dense_blocks(X):
        distances = np.square(rows - mean, dtype=np.float64)
        of_rows = np.nansum([fitted.errors(rows, per_feature=True), distances], axis=2)
        sums += of_rows.sum(axis=1) if weights is None else of_rows @ weights[places]
    errors, total = sums.tolist()
    return 1 - errors / total if total else float(not errors)


def _cast(weights: Weights, dtype: Any) -> Weights:
    return [weight.astype(dtype, copy=False) for weight in weights]
