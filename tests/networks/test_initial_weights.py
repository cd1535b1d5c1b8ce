"""Initial weights: what is drawn in NumPy is distributed as what Keras draws."""

import keras
import numpy as np
import pytest

from tfae._networks import initial_weights


class Variable:
    shape, dtype, name = (300, 200), "float32", "kernel"


@pytest.mark.parametrize("initializer", ["glorot_uniform", "he_normal", "zeros"])
def test_values_are_distributed_as_keras_s(initializer):
    ours = np.asarray(initial_weights._values(keras.initializers.get(initializer), 0, Variable))
    theirs = np.asarray(keras.initializers.get(initializer)(Variable.shape))
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    for measure in (np.min, np.max, np.std):
        assert measure(ours) == pytest.approx(
            measure(theirs), rel=0.02 if measure is np.std else 0.1
        )
    assert np.mean(ours) == pytest.approx(0, abs=4 * np.std(theirs) / np.sqrt(ours.size))


def test_the_seed_decides():
    draw = [
        initial_weights._values(keras.initializers.GlorotUniform(), seed, Variable)
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(draw[0], draw[1])
    assert not np.array_equal(draw[0], draw[2])
