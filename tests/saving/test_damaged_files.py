"""Whatever a file holds, it gives a model or a ValueError, in little time and memory."""

import json
import time
import tracemalloc
import warnings

import numpy as np
import pytest
from damage import damaged, forged, put_together, sealed, taken_apart
from stored_files import FOLDER

import tfae

# Those that load without TensorFlow.
_NAMES = (
    "autoencoder",
    "denoising",
    "sparse",
    "variational",
    "mixed",
    "imputer",
    "mixed-imputer",
    "outliers",
)
DENSE = [FOLDER / f"1-{name}.tfae" for name in _NAMES]
FEW, MANY = 300, 10_000


def loaded(data, folder):
    """Return the model of a file's content; None for a ValueError, the only error it may raise."""
    path = folder / "model.tfae"
    path.write_bytes(data)
    try:
        return tfae.load(path)
    except ValueError:
        return None


def use(model, X):
    """See that a forged model works, or says that it does not."""
    fitted, plain = model._fitted, type(X) is np.ndarray and model._schema is None
    try:
        if model._schema is not None:
            X = model._schema.encode(
                model._schema.decode(np.zeros((3, model._schema.layout.width)))
            )
        if isinstance(model, tfae.AutoencoderImputer):
            fitted.filled(np.full((3, fitted.layout.width), np.nan))
            return
        if isinstance(model, tfae.OutlierDetector):
            model.explain(X), model.p_values(X, "cross"), model.counterfactual(X)
            return
        plain = plain and not hasattr(model, "feature_names_in_")
        model.transform(X) if plain else fitted.encode(X)
        if hasattr(model, "reconstruct"):
            model.reconstruct(X) if plain else fitted.reconstruct(X)
    except ValueError:
        pass


def check_files(numbers, folder):
    """See what files with these numbers give, every second one with a recomputed checksum."""
    intact, n_models = [path.read_bytes() for path in DENSE], 0
    X = np.load(DENSE[0].with_suffix(".npz"))["X"]
    for number in numbers:
        rng = np.random.default_rng(number)
        data = intact[rng.integers(len(intact))]
        if number % 2:
            assert loaded(damaged(data, rng), folder) is None, number
            continue
        began = time.process_time()
        model = loaded(forged(data, rng), folder)
        assert time.process_time() - began < 30, number  # the first may load TensorFlow
        if model is not None:
            n_models += 1
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                use(model, X)
    return n_models


def test_damaged_files(tmp_path):
    assert all(loaded(path.read_bytes(), tmp_path) is not None for path in DENSE)
    assert check_files(range(FEW), tmp_path) > 0


@pytest.mark.slow
def test_many_damaged_files(tmp_path):
    assert check_files(range(FEW, MANY + FEW), tmp_path) > 0


def test_every_bit_counts(tmp_path):
    """In the whole header, where most places have a meaning, and in some of the arrays."""
    data = DENSE[0].read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(len(data), size=400):
        changed = bytearray(data)
        changed[place] ^= 1 << int(rng.integers(8))
        assert loaded(bytes(changed), tmp_path) is None


@pytest.mark.sample(4)
@pytest.mark.parametrize("number", range(9))
def test_memory_is_bounded_by_the_size_of_the_file(number, tmp_path):
    header, text, arrays = taken_apart(DENSE[0].read_bytes())
    size = 3_000_000
    name = sorted(set(header) - {"__metadata__"})[0]
    wide = {**header, name: {**header[name], "shape": [2**40], "data_offsets": [0, 2**42]}}
    many = dict.fromkeys(map(str, range(size // 30)), header[name])
    data = {
        0: lambda: with_part(header, text, "[" * size + "]" * size, arrays),
        1: lambda: with_part(header, text, "[" + "[]," * size + "0]", arrays),
        2: lambda: with_part(header, text, '{"texts": [' + '"",' * size + '""]}', arrays),
        3: lambda: put_together(wide, text, arrays),
        4: lambda: put_together(header, text, arrays + bytes(10 * size)),
        5: lambda: put_together({**header, "x" * size: header[name]}, text, arrays),
        6: lambda: put_together({**header, **many}, text, arrays),
        8: lambda: with_part(header, text, '"' + "x" * 8 * size + '"', arrays),
        7: lambda: sealed(DENSE[0].read_bytes()[:8] + b'{"' * size),
    }[number]()
    path = tmp_path / "model.tfae"
    path.write_bytes(data)
    tfae.load(DENSE[0])
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="cannot be loaded"):
            tfae.load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 2 * len(data) + (16 << 20)


def with_part(header, text, part, arrays):
    """Return a file with a part of JSON in its text."""
    given = json.dumps({**text, "tfae": "HERE"}).replace('"HERE"', part)
    return put_together(header, given, arrays)
