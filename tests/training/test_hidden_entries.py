"""Chunks of rows with hidden entries."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tfae._data.layout import Layout
from tfae._networks.table_inputs import TableInputs
from tfae._networks.visible_columns import VisibleColumns
from tfae._training.hidden_entries import HiddenEntries, Hiding, QuickHiding
from tfae._training.step.chunk import ChunkShape

LAYOUT = Layout((0, 3, 0, 0))
RNG = np.random.default_rng(0)
VALUES = np.column_stack(
    [RNG.normal(size=(50, 2)) + 100, RNG.integers(3, size=50), RNG.normal(size=50)]
)
VALUES = np.where(RNG.random((50, 4)) < 0.2, np.nan, VALUES[:, [0, 2, 1, 3]])
ROWS = LAYOUT.encoded(VALUES)
TABLES = TableInputs.learned(ROWS, LAYOUT, np.random.default_rng(1))
WEIGHTS = np.array([1, 0.5, 1, 1])


def chunks(steps=4, at_once=1):
    shape = ChunkShape(steps, 16, LAYOUT.width, "float64")
    batches = HiddenEntries(
        ROWS, TABLES, Hiding(0.1, 0.3), WEIGHTS, shape, np.random.default_rng(2)
    )
    return batches.epochs(None, lambda epoch: at_once)


def test_a_chunk_holds_what_the_network_sees_and_what_it_must_guess():
    chunk = next(chunks())
    assert (chunk.n_steps, chunk.last, chunk.n_epochs) == (4, True, 1)
    order = np.resize(np.arange(50), 64)
    missing, rows = LAYOUT.missing(ROWS)[order], ROWS[order]
    hidden = (chunk.entry_weight > 0)[:, LAYOUT.starts]
    assert_array_equal(chunk.x, TABLES.target(rows))
    assert not (hidden & missing).any()
    seen = TABLES.seen(np.where(LAYOUT.spread(hidden), np.nan, rows))
    assert_array_equal(chunk.corrupted, seen.inputs)
    assert_array_equal(chunk.offset, seen.offset)
    unit = chunk.entry_weight[hidden[:, 0], 0][0]
    assert_allclose(chunk.entry_weight, unit * LAYOUT.spread(hidden * WEIGHTS))
    # The mean over rows and places of losses of 1 is the mean over hidden entries.
    assert unit * hidden.sum() / chunk.x.size == pytest.approx(1)


def test_every_epoch_hides_other_entries():
    stream = chunks()
    first = next(stream).entry_weight.copy()
    assert (first != next(stream).entry_weight).any()


def test_parts_of_an_epoch_and_several_epochs():
    stream = chunks(steps=3)
    ends = [(chunk.n_steps, chunk.last) for chunk in (next(stream) for _ in range(4))]
    assert ends == [(3, False), (1, True)] * 2
    chunk = next(chunks(steps=12, at_once=9))
    assert (chunk.n_epochs, chunk.n_steps) == (3, 12)
    assert_array_equal(chunk.x[:64], chunk.x[64:128])


def test_every_row_hides_something_and_the_rate_follows_the_holes():
    missing = RNG.random((20_000, 10)) < 0.3
    missing[0] = True
    hiding = Hiding.like(np.where(missing, np.nan, 0), Layout.of_numbers(10))
    hidden = hiding.draw(missing, np.random.default_rng(0))
    assert not (hidden & missing).any()
    assert hidden[1:].any(axis=1).all() or missing.all(axis=1).sum() > 1
    assert hidden.sum() / (~missing).sum() == pytest.approx(0.3, abs=0.03)


def test_quick_hiding_hides_at_the_rates_of_rows_and_nothing_that_is_missing():
    missing = np.zeros((2000, 200), bool)
    missing[:, :50] = True
    hidden = QuickHiding(0.1, 0.5).draw(missing, np.random.default_rng(0))
    assert not (hidden & missing).any()
    rates = hidden[:, 50:].mean(axis=1)
    assert rates.mean() == pytest.approx(0.3, abs=0.01)
    assert np.quantile(rates, [0.1, 0.9]) == pytest.approx([0.14, 0.46], abs=0.02)


def test_rows_without_an_offset():
    layout = Layout.of_numbers(3)
    rows = RNG.normal(size=(20, 3)).astype(np.float32)
    rows[0, 1], rows[1, 2] = np.nan, 9
    shape, rng = ChunkShape(4, 8, 3, "float32"), np.random.default_rng(2)
    view, hiding = VisibleColumns(layout), QuickHiding(0.3, 0.6)
    chunk = next(HiddenEntries(rows, view, hiding, np.ones(3), shape, rng).epochs())
    assert chunk.offset is None
    filled, hidden = np.where(np.isnan(rows), 0, rows), chunk.entry_weight[:20] > 0
    assert_array_equal(chunk.x[:20], filled)
    unseen = hidden | np.isnan(rows)
    assert_array_equal(chunk.corrupted[:20, 3:], unseen)
    assert_array_equal(chunk.corrupted[:20, :3], np.where(unseen, 0, np.clip(filled, -5, 5)))
    assert not hidden[0, 1]
