"""Utterances -> subtitles as players and editors read them: SubRip (.srt) or WebVTT (.vtt).

A subtitle is at most two lines of 42 letters, and its words at most 7 s, as is usual; longer
utterances are cut between words. It stays for at least a second, unless the next one begins.
"""

import html
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from edge_rnnt.device.engine import Word
from edge_rnnt.device.transcribe.utterances import Utterance

LINE = 42
LINES = 2
LONGEST = 7.0
SHORTEST = 1.0


class Subtitle(NamedTuple):
  """A text of one or two lines, and when it is seen, in seconds."""

  start: float
  end: float
  text: str


def subtitles(utterances: Iterable[Utterance]) -> list[Subtitle]:
  """In the order of time; none overlaps the next."""
  groups = [group for utterance in utterances for group in _cut(utterance.words)]
  shown = []
  for index, group in enumerate(groups):
    start, end = group[0].start, max(group[-1].end, group[0].start + SHORTEST)
    if index + 1 < len(groups):
      end = min(end, groups[index + 1][0].start)
    shown.append(Subtitle(start, max(end, start), "\n".join(_wrapped(group))))
  return shown


def srt(shown: Sequence[Subtitle]) -> str:
  """A SubRip file."""
  return "".join(
    f"{number}\n{_full(each.start, ',')} --> {_full(each.end, ',')}\n{each.text}\n\n"
    for number, each in enumerate(shown, start=1)
  )


def vtt(shown: Sequence[Subtitle]) -> str:
  """A WebVTT file; &, < and > are escaped, as it demands."""
  cues = (
    f"{_full(each.start, '.')} --> {_full(each.end, '.')}\n"
    f"{html.escape(each.text, quote=False)}\n\n"
    for each in shown
  )
  return "WEBVTT\n\n" + "".join(cues)


FORMATS = {"srt": srt, "vtt": vtt}


def clock(seconds: float) -> str:
  """0:07.50, or 1:02:07.50 from an hour on."""
  minutes, rest = divmod(round(seconds * 100), 6000)
  hours, minutes = divmod(minutes, 60)
  before = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
  return f"{before}:{rest / 100:05.2f}"


def _full(seconds: float, point: str) -> str:
  whole, milliseconds = divmod(round(seconds * 1000), 1000)
  minutes, second = divmod(whole, 60)
  hours, minute = divmod(minutes, 60)
  return f"{hours:02d}:{minute:02d}:{second:02d}{point}{milliseconds:03d}"


def _cut(words: list[Word]) -> Iterator[list[Word]]:
  group: list[Word] = []
  for word in words:
    longer = [*group, word]
    if group and (len(_wrapped(longer)) > LINES or word.end - group[0].start > LONGEST):
      yield group
      longer = [word]
    group = longer
  if group:
    yield group


def _wrapped(words: list[Word]) -> list[str]:
  return textwrap.wrap(
    " ".join(word.text for word in words), LINE, break_long_words=False, break_on_hyphens=False
  )
