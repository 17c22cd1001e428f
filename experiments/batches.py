"""What a config's stages are shown: shares of the sources at hand -> a plan of batches."""

from collections.abc import Callable, Mapping, Sequence

import jax
from ml_collections import ConfigDict

from edge_rnnt.inputs import buckets, plan
from edge_rnnt.inputs.augmentation import Augment
from edge_rnnt.inputs.prepared import Prepared


def shares_of(stage: ConfigDict, train: Mapping[str, Prepared]) -> dict[str, float]:
  """Of the sources that a stage names, those at hand."""
  return {name: share for name, share in stage.sources.items() if name in train and share}


def exposure_of(stages: Sequence[ConfigDict], train: Mapping[str, Prepared]) -> dict[str, float]:
  """Share of all batches of the stages that each source gets."""
  shares = [shares_of(stage, train) for stage in stages]
  batches = {
    name: sum(
      stage.steps * share.get(name, 0.0) / sum(share.values())
      for stage, share in zip(stages, shares, strict=True)
    )
    for name in sorted({name for share in shares for name in share})
  }
  return {name: count / sum(batches.values()) for name, count in batches.items()}


def plan_of(
  config: ConfigDict,
  train: Mapping[str, Prepared],
  names: Sequence[str],
  stages: Sequence[ConfigDict],
  disturb: Callable[[float], Augment],
) -> plan.BatchPlan:
  """Which utterances of `train` every update gets, in what shapes, disturbed how."""
  shares = [shares_of(stage, train) for stage in stages]
  exposure = exposure_of(stages, train)
  sources = {name: train[name] for name in exposure}
  planned = [
    plan.Stage(name, each.steps, share, disturb(each.disturb))
    for name, each, share in zip(names, stages, shares, strict=True)
  ]
  chosen = buckets.choose_buckets(
    list(sources.values()),
    shares=list(exposure.values()),
    count=config.buckets,
    batch_size=config.batch_size,
    frame_budget=config.frame_budget or None,
    multiple=jax.device_count() * config.accumulate,
  )
  return plan.BatchPlan(
    sources,
    planned,
    chosen,
    seed=config.seed,
    process=jax.process_index(),
    processes=jax.process_count(),
  )
