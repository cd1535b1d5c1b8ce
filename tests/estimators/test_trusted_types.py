"""The types that skops must trust: enough for every estimator, and none that runs code."""

import functools
import inspect
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from stored_files import FOLDER, given_to

import tfae
from tfae._networks.architectures.registry import ARCHITECTURES

# A schema holds types of pandas and polars, which skops does not know.
STORED = [path for path in sorted(FOLDER.glob("*.tfae")) if "mixed" not in path.name]
# What Python or skops calls when it makes an object of a class.
_HOOKS = ("__new__", "__setstate__", "__del__", "__setattr__", "__getattribute__")


def found(name):
    """Return the class or function with a full name."""
    module, _, own = name.rpartition(".")
    __import__(module)
    return functools.reduce(getattr, own.split("."), sys.modules[module])


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_pipeline_comes_back_with_the_same_bits(path):
    skops = pytest.importorskip("skops.io")
    model, scaler = tfae.load(path), StandardScaler()
    X = given_to(model, np.load(path.with_suffix(".npz"))["X"])
    if isinstance(X, pd.DataFrame):
        scaler.set_output(transform="pandas")
    pipeline = Pipeline([("scaler", scaler.fit(X)), ("model", model)])
    data = skops.dumps(pipeline)
    assert set(skops.get_untrusted_types(data=data)) <= set(tfae.trusted_types())
    again = skops.loads(data, trusted=tfae.trusted_types())
    method = "transform" if hasattr(model, "transform") else "score_samples"
    np.testing.assert_array_equal(getattr(again, method)(X), getattr(pipeline, method)(X))


def test_every_type_is_named_once():
    assert len(set(tfae.trusted_types())) == len(tfae.trusted_types())


@pytest.mark.parametrize("name", tfae.trusted_types())
def test_no_type_runs_code_when_it_is_loaded(name):
    kind = found(name)
    if not inspect.isclass(kind):
        assert kind in map(ARCHITECTURES.__getitem__, ("dense", "convolutional"))
        return
    own = [base for base in kind.__mro__ if base.__module__.startswith("tfae.")]
    assert own
    for base in own:
        hooks = {hook for hook in _HOOKS if hook in vars(base)}
        if issubclass(base, tuple):
            hooks -= {"__new__"}
        elif getattr(base, "__dataclass_params__", None) and base.__dataclass_params__.frozen:
            hooks -= {"__setattr__"}  # which only raises
        assert not hooks, base
