"""Every architecture with every scaling as ONNX, against its methods, by onnxruntime.

``pytest -s`` shows the errors.
"""

import numpy as np
import pytest
from family import FOR_FEW_ROWS, kinds, other_architectures

import tfae

pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

from tfae import export  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("in_executor")]

SCALINGS = ["global", "standard", "robust", "minmax", None]
METHODS = ["transform", "inverse_transform", "reconstruct", "score_samples"]
SMALL = {"n_components": 3, "hidden_layer_sizes": (24, 8), "max_iter": 1, "random_state": 0}
# Options of the layers, and estimators whose code or scaling differs.
OPTIONS = {
    "pure": {"linear_path": False},
    "tied": {"tied": True, "linear_path": False},
    "normalized": {"batch_normalization": True},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "top_k": {"penalty": "top_k", "n_components": 8},
    **{f"architecture={name}": {"architecture": name} for name in other_architectures()},
}


def rows(n, seed):
    """Rows of rank 5 with noise, in units of their own, away from 0."""
    rng = np.random.default_rng(seed)
    structure = np.random.default_rng(0).normal(size=(5, 16))
    X = np.tanh(rng.normal(size=(n, 5))) @ structure + 0.1 * rng.normal(size=(n, 16))
    return X * np.geomspace(0.1, 10, 16) + np.linspace(-5, 5, 16)


def estimators():
    """Return an estimator for every class and option, by a name."""
    made = {kind.__name__: (kind, {**FOR_FEW_ROWS.get(kind.__name__, {})}) for kind in kinds()}
    made["ParametricTSNE"][1]["init"] = "random"  # the other one is for unbounded activations
    made["ConvolutionalAutoencoder"] = (tfae.ConvolutionalAutoencoder, {"image_shape": (4, 4)})
    return {**made, **{name: (tfae.Autoencoder, params) for name, params in OPTIONS.items()}}


def with_other_weights(model):
    """Return a model in which every weight matters: few epochs may leave PCA, or weights at 0."""
    rng, fitted = np.random.default_rng(3), model._fitted
    noise = (0.1 * np.abs(rng.normal(size=weight.shape)) for weight in fitted.weights)
    weights = [weight + more for weight, more in zip(fitted.weights, noise, strict=True)]
    model._fitted = fitted.with_weights(weights)
    return model


def limit_of(model, dtype):
    """The largest error, relative to the largest output."""
    if dtype == "float32" or model.activation == "gelu":
        return 1e-5
    return 1e-12


def error_of(model, what, dtype, X, path):
    given = model.transform(X) if what == "inverse_transform" else X
    export.to_onnx(model, path, what, dtype=dtype, X_sample=X, tolerance=np.inf)
    wanted = getattr(model, what)(given)
    (found,) = runtime.InferenceSession(path).run(None, {"X": given})
    return np.abs(found - wanted).max() / np.abs(wanted).max()


def exportable(model, dtype):
    """The methods that have a graph in a dtype."""
    fitted = model._fitted
    if dtype == "float64" and (fitted.encoder.layers is None or fitted.decoder.layers is None):
        return []
    random = isinstance(model, tfae.VariationalAutoencoder)
    return [w for w in METHODS if hasattr(model, w) and not (random and w == "score_samples")]


@pytest.mark.parametrize("activation", ["gelu", "tanh"])
@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("name", estimators())
def test_a_thousand_rows(name, scaling, activation, tmp_path):
    kind, params = estimators()[name]
    if name == "ConvolutionalAutoencoder":
        pytest.importorskip("tf2onnx")
    model = kind(**{**SMALL, "scaling": scaling, "activation": activation, **params})
    model = with_other_weights(model.fit(rows(300, 1)))
    path, n_compared = tmp_path / "model.onnx", 0
    for dtype in ("float32", "float64"):
        X = rows(1000, 2).astype(dtype)
        for what in exportable(model, dtype):
            error = error_of(model, what, dtype, X, path)
            print(f"{name}\t{scaling}\t{activation}\t{dtype}\t{what}\t{error:.1e}")
            assert error <= limit_of(model, dtype)
            n_compared += 1
    assert n_compared
