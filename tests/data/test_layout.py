"""Tests of the layout of tables."""

import numpy as np
from numpy.testing import assert_array_equal

from tfae._data.layout import Layout

LAYOUT = Layout((0, 3, 0, 2))
VALUES = np.array([[1.5, 2, -7, 0], [np.nan, 0, 4, np.nan], [2, np.nan, np.nan, 1]])
ROWS = np.array(
    [
        [1.5, 0, 0, 1, -7, 1, 0],
        [np.nan, 1, 0, 0, 4, np.nan, np.nan],
        [2, np.nan, np.nan, np.nan, np.nan, 0, 1],
    ]
)


def test_rows_of_a_table():
    assert LAYOUT.width == 7
    assert_array_equal(LAYOUT.encoded(VALUES), ROWS)


def test_decoding_reverses_encoding():
    assert_array_equal(LAYOUT.decoded(ROWS), VALUES)


def test_probabilities_are_decoded_as_the_likeliest_category():
    assert_array_equal(LAYOUT.decoded(np.array([[0, 0.2, 0.5, 0.3, 0, 0.6, 0.4]])), [[0, 1, 0, 0]])


def test_missing_entries_are_counted_by_column():
    assert_array_equal(LAYOUT.missing(ROWS), np.isnan(VALUES))


def test_what_is_true_of_a_column_holds_in_all_of_its_places():
    assert_array_equal(LAYOUT.spread(np.isnan(VALUES)), np.isnan(ROWS))
    assert_array_equal(LAYOUT.numbers, [0, 4])


def test_a_table_of_numbers_is_its_own_rows():
    layout = Layout.of_numbers(2)
    assert_array_equal(layout.encoded(VALUES[:, [0, 2]]), VALUES[:, [0, 2]])
    assert_array_equal(layout.decoded(VALUES[:, [0, 2]]), VALUES[:, [0, 2]])
    assert not layout.has_categories
