"""Estimators as SavedModels and LiteRT models, against the methods themselves."""

import os

import numpy as np
import pytest
from stored_files import FOLDER

import tfae
from tfae import export

METHODS = ["transform", "inverse_transform", "reconstruct", "score_samples"]


def stored(name):
    """A small model and rows for it, float32."""
    model = tfae.load(FOLDER / f"1-{name}.tfae")
    vars(model).pop("feature_names_in_", None)
    normal = np.random.default_rng(0).normal(size=(200, 9))
    X = np.load(FOLDER / f"1-{name}.npz")["X"][0] + 3 * normal
    return model, X.astype(np.float32)


def relative_error(model, what, given, found):
    wanted = getattr(model, what)(given)
    assert found.shape == wanted.shape
    return np.abs(found - wanted).max() / np.abs(wanted).max()


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", ["autoencoder", "convolutional"])
@pytest.mark.parametrize("what", METHODS)
def test_a_saved_model_computes_what_the_method_does(name, what, tmp_path):
    import tensorflow as tf

    model, X = stored(name)
    assert export.to_saved_model(model, tmp_path / "model", what, X_sample=X) <= 1e-5
    assert os.listdir(tmp_path) == ["model"]
    given = model.transform(X) if what == "inverse_transform" else X
    loaded = tf.saved_model.load(tmp_path / "model")
    assert relative_error(model, what, given, loaded.serve(given).numpy()) <= 1e-5


@pytest.mark.parametrize("name", ["imputer", "outliers"])
def test_what_has_no_code_is_refused(name, tmp_path):
    model = tfae.load(FOLDER / f"1-{name}.tfae")
    with pytest.raises(
        TypeError, match=f"must be a fitted autoencoder.*Got a {type(model).__name__}"
    ):
        export.to_saved_model(model, tmp_path / "model", "score_samples")
    assert os.listdir(tmp_path) == []


def test_only_a_saved_model_is_replaced(tmp_path):
    model, X = stored("denoising")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="'path' must be free, or the folder of a SavedModel"):
        export.to_saved_model(model, tmp_path / "folder")
    assert os.listdir(tmp_path / "folder") == ["mine.txt"]
    for what in ("transform", "reconstruct"):
        export.to_saved_model(model, tmp_path / "model", what, X_sample=X)
    with pytest.raises(ValueError, match="must be at most -1"):
        export.to_saved_model(model, tmp_path / "model", X_sample=X, tolerance=-1.0)
    assert sorted(os.listdir(tmp_path)) == ["folder", "model"]


@pytest.mark.parametrize("quantize", [None, "float16", "int8"])
@pytest.mark.parametrize("name", ["autoencoder", "denoising", "convolutional"])
def test_a_litert_model_computes_nearly_what_the_method_does(name, quantize, tmp_path):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    model, X = stored(name)
    path = tmp_path / "model.tflite"
    error = export.to_litert(model, path, "reconstruct", X_sample=X, quantize=quantize)
    run = interpreter.Interpreter(model_path=os.fspath(path))
    run.resize_tensor_input(run.get_input_details()[0]["index"], X.shape)
    run.allocate_tensors()
    run.set_tensor(run.get_input_details()[0]["index"], X)
    run.invoke()
    found = run.get_tensor(run.get_output_details()[0]["index"])
    limit = {None: 1e-4, "float16": 1e-2, "int8": 0.1}[quantize]
    assert error <= limit
    assert relative_error(model, "reconstruct", X, found) <= limit


def test_what_litert_needs_is_said(tmp_path):
    pytest.importorskip("ai_edge_litert")
    model, X = stored("denoising")
    path = tmp_path / "model.tflite"
    with pytest.raises(ValueError, match="'quantize' must be one of"):
        export.to_litert(model, path, quantize="int4")
    with pytest.raises(ValueError, match="needs X_sample"):
        export.to_litert(model, path, quantize="int8")
    with pytest.raises(ValueError, match="must be at most 1e-09 of its largest output"):
        export.to_litert(model, path, X_sample=X, quantize="int8", tolerance=1e-9)
    assert os.listdir(tmp_path) == []
