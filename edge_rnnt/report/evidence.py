"""Rows with what their models heard: differences between two models on the very same utterances."""

import os
import pathlib
from typing import NamedTuple

from edge_rnnt.report import seeds
from edge_rnnt.report.hypotheses import Heard, check_row, read_hypotheses, rescore
from edge_rnnt.report.results import Results, Row
from edge_rnnt.text.wer import compare

SAMPLES = 4000  # bootstrap draws: p is known to about 0.005 where it matters


class Difference(NamedTuple):
  """WER of one model less that of another, in percentage points; below 0 the first is better."""

  points: float
  low: float  # 95 % interval, paired bootstrap over utterances, and seeds where several are pooled
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

  def wer_of_each_seed(self, row: Row) -> list[float]:
    """In percent, in the order of the seeds; empty if not known."""
    runs = seeds.by_seed(self.heard(row)) if row.seeds > 1 else {0: self.heard(row)}
    return [100 * rescore(heard, samples=1).wer for _, heard in sorted(runs.items()) if heard]

  def difference(self, row: Row, base: Row) -> Difference | None:
    """WER(row) - WER(base); None unless both were heard on the same utterances."""
    if (row, base) not in self._differences:
      paired = row.seeds == base.seeds
      heard, other = self.heard(row), self.heard(base)
      self._differences[row, base] = _difference(heard, other, row.seeds) if paired else None
    return self._differences[row, base]

  def worse(self, row: Row, base: Row) -> bool:
    """Whether row makes more errors than chance explains; without utterances: apart intervals."""
    difference = self.difference(row, base)
    return row.wer_low > base.wer_high if difference is None else difference.low > 0


def _difference(heard: list[Heard], base: list[Heard], runs: int) -> Difference | None:
  other = {utterance.id: utterance for utterance in base}
  if not heard or other.keys() != {utterance.id for utterance in heard}:
    return None
  pairs = [(utterance, other[utterance.id]) for utterance in heard]
  if any(mine.reference != theirs.reference for mine, theirs in pairs):
    return None
  if runs > 1:
    found = seeds.compare(base, heard, samples=SAMPLES)
  else:
    found = compare(
      [mine.reference for mine, _ in pairs],
      [theirs.hypothesis for _, theirs in pairs],
      [mine.hypothesis for mine, _ in pairs],
      samples=SAMPLES,
    )
  return Difference(100 * found.difference, 100 * found.low, 100 * found.high, found.p_value)
