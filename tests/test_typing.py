"""What a type checker sees of the package as it is installed."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]

SCRIPT = """
import numpy as np

import tfae
from tfae import DenoisingAutoencoder, ParametricTSNE, StackedAutoencoder, VariationalAutoencoder

X = np.random.default_rng(0).normal(size=(50, 4))
reveal_type(DenoisingAutoencoder(2, max_iter=2).fit(X))
reveal_type(StackedAutoencoder(2).partial_fit(X))
reveal_type(ParametricTSNE(perplexity=5).fit(X).transform(X))
reveal_type(VariationalAutoencoder().fit(X).sample(3))
reveal_type(DenoisingAutoencoder().fit(X).n_iter_)
reveal_type(DenoisingAutoencoder().fit(X).history_)
reveal_type(DenoisingAutoencoder().fit(X).encoder_weights_)
reveal_type(tfae.losses())
DenoisingAutoencoder(scaling=3)
"""


@pytest.mark.slow
def test_a_users_script_is_checked_against_the_built_wheel(tmp_path):
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        ".",
        cwd=ROOT,
        more=["-w", str(tmp_path)],
    )
    python = environment(tmp_path)
    (tmp_path / "user.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "user.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    errors = re.findall(r"user.py:(\d+): error: (.*)", done.stdout)
    untyped = 'module is installed, but missing library stubs|"sklearn'
    assert [text for _, text in errors if not re.search(untyped, text)] == [
        'Argument "scaling" to "DenoisingAutoencoder" has incompatible type "int"; expected '
        '"str | None"  [arg-type]'
    ], done.stdout + done.stderr
    array = "numpy.ndarray[Any, numpy.dtype[Any]]"
    assert re.findall(r'Revealed type is "(.*)"', done.stdout) == [
        "tfae._estimators.denoising_autoencoder.DenoisingAutoencoder",
        "tfae._estimators.stacked_autoencoder.StackedAutoencoder",
        array,
        array,
        "int",
        "dict[str, list[float]]",
        f"list[{array}]",
        "dict[str, str]",
    ]


def environment(folder):
    """An environment that has the wheel, and this one's packages beside it; return its Python."""
    run(sys.executable, "-m", "venv", "--without-pip", str(folder / "env"))
    python = str(folder / "env/bin/python")
    (site,) = (folder / "env").glob("lib/*/site-packages")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        assert "tfae/py.typed" in packed.namelist()
        packed.extractall(site)
    (site / "others.pth").write_text(str(Path(np.__file__).parents[1]))
    return python


def run(*command, cwd=None, more=()):
    done = subprocess.run([*command, *more], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
