"""What a model heard, utterance by utterance, so that anyone can count its errors again.

A TSV with the header id, reference, hypothesis; no quoting, so tabs and line breaks are refused.
"""

import os
import pathlib
from collections.abc import Iterable
from typing import NamedTuple

from edge_rnnt.report.results import Results, Row
from edge_rnnt.report.schema import ResultsError
from edge_rnnt.text.wer import ErrorRate, error_rate

HEADER = ("id", "reference", "hypothesis")
_BREAKS = "\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"  # all that some reader may split at


class Heard(NamedTuple):
  """One utterance: what was said and what the model made of it."""

  id: str
  reference: str
  hypothesis: str


def write_hypotheses(path: str | os.PathLike, heard: Iterable[tuple[str, str, str]]) -> None:
  """Writes (id, reference, hypothesis) lines. Raises ResultsError for texts with tabs or breaks,
  empty or repeated ids."""
  lines, seen = ["\t".join(HEADER)], set()
  for utterance in heard:
    broken = [text for text in utterance if any(character in text for character in _BREAKS)]
    if broken:
      raise ResultsError(
        f"a TSV cannot hold tabs or line breaks; got {broken[0]!r} in utterance {utterance[0]!r}"
      )
    if not utterance[0] or utterance[0] in seen:
      raise ResultsError(f"each utterance needs an id of its own; got {utterance[0]!r}")
    seen.add(utterance[0])
    lines.append("\t".join(utterance))
  pathlib.Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def read_hypotheses(path: str | os.PathLike) -> list[Heard]:
  """Reads what write_hypotheses wrote. Raises ResultsError naming the file and the line."""
  path = pathlib.Path(path)
  if not path.is_file():
    raise ResultsError(f"no hypotheses at {path}")
  header, *lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
  if tuple(header.split("\t")) != HEADER:
    raise ResultsError(f"{path} must begin with the header {'<tab>'.join(HEADER)}; got {header!r}")
  heard = []
  for number, line in enumerate(lines, start=2):
    cells = line.split("\t")
    if len(cells) != len(HEADER):
      raise ResultsError(f"{path}, line {number}: expected 3 cells with tabs between; got {line!r}")
    heard.append(Heard(*cells))
  return heard


def rescore(heard: Iterable[Heard], samples: int = 1000) -> ErrorRate:
  """Word error rate counted again from what was heard. Raises ResultsError if nothing was."""
  heard = list(heard)
  if not heard:
    raise ResultsError("no utterances, so no word error rate")
  _, references, hypotheses = zip(*heard, strict=True)
  return error_rate(references, hypotheses, samples=samples)


def check(results: Results, folder: str | os.PathLike) -> None:
  """Counts every row's errors again from its hypotheses.

  Raises ResultsError for a row whose file is missing or tells another WER or number of words.
  """
  for row in results.rows:
    check_row(row, read_hypotheses(pathlib.Path(folder) / row.hypotheses))


def check_row(row: Row, heard: list[Heard]) -> None:
  """Raises ResultsError if the row's WER or words are not those of what was heard."""
  rate = rescore(heard, samples=1)
  if rate.words != row.words * row.seeds or abs(100 * rate.wer - row.wer) > 1e-6:
    raise ResultsError(
      f"row '{row.name}' ({row.set}) says WER {row.wer} % of {row.words} words, but "
      f"{row.hypotheses} gives {100 * rate.wer} % of {rate.words} (seeds: {row.seeds})"
    )
