"""A claim about word errors, held against what was measured: agrees, disagrees, or cannot tell.

A claim is a bound on the relative difference d = (WER(row) - WER(base)) / WER(base). With the 95 %
interval [low, high] of d, from the paired bootstrap of the two models on the same utterances,

    at_most b    agrees if high <= b,   disagrees if low > b,    else cannot tell
    at_least b   agrees if low >= b,    disagrees if high < b,   else cannot tell

so a test that is too small says so, instead of agreeing with everything. So do seeds that don't all
lie on that side of b, each alone: three of them make no sure interval. And a base that hears next
to nothing: what it is compared with can hardly have more errors.
"""

import dataclasses

from edge_rnnt.report import units
from edge_rnnt.report.evidence import Difference, Evidence
from edge_rnnt.report.results import POOLED, Results, ResultsError, Row

HEARS_NOTHING = 90.0
"""WER in percent from which on a base is no measure for others."""
VERDICTS = AGREES, DISAGREES, CANNOT_TELL = "agrees", "disagrees", "cannot tell"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
  """What somebody else found. Raises ResultsError unless it has exactly one bound.

  Attributes:
    sentence: in plain words, with its source.
    row, base: names of the models that it is about.
    at_most, at_least: bound on (WER(row) - WER(base)) / WER(base).
    set: the test set that it is about.
  """

  sentence: str
  row: str
  base: str
  at_most: float | None = None
  at_least: float | None = None
  set: str = POOLED

  def __post_init__(self) -> None:
    if (self.at_most is None) == (self.at_least is None):
      raise ResultsError(
        f"a claim has one bound, at_most or at_least; {self.row} against {self.base} has "
        f"{self.at_most} and {self.at_least}"
      )

  def holds(self, low: float, high: float) -> str:
    """The verdict for a relative difference between low and high."""
    if self.at_most is not None:
      return _verdict(high <= self.at_most, low > self.at_most)
    return _verdict(low >= self.at_least, high < self.at_least)

  def judge(self, difference: Difference) -> str:
    """The verdict for a difference whose relative size is known, and that of each seed."""
    verdict = self.holds(*difference.relative[1:])
    alone = (self.holds(each, each) for each in difference.of_each_seed)
    return verdict if all(each == verdict for each in alone) else CANNOT_TELL


@dataclasses.dataclass(frozen=True)
class Answer:
  """A claim with what was measured of it; `relative` is None as long as that is not known."""

  claim: Claim
  verdict: str
  relative: tuple[float, float, float] | None
  sentence: str


def answer(claim: Claim, results: Results, evidence: Evidence) -> Answer:
  """Holds a claim against the rows of its test set."""
  row, base = (_named(results, name, claim.set) for name in (claim.row, claim.base))
  difference = evidence.difference(row, base) if row and base else None
  if row is None or base is None or difference is None or difference.relative is None:
    return Answer(claim, CANNOT_TELL, None, f"{claim.sentence} Here: not measured yet.")
  verdict, why = claim.judge(difference), ""
  if base.wer >= HEARS_NOTHING:
    verdict = CANNOT_TELL
    why = f", since {base.name} itself has {units.rate(base.wer)} % errors"
  found = f"{_found(difference, row)}: {verdict}{why}."
  return Answer(claim, verdict, difference.relative, f"{claim.sentence} Here: {found}")


def _found(difference: Difference, row: Row) -> str:
  middle, low, high = (units.points(100 * each) for each in difference.relative)
  each = ", ".join(units.points(100 * each) for each in difference.of_each_seed)
  count = len(difference.of_each_seed)
  runs = "one seed" if count == 1 else f"{count} seeds ({each})"
  return f"{middle} % [{low}, {high}] relative, {runs}, {units.exact(row.words)} words"


def _named(results: Results, name: str, set_: str) -> Row | None:
  of_set = (row for row in results.rows if row.set == set_)
  rows = results.main_rows if set_ == POOLED else of_set
  return next((row for row in rows if row.name == name), None)


def _verdict(agrees: bool, disagrees: bool) -> str:
  return AGREES if agrees else DISAGREES if disagrees else CANNOT_TELL
