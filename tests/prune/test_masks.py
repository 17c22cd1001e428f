import math

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from edge_rnnt.prune import masks

JITTED = jax.jit(masks.keep_mask, static_argnames=("block", "pool"))
BLOCKS = [(8, 1), (1, 8), (16, 1), (1, 16), (1, 1)]
SHAPES = [(32, 16), (19, 21)]  # all blocks divide the first and none the second; each compiles


def whole_numbers(shape: tuple[int, int], seed: int) -> np.ndarray:
  """Small integers: sums are exact in any order, and there are many ties."""
  return np.random.default_rng(seed).integers(-9, 10, shape).astype(np.float32)


def reference_mask(weights, kept: int, block: tuple[int, int], pool: str) -> np.ndarray:
  """One block after another: the `kept` highest means or maxima stay, of equals the first."""
  scores = []
  for row in range(0, weights.shape[0], block[0]):
    for column in range(0, weights.shape[1], block[1]):
      cut = np.abs(weights[row : row + block[0], column : column + block[1]])
      scores.append((cut.mean() if pool == "mean" else cut.max(), row, column))
  scores.sort(key=lambda score: (-score[0], score[1], score[2]))

  mask = np.zeros(weights.shape, bool)
  for _, row, column in scores[:kept]:
    mask[row : row + block[0], column : column + block[1]] = True
  return mask


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(
  shape=st.sampled_from(SHAPES),
  block=st.sampled_from(BLOCKS),
  pool=st.sampled_from(["mean", "max"]),
  sparsity=st.floats(0, 1, width=32),
  seed=st.integers(0, 2**32 - 1),
)
def test_exactly_k_blocks_stay_and_they_are_the_references(shape, block, pool, sparsity, seed):
  weights = whole_numbers(shape, seed)
  blocks = math.ceil(shape[0] / block[0]) * math.ceil(shape[1] / block[1])
  kept = round(np.float32(blocks) * (np.float32(1) - np.float32(sparsity)))
  mask = np.asarray(JITTED(weights, sparsity, block=block, pool=pool))

  np.testing.assert_array_equal(mask, reference_mask(weights, kept, block, pool))
  counted = mask[:: block[0], :: block[1]].sum()
  assert counted == kept
  assert abs(kept - blocks * (1 - sparsity)) <= 0.5 + 1e-4


def test_a_kernel_checked_by_hand():
  weights = jnp.array([[1.0, -8.0, 2.0], [1.0, 0.0, 3.0], [7.0, 1.0, 0.0]])
  # Blocks of two rows; the last row is a block cut short, so its mean is over itself.
  np.testing.assert_allclose(masks.block_scores(weights, (2, 1)), [[1, 4, 2.5], [7, 1, 0]])
  np.testing.assert_allclose(masks.block_scores(weights, (2, 1), "max"), [[1, 8, 3], [7, 1, 0]])
  expected = [[False, True, False], [False, True, False], [True, False, False]]
  np.testing.assert_array_equal(masks.keep_mask(weights, 2 / 3, (2, 1)), expected)


def test_of_equal_blocks_the_first_stay():
  mask = masks.keep_mask(jnp.ones((4, 3)), 0.5, (2, 1))
  np.testing.assert_array_equal(mask[::2], [[True, True, True], [False, False, False]])


def test_the_extremes_and_other_types():
  weights = jnp.asarray(whole_numbers((16, 4), 0))
  assert not masks.keep_mask(weights, 1.0).any()
  assert masks.keep_mask(weights, 0.0).all()
  np.testing.assert_array_equal(
    masks.keep_mask(weights.astype(jnp.bfloat16), 0.5), masks.keep_mask(weights, 0.5)
  )


def test_scores_far_apart_and_infinite_are_ordered():
  scores = jnp.array([[0.0, 1e-45, 1e-30, 1.0, 3e38, jnp.inf]])
  for kept in range(7):
    (mask,) = masks.keep_highest([scores], kept)
    np.testing.assert_array_equal(mask[0], np.arange(6) >= 6 - kept)


def test_a_negative_score_stays_only_if_nothing_else_is_left():
  (mask,) = masks.keep_highest([jnp.array([[-1.0, 0.0, 2.0]])], 2)
  np.testing.assert_array_equal(mask, [[False, True, True]])
  (mask,) = masks.keep_highest([jnp.array([[-1.0, 0.0, -1.0]])], 2)
  np.testing.assert_array_equal(mask, [[True, True, False]])


def test_several_tensors_ranked_together():
  first, second = masks.keep_highest([jnp.array([[1.0, 5.0]]), jnp.array([[4.0], [3.0]])], 2)
  np.testing.assert_array_equal(first, [[False, True]])
  np.testing.assert_array_equal(second, [[True], [False]])


def test_under_jit_with_a_traced_sparsity():
  weights = jnp.asarray(whole_numbers((24, 8), 1))
  jitted = jax.jit(lambda sparsity: masks.keep_mask(weights, sparsity))
  for sparsity in (0.25, 0.75):
    np.testing.assert_array_equal(jitted(sparsity), masks.keep_mask(weights, sparsity))


def test_what_has_no_blocks_is_refused():
  with pytest.raises(ValueError, match="matrices"):
    masks.grid((4,), (8, 1))
  with pytest.raises(ValueError, match="at least 1"):
    masks.grid((4, 4), (0, 1))
  with pytest.raises(ValueError, match="median"):
    masks.block_scores(jnp.ones((2, 2)), (1, 1), "median")
