"""Panels: every entry where the formula says, zeros beyond, and the same matrix again."""

import numpy as np
import pytest

from edge_rnnt.export import panels


@pytest.mark.parametrize("shape", [(1, 1), (4, 16), (5, 17), (64, 48), (13, 130)])
def test_entries_lie_where_the_formula_says(shape):
  matrix = np.random.default_rng(0).integers(-127, 128, shape).astype(np.int8)
  packed = panels.pack(matrix)
  assert packed.shape == panels.shape(shape) and packed.flags.c_contiguous
  for p, q, e, d in np.ndindex(*packed.shape):
    inside = 4 * q + d < shape[0] and 16 * p + e < shape[1]
    assert packed[p, q, e, d] == (matrix[4 * q + d, 16 * p + e] if inside else 0)
  np.testing.assert_array_equal(panels.unpack(packed, shape), matrix)
