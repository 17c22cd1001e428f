"""One update, as one pure jitted function."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from edge_rnnt.cells.cell import IDENTITY, Tap
from edge_rnnt.model.rnnt import RNNT
from edge_rnnt.prune import transform as prune
from edge_rnnt.train.objective import Objective, make_objective
from edge_rnnt.train.rates import Rate
from edge_rnnt.train.state import TrainState

Metrics = dict[str, Array]
TrainStep = Callable[..., tuple[TrainState, Metrics]]


def make_train_step(
  model: RNNT,
  optimizer: optax.GradientTransformation,
  *,
  transducer_weight: float,
  ctc_weight: float,
  alignment_weight: float = 0.0,
  window: int | None = None,
  emission: tuple[int, int] | None = None,
  tap: Tap = IDENTITY,
  learning_rate: Rate | None = None,
  ema_decay: float | None = None,
) -> TrainStep:
  """step(state, features, frame_lengths, labels, label_lengths, alignment) -> (state, metrics).

  The state that is passed in is donated: use the one that comes back. Metrics are device scalars:
  loss and its parts, grad_norm (before clipping), finite, the pruning link's report, and
  learning_rate if the rate is given (it is for the log only, the optimizer has its own).

  Raises:
    ValueError: as `make_objective`, or an ema_decay outside (0, 1).
  """
  objective = make_objective(
    model,
    transducer_weight=transducer_weight,
    ctc_weight=ctc_weight,
    alignment_weight=alignment_weight,
    window=window,
    emission=emission,
    tap=tap,
  )
  return make_update(objective, optimizer, learning_rate=learning_rate, ema_decay=ema_decay)


def make_update(
  objective: Objective,
  optimizer: optax.GradientTransformation,
  *,
  learning_rate: Rate | None = None,
  ema_decay: float | None = None,
) -> TrainStep:
  """The step of any objective(params, *batch) -> (loss, parts); see `make_train_step`."""
  if ema_decay is not None and not 0 < ema_decay < 1:
    raise ValueError(f"ema_decay lies between 0 and 1, got {ema_decay}")

  def step(state: TrainState, *batch: Array) -> tuple[TrainState, Metrics]:
    def loss(params: optax.Params) -> tuple[Array, Metrics]:
      return objective(prune.apply(params, state.opt_state), *batch)

    (_, metrics), gradients = jax.value_and_grad(loss, has_aux=True)(state.params)
    updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics["grad_norm"] = optax.tree.norm(gradients)
    metrics["finite"] = jnp.isfinite(metrics["loss"]) & jnp.isfinite(metrics["grad_norm"])
    metrics |= prune.report(opt_state)
    if learning_rate is not None:
      metrics["learning_rate"] = jnp.asarray(learning_rate(state.step))
    ema = state.ema
    if ema_decay is not None:
      ema = optax.incremental_update(params, ema, 1 - ema_decay)
    return TrainState(state.step + 1, params, opt_state, state.rng, ema), metrics

  return jax.jit(step, donate_argnums=0)
