"""The stacked autoencoder: its stages are autoencoders, and the stack is made of their weights."""

import warnings

import numpy as np
import pytest

from tfae import Autoencoder, StackedAutoencoder, streams
from tfae._fitting.fit import split_rows
from tfae._training.loop import EpochLoop
from tfae._training.state import TrainingState

pytestmark = pytest.mark.usefixtures("in_executor")


def stack(**params):
    given = {"hidden_layer_sizes": (40, 24), "max_iter": 20, "random_state": 0, **params}
    return StackedAutoencoder(10, **given)


def test_without_fine_tuning_the_network_is_made_of_the_stages(digits):
    model = stack(fine_tune=False).fit(digits)
    assert model.n_iter_ == 0
    assert [len(h["loss"]) for h in model.stage_histories_] == [20, 20, 20]
    # The first layer is that of the first stage: what the stage rebuilt, its weights rebuild.
    kernel, bias = model.encoder_weights_[:2]
    back, offset = model.decoder_weights_[-2:]
    x = (digits - model.center_) / model.scale_
    rebuilt = np.maximum(x @ kernel + bias, 0) @ back + offset
    error = np.square(rebuilt - x).mean() * model.scale_**2
    assert error == pytest.approx(model.stage_histories_[0]["loss"][-1], rel=0.15)
    # And so does the second for what the first gives.
    hidden = np.maximum(x @ kernel + bias, 0)
    kernel, bias = model.encoder_weights_[2:4]
    back, offset = model.decoder_weights_[-4:-2]
    rebuilt = np.maximum(np.maximum(hidden @ kernel + bias, 0) @ back + offset, 0)
    error = np.square(rebuilt - hidden).mean()
    assert error == pytest.approx(model.stage_histories_[1]["loss"][-1], rel=0.15)


@pytest.mark.slow
def test_pretraining_helps_deep_logistic_networks(digits):
    """What it was invented for: saturating units many layers deep."""
    deep = {"hidden_layer_sizes": (48, 40, 32), "activation": "logistic", "max_iter": 30}
    stacked = stack(**deep, learning_rate_init=0.003).fit(digits)
    plain = stack(**deep, learning_rate_init=0.003, pretrain_max_iter=0).fit(digits)
    assert stacked.score(digits) > plain.score(digits) + 0.15


def test_fine_tuning_improves_on_the_stages(digits):
    stages = stack(fine_tune=False).fit(digits)
    tuned = stack().fit(digits)
    np.testing.assert_array_equal(
        stages.stage_histories_[2]["loss"], tuned.stage_histories_[2]["loss"]
    )
    assert 1 - tuned.score(digits) < 0.7 * (1 - stages.score(digits))


def test_stages_can_be_denoising_sparse_or_different(digits):
    model = stack(
        activation="logistic",
        pretraining=[
            {"corruption": "masking", "corruption_level": 0.5, "max_iter": 3},
            {"penalty": "kl", "max_iter": 4},
            {},
        ],
        max_iter=2,
    ).fit(digits)
    assert [len(h["loss"]) for h in model.stage_histories_] == [3, 4, 20]
    assert ["reconstruction_loss" in h for h in model.stage_histories_] == [False, True, False]


@pytest.mark.slow
def test_the_estimators_own_parameters_reach_every_stage(digits):
    plain, noisy = stack(fine_tune=False), stack(fine_tune=False, corruption="masking")
    losses = [
        [h["loss"][-1] for h in model.fit(digits).stage_histories_] for model in (plain, noisy)
    ]
    assert np.less(*losses).all()


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "params", [{"tied": True}, {"precision": "float64"}, {"dropout": 0.1, "max_iter": 40}]
)
def test_it_combines(digits, params):
    model = stack(**params).fit(digits)
    assert model.score(digits) > 0.5
    if params.get("tied"):
        np.testing.assert_array_equal(model.encoder_weights_[0].T, model.decoder_weights_[-2])


def test_rows_held_out_are_seen_by_no_stage(digits):
    model = stack(early_stopping=True, validation_fraction=0.5)
    X = digits.copy()
    held_out = np.setdiff1d(np.arange(len(X)), _training_rows(model, X))
    before = model.fit(X).stage_histories_
    X[held_out] = digits[held_out][::-1]
    np.testing.assert_equal(_losses(model.fit(X).stage_histories_), _losses(before))


def _losses(histories):
    return [h["loss"] for h in histories]


def _training_rows(model, X):
    rng = TrainingState.new(model.random_state).split_rng
    return split_rows(model._recipe(X, None), X, rng).train


@pytest.mark.slow
def test_same_bits_and_going_on(digits):
    one, other = stack().fit(digits), stack().fit(digits)
    np.testing.assert_array_equal(one.transform(digits), other.transform(digits))
    histories = one.stage_histories_
    one.set_params(warm_start=True, max_iter=2).fit(digits)
    assert one.n_iter_ == 22
    assert one.stage_histories_ is histories


def test_sparse_rows_and_a_stage_for_one_layer(digits):
    from scipy import sparse

    model = stack(hidden_layer_sizes=(), fine_tune=False)
    dense = model.fit(digits).transform(digits)
    same = model.fit(sparse.csr_array(digits)).transform(digits)
    np.testing.assert_allclose(same, dense, atol=1e-4)
    alone = Autoencoder(
        10, hidden_layer_sizes=(), linear_path=False, max_iter=20, random_state=0
    ).fit(digits)
    assert model.score(digits) == pytest.approx(alone.score(digits), abs=0.05)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"architecture": "convolutional"}, "'architecture' .* must be 'dense'"),
        ({"decoder_layer_sizes": (3,)}, "'decoder_layer_sizes' .* must be None"),
        ({"batch_normalization": True}, "'batch_normalization' .* must be False"),
        (
            {"batch_normalization": True, "pretrain_max_iter": 0},
            "'batch_normalization' .* must be False",
        ),
        ({"pretraining": [{}], "pretrain_max_iter": 0}, "a sequence of 3 dicts"),
        ({"pretraining": [{}]}, "a sequence of 3 dicts"),
        ({"pretraining": {"corupt": 1}}, "'pretraining' must be among .*Did you mean 'corruption'"),
        ({"pretraining": {"corruption": "mask"}}, "Stage 1 of the pretraining: .*'masking'"),
        ({"pretraining": {"loss": "msee"}}, "Stage 1 of the pretraining: .*'loss'.*Got 'msee'"),
        ({"pretraining": {"penalty": "kl"}}, "Stage 1 of the pretraining: .*must give values in"),
        ({"pretraining": {"loss": "bernoulli"}}, "must have the same scaling|must lie in"),
    ],
)
def test_bad_parameters_are_one_clear_error(digits, params, message):
    with pytest.raises(ValueError, match=message), warnings.catch_warnings():
        stack(**params).fit(digits)


def test_an_interrupt_of_a_stage_ends_the_fit(digits, monkeypatch):
    model = StackedAutoencoder(4, hidden_layer_sizes=(8,), max_iter=1, pretrain_max_iter=1)
    codes = model.fit(digits).transform(digits)

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(EpochLoop, "_loop", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(digits)
    np.testing.assert_array_equal(model.transform(digits), codes)


def test_stages_need_rows_that_can_be_read_again(digits):
    model = StackedAutoencoder(4, hidden_layer_sizes=(8,), pretrain_max_iter=1, random_state=0)

    def batches():
        return (digits[start : start + 100] for start in range(0, 600, 100))

    with pytest.raises(ValueError, match="more than once in the first call"):
        model.partial_fit(streams.from_batches(batches(), window=200))
    model.partial_fit(streams.from_batches(batches, window=200))
    assert model.partial_fit(streams.from_batches(batches(), window=200)).n_iter_ == 2


def test_a_stage_may_leave_the_penalty_out(digits):
    model = StackedAutoencoder(
        4,
        hidden_layer_sizes=(8,),
        penalty="kl",
        penalty_weight=2.0,
        sparsity=0.1,
        pretraining={"penalty": None},
        pretrain_max_iter=1,
        max_iter=1,
    )
    assert model.fit(digits).mean_activation_.shape == (4,)
