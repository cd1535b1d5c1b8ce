"""The checks that fitted values from a file can work: every shape follows from the structure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfae._data.layout import Layout
from tfae._data.scaling import Quantiles, Scaling
from tfae._data.schema import Schema
from tfae._data.table_scaling import TableScaling
from tfae._inference.coder import Coder
from tfae._inference.error_quantiles import N_DEVIATES
from tfae._inference.fitted import Fitted
from tfae._inference.imputation import Imputation
from tfae._inference.members import Members
from tfae._inference.surprise import Surprise
from tfae._networks.activations import get_activation
from tfae._networks.codes import Gaussian, LargestOfRow
from tfae._networks.factor_analysis import FactorAnalysis
from tfae._networks.filling import Filling, table_of
from tfae._networks.plain_layers import (
    Activation,
    BatchNormalization,
    Dense,
    EachFeature,
    Logits,
    PlainLayer,
    Rescaling,
    Sum,
)
from tfae._networks.structure import Structure
from tfae._networks.visible_columns import VisibleColumns
from tfae._support.keras_graphs import shapes_of_weights
from tfae._support.typing import Array, Weights

Shape = tuple[int, ...]


def check_fitted(fitted: Fitted) -> None:
    """Raise ValueError if parts of a fitted value do not fit together."""
    spec = fitted.structure.spec
    n_features = spec.n_features
    check((spec.n_inputs, spec.n_outputs) == (n_features,) * 2, "a network of rows", spec)
    _check_network(fitted)
    if fitted.linear_model is not None:
        _check_model(fitted.linear_model, n_features)
    if (others := fitted.from_others) is not None:
        for values in (others.groups, others.fill, others.weight):
            check_shape(values, (n_features,), "predictions from other entries")
    if fitted.landmarks is not None:
        for values in (fitted.landmarks.low, fitted.landmarks.high, fitted.landmarks.mean):
            check_shape(values, (n_features,), "landmarks")
    _check_facts(fitted)
    asked = {"linear_path", "linear_correction"} - set(fitted.settings)
    asked |= {"n_components", "scaling"} - set(fitted.to_agree_with)
    check(not asked, "settings that a later training needs", sorted(asked))
    _check_layout(fitted.layout, n_features)
    check((fitted.schema is None) == (fitted.layout is None), "a schema with a layout", "one")
    if fitted.schema is not None:
        check_schema(fitted.schema, fitted.layout)


def check_imputation(imputation: Imputation) -> None:
    """Raise ValueError if parts of an imputation do not fit together."""
    tables, network = imputation.tables, imputation.network
    width = len(tables.scaling.center)
    _check_layout(tables.layout, width)
    layout = tables.layout
    _check_scaling(tables.scaling, width)
    _check_model(tables.model, width)
    _check_scaling(tables.ranks, len(layout.numbers))
    for values in (tables.low, tables.high):
        check_shape(values, (width,), "a range")
    check_shape(imputation.shrinkage, (layout.n_columns,), "shares of the correction")
    law = imputation.law
    check_shape(law.floor, (width,), "floors of errors")
    check_shape(law.of_places, (N_DEVIATES, width), "quantiles of errors")
    check_shape(imputation.facts["observed"], (layout.n_columns,), "observed columns")
    if network is not None:
        spec = network.structure.spec
        widths = spec.n_features, spec.n_inputs, spec.n_outputs
        check(widths == (layout.n_columns, tables.n_inputs, width), "a network of it", spec)
        _check_network(network)


def check_schema(schema: Schema, layout: Layout | None) -> None:
    """Raise ValueError if a schema has other columns than a layout, or does not work."""
    n_labels, known = len(schema.labels), [*schema.columns, *schema.dropped]
    check(n_labels == len(known), "a label for every column", n_labels)
    levels = tuple(len(column.places) for column in schema.columns)
    check(layout is not None and levels == layout.levels, "the columns of its schema", levels)
    try:
        row = schema.decode(np.zeros((1, schema.layout.width)))
        schema.encode(row)
    except Exception as error:  # whatever the library of the frame raises for a wrong description
        raise ValueError(f"its schema does not work: {error}") from error


def _check_layout(layout: Layout | None, width: int) -> None:
    if layout is not None:
        # In whole numbers of Python: wrong ones may ask for more memory than there is.
        places = sum(max(1, n_levels) for n_levels in layout.levels)
        fits = min(layout.levels, default=-1) >= 0 and places == width
        check(fits, f"columns of {width} places", places)


def _check_network(fitted: Fitted) -> None:
    """Raise unless the scaling and the weights are those of the structure."""
    _check_structure(fitted.structure)
    _check_scaling(fitted.scaling, fitted.structure.spec.n_outputs)
    dtype = fitted.weights_dtype
    check(dtype in ("float32", "float64"), "weights of float32 or float64", dtype)
    for weight in fitted.weights:
        check(weight.dtype == dtype, "weights of one dtype", weight.dtype)
    _check_coder(fitted.encoder, fitted.encoder_weights)
    _check_coder(fitted.decoder, fitted.decoder_weights)


def check_surprise(surprise: Surprise) -> None:
    """Raise ValueError if parts of a fitted surprise do not fit together."""
    layout, densities, members = surprise.layout, surprise.densities, surprise.members
    mixture = densities.mixture
    check(min(layout.levels, default=-1) >= 0, "columns", layout.levels)
    check(mixture.n_parts > 0, "parts of densities", mixture.n_parts)
    check(min(mixture.freedom, mixture.least_scale) > 0, "densities of positive widths", mixture)
    _check_scaling(surprise.scaling, layout.width)
    for values in (surprise.low, surprise.high):
        check_shape(values, (layout.width,), "a range")
    for values in (surprise.usual, surprise.groups):
        check_shape(values, (layout.n_columns,), "numbers of columns")
    groups = np.unique(surprise.groups)
    check(np.array_equal(groups, np.arange(len(groups))), "groups from 0 on", groups)
    check(surprise.left_out.dtype == bool, "folds that are left out or not", "others")
    check_shape(surprise.left_out, (members.n_members, surprise.n_folds), "folds")
    check(bool(surprise.left_out.any(axis=0).all()), "judges of every fold", "none of some")
    spec = members.encoder.structure.spec
    widths = VisibleColumns(layout).n_inputs, densities.n_outputs
    check((spec.n_inputs, spec.n_outputs) == widths, f"networks of the widths {widths}", spec)
    _check_members(members)


def _check_members(members: Members) -> None:
    encoder, decoder = members.encoder, members.decoder
    check(encoder.structure == decoder.structure, "sides of one network", "those of two")
    _check_structure(encoder.structure)
    for weight in (*members.encoder_weights, *members.decoder_weights):
        alike = weight.ndim > 0 and len(weight) == members.n_members > 0
        check(alike, "a weight for every member", weight.shape)
    _check_coder(encoder, [weight[0] for weight in members.encoder_weights])
    _check_coder(decoder, [weight[0] for weight in members.decoder_weights])


def check(holds: bool, wanted: str, found: Any) -> None:
    if not holds:
        raise ValueError(f"it must hold {wanted}. Got {found}")


def check_shape(array: Array, shape: Shape, what: str) -> None:
    check(array.shape == shape, f"{what} of shape {shape}", array.shape)


def _check_structure(structure: Structure) -> None:
    spec, code = structure.spec, structure.code
    sizes = spec.n_features, spec.n_components, *spec.hidden_layer_sizes, *spec.decoder_layer_sizes
    check(min(sizes) >= 1, "layers of at least one unit", min(sizes))
    for name in (spec.activation, spec.code_activation, structure.output_activation):
        get_activation(name)
    n_components = code.n_components if isinstance(code, Gaussian) else spec.n_components
    check(n_components == spec.n_components, "a code of its own length", n_components)
    if isinstance(code, LargestOfRow):
        check(1 <= code.k <= n_components, "a code with 1 to all of its values", code.k)


def _check_model(model: FactorAnalysis, n_features: int) -> None:
    check_shape(model.mean, (n_features,), "a mean")
    check_shape(model.loadings, (len(model.loadings), n_features), "loadings")
    check_shape(model.noise, (n_features,), "a noise")
    check(bool((model.noise > 0).all()), "positive variances of noise", model.noise)
    numbers = model.mean, model.loadings, model.noise
    check(all(bool(np.isfinite(of).all()) for of in numbers), "a finite linear model", "others")


def _check_scaling(scaling: Scaling, n_features: int) -> None:
    if isinstance(scaling, Filling):
        _check_model(scaling.model, n_features)
        check(not isinstance(scaling.scaling, Filling), "one filling", "one within another")
        _check_scaling(scaling.scaling, n_features)
        return
    if isinstance(scaling, TableScaling):
        check(not isinstance(scaling.numbers, TableScaling), "one table", "one within another")
        check(scaling.layout.width == n_features, "a layout of all places", scaling.layout.width)
        check_shape(scaling.frequencies, (n_features,), "frequencies")
        _check_scaling(scaling.numbers, n_features)
    check_shape(scaling.center, (n_features,), "a center")
    if np.ndim(scaling.scale):
        check_shape(np.asarray(scaling.scale), (n_features,), "a scale")
    check(bool(np.isfinite(scaling.center).all()), "a finite center", scaling.center)
    scale = np.asarray(scaling.scale)
    check(bool(((scale > 0) & (scale < np.inf)).all()), "a positive, finite scale", scale)
    if isinstance(scaling, Quantiles):
        rising = len(scaling.quantiles) > 1 and np.all(np.diff(scaling.quantiles, axis=0) >= 0)
        check(bool(rising), "quantiles that rise", "others")


def _check_facts(fitted: Fitted) -> None:
    """Check the facts that outputs depend on."""
    spec, facts = fitted.structure.spec, fitted.facts
    if (thresholds := facts.get("thresholds")) is not None:
        check_shape(np.asarray(thresholds), (spec.n_components,), "thresholds")
    if (variance := facts.get("noise_variance")) is not None:
        table = table_of(fitted.scaling)
        n_values = spec.n_features if table is None else table.layout.n_columns
        np.broadcast_to(variance, (n_values,))
        numbers = ... if table is None else np.equal(table.layout.levels, 0)
        positive = np.asarray(variance)[numbers] > 0
        check(bool(np.all(positive)), "a positive noise variance", variance)


def _check_coder(coder: Coder, weights: Weights) -> None:
    spec, code = coder.structure.spec, coder.structure.code
    widths = spec.n_inputs, code.width(spec.n_components)
    if coder.side == "decoder":
        widths = spec.n_components, spec.n_outputs
    if coder.layers is None:
        _check_built(coder, [weight.shape for weight in weights])
        return
    walk = _Walk(weights)
    found = walk.along(coder.layers, widths[0])
    check(found == widths[1], f"an {coder.side} that ends with {widths[1]} units", found)
    check(len(walk.seen) == len(weights), "weights that layers use", "others")


def _check_built(coder: Coder, shapes: list[Shape]) -> None:
    """Check the weights of layers that only Keras knows; this loads TensorFlow."""
    try:
        wanted = shapes_of_weights(lambda: getattr(coder.structure.build(coder.dtype), coder.side))
    except Exception as error:  # whatever Keras or a user's layers raise for a wrong description
        raise ValueError(f"its {coder.side} cannot be built: {error}") from error
    check(shapes == wanted, f"weights of the shapes {wanted}", shapes)


class _Walk:
    """A walk along plain layers, which checks that they and their weights fit together."""

    def __init__(self, weights: Weights) -> None:
        self._shapes = [weight.shape for weight in weights]
        self.seen: set[int] = set()

    def along(self, layers: Sequence[PlainLayer], width: int) -> int:
        """Return the width of the rows that come out of layers for rows of a width."""
        for layer in layers:
            width = self._through(layer, width)
        return width

    def _through(self, layer: PlainLayer, width: int) -> int:
        if isinstance(layer, Dense | Activation):
            get_activation(layer.activation)
        match layer:
            case Dense():
                n_units = self._shape(layer.kernel)[-1]
                self._take(layer.kernel, (width, n_units))
                self._take(layer.bias, (n_units,))
                return n_units
            case BatchNormalization():
                for position in (layer.gamma, layer.beta, layer.mean, layer.variance):
                    self._take(position, (width,))
            case EachFeature():
                self._take(layer.kernel, (width,))
                self._take(layer.bias, (width,))
            case Rescaling():
                for numbers in (layer.scale, layer.offset):
                    check(np.shape(numbers) in ((), (width,)), "a number a column", numbers)
            case Logits():
                check(layer.layout.width == width, "logits for all places", layer.layout.width)
            case Sum():
                widths = {self.along(path, width) for path in layer.paths}
                check(len(widths) == 1, "sums of equal widths", widths)
                return widths.pop()
            case Activation():
                pass
            case _:
                raise ValueError(f"it must hold layers. Got {layer!r}")
        return width

    def _shape(self, position: int) -> Shape:
        check(0 <= position < len(self._shapes), "the weights of its layers", position)
        check(len(self._shapes[position]) > 0, "weights of layers", "a single number")
        return self._shapes[position]

    def _take(self, position: int | None, shape: Shape) -> None:
        """Check the shape of a weight, which no other layer may have."""
        if position is None:
            return
        check(self._shape(position) == shape, f"a weight of shape {shape}", self._shape(position))
        check(position not in self.seen, "a weight for one layer only", position)
        self.seen.add(position)
