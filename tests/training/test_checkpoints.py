"""When checkpoints are saved, and what they know of the trainings of a fit."""

import numpy as np
import pytest

from tfae._training import checkpoints
from tfae._training.checkpoints import KeptCheckpoints, continue_from, drawn_so_far


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets; a save takes as long as ``clock.save`` says."""

    class Clock:
        now, save = 100.0, 0.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(checkpoints, "time", clock)
    return clock


def test_trainings_are_known_by_their_order():
    saved = []
    kept = KeptCheckpoints({"results": [{"a": 1}, {"a": 2}], "place": {"b": 3}}, saved.append)
    assert kept.next_training() == ({"a": 1}, None)
    assert kept.next_training() == ({"a": 2}, None)
    assert kept.next_training() == (None, {"b": 3})
    kept.finish(lambda: {"a": 3})
    assert kept.next_training() == (None, None)
    assert saved == []


def test_saves_are_seldom_and_take_a_small_share_of_the_time(clock):
    saved = []

    def save(values):
        saved.append(values)
        clock.now += clock.save

    kept = KeptCheckpoints(None, save)
    for now, save_takes, n_saved in [
        (104.9, 0.0, 0),  # the first time after 5 seconds
        (105.0, 0.0, 1),
        (109.9, 0.0, 1),
        (110.0, 1.0, 2),  # this one takes a second, so 50 pass before the next
        (160.9, 0.0, 2),
        (161.0, 0.0, 3),
    ]:
        clock.now, clock.save = now, save_takes
        kept.save_if_due(lambda: {"epoch": 1})
        assert len(saved) == n_saved, now
    assert saved[0] == {"results": [], "place": {"epoch": 1}}
    clock.now += 5
    kept.finish(lambda: {"a": 1})
    assert saved[-1] == {"results": [{"a": 1}], "place": None}


def test_generators_continue():
    one, other = np.random.default_rng(0), np.random.default_rng(1)
    states = drawn_so_far(one, None, other)
    wanted = one.random(), other.integers(100, dtype=np.uint32)
    new = [np.random.default_rng(9) for _ in range(3)]
    continue_from(states, *new)
    assert (new[0].random(), new[2].integers(100, dtype=np.uint32)) == wanted
    assert new[1].random() == np.random.default_rng(9).random()
