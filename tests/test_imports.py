"""Which files import which, what importing costs, and what is public."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import tfae
from tfae._support import tensorflow

SOURCE = Path(tfae.__file__).parent

FILES = sorted(SOURCE.rglob("*.py"))


def module_name(path):
    name = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
    return name.removesuffix(".__init__")


MODULES = frozenset(map(module_name, FILES))


def names_imported(path):
    """Yield the dotted names that a file imports, be it in a function or for types only."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} uses a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported(path):
    """Yield the package's modules that a file imports."""
    names = names_imported(path)
    yield from (longest_module(name) for name in names if name.split(".")[0] == "tfae")


def longest_module(name):
    """Return the module that a dotted name is or, of what is defined in one, that it is in."""
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def test_no_two_files_import_each_other_directly_or_in_a_circle():
    TopologicalSorter({module_name(path): set(imported(path)) for path in FILES}).prepare()


def run(code):
    """Run code in a fresh process and return what it wrote to standard error."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_import_loads_neither_tensorflow_nor_matplotlib():
    run(
        "import sys, tfae; tfae.Autoencoder(); tfae.architectures()\n"
        "assert not {'tensorflow', 'keras', 'matplotlib', 'typer', 'polars'} & set(sys.modules)"
    )


def test_no_file_imports_an_engine_of_clusters():
    engines = {"dask", "distributed", "pyspark", "ray"}
    for path in FILES:
        assert not engines & {name.partition(".")[0] for name in names_imported(path)}, path


def test_a_fit_writes_nothing_passes_other_noise_on_and_leaves_global_random_numbers_alone():
    noise = run(
        "import os, random, numpy as np, tfae\n"
        "from tfae._support import tensorflow\n"
        "def drawn(): return np.random.rand(), random.random()\n"
        "np.random.seed(0); random.seed(0); expected = drawn()\n"
        "np.random.seed(0); random.seed(0)\n"
        "with tensorflow.without_noise(): os.write(2, b'mine\\n')\n"
        "model = tfae.Autoencoder(\n"
        "    2, hidden_layer_sizes=(), linear_path=False, max_iter=2, early_stopping=True,\n"
        "    random_state=0,\n"
        ")\n"
        "model.fit(np.eye(9)).transform(np.eye(9))\n"
        "assert drawn() == expected"
    )
    assert noise == "mine\n"


@pytest.mark.slow
def test_starting_tensorflow_takes_none_of_keras_names():
    run(
        "import keras, tfae\n"
        "tfae._support.tensorflow.tf.constant(0)\n"
        "assert keras.layers.Dense(1).name == 'dense'\n"
        "assert keras.Input((1,)).name == 'keras_tensor'"
    )


def test_public_names_are_sorted_documented_and_complete():
    assert tfae.__all__ == sorted(tfae.__all__)
    for name in set(tfae.__all__) - {"__version__"}:
        assert getattr(tfae, name).__doc__, name
    public = {name for name in vars(tfae) if not name.startswith("_")}
    submodules = {"export", "metrics", "plotting", "streams"}
    assert public - submodules == set(tfae.__all__) - {"__version__"}


def test_another_keras_backend_is_refused_with_a_reason(monkeypatch):
    import keras

    monkeypatch.setattr(tensorflow, "_started", False)
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ImportError, match="Keras was configured for 'torch'"):
        tensorflow.keras.layers  # noqa: B018
