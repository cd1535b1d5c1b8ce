"""All cores for blocks of rows, and turns of threads."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from tfae import Autoencoder, VariationalAutoencoder
from tfae._inference import threads
from tfae._inference.threads import (
    _SECONDS_OF_A_TURN,
    _VERY_LARGE,
    _n_threads_of_products,
    a_turn,
    for_every_block,
)

pytestmark = pytest.mark.usefixtures("in_executor")

LARGE = 1 << 20
HUGE = 1 << 40


@pytest.fixture
def all_cores():
    """Products that take all cores."""
    n_cores = os.cpu_count() or 1
    with threadpool_limits(n_cores, user_api="blas"):
        if _n_threads_of_products() < n_cores:
            pytest.skip("NumPy's library of matrix products cannot be told how many cores it takes")
        yield


@pytest.fixture
def two_threads(monkeypatch):
    """Products of two threads, and arrays that are very large."""
    monkeypatch.setattr(threads, "_VERY_LARGE", 1)
    monkeypatch.setattr(threads, "_n_cores", lambda: 2)
    with threadpool_limits(2, user_api="blas"):
        if _n_threads_of_products() != 2:
            pytest.skip("NumPy's library of matrix products cannot be told how many cores it takes")
        yield


def takes_its_turn(waits_at_most=0.2):
    """Whether another thread is given a turn while one lasts here."""
    entered = threading.Event()

    def enter():
        with a_turn():
            entered.set()

    with ThreadPoolExecutor(1) as thread:
        with a_turn():
            waiting = thread.submit(enter)
            at_once = entered.wait(waits_at_most)
        waiting.result(timeout=10)
    return at_once


@pytest.mark.usefixtures("all_cores")
def test_large_arrays_wait_for_their_turn_where_products_take_all_cores():
    assert not takes_its_turn()


@pytest.mark.usefixtures("all_cores")
def test_small_arrays_wait_for_nobody():
    seen = []
    with ThreadPoolExecutor(1) as thread, a_turn():
        work = thread.submit(for_every_block, iter([1, 2]), lambda *block: seen.append(block), 100)
        work.result(timeout=10)
    assert [block for block, _ in seen] == [1, 2]


@pytest.mark.parametrize("n_floats", [LARGE, HUGE])
@pytest.mark.usefixtures("all_cores")
def test_a_long_work_lets_others_have_their_turn(n_floats):
    had_its_turn, seen = threading.Event(), []

    def enter():
        with a_turn():
            had_its_turn.set()

    with ThreadPoolExecutor(1) as thread:

        def work(block, space):
            if block == 0:
                thread.submit(enter)
            time.sleep(_SECONDS_OF_A_TURN)
            seen.append(had_its_turn.is_set())

        for_every_block(iter(range(40)), work, n_floats)
    assert not seen[0]
    assert seen[-1]


@pytest.mark.usefixtures("all_cores")
@pytest.mark.parametrize(("n_threads", "searches"), [(1, False), (2, True)])
def test_a_thread_that_is_alone_does_not_search_for_libraries(n_threads, searches, monkeypatch):
    searched, worked = [], []
    monkeypatch.setattr(threading, "active_count", lambda: n_threads)
    monkeypatch.setattr(threads, "_n_threads_of_products", lambda: searched.append(1) or 1)
    for_every_block(iter(range(3)), lambda block, space: worked.append(block), LARGE - 1)
    assert worked == [0, 1, 2]
    assert bool(searched) == searches


def test_a_turn_goes_on_while_nobody_waits():
    with a_turn() as turn:
        time.sleep(1.5 * _SECONDS_OF_A_TURN)
        assert turn.goes_on()


@pytest.mark.parametrize("n_floats", [100, LARGE, HUGE])
def test_all_blocks_are_asked_for_to_the_end_and_each_is_worked_on_once(n_floats):
    ended, seen = [], []

    def blocks():
        yield from range(50)
        ended.append(True)

    for_every_block(blocks(), lambda block, space: seen.append(block), n_floats)
    assert sorted(seen) == [*range(50)]
    assert ended


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core is taken by one product")
def test_nobody_waits_where_a_product_takes_one_core():
    with threadpool_limits(1, user_api="blas"):
        assert takes_its_turn(10)


@pytest.mark.usefixtures("all_cores")
def test_a_thread_may_encode_within_its_turn():
    with a_turn(), a_turn() as turn:
        assert turn.goes_on()


@pytest.mark.usefixtures("all_cores")
def test_an_error_ends_the_turn():
    with pytest.raises(ZeroDivisionError), a_turn():
        1 / 0  # noqa: B018

    def enter():
        with a_turn():
            pass

    with ThreadPoolExecutor(1) as thread:
        thread.submit(enter).result(timeout=10)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process")  # is multi-threaded
def test_a_forked_process_does_not_wait_for_threads_that_it_lacks():
    started, end = threading.Event(), threading.Event()
    assert meets(HUGE)

    def hold():
        with a_turn():
            started.set()
            end.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    started.wait(20)
    child = os.fork()
    if child == 0:
        done = threading.Event()

        def work():
            if meets(HUGE):  # with helpers of its own
                done.set()

        threading.Thread(target=work, daemon=True).start()
        os._exit(0 if done.wait(10) else 1)
    end.set()
    holder.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def n_threads():
    return max(
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    )


def meets(n_floats):
    """Whether two blocks of such an array are worked on at once."""
    both, met = threading.Barrier(2), []

    def work(block, space):
        try:
            both.wait(timeout=1)
            met.append((threading.get_ident(), n_threads(), id(space)))
        except threading.BrokenBarrierError:
            pass

    for_every_block(iter(range(2)), work, n_floats)
    return met


@pytest.mark.usefixtures("two_threads")
def test_a_very_large_array_has_threads_with_products_of_one_each():
    (one, *some, space), (other, *same, another_space) = meets(LARGE)
    assert one != other
    assert some == same == [1]
    assert space != another_space
    assert n_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_no_threads_are_made_where_a_product_has_one_or_the_array_is_not_very_large(monkeypatch):
    with threadpool_limits(1, user_api="blas"):
        assert not meets(LARGE)
    monkeypatch.setattr(threads, "_VERY_LARGE", _VERY_LARGE)
    assert not meets(2 * _VERY_LARGE - 1)
    assert meets(2 * _VERY_LARGE)


@pytest.mark.parametrize("main", [True, False])
@pytest.mark.usefixtures("two_threads")
def test_an_error_in_any_thread_ends_the_work_and_is_raised(main):
    here, seen = threading.get_ident(), []

    def work(block, space):
        seen.append(block)
        time.sleep(0.01)
        if (threading.get_ident() == here) == main:
            raise ZeroDivisionError(block)

    with pytest.raises(ZeroDivisionError):
        for_every_block(iter(range(1000)), work, LARGE)
    assert len(seen) < 10
    assert n_threads() == 2
    assert len(meets(LARGE)) == 2


@pytest.mark.usefixtures("two_threads")
def test_an_error_of_the_blocks_is_raised():
    def blocks():
        yield from range(3)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        for_every_block(blocks(), lambda block, space: None, LARGE)


@pytest.mark.usefixtures("two_threads")
def test_helpers_have_the_settings_of_the_thread_that_they_help():
    here = threading.get_ident()

    def work(block, space):
        time.sleep(0.01)
        if threading.get_ident() != here:
            np.divide(1.0, np.zeros(9))

    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        for_every_block(iter(range(20)), work, LARGE)


@pytest.mark.usefixtures("two_threads")
def test_blocks_are_made_one_at_a_time():
    def blocks():
        for block in range(50):
            time.sleep(0.001)
            yield block

    seen = []
    for_every_block(blocks(), lambda block, space: seen.append(block), LARGE)
    assert sorted(seen) == [*range(50)]


@pytest.mark.usefixtures("two_threads")
def test_an_error_ends_the_work_while_blocks_are_made():
    here, seen = threading.get_ident(), []

    def blocks():
        for block in range(300):
            time.sleep(0.005)
            yield block

    def work(block, space):
        seen.append(block)
        if threading.get_ident() == here:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        for_every_block(blocks(), work, LARGE)
    assert len(seen) < 10


@pytest.mark.sample(1)
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
@pytest.mark.parametrize("n_floats", [LARGE, 1 << 16])
def test_a_signal_handler_may_encode_rows(two_threads, monkeypatch, n_floats):
    monkeypatch.setattr(threads, "_VERY_LARGE", LARGE // 2)
    handled, seen = [], []

    def handle(*_):
        for_every_block(iter(range(3)), lambda block, space: handled.append(block), n_floats)

    before = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        end = time.perf_counter() + 2
        while time.perf_counter() < end:
            for_every_block(iter(range(3)), lambda block, space: seen.append(block), n_floats)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert handled
    for blocks in (handled, seen):
        assert len({blocks.count(block) for block in range(3)}) == 1
    assert n_threads() == 2


@pytest.mark.usefixtures("all_cores")
def test_nobody_waits_for_a_turn_with_nothing_left_to_do():
    def work(block, space):
        threads._turns._wanted = True
        time.sleep(1.5 * _SECONDS_OF_A_TURN)

    shared = threads._Shared(iter([0]))
    with a_turn() as turn:
        threads._work(shared, work, turn)
        assert not turn.goes_on()
    assert shared.ended


@pytest.mark.usefixtures("two_threads")
def test_it_goes_without_helpers_where_there_are_none(monkeypatch):
    ended = ThreadPoolExecutor(1)
    ended.shutdown()
    monkeypatch.setattr(threads, "_pool", cache(lambda n_threads: ended))
    assert not meets(LARGE)
    seen = []
    for_every_block(iter(range(9)), lambda block, space: seen.append(block), LARGE)
    assert seen == [*range(9)]


def test_all_is_done_when_the_system_has_no_thread_for_one_helper(monkeypatch, two_threads):
    monkeypatch.setattr(threads, "_n_threads_of_products", lambda: 3)
    monkeypatch.setattr(threads, "_pool", cache(lambda n_threads: ThreadPoolExecutor(n_threads)))
    start, started, seen = threading.Thread.start, [], []

    def start_one(thread):
        started.append(thread)
        if len(started) > 1:
            raise RuntimeError("can't start new thread")
        start(thread)

    def work(block, space):
        time.sleep(0.01)
        seen.append(block)

    monkeypatch.setattr(threading.Thread, "start", start_one)
    for_every_block(iter(range(30)), work, LARGE)
    assert len(started) == 2
    assert sorted(seen) == [*range(30)]


def test_codes_are_right_when_threads_ask_for_them_at_once():
    rng = np.random.default_rng(0)
    blocks = [rng.standard_normal((n, 64)).astype("float32") for n in (5000, 300, 4097, 1)]
    model = Autoencoder(3, hidden_layer_sizes=(9,), max_iter=1, random_state=0).fit(blocks[0])
    expected = [model.reconstruct(X) for X in blocks]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(model.reconstruct, blocks * 8))
    for ours, alone in zip(found, expected * 8, strict=True):
        np.testing.assert_array_equal(ours, alone)


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).standard_normal((9_000, 30))  # three blocks


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("kind", "method"),
    [
        (Autoencoder, "transform"),
        (Autoencoder, "reconstruct"),
        (Autoencoder, "score_samples"),
        pytest.param(VariationalAutoencoder, "score_samples", marks=pytest.mark.slow),
    ],
)
def test_several_threads_give_what_one_gives(rows, two_threads, kind, method):
    model = kind(5, max_iter=1, random_state=0).fit(rows[:500])
    found, again = (getattr(model, method)(rows) for _ in range(2))
    with threadpool_limits(1, user_api="blas"):
        alone = getattr(model, method)(rows)
    np.testing.assert_allclose(found, alone, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(found, again)


def test_drawn_codes_do_not_depend_on_the_order_of_blocks(rows, two_threads):
    model = VariationalAutoencoder(5, max_iter=1, random_state=0).fit(rows[:500])
    found = model.transform(rows, sample=True, random_state=0)
    with threadpool_limits(1, user_api="blas"):
        alone = model.transform(rows, sample=True, random_state=0)
    np.testing.assert_allclose(found, alone, rtol=1e-9, atol=1e-9)
