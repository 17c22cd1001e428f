"""How many parameters a model has, and how many pruning leaves; nothing is allocated."""

import dataclasses
import math
from collections.abc import Mapping

import jax

from edge_rnnt import trees
from edge_rnnt.model.config import AUXILIARY, RNNTConfig
from edge_rnnt.model.rnnt import init
from edge_rnnt.prune import masks

Sparsities = Mapping[str, float]
"""Pattern of paths -> share of their blocks that is pruned, as `prune.gradual` selects."""


@dataclasses.dataclass(frozen=True)
class Inventory:
  """The parameters' shapes by path."""

  shapes: Mapping[str, tuple[int, ...]]

  @property
  def parameters(self) -> dict[str, int]:
    return {path: math.prod(shape) for path, shape in self.shapes.items()}

  @property
  def total(self) -> int:
    return sum(self.parameters.values())

  def of(self, part: str) -> int:
    """Parameters of a part: "encoder", "prediction", "joint", "encoder/layer_2"."""
    within = [n for path, n in self.parameters.items() if f"{path}/".startswith(f"{part}/")]
    if not within:
      raise ValueError(f"the model has no {part!r}; its paths are {sorted(self.parameters)}")
    return sum(within)

  def selected(self, sparsities: Sparsities) -> dict[str, float]:
    """Path -> sparsity; raises ValueError for a pattern that decides for nothing."""
    return trees.flatten(trees.match(sparsities, self.parameters))

  def kept_blocks(self, sparsities: Sparsities, block: masks.Block = (8, 1)) -> dict[str, int]:
    """How many blocks stay of each selected matrix: exactly as many as the masks keep."""
    return {
      path: int(masks.kept_blocks(math.prod(masks.grid(self.shapes[path], block)), sparsity))
      for path, sparsity in self.selected(sparsities).items()
    }

  def nonzero(self, sparsities: Sparsities, block: masks.Block = (8, 1)) -> int:
    """Parameters left. Blocks cut short at an edge, if there are any, count as the mean block."""
    left = self.parameters
    for path, kept in self.kept_blocks(sparsities, block).items():
      left[path] = round(left[path] * kept / math.prod(masks.grid(self.shapes[path], block)))
    return sum(left.values())


def count(config: RNNTConfig) -> Inventory:
  """The inventory of a model; auxiliary heads are left out, since they never ship."""
  config = dataclasses.replace(config, **dict.fromkeys(AUXILIARY, False))
  shapes = jax.eval_shape(lambda: init(config, jax.random.key(0)))
  return Inventory({path: leaf.shape for path, leaf in trees.flatten(shapes).items()})
