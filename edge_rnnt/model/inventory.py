"""How many parameters a model has, and which of them pruning may take; nothing is allocated."""

import dataclasses
import math

import jax

from edge_rnnt.model.config import AUXILIARY, RNNTConfig
from edge_rnnt.model.rnnt import init
from edge_rnnt.trees import flatten


@dataclasses.dataclass(frozen=True)
class Inventory:
  """Parameters by path."""

  parameters: dict[str, int]

  @property
  def total(self) -> int:
    return sum(self.parameters.values())

  @property
  def prunable(self) -> dict[str, int]:
    """The cells' kernels: projections, embedding, joint and vectors stay dense."""
    return {path: count for path, count in self.parameters.items() if path.endswith("/kernel")}

  @property
  def prunable_total(self) -> int:
    return sum(self.prunable.values())

  def of(self, part: str) -> int:
    """Parameters of a part: "encoder", "prediction", "joint", "encoder/layer_2"."""
    within = [n for path, n in self.parameters.items() if f"{path}/".startswith(f"{part}/")]
    if not within:
      raise ValueError(f"the model has no {part!r}; its paths are {sorted(self.parameters)}")
    return sum(within)

  def left(self, *, encoder: float = 0.0, prediction: float = 0.0) -> int:
    """Parameters left when these shares of the kernels in each part are pruned."""
    sparsity = {"encoder": encoder, "prediction": prediction}
    pruned = [round(n * sparsity[path.partition("/")[0]]) for path, n in self.prunable.items()]
    return self.total - sum(pruned)


def count(config: RNNTConfig) -> Inventory:
  """The inventory of a model; auxiliary heads are left out, since they never ship."""
  config = dataclasses.replace(config, **dict.fromkeys(AUXILIARY, False))
  shapes = jax.eval_shape(lambda: init(config, jax.random.key(0)))
  return Inventory({path: math.prod(leaf.shape) for path, leaf in flatten(shapes).items()})
