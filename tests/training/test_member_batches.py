"""The batches of several members as those of one program."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tfae._data.scaling import Affine
from tfae._training.chunks import Rows
from tfae._training.members import MemberBatches, shape_of_member
from tfae._training.step.chunk import ChunkShape

X = np.arange(40.0).reshape(20, 2)
ROWS = [np.arange(10), np.arange(5, 15), np.arange(10, 20)]


def batches(steps):
    shape = ChunkShape(steps, 3 * 4, 2, "float64")
    one = shape_of_member(shape, 3)
    members = [Rows(X, Affine(np.zeros(2), 1.0), one, rows) for rows in ROWS]
    return MemberBatches(members, shape, [np.random.default_rng(i) for i in range(3)])


@pytest.mark.parametrize("steps", [2, 3, 6])
def test_every_batch_holds_rows_of_every_member_in_turn(steps):
    chunk = next(batches(steps).epochs())
    parts = chunk.x.reshape(steps, 3, 4, 2)[: chunk.n_steps]
    for member, rows in enumerate(ROWS):
        found = parts[:, member].reshape(-1, 2)[: 10 if steps > 2 else 8]
        assert_array_equal(found, X[rows][: len(found)])
    weight = chunk.weight.reshape(steps, 3, 4)[: chunk.n_steps]
    assert_array_equal(weight, np.broadcast_to(weight[:, :1], weight.shape))
    assert weight.sum() == 3 * min(10, 4 * steps)
    assert chunk.last == (steps > 2)


def test_every_member_has_an_order_of_its_own():
    shuffled = next(batches(3).epochs(np.random.default_rng(9)))
    parts = shuffled.x.reshape(3, 3, 4, 2).swapaxes(0, 1).reshape(3, 12, 2)[:, :10, 0] / 2
    for member, rows in enumerate(ROWS):
        assert_array_equal(np.sort(parts[member]), rows)
    orders = parts - [[rows[0]] for rows in ROWS]
    assert (orders[0] != orders[1]).any()


def test_all_members_have_as_many_epochs_in_a_chunk():
    """Each asks by itself, and the answer changes meanwhile."""
    answers = iter([2, 1, 1, 2])
    stream = batches(6).epochs(np.random.default_rng(9), lambda epoch: next(answers))
    assert [next(stream).n_epochs for _ in range(2)] == [2, 1]
