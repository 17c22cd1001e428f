"""Metrics on their way from the device to the log, and the watch for numbers that aren't finite."""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

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
  metrics: Mapping[str, jax.Array]


class Monitor:
  """Collects what updates report and fetches it together: the device needn't wait for us."""

  def __init__(self, writer: MetricsWriter, progress: Progress):
    self._writer, self._progress = writer, progress
    self._updates: list[_Update] = []
    self._since = time.monotonic()
    self._input_seconds = 0.0

  def add(self, step: int, stage: str, batch, metrics: Mapping[str, jax.Array]) -> None:
    """Update number `step` was made of `batch`."""
    frames, rows = int(np.sum(batch.frame_lengths)), batch.features.shape[:2]
    self._updates.append(_Update(step, stage, batch.ids, frames, int(np.prod(rows)), metrics))

  def waited(self, seconds: float) -> None:
    """Training stood still that long for its input."""
    self._input_seconds += seconds

  def flush(self) -> None:
    """Waits for the updates so far and logs their means.

    Raises NotFinite for the first update whose loss or gradient norm isn't finite.
    """
    if not self._updates:
      return
    fetched = jax.device_get([update.metrics for update in self._updates])
    for update, metrics in zip(self._updates, fetched, strict=True):
      if not metrics["finite"]:
        raise NotFinite(_message(update, metrics))
    last = self._updates[-1]
    seconds = time.monotonic() - self._since
    frames = sum(update.frames for update in self._updates)
    scalars = {
      name: float(np.mean([metrics[name] for metrics in fetched if name in metrics]))
      for name in fetched[-1]
      if name != "finite"
    } | {
      "steps_per_second": len(self._updates) / seconds,
      "frames_per_second": frames / seconds,
      "padding": 1 - frames / sum(update.padded_frames for update in self._updates),
      "input_wait": self._input_seconds / seconds,
    }
    self._writer.write(last.step, {"stage": last.stage, **scalars})
    self._progress.advance(last.step, last.stage, _summary(scalars))
    self._updates, self._input_seconds, self._since = [], 0.0, time.monotonic()

  def restart_clock(self) -> None:
    """What was done since the last flush (evaluation, say) doesn't count as training time."""
    self._since = time.monotonic()


def _summary(scalars: Mapping[str, float]) -> str:
  shown = [f"loss {scalars['loss']:.2f}"]
  if scalars.get("sparsity"):
    shown.append(f"sparsity {scalars['sparsity']:.0%}")
  return ", ".join([*shown, f"{scalars['steps_per_second']:.1f} steps/s"])


def _message(update: _Update, metrics: Mapping[str, np.ndarray]) -> str:
  parts = ", ".join(f"{name} {value}" for name, value in metrics.items() if name != "finite")
  return (
    f"Not a finite number at step {update.step} of stage {update.stage!r} ({parts}). "
    f"The batch's utterances: {', '.join(update.ids)}."
  )
