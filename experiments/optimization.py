"""The stages of a config -> one optimizer over the global step: rates, warm-ups, pruning."""

import itertools
from collections.abc import Callable, Mapping, Sequence

import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

from edge_rnnt.prune import schedule, transform
from edge_rnnt.train import rates
from edge_rnnt.train.optimizer import adamw, lamb
from experiments import schemes

OPTIMIZERS = {"adamw": adamw, "lamb": lamb}


def optimizer(config: ConfigDict, stages: Sequence[ConfigDict]) -> optax.GradientTransformation:
  """The optimizer with the stages' rates; joint and prediction warm up when first needed.

  Raises ValueError for an unknown optimizer.
  """
  settings = config.optimizer
  if settings.name not in OPTIMIZERS:
    raise ValueError(f"optimizer.name is {settings.name!r}: expected one of {list(OPTIMIZERS)}")
  held_back = rates.warmup(settings.warmup_steps, begin=transducer_begins(stages))
  return OPTIMIZERS[settings.name](
    learning_rate(config, stages),
    clip_norm=settings.clip_norm,
    weight_decay=settings.weight_decay,
    factors={r"(prediction|joint)/.*": held_back},
    prune=pruning(config.pruning, stages),
  )


def transducer_begins(stages: Sequence[ConfigDict]) -> int:
  """Updates before the first stage with a transducer loss."""
  before = itertools.takewhile(lambda each: each.transducer == 0, stages)
  return sum(each.steps for each in before)


def learning_rate(config: ConfigDict, stages: Sequence[ConfigDict]) -> rates.Rate:
  """A decay within each stage, after one warm-up at the beginning of all.

  Raises ValueError for an unknown decay, or one that is held for all of a stage.
  """
  settings = config.optimizer
  known = _decays(settings)
  if settings.decay not in known or not 0 <= settings.hold < 1:
    raise ValueError(
      f"optimizer.decay is {settings.decay!r}, expected one of {list(known)}; optimizer.hold is "
      f"{settings.hold}, expected a share of a stage from 0 to below 1"
    )
  ends = np.cumsum([each.steps for each in stages])
  decays = []
  for each, end in zip(stages, ends, strict=True):
    steps = max(1, round((1 - settings.hold) * each.steps))
    begin = int(end) - steps
    decays.append(known[settings.decay](each.rate, steps=steps, begin=begin, final=each.final))
  warmup = rates.warmup(settings.warmup_steps)

  def rate(step):
    stage = jnp.minimum(jnp.searchsorted(jnp.asarray(ends), step, side="right"), len(ends) - 1)
    return warmup(step) * jnp.stack([decay(step) for decay in decays])[stage]

  return rate


def _decays(settings: ConfigDict) -> dict[str, Callable[..., rates.Rate]]:
  """By name: decay(peak, steps=, begin=, final=)."""

  def inverse_square_root(peak: float, *, steps: int, begin: int, final: float) -> rates.Rate:
    del steps  # it goes on at its own pace until the stage ends
    return rates.inverse_square_root(
      peak, warmup_steps=settings.warmup_steps, begin=begin, final=final
    )

  return {
    "cosine": rates.cosine,
    "exponential": rates.exponential,
    "inverse_square_root": inverse_square_root,
  }


def pruning(config: ConfigDict, stages: Sequence[ConfigDict]) -> optax.GradientTransformation:
  """Each stage with a sparsity raises it along a cubic during its first part, then holds."""
  begin, reached = 0, config.start
  parts = {0: schedule.constant(reached)}
  for each in stages:
    if each.sparsity >= 0:
      end = begin + max(1, round(config.ramp * each.steps))
      parts[begin] = schedule.cubic(begin, end, each.sparsity, initial=reached)
      reached = each.sparsity
    begin += each.steps
  return transform.gradual(
    schedule.piecewise(parts),
    block=tuple(config.block),
    select=targets(config.shares, reached),
    every=config.every,
    until=schemes.masks_freeze_at(stages),
    recovery=config.recovery,
    across=config.across,
  )


def targets(shares: Mapping[str, float], highest: float) -> dict[str, float]:
  """Pattern of kernels -> share of a stage's sparsity; parts of an equal share are one pattern.

  Raises ValueError for a share that is none, or makes more of the sparsity `highest` than there is.
  """
  for part, share in shares.items():
    if share < 0 or share * highest > 1:
      raise ValueError(
        f"pruning.shares.{part} is {share}: times a stage's sparsity ({highest}) it must lie "
        "between 0 and 1"
      )
  parts = {share: [p for p in shares if shares[p] == share] for share in shares.values()}
  return {rf"({'|'.join(names)})/layer_\d+/kernel": share for share, names in parts.items()}
