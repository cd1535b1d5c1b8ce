"""The comparison with PCA, and the second training on all rows."""

import copy

import numpy as np
import pytest
from examples import TABLE, mse
from sklearn.decomposition import PCA

from tfae import Autoencoder, VariationalAutoencoder
from tfae._fitting import first_weights
from tfae._fitting.baseline import is_better
from tfae._training.loop import EpochLoop

pytestmark = pytest.mark.usefixtures("in_executor")


def test_the_baseline_is_the_error_of_pca_on_the_same_rows(halves):
    train, _ = halves
    model = Autoencoder(8, max_iter=40, refit=False, random_state=0).fit(train)
    baseline = model.baseline_
    assert baseline["n_samples"] == round(model.settings_["validation_fraction"] * len(train))
    assert baseline["autoencoder"] == pytest.approx(min(model.history_["val_loss"]), rel=1e-4)
    # Of PCA on the other rows; one on all of them can be only a little better or worse.
    assert baseline["pca"] == pytest.approx(mse(PCA(8).fit(train), train), rel=0.2)
    assert baseline["autoencoder"] < 0.7 * baseline["pca"]


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


@pytest.mark.sample(1)
@pytest.mark.parametrize("scaling", ["robust", "minmax"])
def test_what_decides_is_the_error_of_the_scaled_data(scaling):
    # In the user's units the last column would be all that counts.
    heavy = 1e4 * np.random.default_rng(1).lognormal(0, 2.5, 1200)
    X = np.column_stack([waves(), heavy])
    model = Autoencoder(3, scaling=scaling, max_iter=40, refit=False, random_state=0).fit(X)
    assert model.baseline_["autoencoder_loss"] < 0.7 * model.baseline_["pca_loss"]
    scaled = model._fitted.scaling.forward(X, np.float64)
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

    model = Autoencoder(3, loss=shifted, max_iter=30, refit=False, random_state=0).fit(waves())
    assert -1 < model.baseline_["autoencoder_loss"] < model.baseline_["pca_loss"] < 0
    assert model.baseline_["autoencoder"] < 0.5 * model.baseline_["pca"]


@pytest.mark.sample(1)
@pytest.mark.parametrize("factor", [1.0, 1e5])
def test_a_column_in_other_units_does_not_hold_the_network_back(factor):
    column = factor * np.random.default_rng(1).normal(size=1200)
    model = Autoencoder(4, max_iter=40, refit=False, random_state=0)
    model.fit(np.column_stack([waves(), column]))
    assert model.baseline_["autoencoder"] < 0.4 * model.baseline_["pca"]


@pytest.mark.slow
def test_a_single_wild_value_does_not_hold_the_network_back():
    X = waves()
    X[7, 0] = 1e6
    model = Autoencoder(4, max_iter=40, refit=False, random_state=0).fit(X)
    assert model.baseline_["autoencoder"] < 0.4 * model.baseline_["pca"]


@pytest.mark.sample(2)
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


@pytest.mark.slow
def test_rows_that_warm_start_holds_out_were_not_trained_on(halves):
    train, test = halves
    model = Autoencoder(8, max_iter=30, warm_start=True, random_state=0).fit(train)
    assert not model.settings_["refit"]
    again = model.fit(train).baseline_["autoencoder"]
    assert again == pytest.approx(-model.score_samples(test).mean(), rel=0.15)


@pytest.mark.slow
def test_a_second_training_that_is_interrupted_leaves_the_first(halves, monkeypatch):
    train, _ = halves
    alone = Autoencoder(8, max_iter=5, refit=False, random_state=0).fit(train)
    loop, calls = EpochLoop._loop, []

    def interrupted(self, *args):
        calls.append(self)
        if len(calls) == 2:
            raise KeyboardInterrupt
        loop(self, *args)

    monkeypatch.setattr(EpochLoop, "_loop", interrupted)
    with pytest.warns(UserWarning, match="second training, on all rows, was interrupted") as told:
        model = Autoencoder(8, max_iter=5, random_state=0).fit(train)
    assert {warning.filename for warning in told} == {__file__}
    np.testing.assert_array_equal(model.transform(train), alone.transform(train))
    assert model.baseline_ == alone.baseline_


def test_an_interrupt_before_the_second_training_leaves_the_first(halves, monkeypatch):
    train, _ = halves
    found, calls = first_weights.principal_components, []

    def interrupted(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return found(*args)

    monkeypatch.setattr(first_weights, "principal_components", interrupted)
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


def test_refit_of_a_training_that_ends_within_its_warm_up_trains(digits):
    given = {"hidden_layer_sizes": (16,), "max_iter": 5, "kl_warm_up": 10, "random_state": 0}
    once = VariationalAutoencoder(4, **given).fit(digits)
    again = VariationalAutoencoder(4, early_stopping=True, refit=True, **given).fit(digits)
    assert again.score(digits) == pytest.approx(once.score(digits), abs=0.02)
