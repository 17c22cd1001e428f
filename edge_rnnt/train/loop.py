"""A run from its first update, or from wherever it was stopped, to its last."""

import dataclasses
import functools
import itertools
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from edge_rnnt.inputs.batching import Batch
from edge_rnnt.train import average, metrics
from edge_rnnt.train.checkpoint import Checkpoints
from edge_rnnt.train.mesh import Layout
from edge_rnnt.train.profile import Profile
from edge_rnnt.train.progress import Progress
from edge_rnnt.train.retention import Retention
from edge_rnnt.train.run import Evaluate, Run
from edge_rnnt.train.state import TrainState
from edge_rnnt.train.step import TrainStep
from edge_rnnt.train.stop import stop_signals


@dataclasses.dataclass(frozen=True)
class Stage:
  """A stretch of a run with its own train step.

  Attributes:
    name: for the log.
    steps: how many updates.
    step: as `make_train_step` makes it. All stages share one optimizer.
    keep_as: the name under which the state at the stage's end is kept for good, if it is.
  """

  name: str
  steps: int
  step: TrainStep
  keep_as: str | None = None


def fit(
  state: TrainState,
  *,
  stages: Sequence[Stage],
  batches: Callable[[int], Iterator[Batch]],
  workdir: str | pathlib.Path,
  evaluate: Evaluate | None = None,
  evaluate_every: int | None = None,
  save_seconds: float = 20.0,
  log_every: int = 10,
  about: Mapping[str, Any] | None = None,
  layout: Layout | None = None,
  profile: int = 0,
  retention: Retention | None = None,
) -> TrainState:
  """Trains through all stages and returns the last state; the same call resumes a stopped run.

  Resuming is exact: the batches go on from the number of updates done, and the last state is
  bit for bit that of a run that was never stopped.

  Args:
    state: where a run without checkpoints starts. It is given away: use the one that comes back.
    stages: one after another; their steps add up.
    batches: from the number of updates done to the batches from there on.
    workdir: gets `checkpoints/`, `metrics.jsonl` and `tensorboard/`.
    evaluate: from a state, which it must not change, to numbers; "dev_wer" ranks checkpoints.
    evaluate_every: updates between evaluations; the end of each stage has one in any case.
    save_seconds: time between checkpoints; evaluations and the ends of stages have one too.
    log_every: updates between lines in metrics.jsonl.
    about: JSON to store with each checkpoint (configuration, versions).
    layout: where the arrays lie: that of the train steps.
    profile: updates, after the first ten, to trace into `workdir`/profile (train/profile.py).
    retention: which checkpoints stay, and how many are averaged into what a stage keeps. Training
      goes on from what it was, not from the average.

  Raises:
    Stopped: SIGTERM or Ctrl-C came and the state is saved; uncaught, it ends the program.
    NotFinite: a loss or gradient was nan or inf; no checkpoint has it.
    CheckpointError: a checkpoint can't be written, or none of those there are can be read.
  """
  workdir, layout = pathlib.Path(workdir), layout or Layout()
  total = sum(stage.steps for stage in stages)
  state, retention = layout.place(state), retention or Retention()
  members = averaged_at(stages, retention)
  needed = {step: end for end, steps in members.items() for step in steps}
  folder = workdir / "checkpoints"
  with stop_signals() as stop, Checkpoints(folder, retention, needed) as checkpoints:
    state, start = resume(state, checkpoints)
    with (
      metrics.writer(workdir, start=start) as writer,
      Progress(total, start=start) as progress,
      Profile(workdir / "profile", profile) as trace,
    ):
      run = Run(checkpoints, writer, progress, stop, about or {}, start)
      if start:
        progress.line(f"Resuming at step {start} of {total}.")
      iterator = iter(batches(start)) if start < total else iter(())
      for done in range(start + 1, total + 1):
        stage, is_end = stage_of(stages, done)
        batch = run.next_batch(iterator, done - 1)
        arrays = layout.split_rows(batch.arrays)
        shape = (stage.name, *(array.shape for array in arrays))
        step = functools.partial(stage.step, state, *arrays)
        state, reported = run.update(shape, step, state, done - 1)
        trace.updated(reported)
        run.note(done, stage.name, batch, reported)
        if done % log_every == 0:
          run.log(done)
        if evaluate and (is_end or (evaluate_every and done % evaluate_every == 0)):
          run.evaluate(evaluate, state, done)
        if done in members:
          run.keep_average(stage.keep_as, state, done, members[done], evaluate)
        elif is_end and stage.keep_as:
          run.keep(stage.keep_as, state, done)
        if is_end or done in needed or run.save_due(done, save_seconds):
          run.save(state, done)
        run.leave_if_stopped(done)
  return state


def resume(state: TrainState, checkpoints: Checkpoints) -> tuple[TrainState, int]:
  """The newest checkpoint and its number of updates, or the given state and 0."""
  restored = checkpoints.restore_latest(state)
  if restored is None:
    return state, 0
  state, about = restored
  return state, about["step"]


def averaged_at(stages: Sequence[Stage], retention: Retention) -> dict[int, tuple[int, ...]]:
  """End of a stage that keeps an average -> the updates before it that take part.

  Raises ValueError for a stage that is too short.
  """
  if retention.average == 1:
    return {}
  ends = itertools.accumulate(stage.steps for stage in stages)
  return {
    end: average.members(end - stage.steps, end, retention.average, retention.spacing)
    for stage, end in zip(stages, ends, strict=True)
    if stage.keep_as
  }


def stage_of(stages: Sequence[Stage], done: int) -> tuple[Stage, bool]:
  """The stage of update number `done` (the first is 1), and whether it is the stage's last."""
  end = 0
  for stage in stages:
    end += stage.steps
    if done <= end:
      return stage, done == end
  raise ValueError(f"update {done} lies beyond the {end} of all stages")
