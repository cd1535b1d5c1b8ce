"""Rows with weights and with missing entries."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tfae
from tfae import Autoencoder
from tfae._data.scaling import fit_scaling
from tfae._data.weights import weighted
from tfae._networks.filling import learned_filling
from tfae._training.chunks import Noise
from tfae._training.holed_rows import HoledRows
from tfae._training.step.chunk import ChunkShape

pytestmark = pytest.mark.usefixtures("in_executor")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3)) @ RNG.normal(size=(3, 8)) + 0.2 * RNG.normal(size=(300, 8)) + 5
HOLED = np.where(RNG.random(X.shape) < 0.2, np.nan, X)
COUNTS = RNG.integers(0, 4, 300)
REPEATED = np.repeat(HOLED, COUNTS, axis=0)
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}


def test_the_scaling_and_the_filling_of_integer_weights_are_those_of_repeated_rows():
    rows = weighted(HOLED, COUNTS)
    scaling, expected = (fit_scaling("standard", of, holes=True) for of in (rows, REPEATED))
    assert_allclose(scaling.center, expected.center, rtol=1e-12)
    assert_allclose(scaling.scale, expected.scale, rtol=1e-12)
    kept = COUNTS > 0
    ours = learned_filling(scaling, HOLED[kept], weights=COUNTS[kept].astype(float))
    theirs = learned_filling(expected, REPEATED)
    assert_allclose(ours.forward(HOLED, float), theirs.forward(HOLED, float), atol=0.02)


def test_chunks_have_the_weights_of_rows_and_of_entries():
    rows = weighted(HOLED, COUNTS)
    scaling = learned_filling(fit_scaling(None, HOLED), HOLED)
    shape = ChunkShape(20, 16, 8, "float64")
    chunk = next(HoledRows(rows, scaling, shape, None, Noise()).epochs())
    n = rows.shape[0]
    weights = rows.weights() / rows.weights().mean()
    assert_allclose(chunk.weight.ravel()[:n], weights)
    total = (chunk.weight.ravel()[:n, None] * chunk.entry_weight[:n]).sum()
    assert total == pytest.approx(n * 8)  # the loss is a mean over observed entries
    assert_array_equal(chunk.entry_weight[:n] > 0, ~np.isnan(HOLED[COUNTS > 0]))


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("DenoisingAutoencoder", {}),
        ("VariationalAutoencoder", {}),
        ("StackedAutoencoder", {"pretrain_max_iter": 1}),
        ("SparseAutoencoder", {}),
        ("ContractiveAutoencoder", {}),
        ("Autoencoder", {"n_components": 0.9, "scaling": "robust"}),
    ],
)
@pytest.mark.filterwarnings("ignore:.* units of the code are dead", "ignore:None of the")
def test_rows_of_weight_0_are_as_if_they_were_not_there(kind, params):
    def make():
        return getattr(tfae, kind)(**{"n_components": 3, **SMALL, **params})

    weights = COUNTS * (1 + RNG.random(300))
    kept = weights > 0
    one = make().fit(HOLED, sample_weight=weights)
    other = make().fit(HOLED[kept], sample_weight=8 * weights[kept])
    assert_array_equal(one.transform(HOLED), other.transform(HOLED))
    assert np.isfinite(one.impute(HOLED)).all()


def test_equal_weights_are_no_weights_and_others_make_a_difference():
    alone = Autoencoder(3, **SMALL).fit(HOLED)
    same = Autoencoder(3, **SMALL).fit(HOLED, sample_weight=np.full(300, 0.3))
    assert_array_equal(same.transform(HOLED), alone.transform(HOLED))
    uneven = Autoencoder(3, **SMALL).fit(HOLED, sample_weight=1 + COUNTS)
    assert not np.allclose(uneven.transform(HOLED), alone.transform(HOLED), rtol=1e-3)


def test_the_linear_start_is_that_of_heavy_rows():
    """Rows of a line and rows of noise: what counts is what weighs."""
    line = RNG.normal(size=(200, 1)) @ np.array([[1.0, 2, -1, 1, -2, 1]])
    rows = np.concatenate([line, 3 * RNG.normal(size=(200, 6))])
    holed = np.where(RNG.random(rows.shape) < 0.2, np.nan, rows)
    weights = np.repeat([1.0, 1e-4], 200)
    model = Autoencoder(1, **SMALL).fit(holed, sample_weight=weights)
    filled = model.impute(holed[:200])
    assert np.square(filled - line).mean() < 0.02 * line.var()
    assert model.score(holed, sample_weight=weights) > 0.97
    assert model.baseline_["autoencoder_loss"] <= model.baseline_["pca_loss"]


def test_score_weighs_errors_and_variance_of_observed_entries():
    model = Autoencoder(3, **SMALL).fit(HOLED)
    found = model.score(HOLED, sample_weight=COUNTS)
    assert found == pytest.approx(model.score(REPEATED))
    assert found != pytest.approx(model.score(HOLED), rel=1e-6)


def test_training_goes_on_with_weights_and_holes():
    model = Autoencoder(3, **{**SMALL, "max_iter": "auto"})
    for part in (slice(0, 150), slice(150, 300)):
        model.partial_fit(HOLED[part], sample_weight=1 + COUNTS[part])
    assert np.isfinite(model.transform(HOLED)).all()
