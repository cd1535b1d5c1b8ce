"""Small plans and programs for the tests of the engine."""

import numpy as np

from tfae._networks import architectures  # noqa: F401
from tfae._networks.architectures.registry import ARCHITECTURES
from tfae._networks.initial_weights import initial_weights
from tfae._networks.spec import Spec
from tfae._networks.structure import Structure
from tfae._objective.losses import LOSSES
from tfae._objective.objective import Objective
from tfae._training.chunks import chunk_shape
from tfae._training.step.optimizers import get_optimizer
from tfae._training.step.program import Program, ProgramKey


def small_structure(
    n_features=6, n_components=2, hidden=(5,), activation="tanh", output="linear", builder=None
):
    spec = Spec(
        n_features, n_components, hidden, hidden[::-1], activation, "linear", "glorot_uniform"
    )
    return Structure(builder or ARCHITECTURES["dense"], (), spec, output)


def small_key(optimizer, batch=4, loss="mse", dtype="float32", **structure):
    shape = chunk_shape(batch, structure.get("n_features", 6), dtype)
    structure = small_structure(**structure)
    return ProgramKey(structure, Objective(LOSSES.find(loss)), optimizer.rule, shape, dtype)


def loaded_program(optimizer=None, seed=0, dtype="float32", **key):
    """Return a program with drawn weights, and those weights."""
    optimizer = optimizer or get_optimizer("adam", 0.01)
    program = Program(small_key(optimizer, dtype=dtype, **key))
    rng = np.random.default_rng(seed)
    weights = initial_weights(program.key.structure, program.network, dtype, rng)
    program.load(weights, None, rng)
    return program, weights
