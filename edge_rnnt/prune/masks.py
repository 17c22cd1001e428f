"""From the magnitudes of a kernel to the blocks that stay.

A kernel [in, out] is cut into blocks of (in, out) weights from its first row and column on; the
blocks at the far edges may be cut short. A block mask has one entry a block, True where it stays:
an eighth of a byte a weight at (8, 1), and every count is exact by construction.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

Block = tuple[int, int]


def grid(shape: Sequence[int], block: Block) -> tuple[int, int]:
  """Blocks along each axis, the last perhaps cut short. Raises ValueError for what is no matrix."""
  if len(shape) != 2:
    raise ValueError(f"only matrices [in, out] are cut into blocks, got the shape {tuple(shape)}")
  if min(block) < 1:
    raise ValueError(f"a block is (in, out) weights, both at least 1, got {block}")
  return math.ceil(shape[0] / block[0]), math.ceil(shape[1] / block[1])


def block_scores(
  weights: Float[Array, "I O"], block: Block, pool: str = "mean"
) -> Float[Array, "R C"]:
  """Mean or largest |w| of each block, in float32; a block cut short counts the weights it has."""
  check_pool(pool)
  magnitudes = _blocks(jnp.abs(weights.astype(jnp.float32)), block)
  if pool == "max":
    return magnitudes.max(axis=(1, 3))
  return magnitudes.sum(axis=(1, 3)) / _block_sizes(weights.shape, block)


def check_pool(pool: str) -> None:
  """Raises ValueError for a way to score a block that there isn't."""
  if pool not in ("mean", "max"):
    raise ValueError(f"pool must be 'mean' or 'max', got {pool!r}")


def kept_blocks(blocks: int, sparsity: jax.typing.ArrayLike) -> Int[Array, ""]:
  """k = round(blocks (1 - sparsity)) in float32, halves to even."""
  return jnp.round(blocks * (1 - jnp.asarray(sparsity, jnp.float32))).astype(jnp.int32)


def keep_highest(
  scores: Sequence[Float[Array, "_ _"]], kept: jax.typing.ArrayLike
) -> list[Bool[Array, "_ _"]]:
  """Block masks that keep exactly `kept` of all the blocks, those with the highest scores.

  Of equal scores the earliest stay (first array first, row by row). A negative score means "only if
  nothing else is left". The threshold is found bit by bit: floats that aren't negative are ordered
  as their bit patterns, so 32 counts give the kept-th highest score. That is faster than a sort,
  and where arrays are sharded it needs sums only.
  """
  order = jnp.concatenate([_ordinal(score).ravel() for score in scores])
  kept = jnp.asarray(kept, jnp.int32)

  def raise_threshold(bit: Int[Array, ""], threshold: Array) -> Array:
    higher = threshold | (jnp.uint32(1) << (31 - bit).astype(jnp.uint32))
    return jnp.where(jnp.sum(order >= higher) >= kept, higher, threshold)

  threshold = jax.lax.fori_loop(0, 32, raise_threshold, jnp.uint32(0))
  above, equal = order > threshold, order == threshold
  keep = above | (equal & (jnp.cumsum(equal) <= kept - jnp.sum(above)))
  ends = [sum(score.size for score in scores[: i + 1]) for i in range(len(scores))]
  return [
    part.reshape(score.shape)
    for part, score in zip(jnp.split(keep, ends[:-1]), scores, strict=True)
  ]


def expand(keep: Bool[Array, "R C"], shape: Sequence[int], block: Block) -> Bool[Array, "I O"]:
  """The block mask as a mask of the kernel's own shape."""
  return jnp.repeat(jnp.repeat(keep, block[0], axis=0), block[1], axis=1)[: shape[0], : shape[1]]


def keep_mask(
  weights: Float[Array, "I O"],
  sparsity: jax.typing.ArrayLike,
  block: Block = (8, 1),
  pool: str = "mean",
) -> Bool[Array, "I O"]:
  """The kernel's mask at a sparsity: exactly k = round(blocks (1 - sparsity)) blocks stay."""
  scores = block_scores(weights, block, pool)
  (keep,) = keep_highest([scores], kept_blocks(scores.size, sparsity))
  return expand(keep, weights.shape, block)


def _blocks(weights: Float[Array, "I O"], block: Block) -> Float[Array, "R Y C X"]:
  """Cut into blocks, zeros completing the last: R block rows of Y rows, C block columns of X."""
  rows, columns = grid(weights.shape, block)
  pad = (rows * block[0] - weights.shape[0], columns * block[1] - weights.shape[1])
  padded = jnp.pad(weights, ((0, pad[0]), (0, pad[1])))
  return padded.reshape(rows, block[0], columns, block[1])


def _block_sizes(shape: Sequence[int], block: Block) -> Int[Array, "R C"]:
  """Weights in each block."""
  rows, columns = grid(shape, block)
  heights = jnp.minimum(block[0], shape[0] - block[0] * jnp.arange(rows))
  widths = jnp.minimum(block[1], shape[1] - block[1] * jnp.arange(columns))
  return heights[:, None] * widths


def _ordinal(scores: Float[Array, "R C"]) -> Array:
  """uint32 in the order of the scores: 0 for a negative one, its bit pattern + 1 for another."""
  scores = scores.astype(jnp.float32)
  bits = jax.lax.bitcast_convert_type(jnp.abs(scores), jnp.uint32)
  return jnp.where(scores < 0, jnp.uint32(0), bits + 1)
