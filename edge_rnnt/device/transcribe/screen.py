"""What a person sees while it works: a line that changes, and how far many files have come.

Finished lines go to stdout, remarks to stderr, whatever is a terminal. The changing part is drawn
only on a terminal, stdout if it is one, else stderr, and leaves nothing behind.
"""

import sys
from pathlib import PurePath
from typing import Any

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
  BarColumn,
  MofNCompleteColumn,
  Progress,
  TaskID,
  TextColumn,
  TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

NAMES = Column(max_width=30, no_wrap=True, overflow="ellipsis")


class Screen:
  """A context."""

  def __init__(self) -> None:
    self._console = _terminal()
    self._live: Live | None = None
    self._text = ""
    self._bar = Progress(
      TextColumn("{task.description}", markup=False, table_column=NAMES),
      BarColumn(),
      MofNCompleteColumn(),
      TimeRemainingColumn(),
      console=self._console,
    )
    self._task: TaskID | None = None

  @property
  def on_terminal(self) -> bool:
    """Whether partial results can be seen."""
    return self._console is not None

  def __enter__(self) -> "Screen":
    if self._console is not None:
      self._live = Live(
        get_renderable=self._drawn,
        console=self._console,
        transient=True,
        refresh_per_second=8,
        redirect_stdout=False,
        redirect_stderr=False,
      )
      self._live.start()
    return self

  def __exit__(self, *_: Any) -> None:
    if self._live is not None:
      self._live.stop()

  def expect(self, files: int) -> None:
    """How many there are; several are given a bar."""
    if files > 1:
      self._task = self._bar.add_task("", total=files)

  def line(self, text: str) -> None:
    """A finished line."""
    self._print(text, sys.stdout)

  def remark(self, text: str) -> None:
    """Something about the work, not its result."""
    self._print(text, sys.stderr)

  def partial(self, text: str) -> None:
    """The line that changes, "" for none; its end is what is seen of it."""
    over = self._text and not text
    self._text = text
    if over and self._live is not None:
      self._live.refresh()  # before anything is printed, which would show it once more

  def file(self, name: str, done: int) -> None:
    """How far it has come."""
    if self._task is not None:
      self._bar.update(self._task, description=PurePath(name).name, completed=done)

  def _print(self, text: str, stream: Any) -> None:
    if self._live is not None and stream.isatty():
      self._console.print(Text(text), soft_wrap=True)
    else:
      print(text, file=stream, flush=True)

  def _drawn(self) -> Group:
    room, text = self._console.width - 2, self._text
    while cell_len(text) > room:
      text = text[1:]
    shown = [Text(f"  {text}", no_wrap=True)] if text else []
    return Group(*shown, *([self._bar.get_renderable()] if self._task is not None else []))


def _terminal() -> Console | None:
  for stream in (sys.stdout, sys.stderr):
    if stream.isatty():
      console = Console(file=stream)
      return None if console.is_dumb_terminal else console
  return None
