"""Which tensors are ranked together, how many of their blocks stay at a step, and which."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from edge_rnnt import trees
from edge_rnnt.prune import masks
from edge_rnnt.prune.schedule import Schedule

Masks = dict[str, Bool[Array, "_ _"]]


class Group(NamedTuple):
  """Parameters whose blocks compete with each other, under one schedule."""

  schedule: Schedule
  paths: list[str]
  blocks: int

  def kept(self, step: jax.typing.ArrayLike) -> Array:
    """Blocks of the group that stay at a step."""
    return masks.kept_blocks(self.blocks, self.schedule(step))


def groups(
  select: Mapping[str, Schedule], params: Any, block: masks.Block, across: str
) -> list[Group]:
  """One group a tensor, or one a pattern.

  Raises ValueError if a pattern selects nothing, or something that is no matrix.
  """
  pattern_of = trees.flatten(trees.match({pattern: pattern for pattern in select}, params))
  weights = trees.flatten(params)
  blocks = {path: _count(path, weights[path], block) for path in pattern_of}
  if across == "tensor":
    return [Group(select[pattern], [path], blocks[path]) for path, pattern in pattern_of.items()]
  members = {pattern: [p for p, own in pattern_of.items() if own == pattern] for pattern in select}
  return [
    Group(select[pattern], paths, sum(blocks[path] for path in paths))
    for pattern, paths in members.items()
  ]


def choose(
  groups_: list[Group],
  params: Any,
  step: jax.typing.ArrayLike,
  block: masks.Block,
  pool: str,
  alive: Masks | None = None,
) -> Masks:
  """All groups' block masks at a step; blocks outside `alive` stay if nothing else is left."""
  weights, chosen = trees.flatten(params), {}
  for group in groups_:
    scores = [masks.block_scores(weights[path], block, pool) for path in group.paths]
    if alive is not None:
      scores = [jnp.where(alive[p], s, -1.0) for p, s in zip(group.paths, scores, strict=True)]
    kept = masks.keep_highest(scores, group.kept(step))
    chosen |= dict(zip(group.paths, kept, strict=True))
  return chosen


def overdue(groups_: list[Group], current: Masks, step: jax.typing.ArrayLike) -> Bool[Array, ""]:
  """Whether some schedule has come to rest on another number of blocks than its group keeps now."""
  late = [
    (group.schedule(step) == group.schedule(step + 1))
    & (group.kept(step) != sum(jnp.sum(current[path]) for path in group.paths))
    for group in groups_
  ]
  return jnp.any(jnp.stack(late))


def _count(path: str, weights: Any, block: masks.Block) -> int:
  try:
    rows, columns = masks.grid(weights.shape, block)
  except ValueError as error:
    raise ValueError(f"Can't prune {path}: {error}") from error
  return rows * columns
