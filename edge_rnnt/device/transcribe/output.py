"""Where events go: lines on stdout, subtitles in files, failures and a summary on stderr."""

import argparse
from pathlib import Path

from edge_rnnt import whole
from edge_rnnt.device.transcribe.events import Done, Event, Failed, Partial
from edge_rnnt.device.transcribe.lines import PlainLines, json_lines
from edge_rnnt.device.transcribe.screen import Screen
from edge_rnnt.device.transcribe.sources import File, Source
from edge_rnnt.device.transcribe.subtitles import FORMATS, subtitles


class Output:
  """Takes every event once, in order; `done` and `failed` count sources."""

  def __init__(self, options: argparse.Namespace, screen: Screen, live: bool) -> None:
    self._options, self._screen = options, screen
    self._lines = json_lines if options.json else PlainLines(named=not live)
    self._written: dict[Path, str] = {}
    self._seconds = self._compute = 0.0
    self.done = self.failed = 0

  def event(self, source: Source, event: Event) -> None:
    """What became known of a source."""
    self._screen.file(source.name, self.done + self.failed)
    self._screen.partial(event.text if isinstance(event, Partial) else "")
    if isinstance(event, Done):  # before it is told: whoever reads of it may interrupt at once
      self._count(event)
    if not isinstance(event, Partial) or self._options.partial:
      for line in self._lines(source.name, event):
        self._screen.line(line)
    if isinstance(event, Failed):
      self.skipped(event.problem)
    elif isinstance(event, Done):
      self._write(source, event)

  def skipped(self, problem: str) -> None:
    """A source that could not be used, or a path that means none."""
    self.failed += 1
    self._screen.remark(f"skipped: {problem}")

  def summary(self, wall: float) -> None:
    """How much there was, and how long it took."""
    audio, compute = self._seconds, self._compute
    threads = f" on {self._options.threads} threads" if self._options.threads > 1 else ""
    rtf = f" (RTF {compute / audio:.4f} on one thread)" if audio else ""
    skipped = f", {self.failed} skipped" if self.failed else ""
    self._screen.remark(
      f"{self.done} {'file' if self.done == 1 else 'files'}, {audio:.1f} s of audio"
      f" in {wall:.1f} s{threads}{rtf}{skipped}"
    )

  def _count(self, event: Done) -> None:
    self.done += 1
    self._seconds += event.seconds
    self._compute += event.compute

  def _write(self, source: Source, event: Done) -> None:
    shown = subtitles(event.utterances)
    for name in self._options.subtitles:
      path = self._place(source).with_suffix(f".{name}")
      if path in self._written:
        self.skipped(
          f"{path} for {source.name}: it holds those of {self._written[path]};"
          " transcribe one of them alone, with another --output"
        )
        continue
      try:
        path.parent.mkdir(parents=True, exist_ok=True)
        whole.write_text(path, FORMATS[name](shown))
      except OSError as error:
        self.skipped(f"{path} cannot be written: {error.strerror or error}")
        continue
      self._written[path] = source.name

  def _place(self, source: Source) -> Path:
    if self._options.output:
      return self._options.output / source.relative
    return source.path if isinstance(source, File) else source.relative
