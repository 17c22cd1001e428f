"""Metrics on their way from the device to the log, and the watch for numbers that aren't finite."""

import resource
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from edge_rnnt.inputs.batching import Batch
from edge_rnnt.train.metrics import MetricsWriter
from edge_rnnt.train.progress import Progress


class NotFinite(FloatingPointError):
  """The loss or the gradient became nan or inf; the message names the step and the utterances."""


class _Update(NamedTuple):
  step: int
  stage: str
  ids: Sequence[str]
  frames: int
  padded_frames: int
  metrics: Mapping[str, jax.Array | np.ndarray]


class Monitor:
  """Collects what updates report and fetches it together: the device needn't wait for us."""

  def __init__(self, writer: MetricsWriter, progress: Progress):
    self._writer, self._progress = writer, progress
    self._new: list[_Update] = []  # still on the device
    self._checked: list[_Update] = []
    self._since = time.monotonic()
    self._input_seconds = 0.0

  def add(self, step: int, stage: str, batch: Batch, metrics: Mapping[str, jax.Array]) -> None:
    """Update number `step` was made of `batch`, or of it and its like in other processes."""
    frames, padded = int(batch.frame_lengths.sum()), int(np.prod(batch.features.shape[:2]))
    # Rows of near lengths are dealt out one by one: other processes have about as many frames.
    frames, padded = frames * jax.process_count(), padded * jax.process_count()
    self._new.append(_Update(step, stage, batch.ids, frames, padded, metrics))

  def waited(self, seconds: float) -> None:
    """Training stood still that long for its input."""
    self._input_seconds += seconds

  def pause(self, seconds: float) -> None:
    """So long something else was done, an evaluation, say: no training time."""
    self._since += seconds

  def check(self) -> None:
    """Waits for the updates so far.

    Raises NotFinite for the first of them whose loss or gradient norm isn't finite.
    """
    fetched = jax.device_get([update.metrics for update in self._new])
    for update, metrics in zip(self._new, fetched, strict=True):
      if not metrics["finite"]:
        raise NotFinite(_message(update, metrics))
      self._checked.append(update._replace(metrics=metrics))
    self._new = []

  def flush(self) -> None:
    """Writes the means over the updates since the last flush. Raises NotFinite."""
    self.check()
    if not self._checked:
      return
    last, seconds = self._checked[-1], time.monotonic() - self._since
    frames = sum(update.frames for update in self._checked)
    scalars = _means([update.metrics for update in self._checked]) | {
      "steps_per_second": len(self._checked) / seconds,
      "frames_per_second": frames / seconds,
      "padding": 1 - frames / sum(update.padded_frames for update in self._checked),
      "input_wait": self._input_seconds / seconds,
      **_peak_memory(),
    }
    self._writer.write(last.step, {"stage": last.stage, **scalars})
    self._progress.advance(last.step, last.stage, _summary(scalars))
    self._checked, self._input_seconds, self._since = [], 0.0, time.monotonic()


def _means(updates: Sequence[Mapping[str, np.ndarray]]) -> dict[str, float]:
  """Of what the last update reports: a stage's losses aren't those of the stage before it."""
  names = [name for name in updates[-1] if name != "finite"]
  return {
    name: float(np.mean([metrics[name] for metrics in updates if name in metrics]))
    for name in names
  }


def _peak_memory() -> dict[str, float]:
  """GiB that were in use at most: of this process, and of a device that has memory of its own."""
  found = {"process_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}
  statistics = jax.local_devices()[0].memory_stats()
  if statistics and "peak_bytes_in_use" in statistics:
    found["device_gib"] = statistics["peak_bytes_in_use"] / 2**30
  return found


def _summary(scalars: Mapping[str, float]) -> str:
  shown = [f"loss {scalars['loss']:.2f}"]
  if scalars.get("sparsity"):
    shown.append(f"sparsity {scalars['sparsity']:.0%}")
  rate = scalars["steps_per_second"]
  shown.append(f"{rate:.1f} steps/s" if rate >= 1 else f"{1 / rate:.1f} s a step")
  return ", ".join(shown)


def _message(update: _Update, metrics: Mapping[str, np.ndarray]) -> str:
  parts = ", ".join(f"{name} {value}" for name, value in metrics.items() if name != "finite")
  return (
    f"Not a finite number at step {update.step} of stage {update.stage!r} ({parts}). "
    f"The batch's utterances: {', '.join(update.ids)}."
  )
