"""Names, nearest names, entry points."""

from importlib.metadata import EntryPoint

import pytest

import tfae
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
