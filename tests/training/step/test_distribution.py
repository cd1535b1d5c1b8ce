import json

import numpy as np
import pytest
import tensorflow as tf

from tfae._training.step.distribution import ALONE, Workers, workers_of

TWO = json.dumps(
    {
        "cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]},
        "task": {"type": "worker", "index": 0},
    }
)


@pytest.mark.parametrize("batch", [1, 2, 33, 64])
@pytest.mark.parametrize(("count", "n_replicas"), [(1, 1), (1, 2), (2, 1), (3, 2), (40, 1)])
def test_the_parts_of_all_workers_are_the_batch(batch, count, n_replicas):
    workers = [Workers(None, index, count, n_replicas) for index in range(count)]
    parts = [each.part(batch) for each in workers]
    assert len({part.width for part in parts}) == 1
    assert parts[0].width % n_replicas == 0
    batches = np.arange(1, 2 * batch + 1).reshape(2, batch)
    weights = np.linspace(1, 2, 2 * batch).reshape(2, batch)
    taken = np.concatenate([part.of(batches) for part in parts], axis=1)
    weighed = np.concatenate([part.of_weights(weights) for part in parts], axis=1)
    assert np.isin(taken, batches).all()  # rows that fill up are rows of the data
    for step in range(2):
        counted = weighed[step] > 0
        np.testing.assert_array_equal(taken[step][counted], batches[step])
        np.testing.assert_array_equal(weighed[step][counted], weights[step])


def test_one_process_alone_agrees_with_itself():
    assert workers_of(None) is ALONE
    assert ALONE.agreed("value") == "value"
    assert ALONE.differing("value") == []
    assert ALONE.total(np.arange(3.0)).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "given", [None, "", "{}", "[1]", '{"cluster": {}, "task": {"type": "ps", "index": 0}}']
)
def test_tf_config_must_name_all_workers(given, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if given is not None:
        monkeypatch.setenv("TF_CONFIG", given)
    with pytest.raises(ValueError, match="TF_CONFIG must name all workers"):
        workers_of("multi_worker")


def test_a_strategy_that_comes_too_late_is_told_what_to_put_first(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", TWO)
    tf.constant(0.0)
    with pytest.raises(RuntimeError, match=r"first use of TensorFlow.*right after"):
        workers_of("multi_worker")


def test_tf_config_counts_only_if_several_workers_are_asked_for(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", TWO)
    workers = workers_of("mirrored")
    assert (workers.index, workers.count) == (0, 1)
    assert workers_of("mirrored") is workers


def test_a_callable_must_return_a_strategy_that_is_known():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    assert workers_of(lambda: strategy) == Workers(strategy)
    with pytest.raises(ValueError, match=r"must be 'mirrored'.*Got .*lambda.*returned None"):
        workers_of(lambda: None)
