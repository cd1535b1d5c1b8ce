"""What estimators minimise and report on frames of mixed kinds: a mean over columns."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm
from sklearn.decomposition import PCA

from tfae import (
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    VariationalAutoencoder,
)
from tfae._inference.likelihood import log_likelihood

pytestmark = pytest.mark.usefixtures("in_executor")

N = 200
RNG = np.random.default_rng(0)
HEIGHT = RNG.normal(170, 10, N)
SIZES = ["L", "M", "S"]
FRAME = pd.DataFrame(
    {
        "height": HEIGHT,
        "shoe": np.rint(HEIGHT / 4).astype(np.int64),
        "size": np.where(HEIGHT < 165, "S", np.where(HEIGHT < 175, "M", "L")),
        "tall": HEIGHT + RNG.normal(size=N) > 172,
    }
)
HOLED = FRAME.astype({"shoe": "Int64", "tall": "boolean"}).mask(RNG.random(FRAME.shape) < 0.2)
SMALL = {"n_components": 2, "hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
STILL = {"max_iter": 1, "learning_rate_init": 1e-30, "precision": "float64"}
WHOLE = {"linear_path": False, "early_stopping": False, "refit": False}


def cells(model, frame):
    """Return the loss of every cell, from what the model gives back."""
    probabilities, of = model.reconstruct(frame, probabilities=True), {}
    for name in ("height", "shoe"):
        place = list(FRAME).index(name)
        errors = model.column_errors(frame)[name]  # before rounding
        of[name] = np.square(errors / model.scale_[place])
    for name, entropy in entropies().items():
        chance = probabilities[name]
        labels = list(chance.columns)
        there = frame[name].map(labels.index).to_numpy()
        of[name] = -np.log(chance.to_numpy()[np.arange(len(frame)), there]) / entropy
    return pd.DataFrame(of).to_numpy(np.float64, copy=True)


def entropies(frame=FRAME):
    found = {}
    for name in ("size", "tall"):
        share = frame[name].value_counts(normalize=True).to_numpy(float)
        found[name] = -(share * np.log(share)).sum()
    return found


@pytest.mark.parametrize("kind", [Autoencoder, SparseAutoencoder, StackedAutoencoder])
def test_the_loss_of_training_is_that_of_score_samples(kind):
    """With a rate that changes nothing; the penalty of the sparse one is apart."""
    more = {"pretrain_max_iter": 0} if kind is StackedAutoencoder else {}
    model = kind(**{**SMALL, **WHOLE, **STILL, **more}).fit(FRAME)
    name = "reconstruction_loss" if "reconstruction_loss" in model.history_ else "loss"
    assert model.history_[name][0] == pytest.approx(-model.score_samples(FRAME).mean())


def test_losses_and_scores_are_means_over_columns():
    model = Autoencoder(**SMALL, **WHOLE).fit(FRAME)
    of_cells = cells(model, FRAME)
    assert_allclose(-model.score_samples(FRAME), of_cells.mean(axis=1), rtol=1e-5)
    assert model.score(FRAME) == pytest.approx(1 - of_cells.mean(), rel=1e-5)  # guesses have 1
    part = FRAME[:60]
    of_part = cells(model, part)
    guess = np.var(part[["height", "shoe"]].to_numpy(), axis=0) / np.square(model.scale_[:2])
    entropy, of_all = entropies(part), entropies()
    guess = [*guess, *(entropy[name] / of_all[name] for name in entropy)]
    assert model.score(part) == pytest.approx(1 - of_part.mean() / np.mean(guess), rel=1e-5)
    weights = RNG.integers(1, 4, len(part))
    assert model.score(part, sample_weight=weights) == pytest.approx(
        model.score(part.loc[part.index.repeat(weights)])
    )


def test_missing_cells_count_neither_in_losses_nor_in_scores():
    model = Autoencoder(**{**SMALL, **WHOLE, **STILL}).fit(HOLED)
    counts = HOLED.notna().sum(axis=1)
    of_rows = -model.score_samples(HOLED)
    assert model.history_["loss"][0] == pytest.approx(np.average(of_rows, weights=counts))
    assert model.score(HOLED) == pytest.approx(1 - np.average(of_rows, weights=counts))
    nothing = HOLED[:1].mask(np.ones((1, 4), bool))
    assert model.score_samples(nothing)[0] == -1  # what is expected of means and frequencies


def test_the_baseline_is_pca_whose_clipped_probabilities_are_the_logits():
    """A network that learns nothing does not improve on it, so it is the model."""
    model = Autoencoder(**{**SMALL, **STILL}, refit=False).fit(FRAME)
    baseline = model.baseline_
    assert baseline["autoencoder_loss"] == baseline["pca_loss"] == baseline["pca"]
    chance = model.reconstruct(FRAME, probabilities=True)
    assert 0.005 < chance["size"].to_numpy().min() <= 0.01  # before they are made to add up to 1
    trained = Autoencoder(**{**SMALL, "max_iter": 60}).fit(FRAME).baseline_
    assert trained["pca_loss"] == pytest.approx(baseline["pca_loss"], rel=1e-4)
    assert trained["autoencoder_loss"] < 0.9 * trained["pca_loss"]
    assert trained["autoencoder"] == pytest.approx(trained["autoencoder_loss"], rel=1e-5)


def test_without_held_out_rows_the_start_is_pca():
    model = Autoencoder(**{**SMALL, **STILL}, early_stopping=False, refit=False).fit(FRAME)
    scaling, schema = model._fitted.scaling, model._fitted.schema
    rows = scaling.forward(schema.encode(FRAME), np.float64)
    pca = PCA(2).fit(rows)
    guess = scaling.linear_output(pca.inverse_transform(pca.transform(rows)))
    assert -model.score_samples(FRAME).mean() == pytest.approx(scaling.losses(rows, guess).mean())
    codes = model.transform(FRAME)
    assert_allclose(np.abs(codes), np.abs(pca.transform(rows)), atol=1e-6)


def test_the_linear_denoiser_of_a_table_is_compared_by_losses():
    model = DenoisingAutoencoder(**SMALL).fit(FRAME)
    baseline = model.baseline_
    assert baseline["linear"] == pytest.approx(baseline["linear_loss"], rel=1e-5)
    assert 0 < baseline["linear_full_rank"] < baseline["linear"] < 1


def test_a_weight_is_a_repetition_and_batches_go_on():
    given = {**SMALL, **WHOLE, "batch_size": 1024, "shuffle": False, "precision": "float64"}
    weights = RNG.integers(0, 3, N)
    one = Autoencoder(**given).fit(FRAME, sample_weight=weights)
    other = Autoencoder(**given).fit(FRAME.loc[FRAME.index.repeat(weights)])
    assert_allclose(one.transform(FRAME), other.transform(FRAME), rtol=1e-6, atol=1e-9)
    assert one.score(FRAME) == pytest.approx(other.score(FRAME))
    begun = Autoencoder(**given, learning_rate_init=0.01)
    for _ in range(3):
        begun.partial_fit(FRAME)
    assert begun.loss_curve_[-1] < begun.loss_curve_[0]


def test_the_length_of_a_code_is_found_by_losses():
    model = Autoencoder(**{**SMALL, "n_components": 0.7, "max_iter": 40}).fit(FRAME)
    errors = model.component_errors_
    assert errors[0] == pytest.approx(1, abs=0.3)
    assert errors[model.n_components_] <= 0.3 * errors[0]


@pytest.mark.parametrize("kind", [ContractiveAutoencoder, SparseAutoencoder, StackedAutoencoder])
def test_losses_of_all_kinds_fall(kind):
    model = kind(**{**SMALL, "n_components": 3, "max_iter": 25}, learning_rate_init=0.01)
    model.fit(FRAME)
    assert model.loss_curve_[-1] < 0.9 * model.loss_curve_[0]
    assert model.score(FRAME) > 0.2
    if kind is StackedAutoencoder:
        assert model.stage_histories_[0]["loss"][0] < 2  # the first one rebuilds a table, too


def test_other_losses_are_those_of_numbers():
    still = {**SMALL, **WHOLE, **STILL}
    squared, absolute = (Autoencoder(**still, loss=loss).fit(FRAME) for loss in ("mse", "mae"))
    of_cells = cells(squared, FRAME)
    of_cells[:, :2] = np.sqrt(of_cells[:, :2])
    assert absolute.history_["loss"][0] == pytest.approx(of_cells.mean(), rel=1e-5)
    for wrong in ("poisson", "binary_crossentropy", lambda x, y: x - y):
        with pytest.raises(ValueError, match="'loss' must be 'mse', 'mae', 'huber' or 'gaussian'"):
            Autoencoder(**SMALL, loss=wrong).fit(FRAME)
    with pytest.raises(ValueError, match="'output_activation' must be 'auto' or 'identity'"):
        Autoencoder(**SMALL, output_activation="relu").fit(FRAME)
    with pytest.raises(ValueError, match="training_rows='noisy' X must hold numbers only"):
        DenoisingAutoencoder(**SMALL, training_rows="noisy").fit(FRAME)


def test_the_likelihood_of_a_table_is_gaussian_and_categorical():
    model = VariationalAutoencoder(**SMALL).fit(FRAME)
    fitted = model._fitted
    rows = fitted.schema.encode(FRAME)
    codes = model.transform(FRAME)
    found = log_likelihood(fitted, rows, codes)
    variance = model.noise_variance_
    assert variance.shape == (4,)
    assert_array_equal(np.isnan(variance), [False, False, True, True])
    rebuilt = fitted.decode(codes)
    expected = norm.logpdf(rows[:, :2], rebuilt[:, :2], np.sqrt(variance[:2])).sum(axis=1)
    chance = model.reconstruct(FRAME, probabilities=True)
    for name in ("size", "tall"):
        there = FRAME[name].map(list(chance[name].columns).index).to_numpy()
        expected += np.log(chance[name].to_numpy()[np.arange(N), there])
    assert_allclose(found, expected, rtol=1e-5)


def test_random_rows_have_the_frequencies_of_the_model():
    model = VariationalAutoencoder(**SMALL, linear_path=False).fit(FRAME)
    drawn = model.sample(4000, random_state=0, noise=True)
    chance = model._fitted.decode(np.random.default_rng(0).normal(size=(4000, 2)))
    of_schema = dict(zip(SIZES, chance[:, 2:5].mean(axis=0), strict=True))
    found = drawn["size"].value_counts(normalize=True)
    for name, share in of_schema.items():
        assert found.get(name, 0) == pytest.approx(share, abs=0.03)


def test_models_of_keras_give_probabilities():
    model = Autoencoder(**SMALL).fit(FRAME)
    encoder, decoder = model.to_keras()
    rows = model._fitted.schema.encode(FRAME).astype(np.float32)
    codes = np.asarray(encoder(rows))
    assert_allclose(codes, model.transform(FRAME), atol=1e-4)
    assert_allclose(decoder(codes), model._fitted.decode(codes), atol=1e-3)
