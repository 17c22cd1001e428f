"""Two whole numbers of 4 bits in a byte, and back."""

import numpy as np
import pytest

from edge_rnnt.export import nibbles


def test_by_hand():
  values = np.array([[1, -8], [-1, 7], [3, 0]], np.int8)
  packed = nibbles.pack(values, axis=0)
  assert packed.tolist() == [[0xF1, 0x78], [0x03, 0x00]]
  assert packed.shape == nibbles.shape((3, 2))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(6, 4), (7, 5), (1, 1), (0, 3)])
def test_everything_comes_back(shape, axis):
  values = np.random.default_rng(0).integers(-8, 8, shape).astype(np.int8)
  packed = nibbles.pack(values, axis)
  assert packed.shape[axis] == (shape[axis] + 1) // 2
  assert np.array_equal(nibbles.unpack(packed, shape[axis], axis), values)


@pytest.mark.parametrize("value", [-9, 8])
def test_more_than_four_bits_are_refused(value):
  with pytest.raises(ValueError, match="do not fit 4 bits"):
    nibbles.pack(np.array([[0, value]], np.int8), axis=0)
