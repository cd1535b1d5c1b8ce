"""Estimators of frames of mixed kinds as ONNX models, with one input and one output a column."""

import os
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from stored_files import FOLDER, mixed, rows

import tfae

onnx = pytest.importorskip("onnx")

from tfae import export  # noqa: E402

pytestmark = pytest.mark.usefixtures("in_executor")

N = 300
SMALL = {"n_components": 3, "hidden_layer_sizes": (6,), "max_iter": 3, "random_state": 0}
NOT_A_TIME = np.iinfo(np.int64).min
# What a column of a graph is given in the place of a missing value.
MISSING = {"tensor(string)": "", "tensor(int64)": NOT_A_TIME}


def frame(n=N, seed=0):
    """A frame with a column of every kind, one with rare categories."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    return pd.DataFrame(
        {
            "size": 100 + 10 * size,
            "count": np.rint(20 * size + 50).astype(np.int32),
            "large": rng.random(n) > 0.5,
            "word": np.array(["red", "été", "a longer one"])[np.digitize(size, [-1, 1])],
            "rare": np.where(rng.random(n) < 0.02, rng.integers(0, 99, n).astype(str), "often"),
            "level": rng.integers(1, 4, n),
            "range": pd.cut(size, [-9, -0.5, 0.5, 9]),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.rint(50 * size), "D"),
            "spent": pd.to_timedelta(np.rint(1000 * size), "s"),
            "codes": rng.normal(size=n),  # the name of an output
            "same": 1,
        }
    )


def fitted(kind=tfae.Autoencoder, X=None, **params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        columns = {"level": "category"} if X is None else None
        return kind(**{**SMALL, "columns": columns, **params}).fit(frame() if X is None else X)


def as_inputs(X, session):
    """Columns of a frame as the documentation says, without any help of the package."""
    given = {}
    for column in session.get_inputs():
        values = X[column.name]
        if column.type == "tensor(string)":
            values = values.astype(object).where(values.notna(), None)
            array = np.array(["" if v is None else str(v) for v in values], dtype=object)
        elif values.dtype.kind == "M":
            array = values.to_numpy(f"datetime64[{values.dt.unit}]").astype(np.int64)
        elif values.dtype.kind == "m":
            array = values.to_numpy().astype(np.int64)
        else:
            dtype = {"tensor(float)": "float32", "tensor(double)": "float64"}[column.type]
            array = values.to_numpy(dtype, na_value=np.nan)
        given[column.name] = array[:, None].copy()
    return given


class Session:
    """The reference implementation, with the methods of onnxruntime that are used here."""

    def __init__(self, path):
        from onnx.reference import ReferenceEvaluator

        self._runs = ReferenceEvaluator(path)
        self._graph = onnx.load(path).graph

    def get_inputs(self):
        types = {1: "tensor(float)", 7: "tensor(int64)", 8: "tensor(string)", 11: "tensor(double)"}
        made = [type("Column", (), {"name": each.name}) for each in self._graph.input]
        for one, each in zip(made, self._graph.input, strict=True):
            one.type = types[each.type.tensor_type.elem_type]
        return made

    def get_outputs(self):
        return self._graph.output

    def run(self, names, given):
        return self._runs.run(names, given)


def opened(path):
    try:
        from onnxruntime import InferenceSession
    except ImportError:
        return Session(os.fspath(path))
    return InferenceSession(os.fspath(path))


def exported(model, tmp_path, what, limit, dtype="float64", X=None):
    path = tmp_path / "model.onnx"
    assert export.to_onnx(model, path, what, dtype=dtype) <= limit
    assert export.to_onnx(model, path, what, dtype=dtype, X_sample=X) <= limit
    return opened(path)


MODELS = {
    "linear path": lambda: fitted(),
    "network": lambda: fitted(
        tfae.DenoisingAutoencoder, linear_path=False, activation="tanh", scaling="minmax"
    ),
    "variational": lambda: fitted(tfae.VariationalAutoencoder, activation="relu"),
    "largest": lambda: fitted(tfae.SparseAutoencoder, penalty="top_k", scaling="robust"),
    "holes": lambda: fitted(X=frame().mask(np.random.default_rng(0).random((N, 11)) < 0.1)),
}


@pytest.fixture(scope="module")
def models():
    made = {}

    def model(name):
        if name not in made:
            made[name] = MODELS[name]()
        return made[name]

    return model


def limit_of(model, dtype):
    gelu = model.settings_.get("activation", model.activation) == "gelu"
    return 1e-5 if dtype == "float32" or gelu else 1e-12


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_codes_and_scores(models, name, dtype, tmp_path):
    model, X = models(name), frame(seed=1)
    for what in ("transform", "score_samples"):
        if (name, what) == ("variational", "score_samples"):
            continue
        wanted = getattr(model, what)(X)
        session = exported(model, tmp_path, what, 1e-5, dtype, X)
        (found,) = session.run(None, as_inputs(X, session))
        limit = limit_of(model, dtype)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=limit * np.abs(wanted).max())


@pytest.mark.parametrize("name", MODELS)
def test_rebuilt_columns_come_in_the_types_that_they_have_as_inputs(models, name, tmp_path):
    model, X = models(name), frame(seed=1)
    session = exported(model, tmp_path, "reconstruct", 1e-5, X=X)
    given, wanted = as_inputs(X, session), as_inputs(model.reconstruct(X), session)
    found = session.run(None, given)
    names = [column.name for column in session.get_inputs()]
    assert [each.name for each in session.get_outputs()] == [f"rebuilt_{name}" for name in names]
    for name, values in zip(names, found, strict=True):
        if wanted[name].dtype == object:
            assert values.tolist() == wanted[name].tolist()
        else:
            assert values.dtype == wanted[name].dtype
            largest = np.abs(wanted[name]).max()
            np.testing.assert_allclose(values, wanted[name], rtol=0, atol=1e-5 * largest)
    session = exported(model, tmp_path, "inverse_transform", 1e-5)
    decoded = session.run(None, {"X": model.transform(X)})
    for one, other in zip(decoded, found, strict=True):
        if one.dtype.kind == "f":
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * np.abs(other).max())
        else:
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("what", ["transform", "reconstruct", "score_samples"])
def test_missing_and_unknown_values_are_missing_in_all_outputs(models, what, tmp_path):
    model, X = models("linear path"), frame()
    session = exported(model, tmp_path, what, 1e-5)
    given = as_inputs(X, session)
    columns = session.get_inputs()
    for place, column in enumerate(columns):
        given[column.name][place] = MISSING.get(column.type, np.nan)
    given["word"][20], given["level"][21] = "never seen", 99.0
    for values in session.run(None, given):
        missing = (
            np.isnan(values)
            if values.dtype.kind == "f"
            else values == (NOT_A_TIME if values.dtype.kind == "i" else "")
        )
        missing = missing.reshape(N, -1)
        assert missing[: len(columns)].all()
        assert missing[20:22].all()
        assert not missing[22:].any()


def test_rare_categories_are_one(models, tmp_path):
    model, X = models("linear path"), frame()
    session = exported(model, tmp_path, "transform", 1e-5)
    wanted = model.transform(X.assign(rare="never seen"))
    (found,) = session.run(None, as_inputs(X.assign(rare="another"), session))
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_a_stored_model_of_older_days(tmp_path):
    model = tfae.load(FOLDER / "1-mixed.tfae")
    X = mixed(rows())
    session = exported(model, tmp_path, "transform", 1e-5, X=X)
    (found,) = session.run(None, as_inputs(X, session))
    np.testing.assert_allclose(found, model.transform(X), rtol=1e-5, atol=1e-5)
    assert [c.name for c in session.get_inputs()] == list(X.columns[:-1])  # one is constant


def test_dates_of_polars_count_in_the_unit_that_the_graph_says(tmp_path):
    days = np.arange(N) * 7 % 400
    X = pl.DataFrame({"day": np.datetime64("2024-01-01") + days, "size": np.sin(days)})
    model = fitted(X=X, n_components=1)
    for what in ("score_samples", "reconstruct"):  # of a table without categories
        exported(model, tmp_path, what, 1e-5, X=X)
    described = onnx.load(tmp_path / "model.onnx").graph.input[0]
    assert described.doc_string.startswith("milliseconds since 1970 in UTC")


def test_what_cannot_be_told_apart_is_named(tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=N), "b": rng.choice(["x", "y"], N)})
    path = tmp_path / "model.onnx"
    with pytest.raises(ValueError, match="names that differ as text"):
        export.to_onnx(fitted(X=X.set_axis(["", "b"], axis=1)), path)
    close = X.assign(b=rng.choice([2**24, 2**24 + 1], N))
    model = fitted(X=close, columns={"b": list(np.unique(close["b"]))})
    with pytest.raises(ValueError, match="'b' must differ in float32; use dtype='float64'"):
        export.to_onnx(model, path)
    assert export.to_onnx(model, path, dtype="float64") <= 1e-5
    model = fitted(X=X, scaling="quantile")
    with pytest.raises(ValueError, match="Got 'quantile'"):
        export.to_onnx(model, path)


def test_a_category_may_be_the_empty_text(tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=N), "b": rng.choice(["", "y"], N)})
    model = fitted(X=X)
    session = exported(model, tmp_path, "transform", 1e-5, X=X)
    (found,) = session.run(None, as_inputs(X, session))
    np.testing.assert_allclose(found, model.transform(X), rtol=1e-5, atol=1e-5)
    described = onnx.load(tmp_path / "model.onnx").graph.input[1]
    assert described.doc_string == "text; '?' is a missing value"


def test_an_integer_keeps_its_digits_where_float32_has_too_few(tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"id": 10**9 + rng.integers(0, 50, N), "b": rng.choice(["x", "y"], N)})
    model = fitted(X=X)
    with pytest.raises(ValueError, match="use dtype='float64'"):
        export.to_onnx(model, tmp_path / "model.onnx")
    assert export.to_onnx(model, tmp_path / "model.onnx", dtype="float64") <= 1e-5


def test_other_forms_name_what_takes_tables(models, tmp_path):
    model = models("linear path")
    with pytest.raises(ValueError, match=r"A SavedModel takes rows of numbers.*to_onnx"):
        export.to_saved_model(model, tmp_path / "model")
    with pytest.raises(ValueError, match=r"LiteRT takes rows of numbers.*to_onnx"):
        export.to_litert(model, tmp_path / "model")
    assert os.listdir(tmp_path) == []


def test_a_pipeline_of_a_frame_is_one_graph(models):
    skl2onnx = pytest.importorskip("skl2onnx")
    runtime = pytest.importorskip("onnxruntime")
    from skl2onnx.common import data_types as types

    model, X = models("linear path"), frame(seed=1)
    pipeline = Pipeline([("model", model), ("scaler", StandardScaler().fit(model.transform(X)))])
    kinds = {
        "count": types.Int64TensorType,  # skl2onnx's guess for integers
        "large": types.BooleanTensorType,
        "day": types.Int64TensorType,
        "spent": types.Int64TensorType,
        **dict.fromkeys(["word", "rare", "range"], types.StringTensorType),
    }
    export.register_onnx_converters()
    inputs = [(name, kinds.get(name, types.DoubleTensorType)([None, 1])) for name in X]
    made = skl2onnx.to_onnx(pipeline, initial_types=inputs)
    session = runtime.InferenceSession(made.SerializeToString())
    numbers = {"large": X["large"], "count": X["count"].astype(np.int64)}
    simple = [column for column in session.get_inputs() if column.name not in numbers]
    given = as_inputs(X, SimpleNamespace(get_inputs=lambda: simple))
    given |= {name: values.to_numpy()[:, None] for name, values in numbers.items()}
    (found,) = session.run(None, given)
    np.testing.assert_allclose(found, pipeline.transform(X), rtol=0, atol=1e-5)
    with pytest.raises(ValueError, match="and no 'size'"):
        skl2onnx.to_onnx(pipeline, initial_types=inputs[1:])


def test_names_of_outputs_are_different_whatever_the_columns_are_called(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(80, 3)), columns=["a", "a_", "rebuilt_a"])
    frame["text"] = rng.choice(["x", "y"], 80)
    model = tfae.Autoencoder(2, max_iter=1, random_state=0).fit(frame)
    path = tmp_path / "rows.onnx"
    export.to_onnx(model, path, what="reconstruct")
    names = [output.name for output in onnx.load(path).graph.output]
    assert len(set(names)) == 4
