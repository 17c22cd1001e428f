"""Rows with what their models heard: differences between two models on the very same utterances."""

import os
import pathlib
from typing import NamedTuple

from edge_rnnt.report.hypotheses import Heard, check_row, read_hypotheses
from edge_rnnt.report.results import Results, Row
from edge_rnnt.text.wer import compare

SAMPLES = 4000  # bootstrap draws: p is known to about 0.005 where it matters


class Difference(NamedTuple):
  """WER of one model less that of another, in percentage points; below 0 the first is better."""

  points: float
  low: float  # 95 % interval, paired bootstrap over utterances
  high: float
  p_value: float


class Evidence:
  """The hypotheses of each row, checked against the row when read.

  Raises ResultsError if a row's numbers are not those of its hypotheses. A file that is not there
  is no error: results may travel without them, and then only intervals can be compared.
  """

  def __init__(self, results: Results, folder: str | os.PathLike):
    self._heard: dict[tuple[str, str], list[Heard]] = {}
    self._differences: dict[tuple[Row, Row], Difference | None] = {}
    for row in results.rows:
      path = pathlib.Path(folder) / row.hypotheses
      if path.is_file():
        heard = read_hypotheses(path)
        check_row(row, heard)
        self._heard[row.name, row.set] = heard

  def heard(self, row: Row) -> list[Heard]:
    """What the row's model heard; empty if that is not known."""
    return self._heard.get((row.name, row.set), [])

  def difference(self, row: Row, base: Row) -> Difference | None:
    """WER(row) - WER(base); None unless both were heard on the same utterances."""
    if (row, base) not in self._differences:
      self._differences[row, base] = _difference(self.heard(row), self.heard(base))
    return self._differences[row, base]

  def worse(self, row: Row, base: Row) -> bool:
    """Whether row makes more errors than chance explains; without utterances: apart intervals."""
    difference = self.difference(row, base)
    return row.wer_low > base.wer_high if difference is None else difference.low > 0


def _difference(heard: list[Heard], base: list[Heard]) -> Difference | None:
  other = {utterance.id: utterance for utterance in base}
  if not heard or other.keys() != {utterance.id for utterance in heard}:
    return None
  pairs = [(utterance, other[utterance.id]) for utterance in heard]
  if any(mine.reference != theirs.reference for mine, theirs in pairs):
    return None
  found = compare(
    [mine.reference for mine, _ in pairs],
    [theirs.hypothesis for _, theirs in pairs],
    [mine.hypothesis for mine, _ in pairs],
    samples=SAMPLES,
  )
  return Difference(100 * found.difference, 100 * found.low, 100 * found.high, found.p_value)
