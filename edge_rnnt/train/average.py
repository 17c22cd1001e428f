"""Kept states whose weights are the mean of several checkpoints of their stage."""

import logging
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from edge_rnnt.train import processes
from edge_rnnt.train.checkpoint import CheckpointError, Checkpoints
from edge_rnnt.train.state import TrainState

logger = logging.getLogger(__name__)


def members(begin: int, end: int, count: int, spacing: int) -> tuple[int, ...]:
  """The updates before a stage's `end` whose weights are averaged with those at its end.

  Evenly apart, the last of them `spacing` before the end. Raises ValueError if they reach back to
  before the stage's first update.
  """
  first = end - (count - 1) * spacing
  if first <= begin:
    raise ValueError(
      f"{count} checkpoints {spacing} updates apart reach back {end - first} updates, but a stage "
      f"that keeps its state has {end - begin}: average fewer, or closer ones"
    )
  return tuple(range(first, end, spacing))


def averaged(
  state: TrainState, checkpoints: Checkpoints, steps: Sequence[int]
) -> tuple[TrainState, list[int]]:
  """`state` with the mean of its and the checkpoints' weights; which checkpoints took part.

  Averaged is what `inference_params` begins with, the moving average if there is one, dense: the
  masks of `state` apply to the mean. A checkpoint that can't be read is named in the log and left
  out.
  """
  total, used = _weights(state), []
  for step in steps:
    other = None
    try:
      other = checkpoints.restore(step, state)
    except CheckpointError as error:
      logger.warning("Averaged without step %s: %s", step, error)
    if processes.of_all(other is not None):
      total = jax.tree.map(jnp.add, total, _weights(other))
      used.append(step)
  mean = jax.tree.map(lambda leaf: leaf / (1 + len(used)), total)
  return state.replace(**{_field(state): mean}), used


def _field(state: TrainState) -> str:
  return "params" if state.ema is None else "ema"


def _weights(state: TrainState) -> Any:
  return getattr(state, _field(state))
