"""The corridor walked once: speech -> training with pruning -> device files -> rows -> a page."""

import dataclasses
import functools
import itertools
import json
import pathlib
from collections.abc import Mapping

import jax
import rich.progress
from ml_collections import ConfigDict

from data.corpora import Corpora
from edge_rnnt.cells.cell import IDENTITY, Tap
from edge_rnnt.decode.ctc import ctc_greedy
from edge_rnnt.decode.greedy import greedy
from edge_rnnt.device import bench
from edge_rnnt.device.engine import default_engine
from edge_rnnt.evaluate import recognition
from edge_rnnt.inputs import batching
from edge_rnnt.report import page, provenance, results, terminal
from edge_rnnt.train import memory, processes
from edge_rnnt.train.checkpoint import Checkpoints
from edge_rnnt.train.loop import fit
from edge_rnnt.train.mesh import on_this_process
from edge_rnnt.train.state import TrainState, inference_params
from experiments import build, describe, identity, measure, schemes, synthetic, warm_start
from experiments.fidelity import fidelity
from experiments.recipe import BadRecipe
from experiments.speech import Speech, prepare_speech

DEV_DRAWS = 100  # bootstrap draws for a number that is only watched


def run(
  config: ConfigDict,
  corpora: Corpora,
  workdir: pathlib.Path,
  *,
  command: str,
  cache_dir: pathlib.Path | None = None,
  profile: int = 0,
) -> results.Results | None:
  """Everything from corpora to report.html in workdir; resumes what was begun there.

  cache_dir: for prepared speech and compiled programs, which runs may share; the workdir if None.
  profile: updates to trace into workdir/profile.
  All processes of a run train and watch dev WER together; only the first exports and measures, and
  the others return None before.
  """
  memory.keep_freed()
  workdir.mkdir(parents=True, exist_ok=True)
  cache = cache_dir or workdir
  watch = measure.Stopwatch(workdir / "seconds.json")
  jax.config.update("jax_compilation_cache_dir", str(cache.resolve() / "compiled"))
  speech, begun = prepare(config, corpora, cache, workdir)
  if processes.is_first():
    warm_start.keep_speech(speech.front_end, speech.pieces, workdir)
    tell_left_out(speech, workdir / "left_out.tsv")
  watch.lap("speech")
  states = train(config, speech, begun, workdir, watch, profile)
  if not processes.is_first():
    return None
  found = evaluate(config, speech, begun, states, workdir, command, watch)
  results.save(found, workdir / "results.json")
  page.write(found, workdir)
  terminal.show(found, workdir)
  return found


def prepare(
  config: ConfigDict, corpora: Corpora, cache: pathlib.Path, workdir: pathlib.Path | None = None
) -> tuple[Speech, build.Run]:
  """All that comes before the first update. workdir: to remember the config in, if it is to run.

  Raises BadRecipe; identity.OtherRun if the workdir holds another run.
  """
  processes.tell(f"Speech: {corpora.description}")
  with processes.first_alone("synthetic speech"):
    corpora = synthetic.with_synthetic(config, corpora, cache / "data")
    if workdir is not None:
      identity.remember(config, corpora, workdir)
  try:
    start = warm_start.read(config)
    speech = prepare_speech(config, corpora, start)
    return speech, build.run(config, speech, start)
  except ValueError as error:
    raise BadRecipe(error) from error


def sources_wanted(config: ConfigDict) -> tuple[str, ...]:
  """The recorded sets that the curriculum mixes; a user's own only where it names no other."""
  stages = [config.stages[name] for name in config.curriculum]
  names = sorted({name for each in stages for name in each.sources})
  recorded = [name for name in names if not name.startswith("synthetic-")]
  return tuple(name for name in recorded if name != "own") or tuple(recorded)


def tell_left_out(speech: Speech, path: pathlib.Path) -> None:
  """Counts on the terminal, each utterance and its reason in a file."""
  path.unlink(missing_ok=True)
  # Training's sources share recordings (joined, by telephone), so they are counted alone.
  report = speech.corpora.report.then(speech.left_out)
  if report.rejected:
    report.write(path)
    processes.tell(f"Left out (training: {report}): each is named in {path}")


def train(
  config: ConfigDict,
  speech: Speech,
  begun: build.Run,
  workdir: pathlib.Path,
  watch: measure.Stopwatch,
  profile: int = 0,
) -> dict[str, TrainState]:
  """Trains through all stages; returns the states kept by name, whole in every process."""

  def evaluate(state: TrainState) -> dict[str, float]:
    watch.lap("training", add=True)  # so that a kill loses little of what has passed
    return _dev_wer(begun, speech, said, state)

  said = recognition.references(speech.dev)
  last = fit(
    begun.state,
    stages=begun.stages,
    batches=begun.batches,
    workdir=workdir,
    evaluate=evaluate,
    evaluate_every=config.evaluate_every,
    about={"config": json.loads(config.to_json_best_effort()), "versions": provenance.versions()},
    layout=begun.layout,
    profile=profile,
    retention=begun.retention,
  )
  with Checkpoints(workdir / "checkpoints", begun.retention) as checkpoints:
    names = [stage.keep_as for stage in begun.stages if stage.keep_as]
    kept = {name: checkpoints.restore_kept(name, last)[0] for name in names}
    states = {name: on_this_process(state) for name, state in kept.items()}
  watch.lap("training", add=True)
  return states


def _dev_wer(
  begun: build.Run, speech: Speech, said: Mapping[str, str], state: TrainState
) -> dict[str, float]:
  """WER of every dev set, and of all of them pooled; through CTC before the transducer begins."""
  transducing, search, prefix = int(state.step) > begun.transducer_begins, ctc_greedy, "dev_ctc"
  if transducing:
    search, prefix = functools.partial(greedy, tap=tap_of(begun, state)), "dev"
  params, pooled, found = on_this_process(inference_params(state)), [], {}
  for name, prepared in speech.dev.items():
    batches = batching.evaluation_batches(prepared, speech.front_end, begun.dev_buckets)
    mine = itertools.islice(batches, jax.process_index(), None, jax.process_count())
    heard = recognition.recognize(begun.model, params, mine, speech.pieces, search)
    heard = [recognition.Heard(*each) for each in processes.joined(heard)]
    found[f"{prefix}_{name}_wer"] = recognition.score(heard, said, samples=DEV_DRAWS).wer
    pooled += heard
  score = recognition.score(pooled, said, samples=DEV_DRAWS)
  return {f"{prefix}_wer": score.wer, **(found if len(found) > 1 else {})}


def tap_of(begun: build.Run, state: TrainState) -> Tap:
  """What a state is decoded through while it is trained: in the numbers that it is trained for."""
  aware = begun.aware_at(int(state.step))
  if aware is None:
    return IDENTITY
  return aware.tap(aware.begin, None if state.ranges is None else state.ranges.ranges)


def evaluate(
  config: ConfigDict,
  speech: Speech,
  begun: build.Run,
  states: Mapping[str, TrainState],
  workdir: pathlib.Path,
  command: str,
  watch: measure.Stopwatch,
) -> results.Results:
  """Exports every kept state in every scheme and measures the files on the test sets."""
  # From where all kinds of speech are mixed: the first stages hear one kind only.
  mixed = begun.whole_batches(begun.transducer_begins)
  calibration = measure.calibration_batches(mixed, config.calibration_utterances)
  folder = workdir / "models"
  folder.mkdir(exist_ok=True)
  timed = measure.write_samples(speech.corpora.test, workdir / "samples")
  test, apart = measure.load(speech.corpora.test), speech.corpora.apart
  dev = [each for members in measure.load(speech.corpora.dev).values() for each in members]
  float_texts: dict[str, Mapping[str, str]] = {}
  rows: list[results.Row] = []
  block = tuple(config.pruning.block)
  jobs = list(itertools.product(states.items(), config.schemes))
  for (name, state), scheme in rich.progress.track(jobs, "Measuring the device files"):
    aware = begun.aware_at(int(state.step))
    trained_for = aware is not None and aware.scheme == scheme == "integer"
    model = measure.export(
      f"{name}-{scheme}",
      schemes.file_scheme(scheme),
      state,
      begun.model.config,
      speech,
      state.ranges.ranges if trained_for else calibration,
      block,
      folder,
      rules=schemes.rules_of(config, scheme),
    )
    metric = "average_dev_wer" if begun.retention.average > 1 else "dev_wer"
    known = describe.training(name, state, workdir / "metrics.jsonl", metric)
    if config.fidelity:
      params = inference_params(state)
      tap = schemes.tap(config, scheme, begun.model.config, model.ranges)
      known["fidelity"], texts = fidelity(
        model.path, begun, speech, params, tap, dev, float_texts.get(name)
      )
      if scheme == "float":
        float_texts[name] = texts
    rows += (
      dataclasses.replace(row, **known) for row in measure.rows(model, test, timed, workdir, apart)
    )
  watch.lap("export and measurement")
  return results.Results(
    data=describe.data(speech, begun),
    command=command,
    versions=provenance.versions(),
    commit=provenance.commit(),
    rows=tuple(rows),
    seconds=watch.seconds,
    machine=provenance.machine(),
    chunk_seconds=bench.CHUNK_SECONDS,
    engine=default_engine(),
    recovery=describe.recovery(list(states.values())[-1]),
    charts=describe.charts(workdir / "metrics.jsonl"),
    notes=describe.notes(config, speech),
    next_commands={"Train on your own recordings": describe.own_folder()},
    sample=str(timed[0].relative_to(workdir)),
  )
