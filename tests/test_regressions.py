"""What once went wrong: each test broke before its mend."""

import multiprocessing
import pickle
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from tfae import (
    Autoencoder,
    ConvolutionalAutoencoder,
    StackedAutoencoder,
    register_loss,
)
from tfae._cli import demo
from tfae._training.loop import EpochLoop
from tfae.metrics import reconstruction_errors
from tfae.streams import from_batches

pytestmark = pytest.mark.usefixtures("in_executor")

layers = keras.layers
X = np.random.default_rng(0).normal(size=(60, 6))
ANGLE = np.linspace(0, 6, 300)[:, None]
CURVE = np.hstack([f(ANGLE) for f in (np.sin, np.cos, np.sqrt, np.square, np.tanh, np.log1p)])


def small(**params):
    defaults = {"hidden_layer_sizes": (5,), "max_iter": 3, "batch_size": 256, "random_state": 0}
    defaults["linear_path"] = False
    return Autoencoder(2, **(defaults | params))


class OwnWeights(layers.Layer):
    """A layer whose weights have no initializer attribute."""

    def build(self, shape):
        self.w = self.add_weight(name="w", shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.w


def pair(*encoder, decoder=()):
    return (
        keras.Sequential([keras.Input((6,)), *encoder]),
        keras.Sequential([keras.Input((2,)), *(decoder or [layers.Dense(6)])]),
    )


def with_own_weights(spec):
    return pair(OwnWeights(), layers.Dense(2))


def separable(spec):
    return pair(
        layers.Reshape((6, 1)), layers.SeparableConv1D(4, 3), layers.Flatten(), layers.Dense(2)
    )


@pytest.mark.parametrize("architecture", [with_own_weights, separable])
def test_no_weights_of_an_earlier_fit_are_left(architecture):
    model = small(architecture=architecture, max_iter=10, learning_rate_init=0.05)
    first = model.fit(X).loss_curve_
    assert model.fit(X).loss_curve_ == first
    assert model.set_params(random_state=1).fit(X).loss_curve_ != first


def test_an_activation_is_known_by_itself_and_not_by_its_name():
    def relu(x):
        return keras.ops.clip(x, 0, 0.1)

    model = small(architecture=lambda spec: pair(layers.Dense(5, relu), layers.Dense(2))).fit(X)
    codes = np.asarray(model.to_keras().encoder(X.astype("float32")))
    np.testing.assert_allclose(model.transform(X), codes, atol=1e-5)


def plain_keras_weights(model, builder, rows):
    """Weights after one step of plain Keras from those of `model`."""
    encoder, decoder = builder(None)
    x = keras.Input((6,))
    whole = keras.Model(x, decoder(encoder(x)))
    whole.set_weights([*model.encoder_weights_, *model.decoder_weights_])
    whole.compile(keras.optimizers.Adam(0.05), "mse")
    whole.train_on_batch(rows, rows)
    return whole.get_weights()


def test_regularizers_and_constraints_of_layers_count():
    def builder(spec):
        return pair(
            layers.Dense(
                2,
                kernel_regularizer=keras.regularizers.L2(0.5),
                activity_regularizer=keras.regularizers.L1(0.1),
                kernel_constraint="non_neg",
            )
        )

    # Not centred, or Adam would make steps of gradients that are zero but for rounding.
    Z = X + 1
    params = {"architecture": builder, "max_iter": 1, "batch_size": 60, "scaling": None}
    start = small(learning_rate_init=1e-30, **params).fit(Z)
    expected = plain_keras_weights(start, builder, Z)
    model = start.set_params(learning_rate_init=0.05, warm_start=True, shuffle=False).fit(Z)
    for mine, theirs in zip(
        [*model.encoder_weights_, *model.decoder_weights_], expected, strict=True
    ):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
    assert model.encoder_weights_[0].min() >= 0


def test_partial_fit_recovers_from_a_divergence():
    model = small(learning_rate_init=1e30).partial_fit(X)
    with pytest.warns(ConvergenceWarning):
        model.partial_fit(X)
    model.set_params(learning_rate_init=1e-3)
    for weight in [*model.encoder_weights_, *model.decoder_weights_]:
        np.clip(weight, -1, 1, out=weight)
    before = model.n_iter_
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(X).partial_fit(X)
    assert model.n_iter_ == before + 2


def test_a_loss_must_tell_rows_apart():
    by_object = small(loss=keras.losses.MeanSquaredError(), batch_size=59).fit(X)
    by_name = small(batch_size=59).fit(X)
    np.testing.assert_allclose(by_object.transform(X), by_name.transform(X), atol=1e-6)
    with pytest.raises(ValueError, match=r"'loss' must return.*Got shape \(\)"):
        small(loss=lambda target, output: keras.ops.mean((target - output) ** 2)).fit(X)
    with pytest.raises(ValueError, match=r"'loss' must return.*Got shape \(\d+, 2\)"):
        small(loss=lambda target, output: (target - output)[:, :2] ** 2).fit(X)


def test_names_that_come_twice_are_found():
    with pytest.raises(ValueError, match=r"columns of different names\. Got 'c' twice"):
        small().fit(pd.DataFrame([["x", 1.0], ["y", 2.0]], columns=["c", "c"]))


def test_inverse_transform_leaves_the_codes_alone():
    def builder(spec):
        empty = keras.Sequential([keras.Input((6,))])
        return keras.Sequential([keras.Input((6,)), layers.Dense(6)]), empty

    model = Autoencoder(6, architecture=builder, max_iter=1).fit(X)
    codes = model.transform(X)
    before = codes.copy()
    model.inverse_transform(codes)
    np.testing.assert_array_equal(codes, before)


def test_keras_models_keep_the_digits_of_data_far_from_zero():
    far = (X + 1e6).astype(np.float32)
    model = small().fit(far)
    codes = np.asarray(model.to_keras().encoder(far))
    np.testing.assert_allclose(codes, model.transform(far), atol=1e-4)


def test_going_on_needs_the_same_code_length_and_starts_another_optimizer_afresh():
    with pytest.raises(ValueError, match=r"must be the same\. Got another 'n_components';"):
        small(warm_start=True).fit(X).set_params(n_components=4).fit(X)
    switched = small(optimizer="rmsprop").partial_fit(X).set_params(optimizer="adam")
    weights = [*switched.encoder_weights_, *switched.decoder_weights_]
    switched.partial_fit(X)
    # Adam's first step moves every weight by the learning rate, whatever the gradient.
    moved = np.abs(switched.encoder_weights_[0] - weights[0])
    assert np.median(moved) == pytest.approx(0.001, rel=0.05)


def test_a_warning_made_an_error_leaves_the_history_alone():
    model = small(warm_start=True).fit(X)
    model.set_params(learning_rate_init=1e30, max_iter=50)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConvergenceWarning):
            model.fit(X)
    assert model.n_iter_ == 3


@pytest.mark.parametrize("unit", [1e-50, 1e25, 1e39])
def test_float64_data_of_any_magnitude(unit):
    model = small(max_iter=40, learning_rate_init=0.03).fit(X * unit)
    assert model.score(X * unit) > 0.2
    assert np.isfinite(model.loss_curve_).all()


def test_a_huge_batch_costs_no_more_than_the_data():
    model = small(batch_size=10**9).fit(X)
    np.testing.assert_array_equal(model.transform(X), small(batch_size=10**6).fit(X).transform(X))


@pytest.mark.parametrize("optimizer", [keras.optimizers.Adam, keras.optimizers.LossScaleOptimizer])
def test_an_optimizer_must_be_an_instance_with_a_learning_rate(optimizer):
    if optimizer is keras.optimizers.LossScaleOptimizer:
        optimizer = optimizer(keras.optimizers.Adam())
    with pytest.raises(ValueError, match="an instance of a Keras optimizer with a learning rate"):
        small(optimizer=optimizer).fit(X)


def test_double_precision_reaches_other_networks_too():
    def builder(spec):
        return pair(layers.Dense(5), layers.ReLU(), layers.Dense(2))

    model = small(architecture=builder, precision="float64").fit(X)
    codes = model.transform(X)
    assert np.abs(codes - codes.astype(np.float32)).max() > 0
    assert small(precision="float64").fit(X.astype("f4")).encoder_weights_[0].dtype == np.float64


def test_constant_codes_can_be_mapped():
    assert demo._embed(np.zeros((50, 4), np.float32), 0).shape == (50, 2)


@pytest.mark.slow
def test_averaged_weights_are_what_is_validated_and_kept():
    def fitted(use_ema):
        optimizer = keras.optimizers.Adam(0.01, use_ema=use_ema, ema_momentum=0.9)
        given = {"linear_path": True, "refit": False, "batch_size": "auto"}
        return small(optimizer=optimizer, **given).fit(CURVE)

    averaged, raw = fitted(True), fitted(False)
    for model in (averaged, raw):
        kept = model.baseline_["autoencoder_loss"]
        assert kept == pytest.approx(min(model.history_["val_loss"]), rel=1e-4)
    assert averaged.history_["val_loss"] != raw.history_["val_loss"]


def fitted_in_child(model):
    return model.fit(X).n_iter_


def test_a_forked_child_says_that_it_cannot_train():
    model = small().fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks where there are threads
        with multiprocessing.get_context("fork").Pool(1) as pool:
            codes = pool.apply_async(model.transform, [X]).get(60)
            np.testing.assert_array_equal(codes, model.transform(X))
            with pytest.raises(RuntimeError, match="'spawn' or 'forkserver'"):
                pool.apply_async(fitted_in_child, [model]).get(60)


@pytest.mark.slow
def test_images_are_read_the_same_whatever_keras_is_told():
    images = np.random.default_rng(0).random((20, 4, 4, 3))
    model = ConvolutionalAutoencoder(2, hidden_layer_sizes=(3,), max_iter=1, random_state=0)
    codes = model.fit(images).transform(images)
    keras.config.set_image_data_format("channels_first")
    try:
        other = clone(model).set_params(hidden_layer_sizes=(4,)).fit(images)
        assert other.reconstruct(images).shape == images.shape
        np.testing.assert_allclose(model.fit(images).transform(images), codes, rtol=1e-5, atol=1e-6)
    finally:
        keras.config.set_image_data_format("channels_last")


def ending(spec, activation=None):
    return pair(layers.Dense(2, activation))


def test_a_function_as_a_parameter_of_an_architecture_can_be_pickled():
    model = small(architecture=ending, architecture_params={"activation": keras.ops.tanh}).fit(X)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(model)).transform(X), model.transform(X)
    )


def test_averages_of_no_step_are_not_taken():
    optimizer = keras.optimizers.Adam(0.01, use_ema=True)
    given = {"hidden_layer_sizes": (8,), "pretrain_max_iter": 2, "random_state": 0}
    model = StackedAutoencoder(3, fine_tune=False, optimizer=optimizer, **given).fit(X)
    assert np.ptp(model.transform(X), axis=0).min() > 0


def test_models_of_keras_have_no_linear_path():
    with pytest.raises(ValueError, match="With from_keras 'linear_path' must be False"):
        Autoencoder.from_keras(*pair(layers.Dense(2)), linear_path=True)


def test_what_partial_fit_refuses_may_be_a_boolean_of_numpy():
    with pytest.raises(ValueError, match="must be used with early_stopping=False"):
        small(early_stopping=np.True_).partial_fit(X)


@pytest.mark.parametrize("seed", range(4))
def test_cross_entropy_looks_at_the_rows_that_are_held_out_too(seed):
    rows = np.random.default_rng(0).random((20, 6))
    rows[3, 2] = 5.0
    model = small(loss="binary_crossentropy", early_stopping=True, validation_fraction=0.5)
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        model.set_params(random_state=seed).fit(rows)


def test_a_fraction_that_rounds_to_either_side_is_no_error():
    rows = np.random.default_rng(0).random((100, 6))
    model = small(penalty="lifetime", sparsity=0.575, batch_size=100, max_iter=1)
    assert np.isfinite(model.fit(rows).transform(rows)).all()


def test_an_interrupt_of_a_search_ends_the_fit(monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(EpochLoop, "_loop", interrupted)
    model = Autoencoder(0.9, max_iter=1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    assert not hasattr(model, "n_components_")


ODD = np.random.default_rng(0).standard_normal((60, 6))
ODD[7, 3] = 1e200


@pytest.mark.parametrize(
    "scaling", ["global", "standard", "robust", "minmax", "quantile", None], ids=str
)
@pytest.mark.parametrize("X", [1e300 * X, ODD, np.where(ODD == 1e200, np.finfo(float).max, ODD)])
@pytest.mark.filterwarnings("error")
def test_values_whose_squares_overflow_are_refused_whatever_the_scaling(X, scaling):
    with pytest.raises(ValueError, match=r"squares are finite.* column \d has "):
        small(scaling=scaling, early_stopping=False).fit(X)


def test_a_value_whose_square_overflows_is_told_of_where_its_row_is_held_out_too():
    rows = np.random.default_rng(0).normal(size=(20, 3))
    model = Autoencoder(2, max_iter=1, early_stopping=True, random_state=0)
    for row in range(20):
        odd = rows.copy()
        odd[row, 1] = -1e200
        with pytest.raises(ValueError, match=r"squares are finite.* column 1 has 1e\+200"):
            model.fit(odd)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("window", [None, 20])
@pytest.mark.parametrize("linear_path", [True, False])
@pytest.mark.parametrize("scaling", ["global", None])
def test_values_of_a_stream_whose_squares_overflow_are_refused(window, linear_path, scaling):
    model = small(early_stopping=False, linear_path=linear_path, scaling=scaling)
    with pytest.raises(ValueError, match="column 3 has 1e\\+200"):
        model.fit(from_batches([ODD], window=window))


@pytest.mark.parametrize("scaling", ["global", None])
def test_values_whose_squares_all_vanish_are_refused(scaling):
    with pytest.raises(ValueError, match="squares are not all 0"):
        small(scaling=scaling).fit(1e-170 * X)
    one_feature = X.copy()
    one_feature[:, 0] *= 1e-170
    assert np.isfinite(small(scaling=scaling).fit(one_feature).transform(one_feature)).all()
    assert np.isfinite(small(scaling=scaling).fit(np.ones((20, 6))).transform(X)).all()


def test_a_score_that_is_not_defined_is_not_that_of_a_constant_guess():
    model = small().fit(X)
    with pytest.raises(ValueError, match=r"squares are finite.*column 3 has 1e\+200"):
        model.score(ODD)
    with pytest.raises(ValueError, match=r"squares are finite.*column 3 has 1e\+200"):
        reconstruction_errors(ODD, X[: len(ODD)])


def test_one_image_is_told_from_several():
    images = np.random.default_rng(0).random((20, 8, 6, 1))
    model = ConvolutionalAutoencoder(2, max_iter=1, random_state=0).fit(images)
    with pytest.raises(ValueError, match=r"Got one image; pass X\[None\]"):
        model.transform(images[0])
    assert model.transform(images[0][None]).shape == (1, 2)


def test_partial_fit_does_not_train_again_on_all_rows():
    with pytest.raises(ValueError, match="must be used with refit=False"):
        small(refit=True).partial_fit(X)


def test_training_goes_on_with_the_scaling_that_was_learned():
    model = small(warm_start=True).fit(X)
    with pytest.raises(ValueError, match="scaling that was learned, 'global'"):
        model.set_params(scaling="standard").fit(X)
    model.set_params(warm_start=False).fit(X)
    assert np.ndim(model.scale_) == 1


def test_a_class_is_no_loss():
    with pytest.raises(ValueError, match="'loss' must be a function or an instance"):
        small(loss=keras.losses.MeanSquaredError).fit(X)


def test_a_name_that_is_taken_is_told_by_the_function_that_has_it():
    with pytest.raises(ValueError, match="registered already: <function _squared_error"):
        register_loss("mse")(lambda target, output: output - target)


def test_the_training_of_all_stages_together_says_so(capsys):
    StackedAutoencoder(2, hidden_layer_sizes=(4,), max_iter=1, verbose=1).fit(X)
    lines = capsys.readouterr().out.splitlines()
    assert lines.index("Stage 2/2") < lines.index("All stages together") < len(lines) - 1


@pytest.mark.slow
def test_every_training_of_a_fit_says_which_it_is(capsys):
    Autoencoder("auto", max_iter=3, refit=True, random_state=0, verbose=1).fit(CURVE)
    lines = capsys.readouterr().out.splitlines()
    search = lines.index("How many components: training for codes of every length up to 6")
    network = lines.index("The network itself")
    again = lines.index("Again on all 300 rows")
    epochs = [n for n, line in enumerate(lines) if line.startswith("Epoch ")]
    assert [search, *epochs[:3], network, *epochs[3:], again] == list(range(len(lines)))


def test_weights_that_the_last_step_spoils_are_not_kept():
    huge = 1e12 * X
    with pytest.warns(ConvergenceWarning, match="a weight became infinite or NaN in epoch 2"):
        model = small(scaling=None, max_iter=2).fit(huge)
    assert np.isfinite(model.transform(huge)).all()


def test_an_extreme_value_in_a_batch_does_not_stop_the_learning_for_good():
    model = small().partial_fit(X)
    extreme = X.copy()
    extreme[5, 5] = 1e12  # whose gradient's square is infinite
    model.partial_fit(extreme)
    before = model.score(X)
    for _ in range(30):
        model.partial_fit(X)
    assert model.score(X) > before


def test_images_for_an_estimator_of_rows_are_answered_with_what_to_pass():
    images = np.zeros((4, 6, 5, 3))
    with pytest.raises(ValueError, match=r"pass X\.reshape.*'image_shape': \(6, 5, 3\)"):
        small().fit(images)


def test_a_path_is_answered_with_how_to_read_it():
    with pytest.raises(ValueError, match=r"Got a path, 'rows\.csv'; read it with tfae\.streams"):
        small().fit("rows.csv")


def test_images_that_seem_to_have_their_channels_first_are_pointed_out():
    images = np.random.default_rng(0).random((9, 3, 6, 6))
    model = ConvolutionalAutoencoder(2, hidden_layer_sizes=(4,), max_iter=1, linear_path=False)
    with pytest.warns(UserWarning, match=r"taken for \(height, width, channels\)"):
        model.fit(images)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(np.moveaxis(images, 1, -1))


def test_a_loss_written_in_numpy_is_refused_with_a_reason():
    with pytest.raises(ValueError, match=r"operations of TensorFlow or keras\.ops.*NumPy call"):
        small(loss=lambda target, output: np.abs(output - target)).fit(X)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (lambda step: "a", "a number for a step. Got 'a' for step 0"),
        (lambda step: float("nan"), "finite numbers of at least 0. Got nan for step 0"),
        (lambda step: 0.01 - 0.005 * step, r"at least 0. Got -0.00\d* for step 3"),
    ],
)
def test_schedules_give_rates(schedule, message):
    with pytest.raises(ValueError, match=f"'learning_rate_init' must .*{message}"):
        small(learning_rate_init=schedule, batch_size=10).fit(X)
