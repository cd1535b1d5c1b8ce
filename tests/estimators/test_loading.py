"""Estimators from files: their parameters, attributes and functions, and how they go on."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
from damage import put_together, taken_apart
from examples import TABLE
from family import kinds
from sklearn.exceptions import NotFittedError
from stored_files import FOLDER, holed, mixed
from tables import types_of

import tfae
from tfae import Autoencoder, AutoencoderImputer, DenoisingAutoencoder
from tfae._estimators import loading
from tfae._training.step.optimizers import get_optimizer, rule_of, values_of_rule

pytestmark = [
    pytest.mark.usefixtures("in_executor"),
    pytest.mark.filterwarnings("ignore:Nothing can be learned from:UserWarning"),
]


@pytest.fixture
def model():
    """A fitted autoencoder of a data frame."""
    return tfae.load(FOLDER / "1-autoencoder.tfae")


def again(model, folder):
    model.save(folder / "model.tfae")
    return tfae.load(folder / "model.tfae")


def test_every_estimator_can_be_loaded():
    others = {tfae.AutoencoderImputer, tfae.OutlierDetector}
    assert set(loading.KINDS.values()) == {*kinds(), *others}


def test_everything_comes_back(model, tmp_path):
    params = {
        "random_state": np.random.RandomState(1),
        "fill_value": np.arange(9.0),
        "corruption": tfae._objective.corruptions.CORRUPTIONS["masking"].function,
        "corruption_level": (0.1, np.float64(0.2)),
        "architecture_params": {"a": [1, (2.0, "x")]},
        "alpha": np.float32(0.5),
        "max_iter": np.int64(7),
    }
    model.set_params(**params).set_output(transform="pandas")
    found = again(model, tmp_path)
    for name, value in model.get_params().items():
        if name != "random_state":
            assert repr(found.get_params()[name]) == repr(value), name
    assert found.random_state.rand() == params["random_state"].rand()
    np.testing.assert_array_equal(found.fill_value, params["fill_value"])
    for name in ("history_", "settings_", "baseline_", "n_iter_", "scale_", "n_features_in_"):
        assert getattr(found, name) == getattr(model, name), name
    assert list(found.feature_names_in_) == list(model.feature_names_in_)
    X = pd.DataFrame(TABLE[:5, :9], columns=model.feature_names_in_)
    pd.testing.assert_frame_equal(found.transform(X), model.transform(X), check_exact=True)
    with pytest.raises(ValueError, match="feature names should match"):
        found.transform(X.rename(columns=str.upper))


def test_partial_fit_continues_with_the_same_bits(tmp_path):
    model = DenoisingAutoencoder(
        3, hidden_layer_sizes=(8,), dropout=0.2, linear_path=False, random_state=0
    )
    model.partial_fit(TABLE).partial_fit(TABLE)
    found = again(model, tmp_path)
    for each in (model, found):
        each.partial_fit(TABLE).partial_fit(TABLE[:100])
    np.testing.assert_array_equal(found.transform(TABLE), model.transform(TABLE))
    assert found.history_["loss"] == model.history_["loss"]
    warm = again(model.set_params(warm_start=True, max_iter=2), tmp_path)
    np.testing.assert_array_equal(
        warm.fit(TABLE).transform(TABLE), model.fit(TABLE).transform(TABLE)
    )


def gappy(frame):
    """A frame with missing values in every second row of its first columns."""
    frame = frame.to_pandas() if hasattr(frame, "to_pandas") else frame.copy()
    frame.loc[::2, frame.columns[:3]] = None
    return frame


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_model_of_a_frame_of_mixed_kinds(library, tmp_path):
    frame, gaps = mixed(TABLE, library), gappy(mixed(TABLE, library))
    model = Autoencoder(2, hidden_layer_sizes=(8,), random_state=0)
    model.partial_fit(frame).partial_fit(frame)
    found = again(model, tmp_path)
    for _ in range(2):
        one, other = (each.reconstruct(frame) for each in (model, found))
        assert one.equals(other)
        assert list(types_of(one)) == list(types_of(other))
        np.testing.assert_array_equal(found.transform(gaps), model.transform(gaps))
        for each in (model, found):
            each.partial_fit(frame)
    assert found.dropped_columns_ == model.dropped_columns_
    with pytest.raises(ValueError, match="X must have the columns that it had in fit"):
        found.transform(frame[list(frame.columns[1:])])


@pytest.mark.parametrize("n_rows", [10, 60])  # the linear model alone, and a network
@pytest.mark.parametrize("kind", ["numbers", "mixed"])
def test_an_imputer(kind, n_rows, tmp_path):
    X = holed(TABLE[:n_rows]) if kind == "numbers" else gappy(mixed(TABLE[:n_rows]))
    model = AutoencoderImputer(
        hidden_layer_sizes=(8,), max_iter=3, add_indicator=True, random_state=0
    ).fit(X)
    found = again(model, tmp_path)
    one, other = model.transform(X), found.transform(X)
    assert one.equals(other) if kind == "mixed" else np.array_equal(one, other)
    assert list(found.get_feature_names_out()) == list(model.get_feature_names_out())
    for name in ("history_", "settings_", "n_factors_", "n_iter_", "n_features_in_"):
        assert getattr(found, name, None) == getattr(model, name, None), name
    assert vars(found.indicator_).keys() == vars(model.indicator_).keys()
    np.testing.assert_array_equal(found.fit(X)._fitted.shrinkage, model.fit(X)._fitted.shrinkage)


def test_an_imputer_without_an_indicator(tmp_path):
    frame = pd.DataFrame({("a", 1): [1.0, 2.0, None], ("a", 2): ["x", "y", "x"]})
    model = AutoencoderImputer(columns={("a", 2): ["x", "y"]}).fit(frame)
    found = again(model, tmp_path)
    assert found.indicator_ is None
    assert found.columns == model.columns
    pd.testing.assert_frame_equal(found.transform(frame), model.transform(frame))


def test_labels_and_categories_of_any_kind(tmp_path):
    frame = mixed(TABLE).set_axis(
        [1, ("a", "b"), ("b", 2), 3.5, None, pd.Timestamp("2024-01-01"), 7], axis=1
    )
    model = Autoencoder(2, hidden_layer_sizes=(8,), max_iter=1, random_state=0).fit(frame)
    found = again(model, tmp_path)
    pd.testing.assert_frame_equal(found.reconstruct(frame), model.reconstruct(frame))


def test_a_schema_of_other_columns_is_refused(tmp_path):
    header, text, arrays = taken_apart((FOLDER / "1-mixed.tfae").read_bytes())
    schema = text["fitted"]["dict"]["schema"]["Schema"]
    for wrong in (
        {"labels": {"texts": ["a", "b"]}},
        {"columns": {"tuple": schema["columns"]["tuple"][:-1]}},
        {"library": "os"},
    ):
        changed = json.loads(json.dumps(text))
        changed["fitted"]["dict"]["schema"]["Schema"] |= wrong
        (tmp_path / "forged.tfae").write_bytes(put_together(header, changed, arrays))
        with pytest.raises(ValueError, match="cannot be loaded"):
            tfae.load(tmp_path / "forged.tfae")


@pytest.mark.parametrize(
    "optimizer", ["adam", "sgd", "nadam", keras.optimizers.AdamW(0.1, weight_decay=0.2)]
)
def test_the_rules_of_optimizers(optimizer):
    rule = get_optimizer(optimizer, 0.1, 0.2).rule
    assert rule_of(json.loads(json.dumps(values_of_rule(rule)), object_hook=_tuples)) == rule


def _tuples(given):
    return {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}


def test_a_rule_that_no_file_can_hold():
    class Mine(keras.optimizers.Nadam):
        pass

    class Nadam(keras.optimizers.Nadam):
        pass

    for kind, said in ((Mine, "An optimizer must be one of"), (Nadam, "one of Keras's own")):
        with pytest.raises(ValueError, match=said):
            values_of_rule(get_optimizer(kind(0.1), 0.1).rule)
    with pytest.raises(ValueError, match="An optimizer must be one of"):
        rule_of({"kind": "system", "config": {}, "scalars": (), "undecayed": None})


def test_keras_models_come_back_without_code(tmp_path):
    layers = keras.layers
    encoder = keras.Sequential(
        [keras.Input((3, 3, 1)), layers.Conv2D(2, 2), layers.Flatten(), layers.Dense(2)]
    )
    decoder = keras.Sequential([keras.Input((2,)), layers.Dense(9), layers.Reshape((3, 3, 1))])
    model = Autoencoder.from_keras(encoder, decoder)
    found = again(model, tmp_path)
    np.testing.assert_array_equal(found.reconstruct(TABLE[:, :9]), model.reconstruct(TABLE[:, :9]))
    header, text, arrays = taken_apart((tmp_path / "model.tfae").read_bytes())
    imported = text["fitted"]["dict"]["structure"]["Structure"]["builder"]["Imported"]
    flatten = {"class_name": "Flatten", "config": {"name": "flatten"}}
    config = json.loads(imported["encoder"])
    assert config["config"]["layers"][2]["class_name"] == flatten["class_name"]
    config["config"]["layers"][2] = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"name": "l", "function": {"class_name": "__lambda__", "config": {"code": "4w"}}},
    }
    imported["encoder"] = json.dumps(config)
    (tmp_path / "code.tfae").write_bytes(put_together(header, text, arrays))
    with pytest.raises(ValueError, match="must not hold Python code"):
        tfae.load(tmp_path / "code.tfae")


def test_a_network_that_would_not_fit_into_memory_is_not_built(tmp_path):
    header, text, arrays = taken_apart((FOLDER / "1-convolutional.tfae").read_bytes())
    spec = text["fitted"]["dict"]["structure"]["Structure"]["spec"]["Spec"]
    spec["hidden_layer_sizes"] = {"tuple": [1_000_000, 1_000_000]}
    (tmp_path / "wide.tfae").write_bytes(put_together(header, text, arrays))
    with pytest.raises(ValueError, match="it must hold weights of the shapes"):
        tfae.load(tmp_path / "wide.tfae")


def test_architectures_are_found_by_their_names(model, tmp_path):
    def twin(spec):
        """The dense architecture under another name."""
        return tfae._networks.architectures.registry.ARCHITECTURES["dense"](spec)

    model = Autoencoder(
        2, architecture=twin, hidden_layer_sizes=(4,), max_iter=1, random_state=0
    ).fit(TABLE)
    with pytest.raises(ValueError, match=r"parameters\.architecture.*tfae\.register_architecture"):
        model.save(tmp_path / "model.tfae")
    table = tfae._networks.architectures.registry.ARCHITECTURES
    tfae.register_architecture("twin")(twin)
    try:
        found = again(model, tmp_path)
        assert found.architecture is twin
        np.testing.assert_array_equal(found.transform(TABLE), model.transform(TABLE))
    finally:
        del table._entries["twin"]
    with pytest.raises(ValueError, match=r"'architecture'.*'twin'.*import the module that regis"):
        tfae.load(tmp_path / "model.tfae")


def test_what_cannot_be_saved(model, tmp_path):
    path = tmp_path / "model"
    with pytest.raises(NotFittedError):
        Autoencoder().save(path)
    for params in (
        {"callbacks": [keras.callbacks.TerminateOnNaN()]},
        {"optimizer": keras.optimizers.Adam()},
        {"learning_rate_init": lambda step: 0.1},
    ):
        changed = tfae.load(FOLDER / "1-autoencoder.tfae").set_params(**params)
        with pytest.raises(ValueError, match=r"set_params\(\w+=\.\.\.\)"):
            changed.save(path)
    with pytest.raises(ValueError, match="'alpha'"):
        tfae.load(FOLDER / "1-autoencoder.tfae").set_params(alpha=-1.0).save(path)
    model.note = 3
    with pytest.raises(ValueError, match="Got 'note', too: delete it"):
        model.save(path)

    class Mine(Autoencoder):
        pass

    mine = Mine()
    vars(mine).update(vars(tfae.load(FOLDER / "1-autoencoder.tfae")))
    with pytest.raises(ValueError, match=r"Got a .*Mine"):
        mine.save(path)
    assert not path.exists()
