"""The fit of an imputation to a table of numbers and categories."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tfae import Autoencoder
from tfae._data.layout import Layout
from tfae._estimators.parameters import defaults
from tfae._fitting.imputation import fit_imputation, imputer_recipe
from tfae._training.state import TrainingState

pytestmark = pytest.mark.usefixtures("in_executor")
LAYOUT = Layout((0, 4, 0, 2))
RNG = np.random.default_rng(0)
# The category is the quarter in which a number lies; the other number and the last category follow.
_T = RNG.uniform(0, 4, size=500)
VALUES = np.column_stack([_T * 10, np.floor(_T), (_T - 2) ** 2, _T > 2])
HOLES = RNG.random(VALUES.shape) < 0.2
ROWS = LAYOUT.encoded(np.where(HOLES, np.nan, VALUES))


@pytest.fixture(scope="module")
def fitted():
    given = {"hidden_layer_sizes": (32, 32), "max_iter": 200, "random_state": 0}
    params = {**defaults(Autoencoder), **given}
    return fit_imputation(
        lambda n_rows: imputer_recipe(params, LAYOUT, n_rows), ROWS, LAYOUT, TrainingState.new(0)
    )


def test_categories_and_numbers_are_filled(fitted):
    found = LAYOUT.decoded(fitted.filled(ROWS))
    assert_array_equal(found[~HOLES], VALUES[~HOLES])
    assert (found == VALUES)[:, 1][HOLES[:, 1]].mean() > 0.7
    assert (found == VALUES)[:, 3][HOLES[:, 3]].mean() > 0.85
    error = np.square(found - VALUES)[:, 2][HOLES[:, 2]].mean()
    assert error < 0.6 * VALUES[:, 2].var()
    baseline = fitted.facts["baseline"]
    assert baseline["autoencoder_loss"] < 0.8 * baseline["linear_loss"]


def test_the_network_of_the_second_training_is_better_than_its_linear_model_too(fitted):
    linear = replace(fitted, network=None)
    squares = [
        np.square(LAYOUT.decoded(each.filled(ROWS)) - VALUES)[:, 2][HOLES[:, 2]].mean()
        for each in (linear, fitted)
    ]
    assert squares[1] < 0.8 * squares[0]


def test_the_rows_filled_are_rows_of_the_table(fitted):
    filled = fitted.filled(ROWS)
    for _, places in LAYOUT.categories():
        assert_array_equal(np.sort(filled[:, places])[:, -1], 1)
        assert_array_equal(filled[:, places].sum(axis=1), 1)


def test_probabilities_add_up_to_1_and_are_calibrated_on_the_whole(fitted):
    filled = fitted.filled(ROWS, probabilities=True)
    for column, places in LAYOUT.categories():
        assert_allclose(filled[:, places].sum(axis=1), 1)
        holes = HOLES[:, column]
        share = np.bincount(VALUES[holes, column].astype(int)) / holes.sum()
        assert_allclose(filled[holes, places].mean(axis=0), share, atol=0.1)
    assert_array_equal(filled[~np.isnan(ROWS)], ROWS[~np.isnan(ROWS)])


def test_errors_of_categories_are_rates(fitted):
    errors = fitted.facts["errors"]
    assert 0 < errors[1] < 0.5
    assert errors[3] < 0.3
    assert 1 < errors[0] < 11


def test_categories_are_drawn_by_their_probabilities(fitted):
    rows = ROWS[HOLES[:, 1]]
    expected = fitted.filled(rows, probabilities=True)[:, 1:5].mean(axis=0)
    drawn = np.concatenate([LAYOUT.decoded(each)[:, 1] for each in fitted.drawn(rows, 0, 30)])
    assert_allclose(np.bincount(drawn.astype(int), minlength=4) / len(drawn), expected, atol=0.03)


def test_a_draw_depends_on_the_row_and_its_position_alone(fitted):
    one, other = fitted.drawn(ROWS, 3, 2)
    assert_array_equal(fitted.drawn(ROWS, 3), one[None])
    rows = np.where(np.arange(500)[:, None] % 2, ROWS, ROWS[::-1])
    assert_allclose(fitted.drawn(rows, 3)[0, 1::2], one[1::2], rtol=1e-12)
    assert_allclose(fitted.drawn(ROWS[100:], 3, start=100)[0], one[100:], rtol=1e-12)
    for drawn in (fitted.drawn(ROWS, 4)[0], other):
        assert (drawn != one)[np.isnan(ROWS)].mean() > 0.5


def test_blocks_of_rows_draw_what_all_of_them_draw(fitted, monkeypatch):
    whole = fitted.drawn(ROWS, 3, 2)
    monkeypatch.setattr("tfae._data.rows._BLOCK_ROWS", 97)
    assert_allclose(fitted.drawn(ROWS, 3, 2), whole, rtol=1e-12)
