"""State -> how many parameters a model has, and how many of them pruning has left."""

from typing import NamedTuple

import jax
import numpy as np

from edge_rnnt import trees
from edge_rnnt.model.config import without_auxiliary
from edge_rnnt.prune import masks
from edge_rnnt.prune import transform as prune
from edge_rnnt.train.state import TrainState


class Size(NamedTuple):
  """Counts of what is exported: heads that serve training only are not in them."""

  params: int
  """Parameters, pruned or not."""
  nonzero: int
  """Parameters that pruning has left."""
  sparsity: float
  """Share of zeros among the weights that can be pruned, 0 to 1."""


def size(state: TrainState) -> Size:
  """Counted from the shapes of the parameters and the masks that the state holds."""
  shapes = {
    path: leaf.shape for path, leaf in trees.flatten(without_auxiliary(state.params)).items()
  }
  params = sum(int(np.prod(shape)) for shape in shapes.values())
  pruning = prune.find(state.opt_state)
  if pruning is None:
    return Size(params, params, 0.0)
  pruned = prunable = 0
  for path, mask in pruning.masks.items():
    keep = np.asarray(jax.device_get(masks.expand(mask, shapes[path], pruning.block)))
    pruned += int(np.sum(~keep))
    prunable += keep.size
  return Size(params, params - pruned, pruned / prunable)
