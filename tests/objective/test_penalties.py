"""Each penalty against its formula in NumPy, and what it makes of codes."""

import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from examples import CONTRACTIVE

import tfae
from tfae import Autoencoder, ContractiveAutoencoder, SparseAutoencoder
from tfae._objective.penalties import PENALTIES, Encoded

pytestmark = pytest.mark.usefixtures("in_executor")

RNG = np.random.default_rng(0)
CODE = RNG.uniform(0.05, 0.95, size=(6, 4))
WEIGHT = np.array([1.0, 1, 1, 1, 1, 0])


def cost(name, x=None, code=CODE, noise=None, encoder=None, sparsity=0.1):
    tensors = [None if a is None else tf.constant(a) for a in (x, code, WEIGHT, noise)]
    return np.asarray(
        PENALTIES.find(name).cost(Encoded(*tensors, encoder, tf.constant(sparsity, "float64")))
    )


def test_l1():
    np.testing.assert_allclose(cost("l1", code=CODE - 0.5), np.abs(CODE - 0.5).sum(axis=1))


def test_kl_of_the_rows_that_count():
    p, q = 0.1, CODE[:5].mean(axis=0)
    expected = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    np.testing.assert_allclose(cost("kl"), expected.sum())


def dense_encoder(*activations):
    sizes = (5,) * (len(activations) - 1) + (3,)
    layers = [
        keras.layers.Dense(n, a, dtype="float64", bias_initializer="random_normal")
        for n, a in zip(sizes, activations, strict=True)
    ]
    return keras.Sequential([keras.Input((7,), dtype="float64"), *layers])


def jacobian_norms(encoder, x):
    with tf.GradientTape() as tape:
        tensor = tf.constant(x)
        tape.watch(tensor)
        code = encoder(tensor)
    return np.square(tape.batch_jacobian(code, tensor)).sum(axis=(1, 2))


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "linear"])
def test_contractive_is_exact_for_one_layer(activation):
    encoder, x = dense_encoder(activation), RNG.normal(size=(6, 7))
    np.testing.assert_allclose(
        cost("contractive", x, encoder=encoder), jacobian_norms(encoder, x), rtol=1e-6
    )


@pytest.mark.parametrize("activations", [("tanh", "linear"), ("softmax",)])
@pytest.mark.slow
def test_contractive_is_unbiased_otherwise(activations):
    encoder, x = dense_encoder(*activations), RNG.normal(size=(6, 7))
    estimates = [
        cost("contractive", x, noise=RNG.normal(size=(6, 3)), encoder=encoder) for _ in range(600)
    ]
    mean, error = np.mean(estimates, axis=0), np.std(estimates, axis=0) / np.sqrt(600)
    assert (np.abs(mean - jacobian_norms(encoder, x)) < 4 * error).all()


def test_a_callable_penalty_is_summed_over_the_code(digits):
    np.testing.assert_allclose(cost(lambda code: code**2), np.square(CODE).sum(axis=1))
    with pytest.raises(ValueError, match=r"The 'penalty' must return one value for every entry"):
        cost(lambda code: code[:2])


def test_the_penalty_is_weighed_against_the_loss_summed_over_the_features(digits):
    model = Autoencoder(
        5, penalty="l1", penalty_weight=3.0, learning_rate_init=1e-30, max_iter=1, random_state=0
    ).fit(digits)
    codes = model.transform(digits)
    term = 3.0 * np.abs(codes).sum(axis=1).mean() / 64 * model.scale_**2
    loss, reconstruction = (model.history_[n][0] for n in ("loss", "reconstruction_loss"))
    assert loss - reconstruction == pytest.approx(term, rel=1e-4)
    assert reconstruction == pytest.approx(-model.score_samples(digits).mean(), rel=1e-4)


@pytest.mark.sample(2)
@pytest.mark.parametrize("penalty", ["kl", "l1", "top_k", "lifetime"])
def test_sparse_codes(digits, penalty):
    model = SparseAutoencoder(
        80,
        hidden_layer_sizes=(),
        penalty=penalty,
        penalty_weight=10.0 if penalty == "kl" else None,
        learning_rate_init=0.005,
        batch_size=64,
        max_iter=40,
        random_state=0,
    ).fit(digits)
    codes = model.transform(digits)
    np.testing.assert_allclose(model.mean_activation_, codes.mean(axis=0), atol=1e-5)
    largest = np.abs(codes).max(axis=0)
    assert model.n_dead_units_ == np.sum(largest <= 0.01 * largest.max())
    assert model.score(digits) > 0.5
    if penalty == "kl":
        assert model.mean_activation_.mean() < 0.15
    if penalty == "top_k":
        assert (codes != 0).sum(axis=1).max() <= 8
    if penalty == "lifetime":
        active = (codes >= model.thresholds_)[:, largest > 0].mean(axis=0)
        assert np.median(active) == pytest.approx(0.05, abs=0.01)
    _, decoder = model.to_keras()
    np.testing.assert_allclose(
        np.asarray(decoder(codes)), model.inverse_transform(codes), rtol=1e-3, atol=1e-3
    )
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.reconstruct(digits), model.reconstruct(digits))


@pytest.mark.parametrize(
    ("penalty", "name", "value"),
    [
        ("top_k", "penalty_weight", 0.5),
        ("lifetime", "penalty_weight", 0.5),
        (None, "penalty_weight", 0.0),
        (None, "sparsity", 0.1),
        ("l1", "sparsity", 0.1),
        ("contractive", "sparsity", 0.1),
    ],
)
def test_a_number_that_a_penalty_has_not_is_refused(digits, penalty, name, value):
    message = (
        rf"With penalty={penalty!r}, which does not use it, '{name}' must be None\. Got {value}"
    )
    with pytest.raises(ValueError, match=message):
        Autoencoder(5, penalty=penalty, **{name: value}).fit(digits)


@pytest.mark.slow
def test_numbers_of_a_penalty_do_not_stand_in_the_way_of_finding_a_length(digits):
    model = Autoencoder(
        "auto",
        penalty="l1",
        penalty_weight=0.01,
        code_activation="identity",
        linear_path=True,
        max_iter=1,
        random_state=0,
    ).fit(digits[:300])
    assert 1 <= model.n_components_ <= 64


def linear_code(spec):
    return keras.Sequential([keras.layers.Dense(spec.n_components)]), keras.Sequential(
        [keras.layers.Dense(spec.n_features)]
    )


def test_codes_that_the_divergence_means_nothing_for_are_told(digits):
    model = SparseAutoencoder(20, architecture=linear_code, max_iter=1, random_state=0)
    with pytest.warns(
        UserWarning, match=r"penalty='kl' .* needs codes in \[0, 1\]. They go from -"
    ):
        model.fit(digits)


def test_contraction_makes_codes_change_less(digits):
    def change(weight):
        model = ContractiveAutoencoder(
            16,
            **CONTRACTIVE,
            penalty_weight=weight,
            learning_rate_init=0.01,
            max_iter=60,
            random_state=0,
        ).fit(digits)
        noisy = digits + np.random.default_rng(0).normal(size=digits.shape).astype(np.float32)
        return np.square(model.transform(noisy) - model.transform(digits)).mean()

    assert change(10.0) < 0.7 * change(0.0)


def test_tied_kernels(digits):
    model = Autoencoder(6, hidden_layer_sizes=(20,), tied=True, alpha=0.1, max_iter=5).fit(digits)
    for kernel, mirrored in zip(
        model.encoder_weights_[::2], model.decoder_weights_[::2][::-1], strict=True
    ):
        np.testing.assert_array_equal(kernel, mirrored.T)
    with pytest.raises(ValueError, match=r"tied=True needs a decoder that mirrors the encoder"):
        Autoencoder(6, decoder_layer_sizes=(7,), tied=True).fit(digits)


def test_wrong_settings(digits):
    with pytest.raises(ValueError, match=r"'penalty'.*Got 'topk'.*Did you mean 'top_k'"):
        Autoencoder(penalty="topk").fit(digits)
    with pytest.raises(ValueError, match=r"'code_activation' must give values in \[0, 1\]"):
        Autoencoder(penalty="kl", code_activation="relu").fit(digits)
    with pytest.raises(ValueError, match="'sparsity' must be a fraction above 0 and below 1"):
        Autoencoder(penalty="kl", sparsity=2).fit(digits)
    assert set(tfae.penalties()) >= {"l1", "kl", "top_k", "lifetime", "contractive"}
