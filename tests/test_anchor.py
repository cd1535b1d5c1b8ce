"""The default estimator against PCA: where it starts, what it keeps, when it gives up."""

import copy
import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from tfae import Autoencoder, DenoisingAutoencoder, SparseAutoencoder, VariationalAutoencoder, _base
from tfae._baseline import is_better
from tfae._engine import Training
from tfae._program import trace_count

TABLE = np.random.default_rng(0).normal(size=(300, 5)) @ np.random.default_rng(1).normal(
    size=(5, 12)
)


def mse(model, X):
    return np.square(model.inverse_transform(model.transform(X)) - X).mean()


@pytest.fixture(scope="module")
def halves(digits):
    return train_test_split(digits.astype(np.float64), train_size=0.7, random_state=0)


@pytest.fixture(scope="module")
def fitted(halves):
    return Autoencoder(8, random_state=0).fit(halves[0])


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("k", [1, 3, 12])
def test_an_untrained_network_is_pca(scale, k):
    rng = np.random.default_rng(2)
    X = scale * (TABLE + rng.normal(size=TABLE.shape)) * 10.0 ** rng.integers(-3, 4, size=12)
    model = Autoencoder(
        k, max_iter=1, learning_rate_init=1e-30, early_stopping=False, random_state=0
    ).fit(X)
    pca = PCA(k).fit(X)
    floor = 1e-20 * X.var()
    assert mse(model, X) == pytest.approx(mse(pca, X), rel=1e-6, abs=floor)
    codes = model.transform(X) * model.scale_
    np.testing.assert_allclose(np.abs(codes), np.abs(pca.transform(X)), atol=1e-5 * X.std())


def test_it_beats_pca_on_rows_it_has_not_seen(halves, fitted):
    train, test = halves
    assert mse(fitted, test) < 0.65 * mse(PCA(8).fit(train), test)


def test_the_baseline_is_the_error_of_pca_on_the_same_rows(halves):
    train, _ = halves
    model = Autoencoder(8, max_iter=40, refit=False, random_state=0).fit(train)
    baseline = model.baseline_
    assert baseline["n_samples"] == round(model.settings_["validation_fraction"] * len(train))
    assert baseline["autoencoder"] == pytest.approx(min(model.history_["val_loss"]), rel=1e-4)
    # Of PCA on the other rows; one on all of them can be only a little better or worse.
    assert baseline["pca"] == pytest.approx(mse(PCA(8).fit(train), train), rel=0.2)
    assert baseline["autoencoder"] < 0.7 * baseline["pca"]


def test_beside_a_network_the_linear_part_leaves_pca_if_there_are_many_rows(halves, fitted):
    X = np.random.default_rng(0).normal(size=(5000, 6)).astype(np.float32)
    many = Autoencoder(2, max_iter=2, early_stopping=False, random_state=0).fit(X)
    kernels = {layer.name: layer for layer in _network_of(many.to_keras().encoder).layers}
    assert np.abs(kernels["linear_correction"].kernel.numpy()).max() > 1e-3
    few = _network_of(fitted.to_keras().encoder)
    assert "linear_correction" not in [layer.name for layer in few.layers]


@pytest.mark.parametrize("n_rows", [4999, 5000])
def test_with_and_without_the_trained_linear_part_it_starts_at_pca_and_numpy_equals_keras(n_rows):
    X = np.random.default_rng(0).normal(size=(n_rows, 6)) @ TABLE[:6]
    start = Autoencoder(
        2, max_iter=1, learning_rate_init=1e-30, early_stopping=False, random_state=0
    ).fit(X)
    assert mse(start, X) == pytest.approx(mse(PCA(2).fit(X), X), rel=1e-6)
    model = start.set_params(learning_rate_init=0.003, early_stopping=False).fit(X)
    encoder, decoder = model.to_keras()
    codes = model.transform(X)
    np.testing.assert_allclose(encoder(X), codes, atol=1e-4 * codes.std())
    np.testing.assert_allclose(decoder(codes), model.inverse_transform(codes), atol=1e-4 * X.std())


def _network_of(side):
    return next(layer for layer in side.layers if hasattr(layer, "layers"))


def test_where_nothing_can_be_gained_it_is_pca_of_all_rows_and_says_so():
    X = np.random.default_rng(0).normal(size=(200, 6)) * [9, 5, 1, 1, 1, 1]
    model = Autoencoder(2, random_state=0)
    with pytest.warns(UserWarning, match=r"could not improve on PCA.*60 held-out"):
        model.fit(X)
    assert model.baseline_["pca"] == model.baseline_["autoencoder"]
    assert mse(model, X) == pytest.approx(mse(PCA(2).fit(X), X), rel=1e-9)


def waves(n_rows=1200):
    """Rows on a bent surface of two dimensions, in which PCA finds little."""
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(n_rows, 2)) @ rng.normal(size=(2, 8))
    return np.sin(1.5 * plane) + 0.02 * rng.normal(size=(n_rows, 8))


@pytest.mark.parametrize("scaling", ["robust", "minmax"])
def test_what_decides_is_the_error_of_the_scaled_data(scaling):
    # In the user's units the last column would be all that counts.
    heavy = 1e4 * np.random.default_rng(1).lognormal(0, 2.5, 1200)
    X = np.column_stack([waves(), heavy])
    model = Autoencoder(3, scaling=scaling, max_iter=40, refit=False, random_state=0).fit(X)
    assert model.baseline_["autoencoder_loss"] < 0.7 * model.baseline_["pca_loss"]
    scaled = model._scaling.forward(X, np.float64)
    pca = PCA(3).fit(scaled)
    left = np.square(pca.inverse_transform(pca.transform(scaled)) - scaled).mean()
    assert -model.score_samples(X, scaled=True).mean() < 0.7 * left
    assert model.baseline_["pca_loss"] == pytest.approx(left, rel=0.3)


def test_what_decides_is_the_loss_that_was_asked_for():
    rng = np.random.default_rng(0)
    wild = np.where(rng.random((1200, 8)) < 0.01, 3 * rng.standard_t(1.5, (1200, 8)), 0)
    X = waves() + wild
    model = Autoencoder(3, loss="mae", max_iter=40, refit=False, random_state=0).fit(X)
    assert model.baseline_["autoencoder_loss"] < 0.8 * model.baseline_["pca_loss"]
    best = min(model.history_["val_loss"])
    assert model.baseline_["autoencoder_loss"] == pytest.approx(best, rel=1e-3)
    pca = PCA(3).fit(X)
    by_pca = np.abs(pca.inverse_transform(pca.transform(X)) - X).mean()
    assert np.abs(model.reconstruct(X) - X).mean() < 0.8 * by_pca


def test_a_loss_may_be_negative():
    def shifted(target, output):
        return (output - target) ** 2 - 1

    model = Autoencoder(3, loss=shifted, max_iter=30, random_state=0).fit(waves())
    assert -1 < model.baseline_["autoencoder_loss"] < model.baseline_["pca_loss"] < 0
    assert model.baseline_["autoencoder"] < 0.5 * model.baseline_["pca"]


@pytest.mark.parametrize("factor", [1.0, 1e5])
def test_a_column_in_other_units_does_not_hold_the_network_back(factor):
    column = factor * np.random.default_rng(1).normal(size=1200)
    model = Autoencoder(4, max_iter=40, refit=False, random_state=0)
    model.fit(np.column_stack([waves(), column]))
    assert model.baseline_["autoencoder"] < 0.4 * model.baseline_["pca"]


def test_a_single_wild_value_does_not_hold_the_network_back():
    X = waves()
    X[7, 0] = 1e6
    model = Autoencoder(4, max_iter=40, refit=False, random_state=0).fit(X)
    assert model.baseline_["autoencoder"] < 0.4 * model.baseline_["pca"]


@pytest.mark.parametrize("X", [TABLE[:, :1], TABLE, np.full((30, 3), 7.0)], ids=["1", "12", "same"])
@pytest.mark.parametrize("scaling", ["global", None, "quantile"])
def test_of_a_lossless_code_it_does_not_say_that_it_is_no_better(X, scaling, recwarn):
    n_components = 12 if scaling == "quantile" else 5  # which is not linear
    model = Autoencoder(n_components, scaling=scaling, max_iter=2, random_state=0).fit(1000 * X)
    assert not [w for w in recwarn if "could not improve" in str(w.message)]
    assert model.baseline_["autoencoder"] == model.baseline_["pca"]


def test_with_more_components_than_rows_it_says_so():
    X = np.random.default_rng(0).normal(size=(20, 100))
    with pytest.warns(UserWarning, match="could not improve on PCA"):
        Autoencoder(32, max_iter=2, random_state=0).fit(X)


def test_training_on_takes_the_comparison_of_fit_away():
    model = Autoencoder(4, max_iter=2, random_state=0).fit(TABLE)
    assert not hasattr(copy.deepcopy(model).partial_fit(TABLE), "baseline_")
    model.set_params(warm_start=True, early_stopping=False).fit(TABLE)
    assert not hasattr(model, "baseline_")


def test_a_lossless_code_stays_lossless_and_constant_columns_exact():
    X = np.column_stack([TABLE, np.full(300, 7.0)])
    model = Autoencoder(5, random_state=0).fit(X)
    assert mse(model, X) < 1e-20 * X.var()
    assert np.ptp(model.reconstruct(X)[:, 12]) < 1e-9


@pytest.mark.parametrize("make", [sparse.csr_array, lambda X: X.astype(np.uint8), np.float16])
def test_other_kinds_of_rows_do_too(digits, make):
    model = Autoencoder(4, max_iter=20, random_state=0).fit(make(digits))
    assert model.baseline_["autoencoder"] < 0.8 * model.baseline_["pca"]


def test_numpy_and_keras_agree(halves, fitted):
    test = halves[1]
    encoder, decoder = fitted.to_keras()
    codes = fitted.transform(test)
    np.testing.assert_allclose(np.asarray(encoder(test)), codes, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(
        np.asarray(decoder(codes)), fitted.inverse_transform(codes), rtol=1e-3, atol=1e-2
    )
    assert fitted._encoder.layers is not None  # so that it runs without TensorFlow


def test_there_and_back_through_keras(halves, fitted):
    again = Autoencoder.from_keras(*fitted.to_keras())
    np.testing.assert_allclose(again.transform(halves[1]), fitted.transform(halves[1]), atol=1e-3)


def test_a_linear_path_within_another_is_refused(halves, fitted):
    again = Autoencoder.from_keras(*fitted.to_keras()).set_params(linear_path=True)
    with pytest.raises(ValueError, match=r"linear_path=True needs .* ends with a dense"):
        again.fit(halves[0])


def test_the_same_seed_gives_the_same_bits_and_a_second_fit_traces_nothing(halves, fitted):
    before = trace_count()
    other = Autoencoder(8, random_state=0).fit(halves[0])
    assert trace_count() == before
    for one, two in zip(fitted.encoder_weights_, other.encoder_weights_, strict=True):
        np.testing.assert_array_equal(one, two)


def test_going_on_keeps_what_auto_stood_for(digits):
    model = Autoencoder(4, max_iter=3, warm_start=True, random_state=0).fit(digits)
    settings = model.settings_
    assert pickle.loads(pickle.dumps(model)).fit(digits[:200]).settings_ == settings
    assert model.partial_fit(digits[:100]).settings_ == settings
    model.set_params(batch_size=50).fit(digits)
    assert model.settings_ == {k: v for k, v in settings.items() if k != "batch_size"}


@pytest.mark.slow
def test_a_linear_path_around_any_architecture(digits):
    model = Autoencoder(
        6,
        architecture="convolutional",
        hidden_layer_sizes=(8,),
        linear_path=True,
        max_iter=15,
        random_state=0,
    ).fit(digits)
    assert model.baseline_["autoencoder"] < model.baseline_["pca"]


def test_it_is_left_out_where_it_does_not_fit(digits):
    pure = [
        Autoencoder(tied=True),
        Autoencoder(loss="binary_crossentropy", scaling="minmax"),
        Autoencoder(code_activation="tanh"),
        DenoisingAutoencoder(),
        SparseAutoencoder(),
    ]
    for model in pure:
        model.set_params(n_components=4, hidden_layer_sizes=(8,), max_iter=1)
        assert model.fit(digits).settings_["linear_path"] is False
        assert not hasattr(model, "baseline_")
    with pytest.raises(ValueError, match="linear_path=True needs tied=False"):
        Autoencoder(tied=True, linear_path=True).fit(digits)


def test_partial_fit_learns_on_however_often_it_is_called():
    model = Autoencoder(3, max_iter=2, random_state=0)
    for _ in range(6):
        before = model.partial_fit(TABLE).encoder_weights_
    after = model.partial_fit(TABLE).encoder_weights_
    assert max(np.abs(a - b).max() for a, b in zip(after, before, strict=True)) > 1e-4


@pytest.mark.parametrize(("n_rows", "n_components"), [(8, 16), (17, 16), (32, 32)])
def test_partial_fit_of_few_rows_leaves_the_linear_path_out(digits, n_rows, n_components):
    model = Autoencoder(n_components, random_state=0)
    for _ in range(3):
        for start in range(0, len(digits), n_rows):
            model.partial_fit(digits[start : start + n_rows])
    assert not model.settings_["linear_path"]
    assert model.score(digits) > 0.75
    with pytest.raises(ValueError, match="Got 1; linear_path='auto' does"):
        Autoencoder(4, linear_path=True).partial_fit(digits[:1])


def test_one_held_out_row_decides_nothing():
    assert not is_better(np.array([1.0]), np.array([0.5]))


def test_few_rows_must_gain_more_surely_than_many():
    rng = np.random.default_rng(0)
    passed = dict.fromkeys((4, 400), 0)
    for n in passed:  # a gain that is luck in all of 2,000 draws
        for _ in range(2000):
            before = np.exp(rng.normal(size=n))
            passed[n] += is_better(before, before * np.exp(0.5 * rng.normal(size=n)))
    assert max(passed.values()) < 10  # of 2.7 that 3 standard errors let through


def test_rows_that_warm_start_holds_out_were_not_trained_on(halves):
    train, test = halves
    model = Autoencoder(8, max_iter=30, warm_start=True, random_state=0).fit(train)
    assert not model.settings_["refit"]
    again = model.fit(train).baseline_["autoencoder"]
    assert again == pytest.approx(-model.score_samples(test).mean(), rel=0.15)


def test_a_second_training_that_is_interrupted_leaves_the_first(halves, monkeypatch):
    train, _ = halves
    alone = Autoencoder(8, max_iter=5, refit=False, random_state=0).fit(train)
    loop, calls = Training._loop, []

    def interrupted(self, *args):
        calls.append(self)
        if len(calls) == 2:
            raise KeyboardInterrupt
        loop(self, *args)

    monkeypatch.setattr(Training, "_loop", interrupted)
    with pytest.warns(UserWarning, match="second training, on all rows, was interrupted") as told:
        model = Autoencoder(8, max_iter=5, random_state=0).fit(train)
    assert {warning.filename for warning in told} == {__file__}
    np.testing.assert_array_equal(model.transform(train), alone.transform(train))
    assert model.baseline_ == alone.baseline_


def test_an_interrupt_before_the_second_training_leaves_the_first(halves, monkeypatch):
    train, _ = halves
    found, calls = _base.principal_components, []

    def interrupted(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return found(*args)

    monkeypatch.setattr(_base, "principal_components", interrupted)
    with pytest.warns(UserWarning, match="second training, on all rows, was interrupted"):
        model = Autoencoder(8, max_iter=2, random_state=0).fit(train)
    assert model.n_iter_ == 2


@pytest.mark.parametrize("given", [{"early_stopping": False}, {"linear_path": False}])
def test_refit_needs_held_out_rows(given):
    with pytest.raises(ValueError, match="refit=True needs early_stopping=True"):
        Autoencoder(2, refit=True, **given).fit(TABLE)


def test_refit_without_a_linear_path_trains_on_all_rows(digits):
    given = {"linear_path": False, "early_stopping": True, "max_iter": 3, "random_state": 0}
    model = Autoencoder(4, refit=True, **given).fit(digits)
    alone = Autoencoder(4, **given).fit(digits)
    assert model.history_ == {**alone.history_, "seconds": model.history_["seconds"]}
    assert not np.array_equal(model.transform(digits), alone.transform(digits))


def test_squares_that_overflow_are_refused():
    with pytest.raises(ValueError, match="squares are finite"):
        Autoencoder(2).fit(1e160 * TABLE)


def test_refit_of_a_training_that_ends_within_its_warm_up_trains(digits):
    given = {"hidden_layer_sizes": (16,), "max_iter": 5, "kl_warm_up": 10, "random_state": 0}
    once = VariationalAutoencoder(4, **given).fit(digits)
    again = VariationalAutoencoder(4, early_stopping=True, refit=True, **given).fit(digits)
    assert again.score(digits) == pytest.approx(once.score(digits), abs=0.02)
