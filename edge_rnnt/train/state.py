"""Everything that an update changes, and so everything that a checkpoint must hold."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Key

from edge_rnnt.prune import transform as prune


@flax.struct.dataclass
class TrainState:
  """What training carries from one update to the next.

  Attributes:
    step: updates so far.
    params: the dense parameters.
    opt_state: the optimizer's, in it the masks of the pruning link.
    rng: the key that every step derives its own from; constant, so that resuming repeats nothing.
    ema: an exponential moving average of the dense parameters, or None.
    ranges: of the activations, if any stage is trained for the integer scheme (train/quantize.py).
  """

  # Not typed as arrays: JAX also builds this tree of shapes, of shardings and of names.
  step: Any  # int32 []
  params: Any
  opt_state: Any
  rng: Any
  ema: Any = None
  ranges: Any = None


def create(
  params: Any,
  optimizer: optax.GradientTransformation,
  rng: Key[Array, ""],
  *,
  ema: bool = False,
  ranges: Any = None,
) -> TrainState:
  """The state before the first update. It owns copies: steps donate what they are given."""
  params = jax.tree.map(_own, params)
  return TrainState(
    step=jnp.zeros((), jnp.int32),
    params=params,
    opt_state=jax.jit(optimizer.init)(params),  # one program instead of one for each array
    rng=jnp.copy(rng),
    ema=jax.tree.map(_own, params) if ema else None,
    ranges=jax.tree.map(_own, ranges),
  )


def _own(leaf: Array) -> Array:
  # A dtype by name makes the copy strongly typed, as what comes out of a step is. Else the step
  # would compile once more for its own output.
  return jnp.array(leaf, leaf.dtype)


def inference_params(state: TrainState) -> Any:
  """The parameters to decode with and to export: averaged if there is an average, pruned."""
  params = state.params if state.ema is None else state.ema
  return prune.apply(params, state.opt_state)
