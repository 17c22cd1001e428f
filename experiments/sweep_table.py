"""What a person sees of a sweep: a table that follows its points; in a log, a line at a change."""

import enum
import json
import pathlib
import time
from collections.abc import Sequence
from typing import NamedTuple

import rich.console
import rich.live
import rich.table

from edge_rnnt.report import units

LINE_SECONDS = 600.0  # between two lines about the whole sweep in a log file


class State(enum.Enum):
  """Where a point is."""

  WAITING = "waiting"
  RUNNING = "running"
  DONE = "done"
  FAILED = "failed"
  BLOCKED = "blocked"  # the point that it starts from has failed


STYLES = {
  State.RUNNING: "bold", State.DONE: "green", State.FAILED: "bold red", State.BLOCKED: "red",
}  # fmt: skip


class Status(NamedTuple):
  """One point, as the table shows it. steps: of the whole run; seconds: of this try."""

  folder: str
  state: State
  workdir: pathlib.Path
  steps: int
  seconds: float


class TimeLeft:
  """The time left of a sweep, by the updates that were made since the first look."""

  def __init__(self) -> None:
    self._first: int | None = None
    self._began = 0.0

  def words(self, updates: int) -> str:
    """updates: that are still to be made."""
    if self._first is None:
      self._first, self._began = updates, time.monotonic()
    text, made = f"{units.exact(updates)} updates", self._first - updates
    if made <= 0 or not updates:
      return f"{text} left"
    seconds = (time.monotonic() - self._began) / made * updates
    return f"{text}, about {units.duration(seconds)} left"


class Board:
  """A context manager; `show` after anything may have changed."""

  def __init__(self, console: rich.console.Console):
    self._console = console
    self._left = TimeLeft()
    self._told: dict[str, State] = {}
    self._spoke = time.monotonic()
    self._live = rich.live.Live(console=console, auto_refresh=False)

  def __enter__(self) -> "Board":
    if self._console.is_terminal:
      self._live.start()
    return self

  def __exit__(self, *_: object) -> None:
    if self._console.is_terminal:
      self._live.stop()

  def show(self, points: Sequence[Status]) -> None:
    """The table anew on a terminal; in a log file a line for each point whose state has changed,
    and now and then one for all.
    """
    left = self._left.words(sum(map(_updates_left, points)))
    if self._console.is_terminal:
      self._live.update(_table(points, left), refresh=True)
      return
    for point in points:
      if point.state != self._told.get(point.folder, State.WAITING):
        self._told[point.folder] = point.state
        step, wer = progress(point.workdir)
        self._line(f"{point.folder}: {point.state.value}, step {step} of {point.steps} {wer}")
        self._spoke = 0.0
    if time.monotonic() - self._spoke >= LINE_SECONDS:
      done = sum(point.state is State.DONE for point in points)
      self._line(f"{done} of {len(points)} points; {left}")
      self._spoke = time.monotonic()

  def _line(self, text: str) -> None:
    self._console.print(text.rstrip(), highlight=False, markup=False, soft_wrap=True)


def _updates_left(point: Status) -> int:
  """A point that failed, or waits for one that did, has nothing to do any more."""
  if point.state in (State.DONE, State.FAILED, State.BLOCKED):
    return 0
  return max(0, point.steps - progress(point.workdir)[0])


def _table(points: Sequence[Status], left: str) -> rich.table.Table:
  table = rich.table.Table(box=None, pad_edge=False, caption=left, caption_justify="left")
  for head in ("point", "state", "step", "", "time"):
    table.add_column(head, justify="right" if head in ("step", "time") else "left")
  for point in points:
    step, wer = progress(point.workdir)
    time = units.duration(point.seconds) if point.seconds else ""
    steps = f"{step}/{point.steps}"
    style = STYLES.get(point.state)
    table.add_row(point.folder, point.state.value, steps, wer, time, style=style)
  return table


def progress(workdir: pathlib.Path, tail: int = 1 << 15) -> tuple[int, str]:
  """The last step that a run has logged, and its last dev WER in words, if that is not long ago."""
  path = workdir / "metrics.jsonl"
  if not path.exists():
    return 0, ""
  with path.open("rb") as file:
    file.seek(max(0, path.stat().st_size - tail))
    lines = file.read().decode().splitlines()
  # The first may be the end of a line, the last the beginning of one.
  records = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
  wers = [each["dev_wer"] for each in records if "dev_wer" in each]
  step = records[-1]["step"] if records else 0
  return step, f"dev WER {units.rate(100 * wers[-1])} %" if wers else ""
