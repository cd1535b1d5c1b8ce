"""Tables with categories as a network sees them, and their losses."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import log_loss

from tfae._data.cell_losses import CellWeights, entropies
from tfae._data.layout import Layout
from tfae._data.scaling import fit_scaling
from tfae._data.statistics import survey
from tfae._data.table_scaling import TableScaling

LAYOUT = Layout((0, 3, 2, 0, 4))
RNG = np.random.default_rng(0)
VALUES = np.column_stack(
    [
        RNG.normal(50, 3, size=400),
        RNG.choice(3, 400, p=[0.6, 0.3, 0.1]),
        RNG.choice(2, 400, p=[0.9, 0.1]),
        RNG.normal(size=400),
        RNG.choice(4, 400),
    ]
)
ROWS = LAYOUT.encoded(VALUES)


def table(kind="standard", rows=ROWS):
    return TableScaling(fit_scaling(kind, rows), LAYOUT, rows.mean(axis=0))


def test_every_column_varies_as_much_as_any_other():
    variance = table().forward(ROWS, np.float64).var(axis=0)
    assert_allclose(np.add.reduceat(variance, LAYOUT.starts), 1)


def test_the_covariance_of_a_column_is_that_of_correspondence_analysis():
    share = ROWS[:, 1:4].mean(axis=0)
    found = np.cov(table().forward(ROWS, np.float64)[:, 1:4], rowvar=False, bias=True)
    assert_allclose(found, (np.eye(3) - np.sqrt(np.outer(share, share))) / 2, atol=1e-12)


def test_numbers_come_back_and_logits_become_probabilities():
    for kind in ("standard", "quantile", "minmax", None):
        scaling = table(kind)
        scaled = scaling.forward(ROWS, np.float64)
        back = scaling.backward(scaled)
        assert_allclose(back[:, LAYOUT.numbers], ROWS[:, LAYOUT.numbers], atol=1e-6)
        for _, places in LAYOUT.categories():
            of = np.exp(scaled[:, places])
            assert_allclose(back[:, places], of / of.sum(axis=1, keepdims=True))
    assert scaling.forward(ROWS, np.float32).dtype == np.float32
    assert scaling.backward(scaled.astype(np.float32)).dtype == np.float32


def test_rows_are_scaled_by_center_and_scale():
    scaling = table("global")
    assert_allclose(scaling.forward(ROWS, np.float64), (ROWS - scaling.center) / scaling.scale)


def test_means_and_frequencies_have_the_loss_1_in_every_column():
    scaling = table()
    scaled = scaling.forward(ROWS, np.float64)
    assert_allclose(scaling.losses_of_means(survey(scaled)), 1)
    guess = scaling.linear_output(np.zeros((1, LAYOUT.width)))
    assert_allclose(scaling.losses(scaled, guess).mean(axis=0), 1)


def test_losses_are_squared_errors_and_log_losses_over_entropies():
    scaling = table()
    scaled, output = scaling.forward(ROWS, np.float64), RNG.normal(size=ROWS.shape)
    found = scaling.losses(scaled, output)
    assert_allclose(found[:, 0], np.square(scaled[:, 0] - output[:, 0]))
    chance, entropy = scaling.backward(output), entropies(LAYOUT, ROWS.mean(axis=0))
    for column, places in LAYOUT.categories():
        expected = log_loss(VALUES[:, column], chance[:, places]) / entropy[column]
        assert found[:, column].mean() == pytest.approx(expected)
    holed = np.where(RNG.random(VALUES.shape) < 0.3, np.nan, VALUES)
    expected = np.nanmean(np.where(np.isnan(holed), np.nan, found), axis=1)
    means = scaling.mean_losses(LAYOUT.encoded(holed), scaled, output)
    assert_allclose(means, np.nan_to_num(expected))


def test_a_linear_guess_becomes_logits_of_clipped_probabilities():
    scaling = table()
    guess = scaling.forward(ROWS, np.float64)
    output = scaling.linear_output(guess)
    assert_allclose(output[:, LAYOUT.numbers], guess[:, LAYOUT.numbers])
    chance = np.where(ROWS == 1, 1.0, 0.01)[:, ~LAYOUT.is_number]
    assert_allclose(np.exp(output[:, ~LAYOUT.is_number]), chance)


def test_a_mean_over_weighted_places_is_one_over_cells():
    losses, weights = RNG.random((400, LAYOUT.width)), RNG.random(5) + 0.5
    cells = CellWeights(LAYOUT, weights)
    of_cells = np.add.reduceat(losses, LAYOUT.starts, axis=1) * weights
    assert_allclose((losses * cells.of_places()).mean(), of_cells.mean())
    there = RNG.random(VALUES.shape) < 0.7
    rows = LAYOUT.encoded(np.where(there, VALUES, np.nan))
    assert_allclose((losses * cells.of_all(rows)).mean(), of_cells[there].mean())
    each = (losses * cells.of_each(rows)).mean(axis=1)
    some = there.any(axis=1)
    means = (of_cells * there).sum(axis=1)[some] / there.sum(axis=1)[some]
    assert_allclose(each[some], means)
    assert (each[~some] == 0).all()


def test_rare_and_absent_categories_have_finite_scales():
    rows = LAYOUT.encoded(np.column_stack([VALUES[:, :1], np.zeros((400, 2)), VALUES[:, 3:]]))
    scaling = table(rows=rows)
    assert np.isfinite(scaling.scale).all()
    assert (scaling.scale > 0).all()
    assert np.isfinite(scaling.forward(ROWS, np.float64)).all()
    assert np.isfinite(scaling.weights).all()
