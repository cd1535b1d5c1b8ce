"""The likelihood of rows under densities: TensorFlow against NumPy, and its gradient."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tfae._data.layout import Layout
from tfae._networks.densities import Densities, Mixture
from tfae._objective.densities import DensityLoss, density_loss
from tfae._support.tensorflow import tf

MIXTURE = Mixture()
RNG = np.random.default_rng(0)


def rows_and_outputs(levels, n=6):
    layout = Layout(levels)
    values = [RNG.normal(size=n) if k == 0 else RNG.integers(k, size=n) for k in levels]
    outputs = RNG.normal(size=(n, Densities(layout, MIXTURE).n_outputs))
    return layout, layout.encoded(np.array(values, float).T), outputs


@pytest.mark.parametrize("levels", [(0, 0, 0), (0, 3, 0, 2), (2, 0), (3, 2)])
def test_every_place_has_the_surprise_of_its_number_or_its_category(levels):
    layout, target, outputs = rows_and_outputs(levels)
    found = DensityLoss(Densities(layout, MIXTURE))(
        tf.constant(target), tf.constant(outputs)
    ).numpy()
    n_outputs = MIXTURE.n_outputs * len(layout.numbers)
    expected = MIXTURE.surprise(target[:, layout.numbers], outputs[:, :n_outputs])
    assert_allclose(found[:, layout.numbers], expected)
    start = n_outputs
    for column, places in layout.categories():
        logits = outputs[:, start : start + levels[column]]
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        assert_allclose(found[:, places].sum(axis=1), -(logs * target[:, places]).sum(axis=1))
        start += levels[column]


def test_the_gradient_is_the_numerical_one():
    layout, target, outputs = rows_and_outputs((0, 3, 0))
    loss = DensityLoss(Densities(layout, MIXTURE))
    x = tf.constant(outputs)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(loss(tf.constant(target), x))
    gradient, step = tape.gradient(total, x).numpy(), 1e-6
    for place in np.ndindex(2, outputs.shape[1]):
        moved = [outputs.copy(), outputs.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        up, down = (loss(tf.constant(target), tf.constant(m)).numpy().sum() for m in moved)
        assert gradient[place] == pytest.approx((up - down) / (2 * step), abs=1e-7)


def test_remote_rows_pull_with_bounded_force_in_float32():
    layout, target, outputs = rows_and_outputs((0, 0))
    far = tf.constant(np.float32(target) + np.float32([[1e12], [1e6], [-1e12], [0], [1e3], [9]]))
    x = tf.constant(outputs.astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(x)
        values = DensityLoss(Densities(layout, MIXTURE))(far, x)
    gradient = tape.gradient(values, x).numpy()
    assert np.isfinite(values).all()
    assert np.abs(gradient).max() < 10 * (MIXTURE.freedom + 1) / MIXTURE.least_scale


def test_the_loss_takes_targets_of_its_own_width():
    layout, target, outputs = rows_and_outputs((0, 3, 0))
    loss = density_loss(Densities(layout, MIXTURE))
    assert loss.n_targets == layout.width == target.shape[1]
    assert loss.of_rows(target, outputs).shape == (6,)
