"""Rows with what their models heard: differences between two models on the very same utterances."""

import dataclasses
import math
import os
import pathlib
from collections.abc import Collection, Sequence
from typing import NamedTuple

from edge_rnnt.report import seeds
from edge_rnnt.report.hypotheses import Heard, check_row, read_hypotheses, rescore
from edge_rnnt.report.results import Results, Row
from edge_rnnt.text.wer import compare

SAMPLES = 4000  # bootstrap draws: p is known to about 0.005 where it matters


class Difference(NamedTuple):
  """WER of one model less that of another, over the seeds that both have; below 0 the first is
  better. Intervals are of 95 %, by paired bootstrap over utterances, and seeds where several are.

  Attributes:
    points, low, high: percentage points.
    relative: over the other's WER, a share; None if it makes no errors.
    of_each_seed: the same for each seed alone, in their order.
  """

  points: float
  low: float
  high: float
  p_value: float
  relative: tuple[float, float, float] | None
  of_each_seed: tuple[float, ...]


class Evidence:
  """The hypotheses of each row, checked against the row when read.

  Raises ResultsError if a row's numbers are not those of its hypotheses. A file that is not there
  is no error: results may travel without them, and then only intervals can be compared.
  """

  def __init__(self, results: Results, folder: str | os.PathLike):
    self._heard: dict[tuple[str, str], list[Heard]] = {}
    self._runs: dict[tuple[str, str], dict[int, list[Heard]]] = {}
    self._differences: dict[tuple[Row, Row], Difference | None] = {}
    for row in results.rows:
      path = pathlib.Path(folder) / row.hypotheses
      if path.is_file():
        heard = read_hypotheses(path)
        check_row(row, heard)
        self._heard[row.name, row.set] = heard
        self._runs[row.name, row.set] = _runs(row, heard)

  def heard(self, row: Row) -> list[Heard]:
    """What the row's model heard; empty if that is not known."""
    return self._heard.get((row.name, row.set), [])

  def wer_of_each_seed(self, row: Row) -> list[float]:
    """In percent, in the order of the seeds; empty if not known."""
    runs = self._by_seed(row)
    return [100 * rescore(heard, samples=1).wer for _, heard in sorted(runs.items()) if heard]

  def difference(self, row: Row, base: Row) -> Difference | None:
    """WER(row) - WER(base) over the seeds that both were run with; None unless there are some, and
    both were heard on the same utterances."""
    if (row, base) not in self._differences:
      mine, theirs = self._by_seed(row), self._by_seed(base)
      shared = sorted(mine.keys() & theirs.keys())
      heard, other = ([runs[seed] for seed in shared] for runs in (mine, theirs))
      self._differences[row, base] = _difference(heard, other) if shared else None
    return self._differences[row, base]

  def over(self, row: Row, runs: Collection[int]) -> Row:
    """The row with the WER of these of its runs alone; as it is where that is not known, or where
    it has no others."""
    known = self._by_seed(row)
    chosen = {seed: heard for seed, heard in known.items() if seed in runs and heard}
    if not chosen or len(chosen) == len(known):
      return row
    scores = seeds.scores(chosen)
    return dataclasses.replace(row, runs=tuple(chosen), seeds=len(chosen), **scores)

  def _by_seed(self, row: Row) -> dict[int, list[Heard]]:
    """What each run of the row heard."""
    runs = self._runs.get((row.name, row.set), {})
    return {seed: heard for seed, heard in runs.items() if seed in row.runs or not row.runs}

  def worse(self, row: Row, base: Row) -> bool:
    """Whether row makes more errors than chance explains; without utterances: apart intervals."""
    difference = self.difference(row, base)
    return row.wer_low > base.wer_high if difference is None else difference.low > 0


def _runs(row: Row, heard: list[Heard]) -> dict[int, list[Heard]]:
  """By seed. One run whose seed is not known goes with any other such."""
  if row.seeds > 1:
    return seeds.by_seed(heard)
  return {row.runs[0] if row.runs else 0: heard}


def _difference(heard: Sequence[list[Heard]], base: Sequence[list[Heard]]) -> Difference | None:
  """Of the same runs in the same order; None unless all heard the same utterances."""
  spoken = [sorted((each.id, each.reference) for each in run) for run in (*heard, *base)]
  if not spoken[0] or any(other != spoken[0] for other in spoken):
    return None
  if len(heard) > 1:
    mine, theirs = (seeds.pool(dict(enumerate(runs))) for runs in (heard, base))
    found = seeds.compare(theirs, mine, samples=SAMPLES)
  else:
    other = {each.id: each.hypothesis for each in base[0]}
    found = compare(
      [each.reference for each in heard[0]],
      [other[each.id] for each in heard[0]],
      [each.hypothesis for each in heard[0]],
      samples=SAMPLES,
    )
  points = (100 * each for each in (found.difference, found.low, found.high))
  each_seed = () if found.relative is None else map(_relative, heard, base)
  return Difference(*points, found.p_value, found.relative, tuple(each_seed))


def _relative(heard: list[Heard], base: list[Heard]) -> float:
  mine, theirs = (rescore(run, samples=1).wer for run in (heard, base))
  return (mine - theirs) / theirs if theirs else math.inf
