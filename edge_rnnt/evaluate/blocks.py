"""Masks -> what they leave of each kernel, counted in the numbers that the model computes with.

A mask says which blocks stay; this looks at the weights, so it would notice one that is not exactly
zero, and a zero that no mask made.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Shaped

from edge_rnnt import trees
from edge_rnnt.prune import masks
from edge_rnnt.prune import transform as prune


class Blocks(NamedTuple):
  """One kernel, as the model computes with it."""

  shape: tuple[int, ...]
  blocks: int
  """That it is cut into."""
  kept: int
  """Blocks that the mask keeps."""
  pruned: int
  """Weights in the other blocks."""
  zeros: int
  """Weights of these that are exactly zero: all of them, or pruning is broken."""
  zeros_elsewhere: int
  """Zeros in blocks that stay: chance, if any."""


def count(params: Any, state: prune.PruneState) -> dict[str, Blocks]:
  """Path -> counts, for every kernel with a mask. Raises ValueError if one has no parameter."""
  seen = trees.flatten(prune.apply(params, state))
  return {
    path: _count(np.asarray(seen[path]), np.asarray(mask), state.block)
    for path, mask in state.masks.items()
  }


def _count(
  kernel: Shaped[np.ndarray, "I O"], kept: Bool[np.ndarray, "R C"], block: masks.Block
) -> Blocks:
  def in_blocks(weights: np.ndarray) -> np.ndarray:
    for axis, size in enumerate(block):
      starts = np.arange(0, weights.shape[axis], size)
      weights = np.add.reduceat(weights, starts, axis=axis)
    return weights

  weights, zeros = in_blocks(np.ones(kernel.shape, int)), in_blocks((kernel == 0).astype(int))
  return Blocks(
    shape=kernel.shape,
    blocks=kept.size,
    kept=int(kept.sum()),
    pruned=int(weights[~kept].sum()),
    zeros=int(zeros[~kept].sum()),
    zeros_elsewhere=int(zeros[kept].sum()),
  )
