"""Names, nearest names, entry points."""

from importlib.metadata import EntryPoint
from threading import Lock

import pytest

import tfae
from tfae._data.scaling import SCALINGS
from tfae._objective.corruptions import CORRUPTIONS
from tfae._objective.losses import LOSSES
from tfae._support.by_value import to_bytes
from tfae._support.registry import Registry


def test_only_functions_are_registered():
    with pytest.raises(ValueError, match=r"The loss 'five' must be a function\. Got 5"):
        tfae.register_loss("five")(5)
    with pytest.raises(ValueError, match=r"The architecture 'five' must be a function\. Got 5"):
        tfae.register_architecture("five")(5)


def test_names():
    table = Registry("thing")
    table.register("alpha")(len)
    assert table["alpha"] is len
    with pytest.raises(
        ValueError, match=r"'thing'.*\['alpha'\].*Got 'alhpa'\. Did you mean 'alpha'"
    ):
        table["alhpa"]
    with pytest.raises(ValueError, match="registered already"):
        table.register("alpha")(max)
    table.register("alpha")(len)  # the same again, as when a notebook cell is run twice
    with pytest.raises(ValueError, match="must be a non-empty str"):
        table.register("")


def offered(spec):
    """What an installed package may offer."""


def test_an_installed_package_can_offer_an_architecture(monkeypatch):
    point = EntryPoint("offered", f"{__name__}:offered", "tfae.architectures")
    monkeypatch.setattr("tfae._support.registry.entry_points", lambda group: [point])
    table = Registry("architecture", group="tfae.architectures")
    assert table["offered"] is offered
    assert "offered" in table.describe()


def doubled(by):
    """Return a function that no other process could import."""

    def function(x):
        return by * x

    return function


def tables():
    return [Registry("thing", wrap=lambda f: [f], function=lambda entry: entry[0]) for _ in "ab"]


def test_a_function_goes_to_another_process():
    here, there = tables()
    here.register_function("mine")(doubled(2))
    assert here.is_users("mine")
    assert not here.is_users("yours")
    there.unpack("mine", here.packed("mine"))
    (first,) = there["mine"]
    assert first(3) == 6
    there.unpack("mine", here.packed("mine"))
    assert there["mine"][0] is first  # so that compiled programs are shared
    here.register("mine")([doubled(5)])  # a notebook cell that was edited and run again
    there.unpack("mine", here.packed("mine"))
    assert there["mine"][0](3) == 15


def test_an_own_function_stays():
    here, there = tables()
    here.register_function("mine")(doubled(2))
    own = doubled(5)
    there.register_function("mine")(own)
    there.unpack("mine", here.packed("mine"))
    assert there["mine"] == [own]
    # It may also be registered after another one has come.
    late = tables()[0]
    late.unpack("mine", here.packed("mine"))
    late.register_function("mine")(len)
    late.unpack("mine", here.packed("mine"))
    assert late["mine"] == [len]


def test_a_function_that_does_not_arrive_is_told():
    here, there = tables()
    here.register_function("mine")(doubled(Lock()))
    assert here.packed("mine") is None
    there.unpack("mine", here.packed("mine"))
    with pytest.raises(ValueError, match=r"'thing'.*Got 'mine'.*it cannot be pickled.*import the"):
        there["mine"]
    there.unpack("other", b"no pickle")
    with pytest.raises(ValueError, match="could not come from another process: UnpicklingError"):
        there["other"]
    with pytest.raises(ValueError, match=r"Got 'unknown'\. If 'unknown' is a name of your own"):
        there["unknown"]


def test_a_function_that_can_be_imported_is_a_reference():
    assert len(to_bytes(offered)) < 100
    assert not tfae._saving.named_functions.TABLES["loss"].is_users("mse")


def test_a_function_that_refers_to_what_has_its_name_ends():
    table = tables()[0]

    class Holder:
        def __reduce__(self):
            return str, (str(table.packed("mine")),)

    table.register_function("mine")(doubled(Holder()))
    assert table.packed("mine") is not None


@pytest.mark.parametrize(
    ("table", "theirs", "ours"),
    [
        (LOSSES, "mean_squared_error", "mse"),
        (LOSSES, "squared_error", "mse"),
        (LOSSES, "l2", "mse"),
        (LOSSES, "mean_absolute_error", "mae"),
        (LOSSES, "absolute_error", "mae"),
        (LOSSES, "l1", "mae"),
        (LOSSES, "bce", "binary_crossentropy"),
        (LOSSES, "log_loss", "binary_crossentropy"),
        (CORRUPTIONS, "normal", "gaussian"),
        (CORRUPTIONS, "dropout", "masking"),
        (SCALINGS, "zscore", "standard"),
        (SCALINGS, "rank_gauss", "quantile"),
    ],
)
def test_names_of_other_packages_are_told_ours(table, theirs, ours):
    assert table[ours] is not None
    with pytest.raises(ValueError, match=rf"Got '{theirs}'\. Did you mean '{ours}'\?$"):
        table[theirs]
