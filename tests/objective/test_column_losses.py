"""The loss of tables: TensorFlow against NumPy, and both against scikit-learn's metrics."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import log_loss

from tfae._data.layout import Layout
from tfae._objective.column_losses import (
    ColumnLoss,
    column_loss,
    losses_of_columns,
    weights_of_columns,
)
from tfae._support.tensorflow import tf

LAYOUT = Layout((0, 3, 0, 0, 2, 4, 0))
RNG = np.random.default_rng(0)
VALUES = np.array(
    [RNG.normal(size=50) if k == 0 else RNG.integers(k, size=50) for k in LAYOUT.levels]
).T
TARGET = LAYOUT.encoded(VALUES)
OUTPUT = 3 * RNG.normal(size=TARGET.shape)


def test_a_column_has_its_squared_error_or_its_cross_entropy():
    found = losses_of_columns(LAYOUT, TARGET, OUTPUT)
    assert found.shape == VALUES.shape
    numbers = np.equal(LAYOUT.levels, 0)
    assert_allclose(found[:, numbers], np.square(TARGET - OUTPUT)[:, LAYOUT.numbers])
    probabilities = np.exp(LAYOUT.log_probabilities(OUTPUT))
    for column, places in LAYOUT.categories():
        levels = list(range(LAYOUT.levels[column]))
        expected = log_loss(VALUES[:, column], probabilities[:, places], labels=levels)
        assert found[:, column].mean() == pytest.approx(expected)


@pytest.mark.parametrize("levels", [(0, 3, 0, 0, 2, 4, 0), (2, 3), (3, 0), (0, 2)])
def test_tensorflow_gives_what_numpy_gives_also_for_large_logits(levels):
    layout = Layout(levels)
    target = layout.encoded(np.zeros((5, len(levels))))
    output = 200 * RNG.normal(size=target.shape)
    found = tf.function(ColumnLoss(layout), jit_compile=True)(
        tf.constant(target), tf.constant(output)
    )
    assert_allclose(found, ColumnLoss(layout).in_numpy(target, output), atol=1e-9)
    assert np.isfinite(found).all()


def test_the_gradient_is_the_numerical_one():
    target, output = tf.constant(TARGET[:3]), tf.constant(OUTPUT[:3])
    error = tf.test.compute_gradient(lambda x: ColumnLoss(LAYOUT)(target, x), [output], 1e-4)
    assert_allclose(*error, atol=1e-6)


def test_the_best_guess_without_other_columns_has_a_loss_of_1():
    rows = np.where(RNG.random(TARGET.shape)[:, :1] < 0.2, np.nan, TARGET)
    weights = weights_of_columns(LAYOUT, rows)
    seen = rows[~np.isnan(rows[:, 0])]
    for column, places in LAYOUT.categories():
        share = seen[:, places].mean(axis=0)
        guess = np.zeros_like(seen)
        guess[:, places] = np.log(share)
        found = losses_of_columns(LAYOUT, seen, guess)[:, column].mean()
        assert weights[column] * found == pytest.approx(1)
    assert weights_of_columns(Layout((0, 2)), np.full((3, 3), np.nan))[1] < 20


def test_numbers_alone_have_the_mean_squared_error():
    assert column_loss(Layout.of_numbers(4)).power == 2
