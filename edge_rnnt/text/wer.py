"""Word error rate, pooled over a set, with the interval that says how far to believe it.

  WER = (substitutions + deletions + insertions) / reference words, each summed over all utterances

Intervals and comparisons by the bootstrap over utterances (Bisani and Ney, "Bootstrap estimates for
confidence intervals in ASR performance evaluation", ICASSP 2004): draw as many utterances as there
are, with replacement, and see how the rate moves. kaldialign counts errors, each at a cost of 1.
"""

import dataclasses
import unicodedata
from collections.abc import Iterator, Sequence

import kaldialign
import numpy as np
from jaxtyping import Float64, Int64

NORMALIZER = "NFKC, lower case; letters, digits, apostrophes within words; one space between words"

_KEPT = "LMN"  # Unicode's letters, the marks that some scripts write vowels with, and numbers


def normalize(text: str) -> str:
  """The words that are compared, as NORMALIZER says; any other character parts words."""
  text = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
  kept = (c if c == "'" or unicodedata.category(c)[0] in _KEPT else " " for c in text)
  words = (word.strip("'") for word in "".join(kept).split())
  return " ".join(word for word in words if word)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ErrorRate:
  """Word errors of one system over a set; rates are shares, not percent."""

  errors: int
  words: int  # of the references
  wer: float
  low: float  # 95 % interval
  high: float
  utterances: int
  substitutions: int
  deletions: int
  insertions: int

  def __str__(self) -> str:
    return (
      f"{100 * self.wer:.2f} % [{100 * self.low:.2f}, {100 * self.high:.2f}] "
      f"({self.errors} errors / {self.words} words, {self.utterances} utterances)"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
  """WER(b) - WER(a) over the same utterances; below zero: b is better.

  relative: (WER(b) - WER(a)) / WER(a), and its own 95 % interval, as WER(a) is not known exactly
  either; None if a makes no errors.
  """

  difference: float
  low: float  # 95 % interval
  high: float
  p_value: float  # two-sided: how often chance alone would set them so far apart
  relative: tuple[float, float, float] | None

  @classmethod
  def of(
    cls, whole: Float64[np.ndarray, "3"], draws: Float64[np.ndarray, "samples 3"]
  ) -> "Comparison":
    """From a bootstrap's sums of errors that b makes more than a, errors of a, and words."""
    points = _quotient(draws[:, 0], draws[:, 2])
    low, high = np.percentile(points, [2.5, 97.5]).tolist()
    tail = min((points <= 0).sum(), (points >= 0).sum())
    more, wrong, words = whole.tolist()
    relative = None
    if wrong:
      ends = np.percentile(_quotient(draws[:, 0], draws[:, 1]), [2.5, 97.5]).tolist()
      relative = (more / wrong, ends[0], ends[1])
    return cls(
      difference=more / words,
      low=low,
      high=high,
      p_value=min(1.0, 2 * float(tail + 1) / (len(points) + 1)),
      relative=relative,
    )


def error_rate(
  references: Sequence[str], hypotheses: Sequence[str], *, seed: int = 0, samples: int = 1000
) -> ErrorRate:
  """Pooled WER of normalized texts, with a 95 % percentile-bootstrap interval over utterances.

  An empty reference is allowed: all that is said to it is inserted. The interval takes utterances
  as independent; few speakers with many utterances each make it too narrow.

  samples: bootstrap draws; seed: of those draws, so that a report can be repeated.

  Raises ValueError when the lists differ in length or the references hold no word at all.
  """
  edits, words = _edits(references, hypotheses)
  errors = edits.sum(axis=1)
  draws = _ratio(_draw(np.stack([errors, words]), seed, samples))
  low, high = np.nanpercentile(draws, [2.5, 97.5]).tolist()
  substitutions, deletions, insertions = edits.sum(axis=0).tolist()
  return ErrorRate(
    errors=int(errors.sum()),
    words=int(words.sum()),
    wer=float(errors.sum() / words.sum()),
    low=low,
    high=high,
    utterances=len(words),
    substitutions=substitutions,
    deletions=deletions,
    insertions=insertions,
  )


def compare(
  references: Sequence[str],
  a: Sequence[str],
  b: Sequence[str],
  *,
  seed: int = 0,
  samples: int = 10_000,
) -> Comparison:
  """Do systems a and b differ? Paired bootstrap: both are scored on the same drawn utterances.

  p = 2 min(P(d* <= 0), P(d* >= 0)), with one draw more on either side, so that p is never 0.

  Raises ValueError as error_rate does.
  """
  edits_a, words = _edits(references, a)
  edits_b, _ = _edits(references, b)
  wrong = edits_a.sum(axis=1)
  counts = np.stack([edits_b.sum(axis=1) - wrong, wrong, words])
  draws = np.array(list(_draw(counts, seed, samples)), np.float64)
  return Comparison.of(counts.sum(axis=1).astype(np.float64), draws)


def _edits(
  references: Sequence[str], hypotheses: Sequence[str]
) -> tuple[Int64[np.ndarray, "B 3"], Int64[np.ndarray, "B"]]:
  """Substitutions, deletions and insertions of each utterance, and its reference words."""
  if len(references) != len(hypotheses):
    raise ValueError(
      f"each reference needs its hypothesis, got {len(references)} references and "
      f"{len(hypotheses)} hypotheses."
    )
  edits = np.zeros((len(references), 3), np.int64)
  words = np.zeros(len(references), np.int64)
  for i, (reference, hypothesis) in enumerate(zip(references, hypotheses, strict=True)):
    spoken = normalize(reference).split()
    found = kaldialign.edit_distance(spoken, normalize(hypothesis).split())
    edits[i] = found["sub"], found["del"], found["ins"]
    words[i] = len(spoken)
  if not words.sum():
    raise ValueError(
      f"a word error rate needs reference words; the {len(references)} references hold none after "
      f"normalization ({NORMALIZER})."
    )
  return edits, words


def _draw(
  counts: Int64[np.ndarray, "K B"], seed: int, samples: int
) -> Iterator[Int64[np.ndarray, "K"]]:
  """Sums of counts over utterances drawn with replacement, for each of the samples."""
  rng = np.random.default_rng(seed)
  utterances = counts.shape[1]
  for _ in range(samples):
    yield counts[:, rng.integers(utterances, size=utterances)].sum(axis=1)


def _ratio(sums: Iterator[np.ndarray]) -> Float64[np.ndarray, "samples"]:
  """Errors per word of each draw; NaN where only empty references were drawn."""
  return np.array([errors / words if words else np.nan for errors, words in sums])


def _quotient(
  above: Float64[np.ndarray, "samples"], below: Float64[np.ndarray, "samples"]
) -> Float64[np.ndarray, "n"]:
  """Of each draw but those with nothing to divide by."""
  return above[below != 0] / below[below != 0]
