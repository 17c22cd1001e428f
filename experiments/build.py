"""Config -> objects: the only place that knows both ConfigDicts and the library.

speech = prepare_speech(config, corpora)    front end, word-pieces, prepared sources
run = build.run(config, speech)             model, first state, stages, plan of batches
state = fit(run.state, stages=run.stages, batches=run.batches, ...)
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from edge_rnnt.inputs import batching, buckets, plan
from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.model.rnnt import RNNT, init
from edge_rnnt.train import state, step
from edge_rnnt.train.loop import Stage, averaged_at, stage_of
from edge_rnnt.train.mesh import Layout
from edge_rnnt.train.quantize import Aware, initial_ranges
from edge_rnnt.train.retention import Retention
from edge_rnnt.train.warm_start import check_same_shapes
from experiments import batches, disturbance, optimization, schemes
from experiments.speech import Speech
from experiments.warm_start import Start

PRECISIONS = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


@dataclasses.dataclass(frozen=True)
class Run:
  """A training run before its first update."""

  model: RNNT
  state: state.TrainState
  stages: tuple[Stage, ...]
  batches: Callable[[int], Iterator[batching.Batch]]
  """This process's rows, from a number of updates on."""
  whole_batches: Callable[[int], Iterator[batching.Batch]]
  """The same with the rows of all processes: for what one of them does alone."""
  layout: Layout
  """Where parameters and batches lie."""
  retention: Retention
  """Which checkpoints stay."""
  plan: plan.BatchPlan
  dev_buckets: tuple[buckets.Bucket, ...]
  exposure: Mapping[str, float]
  """Share of all batches that each source gets."""
  transducer_begins: int
  """Updates before the first that trains the transducer; until then only the CTC head decodes."""
  aware: tuple[Aware | None, ...]
  """How each stage is quantized."""

  def aware_at(self, step: int) -> Aware | None:
    """How the stage of update number `step` (the first is 1) is quantized."""
    stage, _ = stage_of(self.stages, step)
    return self.aware[self.stages.index(stage)]


def run(config: ConfigDict, speech: Speech, start: Start | None = None) -> Run:
  """The model, its optimizer and everything it will be shown. Raises ValueError for a bad config.

  The augmentation, the losses and the learning rate of each stage are the config's; the pruning
  schedule runs over the global step.
  """
  stages = _stages_at_hand(config, speech)
  _check_shares(config)
  settings = list(stages.values())
  model_config = RNNTConfig(
    feature_dim=speech.front_end.feature_dim,
    vocab_size=speech.pieces.vocab_size,
    ctc=True,
    simple=bool(config.window),
    **config.model,
  )
  model, optimizer = RNNT(model_config), optimization.optimizer(config, settings)
  aware = tuple(
    schemes.aware(config, model_config, settings, each) for each in range(len(settings))
  )
  layout = Layout(fsdp=config.fsdp)
  steps = _train_steps(
    config,
    settings,
    aware,
    model=model,
    optimizer=optimizer,
    learning_rate=optimization.learning_rate(config, settings),
    ema_decay=config.optimizer.ema_decay or None,
    layout=layout,
  )
  train_stages = tuple(
    Stage(name, each.steps, train_step, keep_as=each.keep_as or None)
    for (name, each), train_step in zip(stages.items(), steps, strict=True)
  )
  retention = Retention(**config.checkpoints)
  averaged_at(train_stages, retention)  # raises where a stage is too short for it
  batch_plan, load = _what_is_shown(config, speech, stages)
  return Run(
    model,
    _first_state(config, model_config, optimizer, aware, start),
    train_stages,
    batches=functools.partial(_batches, batch_plan, load, config.seed),
    whole_batches=functools.partial(_batches, batch_plan.of_all_processes(), load, config.seed),
    layout=layout,
    retention=retention,
    plan=batch_plan,
    dev_buckets=buckets.choose_buckets(list(speech.dev.values()), count=2, batch_size=32),
    exposure=batches.exposure_of(settings, speech.train),
    transducer_begins=optimization.transducer_begins(settings),
    aware=aware,
  )


def _stages_at_hand(config: ConfigDict, speech: Speech) -> dict[str, ConfigDict]:
  """The curriculum's stages that have a source at hand, by name, in order."""
  stages = {
    name: config.stages[name]
    for name in config.curriculum
    if batches.shares_of(config.stages[name], speech.train)
  }
  if not stages:
    raise ValueError(
      f"no stage of {tuple(config.curriculum)} has a source among {sorted(speech.train)}: "
      "name one of them in a stage's sources"
    )
  if not any(each.keep_as for each in stages.values()):
    raise ValueError(f"no stage of {tuple(stages)} has a keep_as: nothing would be left to measure")
  return stages


def _first_state(
  config: ConfigDict,
  model: RNNTConfig,
  optimizer: optax.GradientTransformation,
  aware: Sequence[Aware | None],
  start: Start | None,
) -> state.TrainState:
  """Weights of the seed, or another run's; ranges where a stage trains in integers."""
  key, init_key = jax.random.split(jax.random.key(config.seed))
  weights, ranges = init(model, init_key), None
  if any(each is not None and each.scheme == "integer" for each in aware):
    ranges = initial_ranges(model, weights)
  ema = bool(config.optimizer.ema_decay)
  first = state.create(weights, optimizer, key, ema=ema, ranges=ranges)
  return begin_with(start, first, optimizer) if start else first


def begin_with(
  start: Start, fresh: state.TrainState, optimizer: optax.GradientTransformation
) -> state.TrainState:
  """The first state with another run's weights and their average; optimizer and masks are new."""
  check_same_shapes(start.weights.params, fresh.params)
  params, average = jax.tree.map(jnp.asarray, start.weights)
  begun = state.create(params, optimizer, fresh.rng, ema=fresh.ema is not None, ranges=fresh.ranges)
  return begun if fresh.ema is None or average is None else begun.replace(ema=average)


def _what_is_shown(
  config: ConfigDict, speech: Speech, stages: Mapping[str, ConfigDict]
) -> tuple[plan.BatchPlan, batching.LoadBatch]:
  """Which utterances every update gets, disturbed how; and what makes a batch of them."""
  within = disturbance.surroundings(config.augmentation, speech.front_end.sample_rate)
  disturb = functools.partial(disturbance.augment, config.augmentation, within)
  settings = list(stages.values())
  batch_plan = batches.plan_of(config, speech.train, list(stages), settings, disturb)
  load = batching.LoadBatch(
    batch_plan,
    speech.front_end,
    surroundings=within,
    time_reduction=config.model.time_reduction,
  )
  return batch_plan, load


def _train_steps(
  config: ConfigDict,
  stages: Sequence[ConfigDict],
  aware: Sequence[Aware | None],
  **shared: Any,
) -> Iterator[step.TrainStep]:
  """One a stage; stages that differ in nothing share one, which is traced and compiled once."""
  made: dict[tuple, step.TrainStep] = {}
  for each, quantize in zip(stages, aware, strict=True):
    dropout = config.dropout * each.disturb
    key = each.transducer, each.ctc, each.alignment, dropout, id(quantize)
    if key not in made:
      made[key] = step.make_train_step(
        transducer_weight=each.transducer,
        ctc_weight=each.ctc,
        alignment_weight=each.alignment,
        window=config.window or None,
        emission=_emission(config, each),
        blank_penalty=config.blank_penalty,
        dropout=dropout,
        matmul_dtype=PRECISIONS[config.matmul_dtype],
        quantize=quantize,
        accumulate=config.accumulate,
        **shared,
      )
    yield made[key]


def _emission(config: ConfigDict, stage: ConfigDict) -> tuple[int, int] | None:
  """Around the CTC head's own places, where there is one to go by."""
  return tuple(config.emission) if config.emission and stage.ctc and not config.window else None


def _check_shares(config: ConfigDict) -> None:
  """Raises ValueError for settings that the devices at hand can't share."""
  if config.matmul_dtype not in PRECISIONS:
    raise ValueError(f"matmul_dtype is one of {list(PRECISIONS)}; got {config.matmul_dtype!r}")
  parts = jax.device_count() * config.accumulate
  if config.accumulate < 1 or config.batch_size % parts:
    raise ValueError(
      f"batch_size={config.batch_size} is no multiple of {parts}, {jax.device_count()} devices "
      f"times accumulate={config.accumulate}"
    )


def _batches(batch_plan, loader, seed: int, start: int) -> Iterator[batching.Batch]:
  return batching.train_batches(batch_plan, loader, seed=seed, start=start, threads=1, ahead=8)
