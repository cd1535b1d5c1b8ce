"""Small plans and programs for the tests of the engine."""

import numpy as np

from tfae import _architectures  # noqa: F401
from tfae._chunks import chunk_shape
from tfae._initial import initial_weights
from tfae._losses import LOSSES
from tfae._objective import Objective
from tfae._optimizers import get_optimizer
from tfae._program import Plan, Program
from tfae._registry import ARCHITECTURES
from tfae._structure import Structure
from tfae._types import Spec


def small_structure(
    n_features=6, n_components=2, hidden=(5,), activation="tanh", output="linear", builder=None
):
    spec = Spec(
        n_features, n_components, hidden, hidden[::-1], activation, "linear", "glorot_uniform"
    )
    return Structure(builder or ARCHITECTURES["dense"], (), spec, output)


def small_plan(optimizer, batch=4, loss="mse", dtype="float32", **structure):
    shape = chunk_shape(batch, structure.get("n_features", 6), dtype)
    structure = small_structure(**structure)
    return Plan(structure, Objective(LOSSES.find(loss)), optimizer.rule, shape, dtype)


def loaded_program(optimizer=None, seed=0, dtype="float32", **plan):
    """Return a program with drawn weights, and those weights."""
    optimizer = optimizer or get_optimizer("adam", 0.01)
    program = Program(small_plan(optimizer, dtype=dtype, **plan))
    rng = np.random.default_rng(seed)
    weights = initial_weights(program.plan.structure, program.network, dtype, rng)
    program.load(weights, None, rng)
    return program, weights
