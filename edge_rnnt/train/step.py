"""One update, as one pure jitted function."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.sharding import PartitionSpec
from jaxtyping import Array, DTypeLike

from edge_rnnt.cells.cell import Tap
from edge_rnnt.model.rnnt import RNNT
from edge_rnnt.prune import transform as prune
from edge_rnnt.train.dropout import dropping, seeds
from edge_rnnt.train.mesh import AXIS, Layout
from edge_rnnt.train.objective import Objective, make_objective
from edge_rnnt.train.quantize import Aware
from edge_rnnt.train.ranges import Utterances
from edge_rnnt.train.rates import Rate
from edge_rnnt.train.state import TrainState

Metrics = dict[str, Array]
TrainStep = Callable[..., tuple[TrainState, Metrics]]
Gradient = Callable[..., tuple[optax.Updates, Metrics]]


def make_train_step(
  model: RNNT,
  optimizer: optax.GradientTransformation,
  *,
  transducer_weight: float,
  ctc_weight: float,
  alignment_weight: float = 0.0,
  window: int | None = None,
  emission: tuple[int, int] | None = None,
  blank_penalty: float = 0.0,
  dropout: float = 0.0,
  quantize: Aware | None = None,
  matmul_dtype: DTypeLike = jnp.float32,
  learning_rate: Rate | None = None,
  ema_decay: float | None = None,
  accumulate: int = 1,
  layout: Layout | None = None,
) -> TrainStep:
  """step(state, features, frame_lengths, labels, label_lengths, alignment) -> (state, metrics).

  The state that is passed in is donated: use the one that comes back. Metrics are device scalars:
  loss and its parts, grad_norm (before clipping), finite, the pruning link's report, and
  learning_rate if the rate is given (it is for the log only, the optimizer has its own).

  Raises:
    ValueError: as `make_objective` and `make_update`.
  """
  objective = make_objective(
    model,
    transducer_weight=transducer_weight,
    ctc_weight=ctc_weight,
    alignment_weight=alignment_weight,
    window=window,
    emission=emission,
    blank_penalty=blank_penalty,
    matmul_dtype=matmul_dtype,
  )
  return make_update(
    objective,
    optimizer,
    dropout=dropout,
    quantize=quantize,
    learning_rate=learning_rate,
    ema_decay=ema_decay,
    accumulate=accumulate,
    layout=layout,
  )


def make_update(
  objective: Objective,
  optimizer: optax.GradientTransformation,
  *,
  dropout: float = 0.0,
  quantize: Aware | None = None,
  learning_rate: Rate | None = None,
  ema_decay: float | None = None,
  accumulate: int = 1,
  layout: Layout | None = None,
) -> TrainStep:
  """The step of any objective; see `make_train_step`.

  dropout: share of the units that each utterance is trained without (train/dropout.py); then the
  objective takes a tap.

  quantize: how the model is quantized; then the objective takes a tap, and a batch begins with what
  Utterances holds.

  accumulate: parts that each device's rows are taken in, one after another, for want of memory; the
  update is that of the whole batch. layout: where the arrays lie (default: the state whole on all
  devices of all processes). Raises ValueError for an ema_decay outside (0, 1) or accumulate < 1,
  and when it is compiled, for rows that don't divide into the parts.
  """
  if ema_decay is not None and not 0 < ema_decay < 1:
    raise ValueError(f"ema_decay lies between 0 and 1, got {ema_decay}")
  if accumulate < 1:
    raise ValueError(f"accumulate is a number of parts, at least 1; got {accumulate}")
  layout = layout or Layout()
  if dropout:
    objective = dropping(objective, dropout)

  def step(state: TrainState, *batch: Array) -> tuple[TrainState, Metrics]:
    def seen(params: optax.Params, ranges: Any) -> Any:
      masked = prune.apply(params, state.opt_state)
      return masked if quantize is None else (masked, quantize.tap(state.step, ranges))

    if dropout:
      batch = (*batch, seeds(state.rng, state.step, len(batch[0])))
    ranges = None if state.ranges is None else state.ranges.ranges
    visible, pull = jax.vjp(seen, state.params, ranges)
    shared = objective if quantize is None else _through_tap(objective)
    gradients, metrics = _over_devices(_gradient(shared, accumulate), layout)(visible, batch)
    gradients, slopes = pull(gradients)
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
    kept = state.ranges
    if quantize is not None:
      kept = quantize.advance(state.step, kept, slopes, visible[0], Utterances(*batch[:4]))
    state = TrainState(state.step + 1, params, opt_state, state.rng, ema, kept)
    return jax.lax.with_sharding_constraint(state, layout.shardings(state)), metrics

  return jax.jit(step, donate_argnums=0)


def _through_tap(objective: Objective) -> Objective:
  """The objective of (params, tap): what learns on every device is one tree."""

  def shares(given: tuple[Any, Tap], *rest: Any) -> tuple[Array, Metrics]:
    params, tap = given
    return objective.shares(params, *rest, tap=tap)

  return Objective(objective.counts, shares)


def _gradient(objective: Objective, parts: int) -> Gradient:
  """gradient(params, batch) of the mean over all devices' rows, on one of them."""

  def gradient(params: Any, batch: tuple[Array, ...]) -> tuple[optax.Updates, Metrics]:
    counts = jax.lax.psum(objective.counts(*batch), AXIS)
    share = jax.grad(objective.shares, has_aux=True)
    if parts == 1:
      return jax.lax.psum(share(params, counts, *batch), AXIS)

    def add(total: Any, part: tuple[Array, ...]) -> tuple[Any, None]:
      return jax.tree.map(jnp.add, total, share(params, counts, *part)), None

    pieces = tuple(_pieces(array, parts) for array in batch)
    first = tuple(array[0] for array in pieces)
    zeros = jax.tree.map(
      lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(share, params, counts, *first)
    )
    return jax.lax.psum(jax.lax.scan(add, zeros, pieces)[0], AXIS)

  return gradient


def _over_devices(gradient: Gradient, layout: Layout) -> Gradient:
  """Each device computes with its rows alone.

  Left to the compiler, loops over packed rows (the joint loss, see loss/tiles.py) would gather the
  batch and do all of the work on every device.
  """
  whole, rows = PartitionSpec(), PartitionSpec(AXIS)
  return jax.shard_map(
    gradient,
    mesh=layout.mesh,
    in_specs=(whole, rows),
    out_specs=whole,
    check_vma=False,  # a cell's own zeros are alike on all devices where a scan's end is not
  )


def _pieces(array: Array, parts: int) -> Array:
  """[B, ...] -> [parts, B / parts, ...]."""
  if array.shape[0] % parts:
    raise ValueError(
      f"{array.shape[0]} utterances a device can't be taken in accumulate={parts} equal parts"
    )
  return array.reshape(parts, -1, *array.shape[1:])
