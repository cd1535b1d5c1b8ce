"""A network without its weights: how it is described, built and checked."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, fields, replace
from typing import Any, NamedTuple

from tfae._data.layout import Layout
from tfae._networks.codes import PLAIN, Code
from tfae._networks.linear_path import add_linear_path
from tfae._networks.spec import Builder, Network, Spec
from tfae._support.tensorflow import keras, private_keras


@dataclass(frozen=True)
class Structure:
    """Everything needed to build a network; equal structures share compiled programs."""

    builder: Builder
    params: tuple[tuple[str, Any, Any], ...]  # name, value, names of the value's types
    spec: Spec
    output_activation: str
    code: Code = PLAIN
    tied: bool = False  # whether the decoder's kernels are the encoder's
    linear_path: bool = False  # whether the network corrects principal components
    linear_correction: bool = False  # whether a trained linear map corrects them, too
    keeps_neighbors: bool = False  # whether the code is linear, in the units of near rows
    layout: Layout | None = None  # of the output, if it has categories

    def build(self, dtype: str, seed: int | None = None) -> Network:
        """Build new, untrained Keras models and check the builder's result."""
        width = self.code.width(self.spec.n_components)
        with private_keras(dtype, seed):
            network = self._build(self.spec)
            if width != self.spec.n_components:
                # Any builder can make a wider encoder: as part of a network with more components.
                wide = self._build(replace(self.spec, n_components=width))
                network = Network(wide.encoder, network.decoder)
            if self.linear_path:
                spec = self.spec
                network = add_linear_path(
                    network,
                    spec,
                    self.linear_correction,
                    corrects_code=not self.keeps_neighbors,
                    layout=self.layout,
                )
        return network

    @property
    def name(self) -> str:
        """The name of the builder."""
        return getattr(self.builder, "__name__", repr(self.builder))

    @property
    def n_dropped(self) -> int:
        """The number of hidden units that dropout applies to, as far as the spec tells."""
        sizes = *self.spec.hidden_layer_sizes, *self.spec.decoder_layer_sizes
        return sum(sizes) if self.spec.dropout else 0

    def changed(self, other: Structure) -> list[str]:
        """Return the names of the parameters in which another structure differs."""
        own = {
            "builder": "architecture",
            "params": "architecture_params",
            "code": "penalty",
            "layout": "columns",
        }
        of_all = (own.get(field.name, field.name) for field in _differing(self, other))
        of_spec = (field.name for field in _differing(self.spec, other.spec))
        return sorted({*of_all, *of_spec} - {"spec"})

    def _build(self, spec: Spec) -> Network:
        params = {name: value for name, value, _ in self.params}
        self._check_params(params)
        built = self.builder(spec, **params)
        if not (isinstance(built, tuple) and len(built) == 2):
            raise ValueError(
                f"The architecture {self.name!r} must return a pair (encoder, decoder) of Keras "
                f"models. Got {built!r}."
            )
        network = Network(*built)
        _check_shape(self.name, "encoder", network.encoder, spec)
        _check_shape(self.name, "decoder", network.decoder, spec)
        _check_layers_made(self.name, network, spec)
        return network

    def _check_params(self, params: dict[str, Any]) -> None:
        try:
            signature = inspect.signature(self.builder)
            signature.bind(self.spec, **params)
        except TypeError as error:
            taken = list(signature.parameters)[1:]
            raise ValueError(
                f"The 'architecture_params' of the architecture {self.name!r} must be among "
                f"{taken}. Got {sorted(params)}: {error}."
            ) from None


def _differing(one: Any, other: Any) -> Iterator[Field[Any]]:
    """Yield the fields that differ in two objects of a dataclass."""
    return (f for f in fields(one) if getattr(one, f.name) != getattr(other, f.name))


def _check_shape(name: str, side: str, model: Any, spec: Spec) -> None:
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"The {side} of the architecture {name!r} must be a Keras model. Got {model!r}."
        )
    widths = spec.n_inputs, spec.n_components, spec.n_outputs
    n_in, n_out = widths[:2] if side == "encoder" else widths[1:]
    try:
        shape = tuple(model(keras.Input((n_in,))).shape)
    except ValueError as error:  # the model takes another number of inputs
        raise _wrong_shape(name, side, spec, n_in, n_out, "It does not take such rows.") from error
    if shape != (None, n_out):
        raise _wrong_shape(name, side, spec, n_in, n_out, f"It returns shape {shape}.")


def _wrong_shape(name: str, side: str, spec: Spec, n_in: int, n_out: int, found: str) -> ValueError:
    simple = spec.n_features == spec.n_inputs == spec.n_outputs
    way_out = "" if simple else " Use spec.n_inputs and spec.n_outputs in place of spec.n_features."
    return ValueError(
        f"The {side} of the architecture {name!r} must map shape (None, {n_in}) to (None, "
        f"{n_out}). {found}{way_out}"
    )


def _check_layers_made(name: str, network: Network, spec: Spec) -> None:
    """Raise an error if the builder ignored a parameter of the hidden layers."""
    if not (spec.hidden_layer_sizes or spec.decoder_layer_sizes):
        return
    # Dropout layers keep their random state in a variable that is not a weight. Moving averages
    # are weights. Both are found at any depth of nested layers.
    draws = any(len(model.variables) > len(model.weights) for model in network)
    normalizes = any(w.name == "moving_mean" for model in network for w in model.weights)
    for parameter, used in [("dropout", draws), ("batch_normalization", normalizes)]:
        value = getattr(spec, parameter)
        if value and not used:
            raise ValueError(
                f"The architecture {name!r} makes no use of {parameter!r}, so the parameter must "
                f"be {type(value)()!r}. Got {value!r}."
            )


def hashable_params(params: Mapping[str, Any]) -> tuple[tuple[str, Any, Any], ...]:
    """Return ``architecture_params`` as a hashable tuple, with lists as tuples.

    It holds the types, too, because 1, 1.0 and True are equal and a layer may take only one of
    them.

    Raises
    ------
    ValueError
        If a value cannot be hashed, because equal structures could then not be recognised.
    """
    pairs = tuple(sorted(params.items()))
    frozen = tuple((name, tuple(v) if isinstance(v, list) else v) for name, v in pairs)
    for name, value in frozen:
        try:
            hash(value)
        except TypeError:
            raise ValueError(
                "The values of 'architecture_params' must be hashable (numbers, str, tuples, …). "
                f"Got {value!r} for {name!r}."
            ) from None
    return tuple((name, value, _types(value)) for name, value in frozen)


def _types(value: Any) -> Any:
    # By name, because the type of a function cannot be pickled.
    own = type(value).__qualname__
    return (own, *map(_types, value)) if isinstance(value, tuple) else own


class Tie(NamedTuple):
    """A pair of tied kernels, by their positions in the weights of encoder and decoder."""

    encoder: int
    decoder: int
    transposed: bool


def tied_kernels(structure: Structure, network: Network) -> list[Tie]:
    """Pair the decoder's kernels with the encoder's, from the code outwards.

    Raises
    ------
    ValueError
        If the two sides are not mirror images.
    """
    if not structure.tied:
        return []
    encoder, decoder = (list(_kernels(model)) for model in network)
    ties = []
    for (source, kernel), (target, other) in zip(reversed(encoder), decoder, strict=False):
        # The kernel of a transposed convolution has the layout of the convolution that it mirrors.
        transposed = len(kernel.shape) == 2
        shape = tuple(kernel.shape)[::-1] if transposed else tuple(kernel.shape)
        if shape == tuple(other.shape):
            ties.append(Tie(source, target, transposed))
    if len(ties) < max(len(encoder), len(decoder)):
        raise ValueError(
            "tied=True needs a decoder that mirrors the encoder, layer by layer. The kernels of "
            f"the architecture {structure.name!r} have the shapes "
            f"{[tuple(kernel.shape) for _, kernel in encoder]} in the encoder and "
            f"{[tuple(kernel.shape) for _, kernel in decoder]} in the decoder."
        )
    return ties


def _kernels(model: Any) -> Iterator[tuple[int, Any]]:
    for position, weight in enumerate(model.weights):
        if weight.name == "kernel":
            yield position, weight
