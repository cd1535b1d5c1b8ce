"""The order of the modules, what importing costs, and what is public."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tfae
from tfae import _tensorflow

SOURCE = Path(tfae.__file__).parent

# A module imports only from strictly lower levels.
LEVELS = {
    "_types": 0,
    "_pool": 0,
    "_warn": 0,
    "_tensorflow": 0,
    "_registry": 1,
    "_anchor": 4,
    "_auto": 4,
    "_codes": 1,
    "_execution": 2,
    "_order": 1,
    "_architectures._hidden": 1,
    "_activations": 2,
    "_losses": 2,
    "_penalties": 2,
    "_random": 1,
    "_scaling": 2,
    "_pca": 3,
    "_convolution": 1,
    "_divergence": 5,
    "_dropout": 5,
    "_linear_start": 6,
    "_neighbours": 5,
    "_search": 10,
    "_survey": 1,
    "_mapped": 3,
    "_sources": 5,
    "_streams": 3,
    "streams": 4,
    "_tsne": 13,
    "_structure": 5,
    "_optimizers": 2,
    "_validation": 2,
    "_architectures.convolutional": 2,
    "_architectures.dense": 2,
    "_architectures": 3,
    "_corruptions": 3,
    "_initial": 6,
    "_objective": 4,
    "_portable": 5,
    "_sparsity": 3,
    "_chunks": 4,
    "_imported": 6,
    "_inference": 6,
    "_parameters": 7,
    "_program": 7,
    "_observers": 8,
    "_engine": 9,
    "_base": 11,
    "_estimators": 12,
    "_convolutional": 13,
    "_stacked": 13,
    "_variational": 13,
    "metrics": 3,
    "plotting": 12,
    "__init__": 14,
    "_datasets": 14,
    "_demo": 15,
    "__main__": 16,
}


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


def test_every_level_is_a_module():
    assert set(LEVELS) == {module_name(path) for path in SOURCE.rglob("*.py")}


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
