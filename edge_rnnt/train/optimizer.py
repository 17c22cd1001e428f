"""The optimizers: clip -> optimizer -> learning rate -> prune, link by link."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from edge_rnnt import trees
from edge_rnnt.train.rates import Rate


def adamw(
  learning_rate: float | Rate,
  *,
  clip_norm: float = 1.0,
  b1: float = 0.9,
  b2: float = 0.98,
  eps: float = 1e-8,
  weight_decay: float = 1e-4,
  factors: Mapping[str, float | Rate] | None = None,
  prune: optax.GradientTransformation | None = None,
) -> optax.GradientTransformation:
  """Adam with decoupled weight decay (Loshchilov & Hutter 2019), on matrices only.

  Args:
    learning_rate: a number or a rate by update.
    clip_norm: largest global norm of a gradient.
    b1, b2, eps: Adam's.
    weight_decay: share of a weight that is taken off per update and unit of learning rate.
    factors: pattern of paths -> factor on their learning rate, a number or a rate by update.
    prune: the pruning link; it sees what the others have made of the update.
  """
  return optax.chain(
    optax.clip_by_global_norm(clip_norm),
    optax.scale_by_adam(b1, b2, eps),
    optax.add_decayed_weights(weight_decay, mask=matrices),
    scale_by_path(factors or {}),
    optax.scale_by_learning_rate(learning_rate),
    prune or optax.identity(),
  )


def lamb(
  learning_rate: float | Rate,
  *,
  clip_norm: float = 1.0,
  b1: float = 0.9,
  b2: float = 0.999,
  eps: float = 1e-6,
  weight_decay: float = 1e-4,
  factors: Mapping[str, float | Rate] | None = None,
  prune: optax.GradientTransformation | None = None,
) -> optax.GradientTransformation:
  """LAMB, Adam for large batches (You et al. 2020): each tensor moves in proportion to its norm.

  The arguments are those of `adamw`.
  """
  return optax.chain(
    optax.clip_by_global_norm(clip_norm),
    optax.scale_by_adam(b1, b2, eps),
    optax.add_decayed_weights(weight_decay, mask=matrices),
    optax.scale_by_trust_ratio(),
    scale_by_path(factors or {}),
    optax.scale_by_learning_rate(learning_rate),
    prune or optax.identity(),
  )


class ScaleByPathState(NamedTuple):
  """count: updates so far."""

  count: Int[Array, ""] | Any


def scale_by_path(factors: Mapping[str, float | Rate]) -> optax.GradientTransformation:
  """Multiplies the updates of each pattern's parameters; 0.0 freezes them, weight decay included.

  Raises ValueError, at `init`, for a pattern that decides for no parameter.
  """

  def init(params: optax.Params) -> ScaleByPathState:
    trees.match(factors, params)
    return ScaleByPathState(jnp.zeros((), jnp.int32))

  def update(
    updates: optax.Updates, state: ScaleByPathState, params: optax.Params | None = None
  ) -> tuple[optax.Updates, ScaleByPathState]:
    del params
    factor_of = trees.flatten(trees.match(factors, updates))

    def scaled(path: str, update: Array) -> Array:
      factor = factor_of.get(path, 1.0)
      return update * jnp.asarray(factor(state.count) if callable(factor) else factor, update.dtype)

    return trees.map_paths(scaled, updates), ScaleByPathState(optax.safe_increment(state.count))

  return optax.GradientTransformation(init, update)


def matrices(params: optax.Params) -> Any:
  """True for what weight decay is meant for: no biases, no gains."""
  return jax.tree.map(lambda leaf: leaf.ndim >= 2, params)
