"""Memory and turns for blocks of rows."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from tfae import Autoencoder
from tfae._scaling import block_size, of_every_block
from tfae._workspace import (
    _KEPT_BYTES,
    _SECONDS_OF_A_TURN,
    Kept,
    _take_most_cores,
    a_turn,
    in_turns,
)

LARGE = 1 << 20


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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_all_blocks_give_what_each_row_gives_alone(dtype):
    X = np.random.default_rng(0).standard_normal((2 * block_size(300) + 7, 300)).astype(dtype)

    def function(rows, space):
        doubled = np.multiply(rows, 2, out=space.empty(rows.shape, rows.dtype))
        return np.add(doubled, 1, out=space.empty(rows.shape, rows.dtype))

    result = of_every_block(X, function)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, 2 * X + 1)


@pytest.fixture
def all_cores():
    """Products that take all cores."""
    with threadpool_limits(os.cpu_count(), user_api="blas"):
        if not _take_most_cores():
            pytest.skip("NumPy's library of matrix products cannot be told how many cores it takes")
        yield


def takes_its_turn(n_numbers, waits_at_most=0.2):
    """Whether another thread is given a turn while one lasts here."""
    entered = threading.Event()

    def enter():
        with a_turn(n_numbers):
            entered.set()

    with ThreadPoolExecutor(1) as thread:
        with a_turn(LARGE):
            waiting = thread.submit(enter)
            at_once = entered.wait(waits_at_most)
        waiting.result(timeout=10)
    return at_once


@pytest.mark.usefixtures("all_cores")
def test_large_arrays_wait_for_their_turn_where_products_take_all_cores():
    assert not takes_its_turn(LARGE)
    assert takes_its_turn(100, 10)


@pytest.mark.usefixtures("all_cores")
def test_a_long_work_lets_others_have_their_turn():
    had_its_turn, seen = threading.Event(), []

    def enter():
        with a_turn(LARGE):
            had_its_turn.set()

    with ThreadPoolExecutor(1) as thread:

        def work(block, space):
            if block == 0:
                thread.submit(enter)
            time.sleep(_SECONDS_OF_A_TURN)
            seen.append(had_its_turn.is_set())

        in_turns(iter(range(20)), work, LARGE)
    assert not seen[0]
    assert seen[-1]


def test_all_blocks_are_asked_for_to_the_end():
    ended, seen = [], []

    def blocks():
        yield from range(5)
        ended.append(True)

    in_turns(blocks(), lambda block, space: seen.append(block), LARGE)
    assert seen == [*range(5)]
    assert ended


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core is taken by one product")
def test_nobody_waits_where_a_product_takes_one_core():
    with threadpool_limits(1, user_api="blas"):
        assert takes_its_turn(LARGE, 10)


@pytest.mark.usefixtures("all_cores")
def test_a_thread_may_encode_within_its_turn():
    with a_turn(LARGE), a_turn(LARGE) as inner:
        assert inner.empty((2,), "float32").shape == (2,)


@pytest.mark.usefixtures("all_cores")
def test_an_error_ends_the_turn():
    with pytest.raises(ZeroDivisionError), a_turn(LARGE):
        1 / 0  # noqa: B018

    def enter():
        with a_turn(LARGE):
            pass

    with ThreadPoolExecutor(1) as thread:
        thread.submit(enter).result(timeout=10)


@pytest.mark.usefixtures("all_cores")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process")  # is multi-threaded
def test_a_forked_process_does_not_wait_for_threads_that_it_lacks():
    started, end = threading.Event(), threading.Event()

    def hold():
        with a_turn(LARGE):
            started.set()
            end.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    started.wait(20)
    child = os.fork()
    if child == 0:
        done = threading.Event()

        def enter():
            with a_turn(LARGE):
                done.set()

        threading.Thread(target=enter, daemon=True).start()
        os._exit(0 if done.wait(10) else 1)
    end.set()
    holder.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_codes_are_right_when_threads_ask_for_them_at_once():
    rng = np.random.default_rng(0)
    blocks = [rng.standard_normal((n, 64)).astype("float32") for n in (5000, 300, 4097, 1)]
    model = Autoencoder(3, hidden_layer_sizes=(9,), max_iter=1, random_state=0).fit(blocks[0])
    expected = [model.reconstruct(X) for X in blocks]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(model.reconstruct, blocks * 8))
    for ours, alone in zip(found, expected * 8, strict=True):
        np.testing.assert_array_equal(ours, alone)
