"""Sentences that the rows themselves say. Each is computed; none claims more than its interval."""

from typing import NamedTuple

from edge_rnnt.report import units
from edge_rnnt.report.evidence import Evidence
from edge_rnnt.report.results import Results, Row

FEW_SPEAKERS = 10  # below this an interval over utterances is clearly narrower than the truth

WORSE, BETTER, NOT_TOLD_APART = "worse", "better", "not told apart"  # verdicts


class Pair(NamedTuple):
  """A model and the one that it should be measured against."""

  row: Row
  base: Row


def describe(row: Row, results: Results) -> str:
  """dense float; 80 % sparse integer; with its cell where the results hold several. By its name if
  another model is described so too."""
  if _is_one_of_several(row, results):
    return row.name
  sparsity = f"{units.share(row.sparsity)} sparse" if row.sparsity else "dense"
  return f"{sparsity} {row.scheme}{_cell(row, results)}"


def chosen(results: Results, evidence: Evidence) -> Row:
  """The smallest file whose WER this test cannot tell from the dense float model's.

  Without a dense float model: the one with the lowest WER.
  """
  base = results.dense_float
  if base is None:
    return min(results.main_rows, key=lambda row: (row.wer, row.bytes))
  as_good = [row for row in results.main_rows if not evidence.worse(row, base)]
  return min(as_good, key=lambda row: (row.bytes, row.wer))


def headline(results: Results, evidence: Evidence) -> str:
  """The result in one line."""
  row, base = chosen(results, evidence), results.dense_float
  name = describe(row, results)
  if name != row.name:  # a name is left as it is, words begin a sentence
    name = name[:1].upper() + name[1:]
  if base is None or row == base:
    return f"{name}: {units.size(row.bytes)}, WER {units.rate(row.wer)} %"
  return (
    f"{name}: {units.share(row.bytes / base.bytes)} of the bytes, "
    f"WER {units.rate(row.wer)} % against {units.rate(base.wer)} %"
  )


def caution(results: Results, evidence: Evidence) -> str:
  """How sure the headline is."""
  row, base = chosen(results, evidence), results.dense_float
  words = f"{units.exact(row.words)} words"
  if base is None:
    return f"There is no dense float model to compare with. The test has {words}."
  if row == base:
    smaller = any(each.bytes < base.bytes for each in results.main_rows)
    tail = "Every smaller file makes more errors than chance explains." if smaller else ""
    return f"95 % interval {_interval(row)} on {words}. {tail}".strip()
  difference = evidence.difference(row, base)
  if difference is None:
    return (
      f"The 95 % intervals, {_interval(row)} and {_interval(base)}, overlap: these {words} cannot "
      "tell the two apart, which does not prove them equal."
    )
  found = (
    f"The difference is {units.points(difference.points)} points, 95 % interval "
    f"{units.points(difference.low)} to {units.points(difference.high)}, "
    f"{units.p_value(difference.p_value)}"
  )
  if difference.high < 0:
    return f"{found}: fewer errors than chance explains."
  return f"{found}: these {words} cannot tell the two apart, which does not prove them equal."


def pairs(results: Results) -> list[Pair]:
  """Every model against the dense float model, against the float model of its own weights, and
  against that of the group which the results name."""
  dense = results.dense_float
  found = []
  for row in results.main_rows:
    others = (dense, _own_float(results, row), _counterpart(results, row))
    bases = dict.fromkeys(base for base in others if base not in (None, row))
    found += [Pair(row, base) for base in bases]
  return found


def verdict(pair: Pair, evidence: Evidence) -> str:
  """worse, better, or not told apart; by the utterances if they are known, else by intervals."""
  if evidence.worse(*pair):
    return WORSE
  return BETTER if evidence.worse(pair.base, pair.row) else NOT_TOLD_APART


def findings(results: Results, evidence: Evidence) -> list[str]:
  """The paper's questions, as far as the rows answer them, and how far to trust the answers."""
  answers = [
    _answer(question, asked, results, evidence)
    for question, asked in _questions(results).items()
    if asked
  ]
  return [*answers, *_fineness(results, evidence), *_few_speakers(results)]


def _questions(results: Results) -> dict[str, list[Pair]]:
  """What is asked, and the pairs of models that answer it."""
  asked: dict[str, list[Pair]] = {
    "Pruned float against dense float": [],
    "Other cells against the first, dense float": [],
    "Hybrid against float of the same weights": [],
    "Integer against float of the same weights": [],
    f"Float against {results.against}": [],
  }
  pruned, cells, hybrid, integer, against = asked.values()
  for row in results.main_rows:
    dense = _like(results, row, scheme="float", sparsity=0.0)
    own, other = _own_float(results, row), _counterpart(results, row)
    if row.scheme == "float" and other not in (None, row):
      against.append(Pair(row, other))
    if row.scheme == "float" and row.sparsity and dense:
      pruned.append(Pair(row, dense))
    elif row == dense and results.dense_float not in (None, row):
      cells.append(Pair(row, results.dense_float))
    elif row.scheme != "float" and own:
      (hybrid if row.scheme == "hybrid" else integer).append(Pair(row, own))
  return asked


def _answer(question: str, asked: list[Pair], results: Results, evidence: Evidence) -> str:
  """All differences in one sentence, and in another those that chance does not explain."""
  differences = [
    f"{units.points(pair.row.wer - pair.base.wer)} {'points ' if first else ''}"
    f"{_which(pair.row, results)}"
    for first, pair in zip([True] + [False] * len(asked), asked, strict=False)
  ]
  told = [(pair, verdict(pair, evidence)) for pair in asked]
  apart = [
    f"{_which(pair.row, results)} ({found})" for pair, found in told if found != NOT_TOLD_APART
  ]
  beyond = f"Beyond chance: {', '.join(apart)}." if apart else "None beyond chance."
  return f"{question}: {', '.join(differences)}. {beyond}"


def _which(row: Row, results: Results) -> str:
  """at 80 %; dense; with the cell where there are several; or by name, as in describe."""
  if _is_one_of_several(row, results):
    return f"for {row.name}"
  sparsity = f"at {units.share(row.sparsity)}" if row.sparsity else "dense"
  return sparsity + _cell(row, results)


def _cell(row: Row, results: Results) -> str:
  return f" {row.cell.upper()}" if len({each.cell for each in results.rows}) > 1 else ""


def _fineness(results: Results, evidence: Evidence) -> list[str]:
  """How large a difference must be for this test to see it."""
  found = [evidence.difference(*pair) for pair in pairs(results)]
  halves = [(each.high - each.low) / 2 for each in found if each is not None]
  if not halves:
    return []
  return [
    f"How fine this test sees: the intervals of such differences reach {units.rate(min(halves))} "
    f"to {units.rate(max(halves))} points to either side; what is smaller goes unseen."
  ]


def _like(results: Results, row: Row, *, scheme: str, sparsity: float) -> Row | None:
  """The model of the same cell with the given scheme and sparsity."""
  wanted = (row.cell, scheme, round(sparsity, 2))
  found = (r for r in results.main_rows if (r.cell, r.scheme, round(r.sparsity, 2)) == wanted)
  return next(found, None)


def _own_float(results: Results, row: Row) -> Row | None:
  """The float model of the same weights."""
  if not row.weights:
    return _like(results, row, scheme="float", sparsity=row.sparsity)
  own = (each for each in results.main_rows if each.weights == row.weights)
  return next((each for each in own if each.scheme == "float"), None)


def _counterpart(results: Results, row: Row) -> Row | None:
  """The model of the same state and scheme in the group that the results name."""
  wanted = (f"{results.against}/{row.weights.rpartition('/')[2]}", row.scheme)
  found = (each for each in results.main_rows if (each.weights, each.scheme) == wanted)
  return next(found, None) if results.against else None


def _is_one_of_several(row: Row, results: Results) -> bool:
  """Whether cell, scheme and sparsity don't tell the model from all others."""
  kinds = [(each.cell, each.scheme, units.share(each.sparsity)) for each in results.main_rows]
  return kinds.count((row.cell, row.scheme, units.share(row.sparsity))) > 1


def _few_speakers(results: Results) -> list[str]:
  few = ", ".join(
    f"{portion.set} {portion.speakers}"
    for portion in results.data.portions
    if portion.split == "test" and portion.speakers and portion.speakers < FEW_SPEAKERS
  )
  if not few:
    return []
  return [
    f"Few test speakers ({few}): intervals take utterances as independent, so they are too narrow "
    "for speakers in general."
  ]


def _interval(row: Row) -> str:
  return f"{units.rate(row.wer_low)} to {units.rate(row.wer_high)} %"
