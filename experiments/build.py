"""Config -> objects: the only place that knows both ConfigDicts and the library.

speech = build.speech(config, corpora)      front end, word-pieces, prepared sources
run = build.run(config, speech)             model, first state, stages, plan of batches
state = fit(run.state, stages=run.stages, batches=run.batches, ...)
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

from data.corpora import Corpora
from edge_rnnt.audio.frontend import FrontEnd
from edge_rnnt.inputs import batching, buckets, plan, prepared
from edge_rnnt.inputs.rejected import ManifestReport
from edge_rnnt.model.config import RNNTConfig
from edge_rnnt.model.rnnt import RNNT, init
from edge_rnnt.text.wordpiece import WordPieces, train_wordpieces
from edge_rnnt.train import state, step
from edge_rnnt.train.loop import Stage, averaged_at, stage_of
from edge_rnnt.train.mesh import Layout
from edge_rnnt.train.quantize import Aware, initial_ranges
from edge_rnnt.train.retention import Retention
from edge_rnnt.train.warm_start import check_same_shapes
from experiments import batches, disturbance, optimization, schemes
from experiments.warm_start import Start

STATISTICS_UTTERANCES = 300
PRECISIONS = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


@dataclasses.dataclass(frozen=True)
class Speech:
  """Corpora made ready for a model: what goes in, what comes out, and what had to be left out."""

  corpora: Corpora
  front_end: FrontEnd
  pieces: WordPieces
  train: Mapping[str, prepared.Prepared]
  dev: Mapping[str, prepared.Prepared]
  left_out: ManifestReport


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


def speech(config: ConfigDict, corpora: Corpora, start: Start | None = None) -> Speech:
  """Measures the training audio and text, or takes front end and word-pieces from `start`.

  Dev and test play no part in it.
  """
  front_end = start.front_end if start else measured_front_end(config.front_end, corpora)
  pieces = start.pieces if start else word_pieces(config.pieces, corpora)
  reduction, longest = config.model.time_reduction, None
  if config.longest_utterance:
    samples = round(config.longest_utterance * front_end.sample_rate)
    longest = prepared.count_frames(front_end, samples)
  train, left_out = {}, ManifestReport(0)
  for name, source in corpora.train.items():
    train[name], report = prepared.keep_fitting(
      prepared.prepare(source, front_end, pieces), reduction, longest
    )
    left_out += report
  # Nothing is left out of dev: what does not fit counts as errors there.
  dev = {name: prepared.prepare(each, front_end, pieces) for name, each in corpora.dev.items()}
  return Speech(corpora, front_end, pieces, train, dev, left_out)


def measured_front_end(config: ConfigDict, corpora: Corpora) -> FrontEnd:
  """The front end, normalized by every mel band's mean and deviation over some training speech."""
  sources = list(corpora.train.values())
  each = max(1, STATISTICS_UTTERANCES // len(sources))
  rng = np.random.default_rng(0)
  settings = dict(config)
  clip = settings.pop("clip")
  plain = FrontEnd(**settings)
  chosen = [
    (source, int(item))
    for source in sources
    for item in rng.choice(len(source), min(each, len(source)), replace=False)
  ]
  measured = plain.with_statistics(plain.log_mel(source[item].samples) for source, item in chosen)
  return dataclasses.replace(measured, clip=clip)


def word_pieces(config: ConfigDict, corpora: Corpora) -> WordPieces:
  """Those that came with the speech; else whole words where the training text is a closed
  vocabulary, byte pairs where it is open.
  """
  if corpora.wordpieces is not None:
    return WordPieces(corpora.wordpieces)
  chosen = [corpora.train[name] for name in config.sources if name in corpora.train]
  sources = chosen or corpora.train.values()
  texts = sorted({source.text(item) for source in sources for item in range(len(source))})
  words = {word for text in texts for word in text.split()}
  if len(words) <= config.closed_words:
    # Room for every word, and for unknown and blank.
    model = train_wordpieces(texts, vocab_size=len(words) + 2, model_type="word")
  else:
    model = train_wordpieces(texts, vocab_size=config.vocab_size, model_type="bpe")
  return WordPieces(model)


def run(config: ConfigDict, speech: Speech, start: Start | None = None) -> Run:
  """The model, its optimizer and everything it will be shown. Raises ValueError for a bad config.

  The augmentation, the losses and the learning rate of each stage are the config's; the pruning
  schedule runs over the global step.
  """
  names = [
    name for name in config.curriculum if batches.shares_of(config.stages[name], speech.train)
  ]
  if not names:
    raise ValueError(
      f"no stage of {tuple(config.curriculum)} has a source among {sorted(speech.train)}: "
      "name one of them in a stage's sources"
    )
  stages = [config.stages[name] for name in names]
  if not any(each.keep_as for each in stages):
    raise ValueError(f"no stage of {tuple(names)} has a keep_as: nothing would be left to measure")
  _check_shares(config)
  model_config = RNNTConfig(
    feature_dim=speech.front_end.feature_dim,
    vocab_size=speech.pieces.vocab_size,
    ctc=True,
    simple=bool(config.window),
    **config.model,
  )
  model, optimizer = RNNT(model_config), optimization.optimizer(config, stages)
  key, init_key = jax.random.split(jax.random.key(config.seed))
  ema = config.optimizer.ema_decay or None
  aware = [schemes.aware(config, model_config, stages, each) for each in range(len(stages))]
  weights = init(model_config, init_key)
  ranges = None
  if any(each is not None and each.scheme == "integer" for each in aware):
    ranges = initial_ranges(model_config, weights)
  first = state.create(weights, optimizer, key, ema=ema is not None, ranges=ranges)
  if start:
    first = begin_with(start, first, optimizer)
  rate, layout = optimization.learning_rate(config, stages), Layout(fsdp=config.fsdp)
  steps = _train_steps(
    config,
    stages,
    aware,
    model=model,
    optimizer=optimizer,
    learning_rate=rate,
    ema_decay=ema,
    layout=layout,
  )
  train_stages = tuple(
    Stage(name, each.steps, train_step, keep_as=each.keep_as or None)
    for name, each, train_step in zip(names, stages, steps, strict=True)
  )
  exposure = batches.exposure_of(stages, speech.train)
  within = disturbance.surroundings(config.augmentation, speech.front_end.sample_rate)
  disturb = functools.partial(disturbance.augment, config.augmentation, within)
  batch_plan = batches.plan_of(config, speech.train, names, stages, disturb)
  loader = batching.LoadBatch(
    batch_plan,
    speech.front_end,
    surroundings=within,
    time_reduction=config.model.time_reduction,
  )
  own_batches, whole_batches = (
    functools.partial(_batches, each, loader, config.seed)
    for each in (batch_plan, batch_plan.of_all_processes())
  )
  dev_buckets = buckets.choose_buckets(list(speech.dev.values()), count=2, batch_size=32)
  begins = optimization.transducer_begins(stages)
  of_batches = batch_plan, dev_buckets, exposure, begins
  retention = Retention(**config.checkpoints)
  averaged_at(train_stages, retention)  # raises where a stage is too short for it
  given = own_batches, whole_batches, layout, retention
  return Run(model, first, train_stages, *given, *of_batches, tuple(aware))


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


def begin_with(
  start: Start, fresh: state.TrainState, optimizer: optax.GradientTransformation
) -> state.TrainState:
  """The first state with another run's weights and their average; optimizer and masks are new."""
  check_same_shapes(start.weights.params, fresh.params)
  params, average = jax.tree.map(jnp.asarray, start.weights)
  begun = state.create(params, optimizer, fresh.rng, ema=fresh.ema is not None, ranges=fresh.ranges)
  return begun if fresh.ema is None or average is None else begun.replace(ema=average)


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
