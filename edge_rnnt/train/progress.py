"""What a person sees of a run: a bar with the time left, or in a log file a line now and then."""

import time

import rich.console
import rich.progress

from edge_rnnt.train import processes


class Progress:
  """A context manager; steps count from 0 to `total`, and a resumed run begins at `start`."""

  def __init__(
    self,
    total: int,
    *,
    start: int = 0,
    line_seconds: float = 10.0,
    console: rich.console.Console | None = None,
  ):
    # One of several processes speaks for all.
    self._console = console or rich.console.Console(quiet=not processes.is_first())
    self._total, self._start = total, start
    self._line_seconds = line_seconds
    self._began = self._last_line = time.monotonic()
    self._bar = rich.progress.Progress(
      rich.progress.TextColumn("{task.description:<10}"),
      rich.progress.BarColumn(),
      rich.progress.MofNCompleteColumn(),
      rich.progress.TimeRemainingColumn(),
      rich.progress.TextColumn("{task.fields[text]}"),
      console=self._console,
      disable=not self._console.is_terminal,
    )
    self._task = self._bar.add_task("", total=total, completed=start, text="")

  def __enter__(self) -> "Progress":
    self._bar.start()
    return self

  def __exit__(self, *_: object) -> None:
    self._bar.stop()

  def advance(self, step: int, stage: str, text: str) -> None:
    """`step` updates are done."""
    self._bar.update(self._task, completed=step, description=stage, text=text)
    now = time.monotonic()
    if not self._console.is_terminal and now - self._last_line >= self._line_seconds:
      self._last_line = now
      left = (now - self._began) / max(step - self._start, 1) * (self._total - step)
      self.line(f"{stage} {step}/{self._total}, about {_clock(left)} left: {text}")

  def line(self, text: str) -> None:
    """A line that stays."""
    self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def _clock(seconds: float) -> str:
  minutes, seconds = divmod(round(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
