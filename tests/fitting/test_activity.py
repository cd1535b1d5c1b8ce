"""What is said of units that are dead."""

from types import SimpleNamespace

import numpy as np
import pytest

from tfae._fitting.activity import describe_activity
from tfae._networks.codes import LargestOfUnit
from tfae._objective.penalties import PENALTIES


@pytest.mark.parametrize(
    ("penalty", "mends"),
    [
        ("l1", "lower 'penalty_weight', lower 'learning"),
        ("kl", "lower 'penalty_weight', raise 'sparsity', lower 'learning"),
        ("top_k", "to raise 'sparsity', lower 'learning"),
        ("lifetime", "to raise 'sparsity', lower 'learning"),
    ],
)
def test_dead_units_are_told_with_what_helps(penalty, mends):
    def dead(rows, dtype):
        return np.tile(np.array([1, 0, 0], dtype), (len(rows), 1))

    found = PENALTIES.find(penalty)
    objective = SimpleNamespace(penalty=found, code=LargestOfUnit(0.1))
    recipe = SimpleNamespace(objective=objective, asked={"penalty": penalty})
    fitted = SimpleNamespace(codec=SimpleNamespace(encode=dead))
    with pytest.warns(UserWarning, match=f"2 of the 3 units of the code are dead.*{mends}") as seen:
        facts = describe_activity(recipe, fitted, np.zeros((20, 4)), None)
    assert seen[0].filename == __file__
    assert facts["n_dead_units"] == 2
    np.testing.assert_array_equal(facts["thresholds"], [1, 0, 0])
