"""Pruning as the last link of an optax chain; its state, and so a checkpoint, holds the masks.

Parameters stay dense in the training state. The forward pass sees `apply(params, opt_state)`, and
the masks are made anew from the dense magnitudes as training goes on, so a block that was pruned
can come back.
"""

from collections.abc import Callable, Mapping
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from edge_rnnt import trees
from edge_rnnt.prune import masks, ranking
from edge_rnnt.prune.schedule import Schedule

RECOVERIES = ("straight_through", "magnitude", "none")

CELL_KERNELS = {r".*/layer_\d+/kernel": 1.0}


@flax.struct.dataclass
class PruneState:
  """What the link remembers; the dictionaries are keyed by the path of the pruned parameter.

  Attributes:
    count: updates so far.
    masks: block masks, True where a block stays (masks.expand gives the parameter's shape).
    fallen: True for each block that was pruned at some time.
    flipped: blocks that changed when the masks were made last.
    block: (in, out) weights of a block.
    straight_through: whether pruned weights get the gradient of the zeros in their place.
  """

  # Not typed as arrays: JAX also builds this tree of shapes, of shardings and of names.
  count: Any  # int32 []
  masks: dict[str, Any]  # bool [block rows, block columns]
  fallen: dict[str, Any]
  flipped: Any  # int32 []
  block: tuple[int, int] = flax.struct.field(pytree_node=False)
  straight_through: bool = flax.struct.field(pytree_node=False)


def gradual(
  schedule: Schedule,
  *,
  block: masks.Block = (8, 1),
  select: Mapping[str, float | Schedule] = CELL_KERNELS,
  every: int = 10,
  until: int | None = None,
  recovery: str = "straight_through",
  pool: str = "mean",
  across: str = "tensor",
) -> optax.GradientTransformation:
  """Prune by magnitude, as the schedule says (Zhu & Gupta 2017), in blocks (Narang et al. 2017).

  In a chain this must be the last link: it reads what the parameters will be after the update.
  Masks are made anew every `every` updates, and at once when a schedule has come to rest on another
  number of blocks than are kept; after update `until` they are frozen. Each making keeps exactly
  round(blocks (1 - sparsity)).

  Args:
    schedule: sparsity by update.
    block: (in, out) weights that live and die together.
    select: pattern of paths -> their share of the schedule's sparsity, or a schedule of their own.
    every: updates between two makings of the masks.
    until: the last update at which masks may change.
    recovery: how a pruned block may return. "straight_through": it gets the loss gradient and goes
      on learning. "magnitude": it keeps its values, and returns when others shrink below it.
      "none": it never returns, unless the schedule asks for more blocks than are left.
    pool: the score of a block: the mean or the largest magnitude in it.
    across: "tensor" ranks the blocks of each tensor, "pattern" those of all the tensors of a
      pattern together.

  Raises:
    ValueError: for a bad option; at `init`, when a pattern selects nothing, or something that is no
      matrix.
  """
  _check_options(every=every, recovery=recovery, across=across, block=block, pool=pool)
  schedules = {pattern: _schedule_of(target, schedule) for pattern, target in select.items()}

  def init(params: optax.Params) -> PruneState:
    groups = ranking.groups(schedules, params, block, across)
    chosen = ranking.choose(groups, params, jnp.int32(0), block, pool)
    fallen = {path: ~mask for path, mask in chosen.items()}
    return PruneState(
      count=jnp.zeros((), jnp.int32),
      masks=chosen,
      fallen=fallen,
      flipped=jnp.zeros((), jnp.int32),  # its own buffer: a donated state may hold none twice
      block=block,
      straight_through=recovery == "straight_through",
    )

  def update(
    updates: optax.Updates, state: PruneState, params: optax.Params | None = None
  ) -> tuple[optax.Updates, PruneState]:
    if params is None:
      raise ValueError("Pruning ranks the parameters: call update(updates, state, params).")
    if not state.straight_through:  # momentum and weight decay would move what has no gradient
      updates = _map_masked(_zero, updates, state)
    count = optax.safe_increment(state.count)
    groups = ranking.groups(schedules, params, block, across)
    due = (count % every == 0) | ranking.overdue(groups, state.masks, count)
    if until is not None:
      due &= count <= until
    alive = state.masks if recovery == "none" else None

    def make() -> ranking.Masks:
      new_params = optax.apply_updates(params, updates)
      return ranking.choose(groups, new_params, count, block, pool, alive)

    chosen = jax.lax.cond(due, make, lambda: state.masks)
    flipped = sum(jnp.sum(chosen[path] ^ old) for path, old in state.masks.items())
    return updates, state.replace(
      count=count,
      masks=chosen,
      fallen={path: old | ~chosen[path] for path, old in state.fallen.items()},
      flipped=jnp.where(due, flipped, state.flipped),
    )

  return optax.GradientTransformation(init, update)


def find(opt_state: optax.OptState) -> PruneState | None:
  """The PruneState anywhere in an optimizer's state, or None. Raises ValueError for several."""
  leaves = jax.tree.leaves(opt_state, is_leaf=lambda node: isinstance(node, PruneState))
  found = [leaf for leaf in leaves if isinstance(leaf, PruneState)]
  if len(found) > 1:
    raise ValueError(f"Expected one pruning link in the chain, got {len(found)}: prune in one.")
  return found[0] if found else None


def apply(params: optax.Params, opt_state: optax.OptState) -> optax.Params:
  """The parameters with pruned weights at zero: what the model computes with.

      w_masked = w where its block stays, else 0
      dL/dw = dL/dw_masked            (straight_through)
            = dL/dw_masked * mask     (otherwise)

  Returns them unchanged if nothing prunes. Raises ValueError if a mask finds no parameter.
  """
  state = find(opt_state)
  if state is None:
    return params
  missing = set(state.masks) - set(trees.flatten(params))
  if missing:
    raise ValueError(f"There are masks for {sorted(missing)}, but no such parameters.")
  zero = _zero_straight_through if state.straight_through else _zero
  return _map_masked(zero, params, state)


def sparsity(opt_state: optax.OptState) -> Float[Array, ""]:
  """Share of pruned blocks among all blocks that can be pruned; 0 if nothing prunes."""
  state = find(opt_state)
  if state is None:
    return jnp.zeros(())
  pruned = sum(jnp.sum(~mask) for mask in state.masks.values())
  blocks = sum(mask.size for mask in state.masks.values())
  return pruned / blocks


def report(opt_state: optax.OptState) -> dict[str, Array]:
  """Scalars for the log: sparsity, blocks flipped last, the share back of all ever pruned."""
  state = find(opt_state)
  if state is None:
    return {}
  fallen = sum(jnp.sum(mask) for mask in state.fallen.values())
  back = sum(jnp.sum(mask & state.fallen[path]) for path, mask in state.masks.items())
  return {
    "sparsity": sparsity(opt_state),
    "blocks_flipped": state.flipped,
    "blocks_back": back / jnp.maximum(fallen, 1),
  }


def _zero(weights: Array, keep: Array) -> Array:
  return jnp.where(keep, weights, 0)


def _zero_straight_through(weights: Array, keep: Array) -> Array:
  # Exactly 0 or w, and the gradient of w.
  return weights - jax.lax.stop_gradient(jnp.where(keep, 0, weights))


def _map_masked(function: Callable[[Array, Array], Array], tree: Any, state: PruneState) -> Any:
  """The tree with `function(leaf, mask of the leaf's shape)` where there is a mask."""

  def leaf(path: str, value: Array) -> Array:
    if path not in state.masks:
      return value
    return function(value, masks.expand(state.masks[path], value.shape, state.block))

  return trees.map_paths(leaf, tree)


def _schedule_of(target: float | Schedule, common: Schedule) -> Schedule:
  if callable(target):
    return target
  if not target >= 0:
    raise ValueError(f"a pattern's share of the sparsity is 0 or more; got {target}")
  return lambda step: target * common(step)


def _check_options(
  *, every: int, recovery: str, across: str, block: masks.Block, pool: str
) -> None:
  if every < 1:
    raise ValueError(f"every is a number of updates, at least 1; got {every}")
  if recovery not in RECOVERIES:
    raise ValueError(f"recovery is one of {RECOVERIES}; got {recovery!r}")
  if across not in ("tensor", "pattern"):
    raise ValueError(f"across is 'tensor' or 'pattern'; got {across!r}")
  masks.grid((1, 1), block)
  masks.check_pool(pool)
