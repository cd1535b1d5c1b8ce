"""What of a fitted value has a form in other programs, and how well that form agrees with it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfae._data.scaling import Affine
from tfae._inference.fitted import Fitted
from tfae._networks.codes import Gaussian
from tfae._networks.filling import table_of, without_filling
from tfae._support.typing import Array

# The methods, and the names of their outputs.
METHODS = {
    "transform": "codes",
    "inverse_transform": "rows",
    "reconstruct": "rows",
    "score_samples": "scores",
}


def check_exportable(fitted: Fitted, what: str) -> None:
    """Raise a `ValueError` that names what other programs cannot compute."""
    if table_of(fitted.scaling) is not None:
        raise ValueError(
            "An export takes rows of numbers, so the estimator must be fitted to those. Got one "
            "that was fitted to a frame with columns of categories."
        )
    if not isinstance(without_filling(fitted.scaling), Affine):
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


def inputs_of(fitted: Fitted, what: str, rows: Array) -> Array:
    """Return what a method is given: rows, or their codes."""
    return fitted.encode(rows) if what == "inverse_transform" else rows


def difference(fitted: Fitted, what: str, given: Array, run: Callable[[Array], Array]) -> float:
    """Return the largest difference of another program's outputs from the method's.

    It is relative to the method's largest output.
    """
    wanted = {
        "transform": fitted.encode,
        "inverse_transform": fitted.decode,
        "reconstruct": fitted.reconstruct,
        "score_samples": lambda X: -fitted.errors(X),
    }[what](given)
    largest = max(np.abs(wanted).max(), np.finfo(np.float64).tiny)
    return float(np.abs(run(given) - wanted).max() / largest)
