"""Runs that differ in their seed alone, taken together: pooled hypotheses, and how sure a mean is.

A pooled list holds every utterance once a run, under the id SEED/ID. Its WER is the mean over the
runs. What one run mishears another is likely to mishear too, so a bootstrap draw takes utterances
with all that was made of them, and runs, both with replacement.

Drawn from S runs, a mean varies by (S - 1) / S of what it should, so its distance from the mean of
all is stretched by the root of S / (S - 1). How wrong a spread of three runs can be is not in that:
see the runs' own WERs.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import kaldialign
import numpy as np
from jaxtyping import Float64, Int64

from edge_rnnt.report import results
from edge_rnnt.report.hypotheses import Heard, rescore
from edge_rnnt.report.schema import ResultsError
from edge_rnnt.text.wer import Comparison, normalize

SAMPLES = 4000


def pool(runs: Mapping[int, Sequence[Heard]]) -> list[Heard]:
  """All that was heard, by seed. Raises ResultsError unless every run heard the same utterances."""
  first, *others = ({(each.id, each.reference) for each in heard} for heard in runs.values())
  if any(other != first for other in others):
    raise ResultsError(f"the runs of the seeds {sorted(runs)} were tested on other utterances")
  return [each._replace(id=f"{seed}/{each.id}") for seed, heard in runs.items() for each in heard]


def by_seed(pooled: Sequence[Heard]) -> dict[int, list[Heard]]:
  """What `pool` was given."""
  runs: dict[int, list[Heard]] = {}
  for each in pooled:
    seed, _, name = each.id.partition("/")
    runs.setdefault(int(seed), []).append(each._replace(id=name))
  return runs


def scores(runs: Mapping[int, Sequence[Heard]]) -> dict[str, Any]:
  """The fields of a Row that its runs fill: mean WER, its interval, and the words of one run."""
  if len(runs) == 1:
    (heard,) = runs.values()
    return results.scores(rescore(heard))
  pooled = pool(runs)
  rate, (low, high) = rescore(pooled, samples=1), interval(pooled)
  whole = dataclasses.replace(rate, low=min(low, rate.wer), high=max(high, rate.wer))
  return results.scores(whole) | {"words": rate.words // len(runs)}


def interval(pooled: Sequence[Heard], samples: int = SAMPLES) -> tuple[float, float]:
  """95 % interval of the mean WER over runs, as shares."""
  errors, words = _counts(pooled)
  draws = _draw(np.stack([errors]), words, samples)
  low, high = np.percentile(draws[:, 0] / draws[:, 1], [2.5, 97.5]).tolist()
  return low, high


def compare(a: Sequence[Heard], b: Sequence[Heard], samples: int = SAMPLES) -> Comparison:
  """WER(b) - WER(a); runs of the same seed and the same utterances are drawn together.

  p as in text/wer.py. Raises ResultsError if seeds or utterances differ.
  """
  (errors_a, words), (errors_b, _) = _counts(a), _counts(b)
  if {each.id for each in a} != {each.id for each in b}:
    raise ResultsError("only runs of the same seeds on the same utterances can be compared")
  counts = np.stack([errors_b - errors_a, errors_a])
  whole = np.array([*counts.mean(axis=1).sum(axis=1), words.sum()])
  return Comparison.of(whole, _draw(counts, words, samples))


def _counts(
  pooled: Sequence[Heard],
) -> tuple[Int64[np.ndarray, "S B"], Int64[np.ndarray, "B"]]:
  """Word errors by run and utterance, and the words of each; both in the order of seeds and ids."""
  runs = [sorted(heard) for _, heard in sorted(by_seed(pooled).items())]
  spoken = [normalize(each.reference).split() for each in runs[0]]
  errors = [
    [
      kaldialign.edit_distance(said, normalize(each.hypothesis).split())["total"]
      for said, each in zip(spoken, heard, strict=True)
    ]
    for heard in runs
  ]
  return np.array(errors, np.int64), np.array([len(said) for said in spoken], np.int64)


def _draw(
  counts: Int64[np.ndarray, "K S B"], words: Int64[np.ndarray, "B"], samples: int
) -> Float64[np.ndarray, "N K+1"]:
  """Of each draw of runs and utterances with any words: mean sums of the counts, and words."""
  rng, (_, runs, utterances) = np.random.default_rng(0), counts.shape
  stretch = np.sqrt(runs / (runs - 1)) if runs > 1 else 1.0

  def draws() -> Iterator[Float64[np.ndarray, "K+1"]]:
    for _ in range(samples):
      drawn = np.bincount(rng.integers(runs, size=runs), minlength=runs) / runs
      weights = 1 / runs + stretch * (drawn - 1 / runs)
      chosen = rng.integers(utterances, size=utterances)
      if words[chosen].any():
        yield np.array([*(counts[:, :, chosen].sum(axis=2) @ weights), words[chosen].sum()])

  return np.array(list(draws()))
