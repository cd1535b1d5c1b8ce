"""Which columns are to blame for a distance, and what neighbours without a column expect."""

import numpy as np
import pytest

from tfae._data.layout import Layout
from tfae._inference.compared_rows import Compared
from tfae._inference.neighbours import Neighbours

RNG = np.random.default_rng(0)


def neighbours(rows, layout=None, k=3):
    """Rows to compare with, in their own units."""
    layout = layout or Layout.of_numbers(rows.shape[1])
    ones = np.ones(layout.width)
    compared = Compared(np.arange(len(rows)), 0 * ones, ones, 1e9 * ones)
    return Neighbours(layout, compared, rows, k)


def test_a_usual_row_but_for_one_cell_has_its_whole_share_there():
    rows = np.repeat(RNG.normal(size=(10, 4)), 5, axis=0)
    new = np.add(rows[7:8], [0.0, 0.0, 9.0, 0.0])
    np.testing.assert_allclose(neighbours(rows).shares(new), [[0, 0, 1, 0]], atol=1e-12)


def test_a_wrong_cell_is_blamed_and_not_those_that_its_neighbours_have_otherwise():
    """The row is that of one place but for its first cell, and nearer to the other place."""
    here, there = [0.0, 0, 0], [10.0, 6, 6]
    near = neighbours(np.array([here] * 5 + [there] * 5))
    new = np.array([[10.0, 0, 0]])
    assert near.distances(new).values[0] == pytest.approx(np.sqrt(72))
    # 72 with all columns, 0 without the first column, 36 without another.
    np.testing.assert_allclose(near.shares(new), [[0.5, 0.25, 0.25]])
    np.testing.assert_allclose(near.expected(new), [[0, 6, 6]])


def test_shares_go_with_their_columns_and_have_a_sum_of_1():
    rows, new = RNG.normal(size=(200, 4)), 3 * RNG.normal(size=(30, 4))
    new[::3, 1] = np.nan
    rows[::7, 2] = np.nan
    shares, order = neighbours(rows).shares(new), [2, 0, 3, 1]
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (shares >= 0).all()
    assert (shares[::3, 1] == 0).all()
    again = neighbours(rows[:, order]).shares(new[:, order])
    np.testing.assert_allclose(again, shares[:, order], atol=1e-12)
    one_by_one = np.vstack([neighbours(rows).shares(row[None]) for row in new])
    np.testing.assert_array_equal(one_by_one, shares)


def test_shares_are_those_of_the_falls_of_the_distances():
    """Against a search without each column; falls are never below the column's squares."""
    rows, new = RNG.normal(size=(200, 3)), 2 * RNG.normal(size=(20, 3))
    near = neighbours(rows)
    squares = np.square(new[:, None] - rows)
    own = np.take_along_axis(squares, near.distances(new).places[:, :, None], axis=1).sum(axis=1)
    without = [np.delete(squares, column, axis=2).sum(axis=2) for column in range(3)]
    sums = np.array([np.sort(totals, axis=1)[:, :3].sum(axis=1) for totals in without]).T
    falls = own.sum(axis=1, keepdims=True) - sums
    assert (falls >= own - 1e-9).all()
    wanted = falls / falls.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(near.shares(new), wanted, atol=1e-9)


def test_a_row_equal_to_a_known_one_does_not_expect_itself():
    x = np.linspace(0, 1, 50)
    rows = np.column_stack([x, 2 * x])
    rows[20, 1] = 9.0
    near = neighbours(rows, k=2)
    np.testing.assert_allclose(near.expected(rows[[20]])[0, 1], 2 * x[20], atol=1e-9)
    assert near.shares(rows[[20]])[0].argmax() == 1


def test_a_single_column_is_all_of_the_distance_and_expects_the_mean():
    rows = RNG.normal(size=(40, 1))
    near = neighbours(rows)
    np.testing.assert_allclose(near.shares(np.array([[5.0]])), [[1.0]])
    np.testing.assert_allclose(near.expected(np.array([[5.0]])), [[rows.mean()]])


def test_expected_categories_are_shares_of_the_neighbours_without_the_column():
    layout = Layout((0, 2))
    rows = layout.encoded(np.array([[0.0, 0]] * 6 + [[5.0, 1]] * 6))
    found = neighbours(rows, layout).expected(layout.encoded(np.array([[0.1, 1.0]])))
    np.testing.assert_allclose(found[0, 1:], [1, 0])


def test_fewer_rows_than_neighbours_and_rows_without_a_column_in_common():
    near = neighbours(np.array([[1.0, np.nan], [2.0, np.nan]]), k=5)
    new = np.array([[np.nan, 3.0], [1.0, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(near.shares(new), [[0, 0], [1, 0], [0, 0]])
    # The second row is known, and expects the other one; those alone expect the centre.
    np.testing.assert_array_equal(near.expected(new), [[0, 0], [2, 0], [0, 0]])
