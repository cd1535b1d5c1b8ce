"""Keys tell equal rows from others."""

import numpy as np

from tfae._data.row_keys import keys_of


def test_equal_rows_have_equal_keys_whatever_their_zeros_and_nans_look_like():
    other_nan = np.array([0x7FF8000000000001], np.uint64).view(np.float64)[0]
    keys = keys_of(np.array([[0.0, 1.0, np.nan], [-0.0, 1.0, other_nan]]))
    assert keys[0] == keys[1]
    assert keys_of(np.array([[0.5, 2]], np.float32))[0] == keys_of(np.array([[0.5, 2.0]]))[0]


def test_other_rows_have_other_keys():
    # Whole numbers, whose bits are mostly zeros, and rows of the same numbers in another order.
    grid = np.stack(np.meshgrid(*[np.arange(20.0)] * 3), axis=-1).reshape(-1, 3)
    assert len(np.unique(keys_of(grid))) == len(grid)
    noise = np.random.default_rng(0).normal(size=(10_000, 4))
    assert len(np.unique(keys_of(np.nextafter(noise, 9)))) == len(noise)
    assert not set(keys_of(noise)) & set(keys_of(np.nextafter(noise, 9)))


def test_blocks_do_not_matter():
    rows = np.random.default_rng(0).normal(size=(9000, 3))
    np.testing.assert_array_equal(keys_of(rows)[-5:], keys_of(rows[-5:]))
