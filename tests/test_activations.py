"""The NumPy activations against Keras's."""

import keras
import numpy as np
import pytest

from tfae._activations import _ALIASES, _TABLE, get_activation

X = np.linspace(-30, 30, 1200).reshape(3, -1)


@pytest.mark.parametrize("name", _TABLE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numpy_equals_keras(name, dtype):
    activation = get_activation(name)
    x = X.astype(dtype)
    ours = activation.numpy(x.copy())
    assert ours.dtype == dtype
    theirs = np.asarray(
        keras.activations.get(activation.keras_name)(keras.ops.convert_to_tensor(x))
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", _TABLE)
def test_values_lie_within_the_bounds(name):
    activation = get_activation(name)
    values = activation.numpy(X.copy())
    assert activation.low <= values.min()
    assert values.max() <= activation.high
    if np.isfinite(activation.low):  # and the bound is no wider than it need be
        assert values.min() < activation.low + 0.01


@pytest.mark.parametrize("alias", _ALIASES)
def test_an_alias_is_the_same_activation(alias):
    assert get_activation(alias) == get_activation(_ALIASES[alias])


def test_a_misspelt_name_is_told_the_nearest():
    with pytest.raises(ValueError, match=r"'code_activation'.*Got 'rleu'\. Did you mean 'relu'\?"):
        get_activation("rleu", "code_activation")
