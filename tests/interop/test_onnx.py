"""Estimators in other programs' formats, against the methods themselves."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from stored_files import FOLDER

import tfae
from tfae._networks.activations import KNOWN
from tfae._networks.codes import LargestOfRow

onnx = pytest.importorskip("onnx")

from tfae import export  # noqa: E402

METHODS = ["transform", "inverse_transform", "reconstruct", "score_samples"]


def stored(name):
    """A small model and rows for it; the names of columns are of no matter here."""
    model = tfae.load(FOLDER / f"1-{name}.tfae")
    vars(model).pop("feature_names_in_", None)
    normal = np.random.default_rng(0).normal(size=(200, 9))
    return model, np.load(FOLDER / f"1-{name}.npz")["X"][0] + 3 * normal


def with_activation(model, name):
    """Return a model whose hidden layers have another activation, the same on both sides."""
    fitted = model._fitted

    def changed(coder):
        first, *others = coder.layers
        return replace(coder, layers=(replace(first, activation=name), *others))

    model._fitted = replace(
        fitted, encoder=changed(fitted.encoder), decoder=changed(fitted.decoder)
    )
    return model


def error_of(path, model, what, X):
    """Return the largest relative error of a file, run by onnxruntime if it is there."""
    given = model.transform(X) if what == "inverse_transform" else X
    wanted = getattr(model, what)(given)
    try:
        from onnxruntime import InferenceSession
    except ImportError:
        from onnx.reference import ReferenceEvaluator as InferenceSession
    (found,) = InferenceSession(os.fspath(path)).run(None, {"X": given})
    assert found.shape == wanted.shape
    assert found.dtype in (X.dtype, wanted.dtype)  # Keras' scores are float32
    return np.abs(found - wanted).max() / np.abs(wanted).max()


@pytest.mark.parametrize("what", METHODS)
@pytest.mark.parametrize("name", ["autoencoder", "denoising", "variational"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_computes_what_the_method_does(name, what, dtype, tmp_path):
    model, X = stored(name)
    X = X.astype(dtype)
    path = tmp_path / "model.onnx"
    if name == "variational" and what == "score_samples":
        with pytest.raises(ValueError, match="draws random codes"):
            export.to_onnx(model, path, what)
        return
    limit = 1e-12 if dtype == "float64" and name != "autoencoder" else 1e-5  # which has GELUs
    assert export.to_onnx(model, path, what, dtype=dtype, X_sample=X) <= limit
    assert export.to_onnx(model, path, what, dtype=dtype) <= limit
    assert error_of(path, model, what, X) <= limit


@pytest.mark.parametrize("name", sorted(KNOWN))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations(name, dtype, tmp_path):
    model, X = stored("denoising")
    X = X.mean(axis=0) + 0.1 * (X - X.mean(axis=0))  # exponentials of more would overflow
    model, X, path = with_activation(model, name), X.astype(dtype), tmp_path / "model.onnx"
    limit = 1e-12 if dtype == "float64" and name != "gelu" else 1e-5
    assert export.to_onnx(model, path, "reconstruct", dtype=dtype, X_sample=X) <= limit
    assert error_of(path, model, "reconstruct", X) <= limit


def test_codes_that_keep_their_largest_values(tmp_path):
    model, X = stored("denoising")
    X, path = X.astype(np.float32), tmp_path / "model.onnx"
    fitted = model._fitted
    structure = replace(fitted.structure, code=LargestOfRow(1))
    encoder = replace(fitted.encoder, structure=structure)
    model._fitted = replace(fitted, encoder=encoder).with_facts({"thresholds": np.ones(2)})
    assert (model.transform(X) == 0).any()
    for what in ("transform", "reconstruct"):
        export.to_onnx(model, path, what, X_sample=X)
        assert error_of(path, model, what, X) <= 1e-5


@pytest.mark.parametrize("what", METHODS)
def test_convolutions_are_written_by_keras(what, tmp_path):
    pytest.importorskip("tf2onnx")
    model, X = stored("convolutional")
    X, path = X.astype(np.float32), tmp_path / "model.onnx"
    assert export.to_onnx(model, path, what, X_sample=X) <= 1e-5
    assert error_of(path, model, what, X) <= 1e-5


def test_convolutions_with_gelu(tmp_path, caplog):
    pytest.importorskip("tf2onnx")
    model, X = stored("convolutional")
    fitted = model._fitted

    def with_gelu(coder):
        spec = replace(coder.structure.spec, activation="gelu")
        return replace(coder, structure=replace(coder.structure, spec=spec))

    model._fitted = replace(
        fitted, encoder=with_gelu(fitted.encoder), decoder=with_gelu(fitted.decoder)
    )
    X, path = X.astype(np.float32), tmp_path / "model.onnx"
    assert export.to_onnx(model, path, "reconstruct", X_sample=X) <= 1e-5
    assert error_of(path, model, "reconstruct", X) <= 1e-5
    assert "Erfc" not in caplog.text


def test_counts_are_seen_as_logarithms(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.poisson(3.0, size=(60, 6)).astype(np.float32)
    model = tfae.DenoisingAutoencoder(
        2, training_rows="noisy", loss="poisson", hidden_layer_sizes=(4,), max_iter=2
    ).fit(X)
    export.to_onnx(model, tmp_path / "model.onnx", X_sample=X)
    assert error_of(tmp_path / "model.onnx", model, "transform", X) <= 1e-5


def test_a_model_that_fills_holes_has_the_graph_of_complete_rows(tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32)
    holed = X.copy()
    holed[::3, 2] = np.nan
    model = tfae.Autoencoder(2, hidden_layer_sizes=(4,), max_iter=2).fit(holed)
    export.to_onnx(model, tmp_path / "model.onnx", X_sample=X)
    assert error_of(tmp_path / "model.onnx", model, "transform", X) <= 1e-5


@pytest.mark.parametrize("name", ["autoencoder", "denoising", "variational", "tsne"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_pipeline_is_one_graph(name, dtype):
    skl2onnx = pytest.importorskip("skl2onnx")
    runtime = pytest.importorskip("onnxruntime")
    model, X = stored(name)
    X = X.astype(dtype)
    scaler = StandardScaler().fit(X)
    pipeline = Pipeline([("scaler", scaler), ("model", model)])
    export.register_onnx_converters()
    made = skl2onnx.to_onnx(pipeline, X[:1])
    (found,) = runtime.InferenceSession(made.SerializeToString()).run(None, {"X": X})
    wanted = pipeline.transform(X)
    limit = 1e-12 if dtype == "float64" and name in ("denoising", "variational") else 1e-5
    np.testing.assert_allclose(found, wanted, rtol=0, atol=limit * np.abs(wanted).max())


def test_what_has_no_graph_is_named(tmp_path):
    path = tmp_path / "model.onnx"
    with pytest.raises(ValueError, match="Got 'quantile'"):
        export.to_onnx(stored("sparse")[0], path)
    with pytest.raises(ValueError, match="not dense need dtype='float32'"):
        export.to_onnx(stored("convolutional")[0], path, dtype="float64")
    with pytest.raises(ValueError, match=r"'what' must be one of \['transform'\]"):
        export.to_onnx(stored("tsne")[0], path, "reconstruct")
    with pytest.raises(ValueError, match="'dtype' must be one of"):
        export.to_onnx(stored("denoising")[0], path, dtype="float16")
    assert not path.exists()


def test_an_error_above_the_tolerance_leaves_no_file(tmp_path):
    model, X = stored("autoencoder")
    with pytest.raises(ValueError, match="must be at most -1 of its largest output"):
        export.to_onnx(model, tmp_path / "model.onnx", X_sample=X, tolerance=-1.0)
    assert os.listdir(tmp_path) == []


def test_it_needs_no_tensorflow(tmp_path):
    code = (
        "import sys, tfae\n"
        "from tfae import export\n"
        f"model = tfae.load({str(FOLDER / '1-autoencoder.tfae')!r})\n"
        f"export.to_onnx(model, {str(tmp_path / 'model.onnx')!r}, 'score_samples')\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
