"""What a function gives for all rows, against what it gives for each."""

import numpy as np
import pytest

from tfae._data.rows import block_size
from tfae._inference.blocks import of_every_block


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_all_blocks_give_what_each_row_gives_alone(dtype):
    X = np.random.default_rng(0).standard_normal((2 * block_size(300) + 7, 300)).astype(dtype)

    def function(rows, space):
        doubled = np.multiply(rows, 2, out=space.empty(rows.shape, rows.dtype))
        return np.add(doubled, 1, out=space.empty(rows.shape, rows.dtype))

    result = of_every_block(X, function, 300)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, 2 * X + 1)
