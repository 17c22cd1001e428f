"""What a run does between updates: fetch input, log, evaluate, save."""

import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

import jax

from edge_rnnt.inputs.batching import Batch
from edge_rnnt.train import average, processes
from edge_rnnt.train.checkpoint import Checkpoints
from edge_rnnt.train.metrics import MetricsWriter
from edge_rnnt.train.monitor import Monitor, NotFinite
from edge_rnnt.train.progress import Progress
from edge_rnnt.train.state import TrainState
from edge_rnnt.train.stop import Stopped, StopSignals

Updated = tuple[TrainState, Mapping[str, Any]]
Evaluate = Callable[[TrainState], Mapping[str, float]]


class Run:
  """The places a run writes to, and when it last did."""

  def __init__(
    self,
    checkpoints: Checkpoints,
    writer: MetricsWriter,
    progress: Progress,
    stop: StopSignals,
    about: Mapping[str, Any],
    start: int,
  ):
    self._checkpoints, self._writer, self._progress = checkpoints, writer, progress
    self._stop, self._about = stop, about
    self._monitor = Monitor(writer, progress)
    self._last_save, self._logged, self._saved = time.monotonic(), 0, start
    self._compiled: set[Hashable] = set()
    self._evaluated: dict[int, Mapping[str, float]] = {}

  def next_batch(self, batches: Iterator[Batch], done: int) -> Batch:
    """The next of the input. Raises ValueError if there is none."""
    began = time.monotonic()
    batch = next(batches, None)
    self._monitor.waited(time.monotonic() - began)
    if batch is None:
      raise ValueError(f"The input ended after {done} updates, before the last stage did.")
    return batch

  def update(
    self, shape: Hashable, step: Callable[[], Updated], state: TrainState, done: int
  ) -> Updated:
    """step(), which makes the next of the state after `done` updates.

    A step of a new shape is compiled first, which may take minutes: what there is is saved before,
    and a signal cuts it short. Raises Stopped.
    """
    if shape in self._compiled:
      return step()
    self._compiled.add(shape)
    if done > self._saved:
      self.save(state, done)
    updated = self._stop.run_unless_stopped(step)
    if updated is None:
      self.leave_if_stopped(done)
    return updated

  def note(self, done: int, stage: str, batch: Batch, metrics: Mapping[str, Any]) -> None:
    """Update number `done` reports; the numbers may still be on their way."""
    self._stop.agree(done)
    self._monitor.add(done, stage, batch, metrics)

  def log(self, done: int) -> None:
    """Writes the means of what was noted. Raises NotFinite."""
    self._check()
    self._monitor.flush()
    self._logged = done

  def _check(self) -> None:
    """Waits for the updates so far. Raises NotFinite, naming the last good checkpoint too."""
    try:
      self._monitor.check()
    except NotFinite as error:
      good = self._checkpoints.latest_step()
      where = "There is no checkpoint yet" if good is None else f"The last good one is step {good}"
      raise NotFinite(f"{error} {where}, in {self._checkpoints.directory}.") from None

  def evaluate(self, evaluate: Evaluate, state: TrainState, done: int) -> None:
    """Evaluates, unless a signal says stop; its numbers go to the log, and to the next save."""
    self._check()
    began = time.monotonic()
    results = self._stop.run_unless_stopped(lambda: evaluate(state))
    self._monitor.pause(time.monotonic() - began)
    if results is not None:
      self._evaluated = {done: results}
      self._writer.write(done, results)
      shown = ", ".join(f"{name} {_readable(name, value)}" for name, value in results.items())
      self._progress.line(f"step {done}: {shown}")

  def keep(self, name: str, state: TrainState, done: int) -> None:
    """A milestone."""
    self._check()
    self._checkpoints.keep(name, state, self._about_now(done))

  def keep_average(
    self, name: str, state: TrainState, done: int, steps: Sequence[int], evaluate: Evaluate | None
  ) -> None:
    """A milestone with the mean of its and the weights of `steps`, evaluated as average_*."""
    self._check()
    kept, used = average.averaged(state, self._checkpoints, steps)
    results = self._stop.run_unless_stopped(lambda: evaluate(kept)) if evaluate else None
    if results is not None:
      results = {f"average_{name}": value for name, value in results.items()}
      self._writer.write(done, results)
      shown = ", ".join(f"{name} {_readable(name, value)}" for name, value in results.items())
      self._progress.line(f"mean of steps {[*used, done]}: {shown}")
    self._checkpoints.keep(name, kept, self._about_now(done) | {"averaged": [*used, done]})

  def save_due(self, done: int, seconds: float) -> bool:
    """There is something that should not be lost."""
    if done in self._evaluated or self._stop.signum is not None:
      return True
    if jax.process_count() > 1 and self._logged != done:
      return False  # to ask the first process, whose clock decides, is to wait for the devices
    return processes.as_the_first(time.monotonic() - self._last_save >= seconds)

  def save(self, state: TrainState, done: int) -> None:
    """A checkpoint, after making sure that every update in it was finite."""
    self._check()
    self._checkpoints.save(done, state, self._about_now(done), self._evaluated.get(done))
    self._last_save, self._saved = time.monotonic(), done

  def leave_if_stopped(self, done: int) -> None:
    """Raises Stopped if a signal came; call it when the state is saved."""
    if self._stop.signum is None:
      return
    self._checkpoints.wait()
    saved = f"saved in {self._checkpoints.directory}. The same command resumes there."
    if not done:
      saved = "before the first update. The same command begins there."
    message = f"Stopped at step {done}, {saved}"
    self._progress.line(message)
    raise Stopped(self._stop.signum, message)

  def _about_now(self, done: int) -> dict[str, Any]:
    return {"step": done, "next_batch": done, **self._about}


def _readable(name: str, value: float) -> str:
  return f"{value:.1%}" if name.endswith("wer") else f"{value:.4g}"
