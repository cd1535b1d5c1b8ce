"""Memory for blocks of rows."""

import numpy as np

from tfae._inference.workspace import _KEPT_BYTES, Kept, kept


def test_arrays_of_a_block_share_nothing_and_those_of_the_next_take_their_place():
    space = Kept()
    for _ in range(2):  # of the first block all are new
        one, other = space.empty((3, 5), "float32"), space.empty((7,), "float64")
        one[:], other[:] = 1, 2
        assert (one == 1).all()
        assert (other == 2).all()
        space.clear()
    again = space.empty((3, 5), "float32")
    assert np.shares_memory(again, one)
    assert not np.shares_memory(again, other)


def test_no_more_memory_is_kept_than_the_bound():
    space = Kept()
    space.empty((_KEPT_BYTES + 1,), np.uint8)
    space.clear()
    assert space._memory.nbytes == 0
    space.empty((_KEPT_BYTES,), np.uint8)
    space.clear()
    assert space._memory.nbytes == _KEPT_BYTES


def test_no_two_threads_are_lent_the_same_memory():
    with kept() as one, kept() as other:
        arrays = [space.empty((4,), "float32") for space in (one, other)]
        assert not np.shares_memory(*arrays)
    with kept() as again:
        assert again in (one, other)
