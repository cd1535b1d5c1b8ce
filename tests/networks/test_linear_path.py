"""The default estimator against PCA: where it starts and what it keeps."""

import pickle

import numpy as np
import pytest
from examples import TABLE, mse
from scipy import sparse
from sklearn.decomposition import PCA

from tfae import Autoencoder, SparseAutoencoder
from tfae._training.step.program import new_programs, trace_count

pytestmark = pytest.mark.usefixtures("in_executor")


@pytest.fixture(scope="module")
def fitted(halves):
    return Autoencoder(8, random_state=0).fit(halves[0])


@pytest.fixture(scope="module")
def short(halves):
    return Autoencoder(8, max_iter=3, random_state=0).fit(halves[0])


@pytest.mark.sample(3)
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


@pytest.mark.slow
def test_it_beats_pca_on_rows_it_has_not_seen(halves, fitted):
    train, test = halves
    assert mse(fitted, test) < 0.65 * mse(PCA(8).fit(train), test)


@pytest.mark.slow
def test_beside_a_network_the_linear_part_leaves_pca_if_there_are_many_rows(halves, fitted):
    X = np.random.default_rng(0).normal(size=(5000, 6)).astype(np.float32)
    many = Autoencoder(2, max_iter=2, early_stopping=False, random_state=0).fit(X)
    kernels = {layer.name: layer for layer in _network_of(many.to_keras().encoder).layers}
    assert np.abs(kernels["linear_correction"].kernel.numpy()).max() > 1e-3
    few = _network_of(fitted.to_keras().encoder)
    assert "linear_correction" not in [layer.name for layer in few.layers]


@pytest.mark.sample(1)
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


def test_a_lossless_code_stays_lossless_and_constant_columns_exact():
    X = np.column_stack([TABLE, np.full(300, 7.0)])
    model = Autoencoder(5, random_state=0).fit(X)
    assert mse(model, X) < 1e-20 * X.var()
    assert np.ptp(model.reconstruct(X)[:, 12]) < 1e-9


@pytest.mark.sample(1)
@pytest.mark.parametrize("make", [sparse.csr_array, lambda X: X.astype(np.uint8), np.float16])
def test_other_kinds_of_rows_do_too(digits, make):
    model = Autoencoder(4, hidden_layer_sizes=(64,), max_iter=12, refit=False, random_state=0)
    model.fit(make(digits))
    assert model.baseline_["autoencoder"] < 0.8 * model.baseline_["pca"]


def test_numpy_and_keras_agree(halves, short):
    test = halves[1]
    encoder, decoder = short.to_keras()
    codes = short.transform(test)
    np.testing.assert_allclose(np.asarray(encoder(test)), codes, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(
        np.asarray(decoder(codes)), short.inverse_transform(codes), rtol=1e-3, atol=1e-2
    )
    assert short._fitted.encoder.layers is not None  # so that it runs without TensorFlow


def test_there_and_back_through_keras(halves, short):
    again = Autoencoder.from_keras(*short.to_keras())
    np.testing.assert_allclose(again.transform(halves[1]), short.transform(halves[1]), atol=1e-3)


def test_a_linear_path_within_another_is_refused(halves, short):
    again = Autoencoder.from_keras(*short.to_keras()).set_params(linear_path=True)
    with pytest.raises(ValueError, match=r"linear_path=True needs .* ends with a dense"):
        again.fit(halves[0])


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits_and_a_second_fit_traces_nothing(halves, fitted):
    before = trace_count()
    other = Autoencoder(8, random_state=0).fit(halves[0])
    assert trace_count() == before
    for one, two in zip(fitted.encoder_weights_, other.encoder_weights_, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
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
        architecture_params={"image_shape": (8, 8)},
        hidden_layer_sizes=(8,),
        linear_path=True,
        max_iter=15,
        random_state=0,
    ).fit(digits)
    assert model.baseline_["autoencoder"] < model.baseline_["pca"]


@pytest.mark.slow
def test_it_is_left_out_where_it_does_not_fit(digits):
    pure = [
        Autoencoder(tied=True),
        Autoencoder(loss="binary_crossentropy", scaling="minmax"),
        Autoencoder(code_activation="tanh"),
        SparseAutoencoder(),
    ]
    for model in pure:
        model.set_params(n_components=4, hidden_layer_sizes=(8,), max_iter=1)
        with new_programs(xla=False):
            model.fit(digits)
        assert model.settings_["linear_path"] is False
        assert not hasattr(model, "baseline_")
    with pytest.raises(ValueError, match="linear_path=True needs tied=False"):
        Autoencoder(tied=True, linear_path=True).fit(digits)


def test_partial_fit_learns_on_however_often_it_is_called():
    model = Autoencoder(3, max_iter=2, random_state=0)
    for _ in range(6):
        before = model.partial_fit(TABLE).encoder_weights_
    after = model.partial_fit(TABLE).encoder_weights_
    assert max(np.abs(a - b).max() for a, b in zip(after, before, strict=True)) > 1e-4


@pytest.mark.sample(1)
@pytest.mark.parametrize(("n_rows", "n_components"), [(32, 32), (17, 16), (8, 16)])
def test_partial_fit_of_few_rows_leaves_the_linear_path_out(digits, n_rows, n_components):
    model = Autoencoder(
        n_components, hidden_layer_sizes=(128,), learning_rate_init=0.003, random_state=0
    )
    for _ in range(2):
        for start in range(0, len(digits), n_rows):
            model.partial_fit(digits[start : start + n_rows])
    assert not model.settings_["linear_path"]
    assert model.score(digits) > 0.75
    with pytest.raises(ValueError, match="Got 1; linear_path='auto' leaves the path out"):
        Autoencoder(4, linear_path=True).partial_fit(digits[:1])


def test_squares_that_overflow_are_refused():
    with pytest.raises(ValueError, match="squares are finite"):
        Autoencoder(2).fit(1e160 * TABLE)
