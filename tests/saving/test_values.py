"""Values as JSON and back; what a file cannot hold is refused."""

import json

import numpy as np
import pytest

from tfae._networks.codes import LargestOfRow
from tfae._networks.imported import Imported
from tfae._networks.plain_layers import Dense, Sum
from tfae._networks.spec import Spec
from tfae._networks.structure import Structure, hashable_params
from tfae._objective.losses import LOSSES
from tfae._saving.values import Reader, Writer


def there_and_back(value):
    writer = Writer()
    text = json.dumps(writer.json(value, "value"), allow_nan=False)
    return Reader(writer.arrays).value(json.loads(text))


IMPORTED = Imported("{}", "{}", (2, 2), (1,))
SPEC = Spec(4, 1, (3,), (3,), "relu", "linear", "zeros")


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, -(2**70), 0.1, -0.0, 5e-324, 1e308, "", "ä\ud800\n\0", float("inf")),
        *([], [1, [2.0, "x"]], (), (1, (2, [3])), {}, {"a": {"b": (None,)}, "array": 1}),
        *(np.float32(0.1), np.float64(-0.0), np.int8(-3), np.uint64(2**64 - 1), np.bool_(True)),
        *(SPEC, LargestOfRow(3), IMPORTED),
        Sum(((Dense(0, None, "relu"),), ())),
        Structure(IMPORTED, hashable_params({"a": 1, "b": (1.0, True)}), SPEC, "linear"),
    ],
)
def test_it_comes_back_as_it_was(value):
    found = there_and_back(value)
    assert repr(found) == repr(value)
    assert type(found) is type(value)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16", "float64"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (0, 4), (2, 3), (2, 3, 4)])
def test_arrays(dtype, shape):
    value = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    for given in (value, value.T, value[..., ::2] if shape else value):
        found = there_and_back({"x": given})["x"]
        np.testing.assert_array_equal(found, given)
        assert found.dtype == given.dtype
        assert found.flags.f_contiguous == given.flags.f_contiguous or not given.flags.forc
        assert found.flags.writeable


def test_arrays_of_texts():
    names = np.array(["a", "ö\udc00", ""], dtype=object)
    found = there_and_back(names)
    assert found.dtype == object
    assert list(found) == list(names)


def test_nan_is_nan():
    assert np.isnan(there_and_back(float("nan")))
    assert type(there_and_back(np.float32("nan"))) is np.float32


def test_places_with_the_same_name_have_their_own_arrays():
    found = there_and_back({"a.b": np.zeros(2), "a": {"b": np.ones(2)}})
    np.testing.assert_array_equal(found["a"]["b"], 1)
    np.testing.assert_array_equal(found["a.b"], 0)


def test_random_numbers_continue():
    state, generator = np.random.RandomState(3), np.random.default_rng([1, 2, 3, 4]).spawn(2)[1]
    state.normal(size=3)
    generator.normal(size=3)
    generator.spawn(1)
    found = there_and_back([state, generator])
    assert found[0].normal() == state.normal()
    assert found[1].normal() == generator.normal()
    assert found[1].spawn(1)[0].normal() == generator.spawn(1)[0].normal()
    whole = np.random.default_rng(2**100)
    assert there_and_back(whole).spawn(1)[0].random() == whole.spawn(1)[0].random()


def test_registered_functions_are_found_by_their_names():
    assert there_and_back(LOSSES["mae"].function) is LOSSES["mae"].function
    with pytest.raises(ValueError, match=r"'loss' parameter must be one of .* Got 'maee'.*'mae'"):
        Reader({}).value({"function": ["loss", "maee"]})


@pytest.mark.parametrize(
    "value",
    [
        *(1j, {1, 2}, b"x", object(), {1: 2}, np.complex64(1), np.array([1, "x"], object)),
        *(np.array(["x"]), np.zeros(2, "datetime64[s]"), np.longdouble(1), lambda x: x),
        *(np.random.Generator(np.random.MT19937(0)), np.random.RandomState(np.random.PCG64(0))),
    ],
)
def test_anything_else_is_refused(value):
    with pytest.raises(ValueError, match=r"^save cannot write a\.b\.0, because a file holds"):
        Writer().json({"b": [value]}, "a")


def test_what_to_do_depends_on_the_parameter():
    with pytest.raises(ValueError, match=r"Give it a name with tfae\.register_loss"):
        Writer().json(lambda x, y: x, "parameters.loss")
    with pytest.raises(ValueError, match=r"model\.set_params\(callbacks=\.\.\.\)"):
        Writer().json([object()], "parameters.callbacks")


def test_all_that_a_file_names_is_known_by_a_table():
    for given in ({"os": "system"}, {"Dense": {}, "Sum": {}}, {"Dense": {"kernel": 0}}, {}):
        with pytest.raises(ValueError, match=r"of a kind|have one kind|needs the fi"):
            Reader({}).value(given)
