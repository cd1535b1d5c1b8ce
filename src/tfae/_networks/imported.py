"""Ready-made Keras models as an architecture: how they are read, kept and built again."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfae._networks.plain_layers import chain
from tfae._networks.spec import Network, Spec
from tfae._support.keras_graphs import flat_layers, with_stand_ins
from tfae._support.tensorflow import keras, private_keras, variable_dtype

Shape = tuple[int, ...]

# What Keras builds by running code of the text, or of a file that the text names.
_CODE = frozenset({"__lambda__", "TFSMLayer", "TorchModuleWrapper"})


@dataclass(frozen=True, repr=False)
class Imported:
    """A builder that builds two given models again, for flat rows and flat codes.

    The models are kept as text without dtypes, because the estimator chooses these.
    """

    encoder: str
    decoder: str
    row_shape: Shape
    code_shape: Shape

    def __call__(self, spec: Spec) -> Network:
        """Build both models, untrained."""
        asked = spec.n_inputs, spec.n_components, spec.n_outputs
        if asked != (self.n_features, self.n_components, self.n_features):
            given = spec.n_outputs if spec.n_inputs == self.n_features else spec.n_inputs
            raise ValueError(
                f"The imported models must be used with {self.n_features} features and "
                f"n_components={self.n_components}. Got {given} features and "
                f"n_components={spec.n_components}."
            )
        return Network(
            _flat(_built(self.encoder), self.row_shape, self.code_shape),
            _flat(_built(self.decoder), self.code_shape, self.row_shape),
        )

    @property
    def n_features(self) -> int:
        """The length of a flat row."""
        return math.prod(self.row_shape)

    @property
    def n_components(self) -> int:
        """The length of a flat code."""
        return math.prod(self.code_shape)

    @property
    def __name__(self) -> str:
        return "imported"

    def __repr__(self) -> str:
        return f"<imported models of {self.n_features} features, {self.n_components} components>"


def learned_weights(model: Any) -> list[Any]:
    """Return a model's weights without the adapted statistics of its Normalization layers."""
    adapted = {id(w) for layer in flat_layers(model) if _is_adapted(layer) for w in layer.weights}
    weights = zip(model.weights, model.get_weights(), strict=True)
    return [value for weight, value in weights if id(weight) not in adapted]


def _is_adapted(layer: Any) -> bool:
    return type(layer) is keras.layers.Normalization and layer.input_mean is None


def _with_fixed_numbers(built: Any, model: Any) -> Any:
    """Return `built` with the adapted statistics of the Normalization layers of `model`.

    Keras keeps the statistics as weights but computes with copies of them, which loading the
    weights does not update.
    """
    given = dict(zip(map(id, flat_layers(built)), flat_layers(model), strict=True))

    def fixed(layer: Any) -> Any:
        if not _is_adapted(layer):
            return layer
        of, shape = given[id(layer)], layer.adapt_mean.shape
        moments = {
            name: np.asarray(getattr(of, name)).reshape(shape).tolist()
            for name in ("mean", "variance")
        }
        return type(layer).from_config(layer.get_config() | moments)

    return with_stand_ins(built, fixed)


def read_models(encoder: Any, decoder: Any) -> Imported:
    """Read a pair of Keras models without changing them.

    Raises
    ------
    ValueError
        If they are not built Keras models with one input and one output, if they cannot be built
        from their configuration or hold Python code, or if they do not fit together.
    """
    row_shape, code_shape = _shapes("encoder", encoder)
    decoder_shapes = _shapes("decoder", decoder)
    if decoder_shapes != (code_shape, row_shape):
        raise ValueError(
            "The decoder must map codes back to rows. The encoder maps shape "
            f"{row_shape} to {code_shape}; got a decoder that maps {decoder_shapes[0]} to "
            f"{decoder_shapes[1]}."
        )
    return Imported(_text("encoder", encoder), _text("decoder", decoder), row_shape, code_shape)


def without_sigmoid(decoder: str) -> str | None:
    """Return the decoder without its last activation; None if that is not a sigmoid."""
    with private_keras("float32"):
        model = _built(decoder)
        last: Any = next(
            (layer for layer in reversed(chain(model) or []) if not _keeps(layer)), None
        )
        if not _is_sigmoid(last):
            return None
        last.activation = keras.activations.linear
        return _cleaned(model)


def _keeps(layer: Any) -> bool:
    """Whether a layer keeps all values, perhaps in other places."""
    layers = keras.layers
    if type(layer) is layers.Rescaling:
        return bool(np.all(np.equal(layer.scale, 1)) and not np.any(layer.offset))
    moving = layers.InputLayer, layers.Flatten, layers.Reshape, layers.Permute, layers.Cropping2D
    return type(layer) in moving


def _is_sigmoid(layer: Any) -> bool:
    """Whether a layer ends with the sigmoid."""
    layers = keras.layers
    ending = (
        *(layers.Activation, layers.Dense, layers.Conv1D, layers.Conv2D, layers.Conv3D),
        *(layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose),
    )
    return type(layer) in ending and layer.activation is keras.activations.sigmoid


def _shapes(side: str, model: Any) -> tuple[Shape, Shape]:
    """Return the input and output shapes of a model, without the batch."""
    if not isinstance(model, keras.Model):
        raise ValueError(f"The {side} must be a Keras model. Got {model!r}.")
    inputs, outputs = (getattr(model, name, None) for name in ("inputs", "outputs"))
    if not inputs or not outputs:
        raise ValueError(
            f"The {side} must be a built keras.Sequential or functional model, with a known input "
            f"shape. Got {model!r}, which has none."
        )
    shapes = [tuple(tensor.shape)[1:] for tensor in (*inputs, *outputs)]
    if len(inputs) != 1 or len(outputs) != 1 or not all(s and None not in s for s in shapes):
        raise ValueError(
            f"The {side} must have one input and one output of fixed shapes. Got inputs of shapes "
            f"{shapes[: len(inputs)]} and outputs of shapes {shapes[len(inputs) :]}."
        )
    return shapes[0], shapes[1]


def _text(side: str, model: Any) -> str:
    """Return a model's configuration, after a check that Keras can build the model from it."""
    try:
        text = _cleaned(model)
        with private_keras("float32"):
            built = _built(text)
            if any(map(_is_adapted, flat_layers(built))):
                text = _cleaned(_with_fixed_numbers(built, model))
                built = _built(text)
        given, found = ([w.shape for w in learned_weights(m)] for m in (model, built))
    except ModelHoldsCodeError:
        raise
    except Exception as error:  # whatever the user's own layers raise
        raise ValueError(
            f"The {side} must be a model that Keras can build from its configuration; your own "
            "classes and functions need keras.saving.register_keras_serializable, and classes "
            "need get_config. Got "
            f"{model!r}: {error}"
        ) from error
    if given != found:
        raise ValueError(
            f"The {side} must have the weights that its configuration describes, with shapes "
            f"{found}. Got {given}."
        )
    return text


def _cleaned(model: Any) -> str:
    """Return a model's configuration without dtypes and without its compile settings."""
    with warnings.catch_warnings():
        # Keras advises an argument of its own function; if this is code, building says what to do.
        warnings.filterwarnings("ignore", "The object being serialized includes a `lambda`")
        text = model.to_json()
    return json.dumps(_stripped(json.loads(text)))


def _stripped(config: Any) -> Any:
    if isinstance(config, list):
        return [_stripped(part) for part in config]
    if not isinstance(config, dict):
        return config
    return {
        name: _stripped(part)
        for name, part in config.items()
        if name != "compile_config" and not (name == "dtype" and isinstance(part, dict))
    }


def _inputs(config: Any) -> Iterator[dict[str, Any]]:
    """Yield the configurations of all input layers."""
    parts = config.values() if isinstance(config, dict) else config
    if isinstance(config, dict) and config.get("class_name") == "InputLayer":
        yield config["config"]
    for part in parts:
        if isinstance(part, dict | list):
            yield from _inputs(part)


def _built(text: str) -> Any:
    """Build a model in the dtype of the thread's policy.

    The text may come from a file, so Keras must not run code that is in it. Only what is registered
    in this process, or is a part of Keras, is found by its name.
    """
    config = json.loads(text)
    for given in _inputs(config):
        if str(given.get("dtype")).startswith(("float", "bfloat")):
            given["dtype"] = variable_dtype()
    coded = sorted(set(_with_code(config)))  # first, because Keras changes configurations
    try:
        # A user's own keras.config.enable_unsafe_deserialization() goes before this argument.
        return keras.saving.deserialize_keras_object(config, safe_mode=True)
    except Exception as error:
        if not coded:
            raise
        raise ModelHoldsCodeError(
            "Imported models must not hold Python code, because an estimator keeps them as text "
            "and a file could bring any code along. Got code in the layers "
            f"{coded}; write it as a layer class or a function that is registered with "
            "keras.saving.register_keras_serializable, or with functions of keras.ops in a "
            "functional model."
        ) from error


class ModelHoldsCodeError(ValueError):
    """A model's text holds code that Keras would have to run."""


def _with_code(config: Any, layer: str = "") -> Iterator[str]:
    """Yield the names of the layers whose configuration holds code: source, bytes or a program."""
    if isinstance(config, list):
        for part in config:
            yield from _with_code(part, layer)
    elif isinstance(config, dict):
        kind, own = config.get("class_name"), config.get("config")
        own = own if isinstance(own, dict) else {}
        layer = str(own.get("name", layer))
        # Before Keras 3 the code of a Lambda was in a list.
        if kind in _CODE or (kind == "Lambda" and isinstance(own.get("function"), list)):
            yield layer
        for part in config.values():
            yield from _with_code(part, layer)


def _flat(model: Any, n_in: Shape, n_out: Shape) -> Any:
    """Return a model with flat inputs and outputs."""
    if len(n_in) == len(n_out) == 1:
        return model
    layers = keras.layers
    dtype = variable_dtype()
    return keras.Sequential(
        [
            keras.Input((math.prod(n_in),), dtype=dtype),
            *([layers.Reshape(n_in)] if len(n_in) > 1 else []),
            model,
            *([layers.Reshape((math.prod(n_out),))] if len(n_out) > 1 else []),
        ]
    )
