"""The NumPy activations against Keras's."""

import keras
import numpy as np
import pytest
from scipy import special

from tfae._networks.activations import _ALIASES, _TABLE, get_activation

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
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_result_may_take_the_place_of_its_argument(name, dtype):
    function, x = get_activation(name).numpy, np.tile(X, (20, 1)).astype(dtype)
    expected, given = function(x), x.copy()
    np.testing.assert_array_equal(x, np.tile(X, (20, 1)).astype(dtype))
    np.testing.assert_array_equal(function(given, given), expected)


@pytest.mark.parametrize(("dtype", "digit"), [(np.float32, 1e-7), (np.float64, 1e-15)])
def test_gelu_of_many_numbers_is_exact(dtype, digit):
    function = get_activation("gelu").numpy
    x = np.linspace(-20, 20, 400_001, dtype=dtype).reshape(1, -1)
    exact = x.astype(np.float64) * special.ndtr(x.astype(np.float64))
    error = np.abs(function(x) - exact)
    assert error.max() < 10 * digit
    assert np.linalg.norm(error[np.abs(x) < 4]) < digit * np.linalg.norm(exact[np.abs(x) < 4])
    assert (error <= 100 * digit * np.abs(exact))[x > -6].all()  # in the tail too
    ends = np.array([[np.inf, -3e38, 3e38, 0]], dtype)
    found = function(np.tile(ends, 9000))[:, :4]
    np.testing.assert_allclose(found, np.maximum(ends, 0), rtol=1e-6, atol=1e-30)


def test_gelu_of_columns_and_slices_is_that_of_rows():
    function, x = get_activation("gelu").numpy, np.tile(X, (30, 1)).astype(np.float32)
    np.testing.assert_allclose(function(np.asfortranarray(x)), function(x), rtol=1e-5, atol=1e-6)
    out = np.empty((len(x), 2 * x.shape[1]), np.float32)[:, ::2]
    np.testing.assert_allclose(function(x, out), function(x), rtol=1e-5, atol=1e-6)


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
