"""The order of the modules, what importing costs, and what is public."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tfae
from tfae import _tensorflow

SOURCE = Path(tfae.__file__).parent

ROWS = re.findall(
    r"^\| (\d+) \| `(\S+)` \| .+ \|$",
    (Path(__file__).parents[1] / "docs/rooms.md").read_text(),
    re.MULTILINE,
)
LEVELS = {name: int(level) for level, name in ROWS}


def module_name(path):
    name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imported(path):
    """Yield the names of the package's modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tfae"):
            assert node.level == 0, f"{path} uses a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name == "tfae" or name.startswith("tfae."):
                yield longest_module(name.removeprefix("tfae").removeprefix("."))


def longest_module(name):
    while name and name not in LEVELS:
        name = name.rpartition(".")[0]
    return name or "__init__"


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=module_name)
def test_modules_import_from_lower_levels_only(path):
    level = LEVELS[module_name(path)]
    for other in imported(path):
        assert LEVELS[other] < level, f"{module_name(path)} imports {other}"


def test_the_table_of_levels_has_every_file_once_lowest_first():
    listed = [(int(level), name) for level, name in ROWS]
    assert listed == sorted(listed)
    assert sorted(name for _, name in listed) == sorted(map(module_name, SOURCE.rglob("*.py")))


def run(code):
    """Run code in a fresh process and return what it wrote to standard error."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_import_loads_neither_tensorflow_nor_matplotlib():
    run(
        "import sys, tfae; tfae.Autoencoder(); tfae.architectures()\n"
        "assert not {'tensorflow', 'keras', 'matplotlib', 'typer'} & set(sys.modules)"
    )


def test_fit_writes_nothing_and_other_noise_is_passed_on():
    noise = run(
        "import os, numpy as np, tfae\n"
        "from tfae import _tensorflow\n"
        "with _tensorflow._without_noise(): os.write(2, b'mine\\n')\n"
        "model = tfae.Autoencoder(2, linear_path=False, max_iter=2, early_stopping=True)\n"
        "model.fit(np.eye(9)).transform(np.eye(9))\n"
    )
    assert noise == "mine\n"


def test_global_random_numbers_go_on_as_if_nothing_had_been_imported():
    run(
        "import random, numpy as np, tfae\n"
        "def drawn(): return np.random.rand(), random.random()\n"
        "np.random.seed(0); random.seed(0); expected = drawn()\n"
        "np.random.seed(0); random.seed(0)\n"
        "tfae.Autoencoder(2, linear_path=False, max_iter=1, random_state=0).fit(np.eye(9))\n"
        "assert drawn() == expected"
    )


def test_starting_tensorflow_takes_none_of_keras_names():
    run(
        "import keras, tfae\n"
        "tfae._tensorflow.tf.constant(0)\n"
        "assert keras.layers.Dense(1).name == 'dense'\n"
        "assert keras.Input((1,)).name == 'keras_tensor'"
    )


def test_public_names_are_sorted_documented_and_complete():
    assert tfae.__all__ == sorted(tfae.__all__)
    for name in set(tfae.__all__) - {"__version__"}:
        assert getattr(tfae, name).__doc__, name
    public = {name for name in vars(tfae) if not name.startswith("_")}
    submodules = {"metrics", "plotting", "streams"}
    assert public - submodules == set(tfae.__all__) - {"__version__"}


def test_another_keras_backend_is_refused_with_a_reason(monkeypatch):
    import keras

    monkeypatch.setattr(_tensorflow, "_started", False)
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ImportError, match="Keras was configured for 'torch'"):
        _tensorflow.keras.layers  # noqa: B018
