"""Block-sparse storage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_rnnt.export.blocks import BlockSparse, check, pack, position_dtype, unpack


def test_blocks_of_a_small_matrix_by_hand():
  """[in 5, out 2] in blocks of 2 inputs: three blocks a column, the last one padded."""
  matrix = np.int8([[1, 0], [2, 0], [0, 0], [0, 0], [5, 6]])
  packed = pack(matrix, (2, 1))
  assert packed.blocks.tolist() == [[1, 2], [5, 0], [6, 0]]
  assert packed.index.tolist() == [0, 2, 2]
  assert packed.count.tolist() == [2, 1]
  assert packed.index.dtype == packed.count.dtype == np.uint8


def test_blocks_of_several_outputs_hold_their_inputs_first():
  packed = pack(np.float32([[1, 2, 0], [3, 4, 0]]), (2, 2))
  assert packed.blocks.tolist() == [[1, 2, 3, 4]] and packed.count.tolist() == [1, 0]


@settings(max_examples=150, deadline=None)
@given(
  shape=st.tuples(st.integers(1, 20), st.integers(1, 12)),
  block=st.sampled_from([(8, 1), (1, 8), (16, 1), (1, 16), (1, 1), (4, 4)]),
  density=st.floats(0, 1),
  dtype=st.sampled_from([np.int8, np.float32]),
  seed=st.integers(0, 99),
)
def test_unpacked_is_what_was_packed(shape, block, density, dtype, seed):
  rng = np.random.default_rng(seed)
  matrix = (rng.integers(-127, 128, shape) * (rng.random(shape) < density)).astype(dtype)
  packed = pack(matrix, block)
  check(packed, shape, block)
  assert np.array_equal(unpack(packed, shape, block), matrix)
  assert (packed.blocks != 0).any(axis=1).all()
  assert packed.nbytes == sum(part.size * part.itemsize for part in packed)


@pytest.mark.parametrize(("rows", "dtype"), [(255, np.uint8), (256, np.uint16), (65535, np.uint16)])
def test_positions_are_as_narrow_as_their_number_allows(rows, dtype):
  """A column may keep all its blocks, so a count of `rows` must fit as well."""
  assert position_dtype(rows) == dtype
  full = pack(np.ones((rows, 1), np.int8), (1, 1))
  assert full.count.tolist() == [rows] and full.index[-1] == rows - 1


def test_too_many_blocks_are_refused():
  with pytest.raises(ValueError, match="65536 blocks"):
    pack(np.ones((65536, 1), np.int8), (1, 1))


@pytest.mark.parametrize("block", [(0, 1), (8, -1)])
def test_blocks_without_a_size_are_refused(block):
  with pytest.raises(ValueError, match="a block is"):
    check(BlockSparse(*(np.zeros((0,), np.uint8),) * 3), (8, 8), block)
