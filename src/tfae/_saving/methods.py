"""What of a fitted value has a form in other programs, and how well that form agrees with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from tfae._inference.fitted import Fitted
from tfae._networks.activations import get_activation
from tfae._networks.codes import Gaussian
from tfae._networks.filling import without_filling
from tfae._networks.plain_layers import Activation, Dense, PlainLayer, Sum
from tfae._support.typing import Array

# The methods, and the names of their outputs.
METHODS = {
    "transform": "codes",
    "inverse_transform": "rows",
    "reconstruct": "rows",
    "score_samples": "scores",
}
# onnxruntime has them in float32 only.
_ONLY_IN_FLOAT32 = frozenset({"gelu"})


def check_exportable(fitted: Fitted, what: str) -> None:
    """Raise a `ValueError` that names what other programs cannot compute."""
    if not fitted.scaling.is_affine:
        raise ValueError(
            "An export needs a 'scaling' that is affine: 'global', 'standard', 'robust', 'minmax' "
            f"or None. Got {fitted.to_agree_with['scaling']!r}; use scaling=None, and put "
            "sklearn.preprocessing.QuantileTransformer before the estimator."
        )
    if what == "score_samples" and isinstance(fitted.structure.code, Gaussian):
        raise ValueError(
            "The 'score_samples' of a VariationalAutoencoder cannot be exported, because it draws "
            "random codes. Export 'reconstruct'."
        )
    if fitted.from_others is not None and what in ("reconstruct", "score_samples"):
        raise ValueError(
            f"{what!r} cannot be exported after a fit that hides entries of noisy rows, because it "
            "runs the network once for every group of entries. Export 'transform' or "
            "'inverse_transform'."
        )


def check_takes_a_matrix(fitted: Fitted, form: str) -> None:
    """Raise a `ValueError` for a model of a table, whose columns such a form cannot take."""
    if fitted.schema is not None:
        raise ValueError(
            f"{form} takes rows of numbers, so the estimator must be fitted to those. Got one that "
            "was fitted to a frame with columns of other kinds; use tfae.export.to_onnx, whose "
            "graphs take columns of all kinds."
        )


def random_rows(fitted: Fitted, n_rows: int) -> Array:
    """Return rows with the centers and scales of the training rows, and its categories.

    Numbers are ones that a table's columns can hold.
    """
    rng, scaling, schema = np.random.default_rng(0), without_filling(fitted.scaling), fitted.schema
    normal = rng.normal(size=(n_rows, fitted.structure.spec.n_features))
    rows = np.asarray(scaling.center + normal * scaling.scale)
    if schema is None:
        return rows
    held = schema.encode(schema.decode(rows))
    rows = np.where(schema.layout.is_number, held, rows)
    for _, places in schema.layout.categories():
        chance = scaling.center[places] + np.finfo(np.float64).tiny  # categories that never came
        drawn = rng.choice(len(chance), n_rows, p=chance / chance.sum())
        rows[:, places] = np.eye(len(chance))[drawn]
    return rows


def inputs_of(fitted: Fitted, what: str, rows: Array) -> Array:
    """Return what a method is given: rows, or their codes."""
    return fitted.encode(rows) if what == "inverse_transform" else rows


def exact_outputs(fitted: Fitted, what: str, given: Array) -> Array:
    """Return what a method computes, of tables as rows of numbers and probabilities."""
    methods: dict[str, Callable[[Array], Array]] = {
        "transform": fitted.encode,
        "inverse_transform": fitted.decode,
        "reconstruct": fitted.reconstruct,
        "score_samples": lambda X: -fitted.errors(X),
    }
    return methods[what](given)


def difference(exact: Array, found: Array) -> float:
    """Return the largest difference of another program's outputs from those of a method.

    It is relative to the method's largest output.
    """
    largest = max(np.abs(exact).max(), np.finfo(np.float64).tiny)
    return float(np.abs(found - exact).max() / largest)


def works_in_float32(fitted: Fitted, what: str) -> bool:
    """Whether the network has an activation that makes it work in float32 in any case."""
    coders = {"transform": [fitted.encoder], "inverse_transform": [fitted.decoder]}
    names = {
        name
        for coder in coders.get(what, [fitted.encoder, fitted.decoder])
        for name in _activations(coder.layers or ())
    }
    return bool(names & _ONLY_IN_FLOAT32)


def _activations(layers: Iterable[PlainLayer]) -> Iterable[str]:
    for layer in layers:
        if isinstance(layer, Dense | Activation):
            yield get_activation(layer.activation).keras_name
        elif isinstance(layer, Sum):
            for path in layer.paths:
                yield from _activations(path)
