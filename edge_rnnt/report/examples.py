"""What a model hears: utterances drawn at random, the worst one, and its most frequent errors."""

import collections
from collections.abc import Sequence
from typing import NamedTuple

import kaldialign
import numpy as np

from edge_rnnt.report.evidence import Evidence
from edge_rnnt.report.hypotheses import Heard
from edge_rnnt.report.results import Results, Row
from edge_rnnt.text.wer import normalize

_NONE = ""  # no word is empty


class Word(NamedTuple):
  """One step of the alignment; a deletion has no `heard`, an insertion no `said`."""

  said: str
  heard: str

  @property
  def right(self) -> bool:
    return self.said == self.heard


class Example(NamedTuple):
  """One utterance with its errors marked."""

  id: str
  set: str
  words: tuple[Word, ...]

  @property
  def errors(self) -> int:
    return sum(not word.right for word in self.words)


class Errors(NamedTuple):
  """All errors of a model, by kind; `frequent` are the commonest with their counts."""

  substitutions: int
  deletions: int
  insertions: int
  frequent: tuple[tuple[Word, int], ...]


def align(reference: str, hypothesis: str) -> tuple[Word, ...]:
  """Normalized words side by side with as few errors as can be."""
  said, heard = normalize(reference).split(), normalize(hypothesis).split()
  return tuple(Word(*pair) for pair in kaldialign.align(said, heard, _NONE))


def drawn(results: Results, evidence: Evidence, row: Row, *, number: int = 6) -> list[Example]:
  """About `number` utterances drawn at random, as many of each set, and of each set the worst.

  The draw is seeded: the page shows the same ones each time, and nobody picked them.
  """
  rows = [each for each in results.set_rows if each.name == row.name] or [row]
  examples = []
  for each in rows:
    heard = sorted(evidence.heard(each))
    if heard:
      examples += _of_set(each.set, heard, max(1, number // len(rows)))
  return examples


def errors(heard: Sequence[Heard], *, most: int = 6) -> Errors:
  """Counts the errors by kind and by word."""
  words = [word for each in heard for word in align(each.reference, each.hypothesis)]
  wrong = collections.Counter(word for word in words if not word.right)
  kinds = collections.Counter((bool(word.said), bool(word.heard)) for word in wrong.elements())
  frequent = sorted(wrong.items(), key=lambda item: (-item[1], item[0]))[:most]
  return Errors(kinds[True, True], kinds[True, False], kinds[False, True], tuple(frequent))


def _of_set(name: str, heard: Sequence[Heard], number: int) -> list[Example]:
  examples = [Example(each.id, name, align(each.reference, each.hypothesis)) for each in heard]
  rng = np.random.default_rng(0)
  picked = rng.choice(len(examples), size=min(number, len(examples)), replace=False).tolist()
  worst = max(range(len(examples)), key=lambda i: examples[i].errors)
  if examples[worst].errors and worst not in picked:
    picked.append(worst)
  return [examples[i] for i in picked]
