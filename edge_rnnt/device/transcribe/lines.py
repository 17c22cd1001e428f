"""Events -> lines of output: for people, or one JSON object each.

  {"type": "utterance", "path", "start", "end", "text", "words": [{"text", "start", "end"}]}
  {"type": "file", "path", "text", "utterances", "seconds", "rtf"}   after a file's last utterance
  {"type": "error", "path", "problem"}   instead of "file"
  {"type": "partial", "path", "start", "text"}   an utterance so far; only if asked for

path is as given, or "stdin", or "microphone"; start, end and seconds are seconds.
"""

import json
from collections.abc import Iterator

from edge_rnnt.device.transcribe.events import Done, Event, Failed, Partial
from edge_rnnt.device.transcribe.subtitles import clock
from edge_rnnt.device.transcribe.utterances import Utterance

NOTHING = "(nothing recognized)"


def json_lines(path: str, event: Event) -> Iterator[str]:
  """The line of one event."""
  yield json.dumps(_described(path, event), ensure_ascii=False)


def _described(path: str, event: Event) -> dict:
  match event:
    case Utterance():
      words = [word._asdict() for word in event.words]
      times = {"start": event.start, "end": event.end}
      return {"type": "utterance", "path": path, **times, "text": event.text, "words": words}
    case Partial():
      return {"type": "partial", "path": path, "start": event.start, "text": event.text}
    case Done():
      said = {"text": event.text, "utterances": len(event.utterances)}
      cost = {"seconds": round(event.seconds, 3), "rtf": round(event.rtf, 4)}
      return {"type": "file", "path": path, **said, **cost}
    case Failed():
      return {"type": "error", "path": path, "problem": event.problem}


class PlainLines:
  """A file's name, and below it a line for each utterance; live audio has no name."""

  def __init__(self, named: bool) -> None:
    self._named = named
    self._shown: str | None = None

  def __call__(self, path: str, event: Event) -> Iterator[str]:
    if isinstance(event, Partial | Failed):
      return
    if self._named and self._shown != path:
      self._shown = path
      yield path
    if isinstance(event, Utterance):
      yield f"  {clock(event.start)} - {clock(event.end)}  {event.text}"
    elif not event.utterances:
      yield f"  {NOTHING}"
