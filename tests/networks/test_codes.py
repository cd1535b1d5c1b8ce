"""Sparse codes against their formula in NumPy."""

import numpy as np
import tensorflow as tf

from tfae._networks.codes import LargestOfRow, LargestOfUnit

RNG = np.random.default_rng(0)
CODE = RNG.uniform(0.05, 0.95, size=(6, 4))
WEIGHT = np.array([1.0, 1, 1, 1, 1, 0])


def test_the_largest_of_every_row():
    rule = LargestOfRow(2)
    rank = np.argsort(np.argsort(-CODE, axis=1), axis=1)
    expected = np.where(rank < 2, CODE, 0)
    np.testing.assert_array_equal(rule.in_numpy(CODE), expected)
    np.testing.assert_array_equal(rule.in_training(tf.constant(CODE), None, None), expected)
    np.testing.assert_array_equal(rule.in_keras(tf.constant(CODE)), expected)


def test_the_largest_of_every_unit_among_the_rows_that_count():
    code = CODE.copy()
    code[5] = 9.0  # a row that only fills the batch up
    kept = LargestOfUnit(0.4).in_training(tf.constant(code), tf.constant(WEIGHT), None)
    rank = np.argsort(np.argsort(-code[:5], axis=0), axis=0)
    np.testing.assert_array_equal(np.asarray(kept)[:5], np.where(rank < 2, code[:5], 0))
