"""Ready-made Keras models as fitted estimators."""

import copy
import json
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import keras
import numpy as np
import pytest
from examples import CONTRACTIVE
from sklearn.base import clone

from tfae import Autoencoder, ContractiveAutoencoder, SparseAutoencoder
from tfae._networks import imported
from tfae._networks.imported import read_models

pytestmark = pytest.mark.usefixtures("in_executor")

layers = keras.layers
X = np.random.default_rng(0).normal(size=(300, 12)).astype(np.float32)


def stack(n_in, *given):
    return keras.Sequential([keras.Input(n_in if isinstance(n_in, tuple) else (n_in,)), *given])


def pair(output="linear"):
    hidden = layers.Dense(9, "tanh"), layers.BatchNormalization(), layers.Dropout(0.1)
    return stack(12, *hidden, layers.Dense(3)), stack(3, layers.Dense(12, output))


def images():
    encoder = stack(
        (4, 3, 1),
        layers.Conv2D(2, 2, padding="same", activation="relu"),
        layers.MaxPooling2D((2, 1)),
    )
    decoder = stack((2, 3, 2), layers.UpSampling2D((2, 1)), layers.Conv2D(1, 1))
    return encoder, decoder


def own_loss(target, output):
    return output


def normalised():
    """A compiled encoder whose last axis is normalised, a decoder that is undone within a model."""
    given = 5 * X + 30
    before, after = layers.Normalization(axis=(1, 2)), layers.Normalization(invert=True)
    before.adapt(given.reshape(-1, 4, 3))
    after.adapt(given)
    encoder = stack((4, 3), before, layers.Flatten(), layers.Dense(12, "tanh"))
    encoder.compile("adam", own_loss)
    code = keras.Input((12,))
    return encoder, keras.Model(
        code, stack(12, layers.Dense(12), after, layers.Reshape((4, 3)))(code)
    )


def branched():
    x = keras.Input((12,))
    beside = layers.Dense(4, name="linear_path")(x)  # a name that means nothing here
    joined = layers.Concatenate()([layers.Dense(4, "relu")(x), beside])
    return keras.Model(x, layers.Dense(3)(joined)), pair()[1]


@pytest.mark.sample(1)
@pytest.mark.parametrize("make", [pair, images, branched])
def test_it_gives_what_the_models_give(make):
    encoder, decoder = make()
    before = [w.copy() for w in encoder.get_weights()]
    model = Autoencoder.from_keras(encoder, decoder, random_state=0)
    codes = encoder.predict(X.reshape(-1, *encoder.input_shape[1:]), verbose=0)
    rows = decoder.predict(codes, verbose=0).reshape(X.shape)
    np.testing.assert_allclose(model.transform(X), codes.reshape(len(X), -1), atol=1e-5)
    np.testing.assert_allclose(model.reconstruct(X), rows, atol=1e-5)
    np.testing.assert_allclose(model.inverse_transform(model.transform(X)), rows, atol=1e-5)
    np.testing.assert_allclose(model.score_samples(X), -np.square(X - rows).mean(axis=1), rtol=1e-4)
    assert model.history_ == {}
    assert model.loss_curve_ == []
    assert model.n_iter_ == 0
    assert not hasattr(model, "feature_names_in_")
    assert len(model.get_feature_names_out()) == model.n_components_ == model.n_components
    score = model.score(X)
    model.set_params(warm_start=True, max_iter=30, n_iter_no_change=30)
    model.set_params(learning_rate_init=0.01, batch_size=50).fit(X)
    assert score + 0.05 < model.score(X)
    assert model.n_iter_ == 30
    for mine, theirs in zip(before, encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.slow
def test_what_normalisations_were_adapted_to_is_kept():
    encoder, decoder = normalised()
    model = Autoencoder.from_keras(encoder, decoder, random_state=0)
    given = 5 * X + 30
    codes = encoder.predict(given.reshape(-1, 4, 3), verbose=0)
    rows = decoder.predict(codes, verbose=0).reshape(given.shape)
    np.testing.assert_allclose(model.transform(given), codes, atol=1e-5)
    np.testing.assert_allclose(model.reconstruct(given), rows, rtol=1e-4)
    again, back = model.to_keras()
    np.testing.assert_allclose(again(given), codes, atol=1e-5)
    np.testing.assert_allclose(back(codes), rows, rtol=1e-4)
    score = model.score(given)
    model.set_params(warm_start=True, max_iter=20, learning_rate_init=0.01).fit(given)
    assert model.score(given) > score
    np.testing.assert_array_equal(encoder.predict(given.reshape(-1, 4, 3), verbose=0), codes)
    assert encoder.layers[0].output.shape == (None, 4, 3)  # no second use of the user's layers


def test_a_normalisation_in_a_model_that_is_not_built_is_told():
    with pytest.raises(ValueError, match="encoder must be a built"):
        Autoencoder.from_keras(
            keras.Sequential([layers.Normalization(), layers.Dense(3)]), pair()[1]
        )


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "fitted",
    [
        Autoencoder(
            3,
            hidden_layer_sizes=(6,),
            scaling="standard",
            batch_normalization=True,
            linear_path=False,
        ),
        SparseAutoencoder(5, hidden_layer_sizes=(), penalty="lifetime", sparsity=0.3),
        ContractiveAutoencoder(4, **CONTRACTIVE),
        Autoencoder(
            3,
            architecture="convolutional",
            architecture_params={"image_shape": (1, 12)},
            hidden_layer_sizes=(2,),
        ),
    ],
)
def test_there_and_back(fitted):
    fitted.set_params(max_iter=3, random_state=0).fit(X + 5)
    again = Autoencoder.from_keras(*fitted.to_keras())
    np.testing.assert_allclose(again.transform(X + 5), fitted.transform(X + 5), atol=1e-5)
    np.testing.assert_allclose(again.reconstruct(X + 5), fitted.reconstruct(X + 5), atol=2e-5)
    if fitted.architecture == "dense" and fitted.penalty is None:
        assert again._fitted.encoder.layers
        assert again._fitted.decoder.layers  # chains run in NumPy


@pytest.mark.slow
def test_the_same_structure_trains_anew_and_alike():
    encoder, decoder = pair()
    one = Autoencoder.from_keras(encoder, decoder, random_state=0, max_iter=3)
    fits = [clone(one).fit(X), pickle.loads(pickle.dumps(one)).fit(X), copy.deepcopy(one).fit(X)]
    for other in fits[1:]:
        np.testing.assert_array_equal(other.transform(X), fits[0].transform(X))
        assert other._fitted.encoder.structure == fits[0]._fitted.encoder.structure
    assert not np.array_equal(fits[0].transform(X), one.transform(X))
    assert one.partial_fit(X).n_iter_ == 1
    double = Autoencoder.from_keras(
        encoder, decoder, precision="float64", max_iter=2, warm_start=True
    )
    assert double.fit(X.astype(np.float64)).encoder_weights_[0].dtype == np.float64


def test_a_fresh_process_reads_it(tmp_path):
    model = Autoencoder.from_keras(*pair())
    (tmp_path / "model").write_bytes(pickle.dumps(model))
    np.save(tmp_path / "x.npy", X)
    code = (
        "import sys, pickle, numpy as np\n"
        f"model = pickle.load(open(r'{tmp_path}/model', 'rb'))\n"
        f"np.save(r'{tmp_path}/out.npy', model.reconstruct(np.load(r'{tmp_path}/x.npy')))\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), model.reconstruct(X))


def test_a_sigmoid_at_the_end_serves_cross_entropy():
    unit = (X - X.min()) / np.ptp(X)
    encoder, decoder = pair("sigmoid")
    plain = Autoencoder.from_keras(encoder, decoder)
    moved = Autoencoder.from_keras(
        encoder, decoder, loss="binary_crossentropy", warm_start=True, max_iter=20
    )
    assert (plain.output_activation, moved.output_activation) == ("identity", "sigmoid")
    np.testing.assert_allclose(moved.reconstruct(unit), plain.reconstruct(unit), atol=1e-6)
    assert plain.score(unit) < moved.fit(unit).score(unit)
    again = Autoencoder.from_keras(*moved.to_keras(), loss="binary_crossentropy")
    np.testing.assert_allclose(again.reconstruct(unit), moved.reconstruct(unit), atol=1e-5)
    gated = stack(3, layers.Reshape((3, 1)), layers.LSTM(12, activation="sigmoid"))
    for other in (pair()[1], gated):
        with pytest.raises(ValueError, match="decoder must end with a sigmoid"):
            Autoencoder.from_keras(encoder, other, loss="binary_crossentropy")


def test_what_cannot_be_read_is_told():
    encoder, decoder = pair()
    two = keras.Model(encoder.inputs, [encoder.outputs[0], encoder.outputs[0]])
    for given, message in [
        ((1, decoder), "encoder must be a Keras model. Got 1"),
        ((encoder, keras.Sequential([layers.Dense(12)])), "decoder must be a built"),
        ((encoder, encoder), r"maps shape \(12,\) to \(3,\); got a decoder that maps \(12,\)"),
        ((two, decoder), "one input and one output"),
        ((stack((None, 2), layers.Dense(3)), decoder), r"fixed shapes. Got .*\(None, 2\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            Autoencoder.from_keras(*given)
    for params, message in [
        ({"scaling": "global"}, "'scaling' must be None, .* Got 'global'"),
        ({"n_components": 4}, "'n_components' must be 3, .* Got 4"),
        ({"tied": True}, "tied=True needs"),
        ({"batch_size": 0}, "'batch_size'"),
        ({"corruption_level": 3, "corruption": "masking"}, "corruption_level"),
    ]:
        with pytest.raises(ValueError, match=message):
            Autoencoder.from_keras(encoder, decoder, **params)
    with pytest.raises(ValueError, match="must be used with 12 features"):
        Autoencoder.from_keras(encoder, decoder).fit(X[:, :5])
    with pytest.raises(ValueError, match="no use of 'dropout'"):
        Autoencoder.from_keras(stack(12, layers.Dense(3)), decoder, dropout=0.2)


def test_a_model_that_cannot_tell_its_configuration():
    class Scaled(layers.Layer):
        def __init__(self, by, /):
            super().__init__()
            self.by = by

        def call(self, x):
            return x * self.by

    def builder(spec):
        x = keras.Input((12,))
        return keras.Model(x, layers.Dense(3)(Scaled(2.0)(x))), (stack(3, layers.Dense(12)))

    model = Autoencoder(3, architecture=builder, max_iter=1).fit(X)  # no need to
    assert model.transform(X).shape == (300, 3)
    with pytest.raises(ValueError, match="encoder must be a model that Keras can build from its"):
        Autoencoder.from_keras(*model.to_keras())


def test_layers_with_arguments_or_branches_are_no_chain():
    from tfae._networks.plain_layers import chain

    x = keras.Input((12,))
    normalized = layers.BatchNormalization()(x, training=True)
    assert chain(keras.Model(x, normalized)) is None
    assert chain(branched()[0]) is None
    assert len(chain(keras.Model(x, pair()[0](x)))) == 5  # the input and four layers
    twice = layers.Dense(12)
    assert chain(keras.Model(x, twice(twice(x)))) is None
    assert repr(read_models(*pair())) == "<imported models of 12 features, 3 components>"


@keras.saving.register_keras_serializable("tfae-tests")
def halved(x):
    return x / 2


WITH_CODE = {
    "lambda": lambda: stack(12, layers.Dense(3), layers.Lambda(lambda x: x / 2, name="mine")),
    "nested": lambda: stack(
        12, layers.Dense(3), stack(3, layers.Lambda(lambda x: x / 2, name="mine"))
    ),
    "wrapped": lambda: stack(
        12,
        layers.Reshape((12, 1)),
        layers.TimeDistributed(layers.Lambda(lambda x: x / 2, name="mine")),
        layers.Flatten(),
        layers.Dense(3),
    ),
    "shape": lambda: stack(
        12,
        layers.Dense(3),
        layers.Lambda(halved, output_shape=lambda shape: shape, name="mine"),
    ),
    "argument": lambda: stack(
        12,
        layers.Dense(3),
        layers.Lambda(apply, arguments={"function": lambda x: x / 2}, name="mine"),
    ),
    "initializer": lambda: stack(
        12, layers.Dense(3, kernel_initializer=lambda *a, **k: keras.ops.zeros(a[0]), name="mine")
    ),
    "regularizer": lambda: stack(
        12, layers.Dense(3, kernel_regularizer=lambda w: keras.ops.sum(w), name="mine")
    ),
}


@keras.saving.register_keras_serializable("tfae-tests")
def apply(x, function):
    return function(x)


@pytest.mark.parametrize("make", WITH_CODE.values(), ids=WITH_CODE)
def test_models_that_hold_code_are_refused(make):
    with pytest.raises(ValueError, match=r"must not hold Python code.*'mine'.*register_keras"):
        Autoencoder.from_keras(make(), pair()[1])
    with pytest.raises(ValueError, match="must not hold Python code"):
        Autoencoder.from_keras(stack(12, layers.Dense(12)), stack(12, make(), layers.Dense(12)))


def test_functions_without_a_name_are_refused():
    """Of an activation Keras keeps no code, only a name that nothing can find again."""
    nameless = stack(12, layers.Dense(3, activation=lambda x: x / 2))
    with pytest.raises(ValueError, match="your own classes and functions need"):
        Autoencoder.from_keras(nameless, pair()[1])


@pytest.mark.parametrize(
    "layer",
    [lambda: layers.Lambda(halved), lambda: layers.Lambda(keras.ops.tanh)],
    ids=["registered", "of Keras"],
)
def test_a_function_that_the_process_knows_is_no_code(layer):
    encoder = stack(12, layers.Dense(3), layer())
    model = pickle.loads(pickle.dumps(Autoencoder.from_keras(encoder, pair()[1])))
    np.testing.assert_allclose(model.transform(X), encoder.predict(X, verbose=0), atol=1e-5)


def old_file(run):
    """Return an estimator whose text holds code, as files of versions before 0.1 may do."""
    fair = stack(12, layers.Dense(3), layers.Lambda(keras.ops.tanh, name="mine"))
    model = Autoencoder.from_keras(fair, pair()[1])
    foul = stack(12, layers.Dense(3), layers.Lambda(lambda x: run() or x / 2, name="mine"))
    forged = replace(model.architecture, encoder=imported._cleaned(foul))
    fitted = model._fitted
    assert fitted is not None
    structure = replace(fitted.structure, builder=forged)
    coders = {side: replace(getattr(fitted, side), structure=structure) for side in SIDES}
    model.architecture, model._fitted = forged, replace(fitted, **coders)
    return model


SIDES = ("encoder", "decoder")


def test_code_in_a_file_does_not_run(tmp_path):
    mark = str(tmp_path / "ran")
    model = pickle.loads(pickle.dumps(old_file(lambda: open(mark, "w").close())))
    (tmp_path / "ran").unlink(missing_ok=True)  # Keras calls a function when it makes the layer
    for use in (model.transform, model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=r"must not hold Python code.*'mine'"):
            use(X)
    with pytest.raises(ValueError, match="must not hold Python code"):
        model.to_keras()
    assert not (tmp_path / "ran").exists()
    # The form of Keras 2, whose names have no module.
    config = json.loads(model.architecture.encoder)
    (layer,) = (part for part in config["config"]["layers"] if part["class_name"] == "Lambda")
    code = layer["config"]["function"]["config"]
    layer["config"]["function"] = [code["code"], code["defaults"], code["closure"]]
    for part in config["config"]["layers"]:
        del part["module"]
    with pytest.raises(ValueError, match=r"must not hold Python code.*'mine'"):
        imported._built(json.dumps(config))
    assert not (tmp_path / "ran").exists()


def test_what_a_user_allows_keras_is_allowed():
    def allowed():
        keras.config.enable_unsafe_deserialization()  # of this thread
        encoder = stack(12, layers.Dense(3), layers.Lambda(lambda x: x / 2))
        return Autoencoder.from_keras(encoder, pair()[1]).transform(X), encoder(X)

    with ThreadPoolExecutor(1) as thread:
        codes, wanted = thread.submit(allowed).result()
    np.testing.assert_allclose(codes, wanted, atol=1e-5)
