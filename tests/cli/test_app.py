"""The command line: what it refuses, and what it says without its extras."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tfae import __main__, __version__

pytestmark = pytest.mark.usefixtures("in_executor")


def invoke(*arguments):
    return CliRunner().invoke(__main__.build_app(), [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    "arguments", [["demo", "--seed", -1], ["demo", "--dataset", "cifar"], ["x"]]
)
def test_impossible_options_are_refused_by_the_command_line(arguments):
    assert invoke(*arguments).exit_code == 2


@pytest.mark.parametrize("arguments", [["version"], ["--version"]])
def test_version(arguments):
    result = invoke(*arguments)
    assert (result.exit_code, result.output.strip()) == (0, __version__)


def what_is_told_of(missing):
    return f'error: {missing} must be installed for this command: pip install "tfae[cli]"\n'


def test_a_missing_typer_is_told_in_one_line(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "tfae._cli.app", raising=False)
    monkeypatch.setitem(sys.modules, "typer", None)
    monkeypatch.setattr(sys, "argv", ["tfae", "version"])
    with pytest.raises(SystemExit) as end:
        __main__.main()
    assert end.value.code == 1
    assert capsys.readouterr().err == what_is_told_of("typer")


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["matplotlib", "rich"])
def test_missing_extras_of_the_demo_are_told_in_one_line(missing):
    code = (
        f"import sys; sys.modules[{missing!r}] = None; sys.argv = ['tfae', 'demo']\n"
        "from tfae.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == what_is_told_of(missing)


def test_the_package_can_be_run():
    done = subprocess.run(
        [sys.executable, "-m", "tfae", "version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == __version__
