"""Several runs taken as one: means by hand, and intervals that don't take runs for utterances."""

import numpy as np
import pytest

from edge_rnnt.report import seeds
from edge_rnnt.report.hypotheses import Heard, rescore
from edge_rnnt.report.schema import ResultsError


def run(errors: list[int], words: int = 4) -> list[Heard]:
  """One utterance for each number, with so many of its words misheard."""
  return [
    Heard(f"utt/{i:03d}", "one " * words, "two " * wrong + "one " * (words - wrong))
    for i, wrong in enumerate(errors)
  ]


@pytest.fixture(scope="module")
def errors() -> np.ndarray:
  return np.random.default_rng(0).integers(0, 3, size=120)


def test_pooled_runs_come_apart_again(errors):
  runs = {0: run(errors), 7: run(errors[::-1])}
  assert seeds.by_seed(seeds.pool(runs)) == runs
  assert rescore(seeds.pool(runs)).wer == pytest.approx(errors.sum() / (4 * 120))


def test_runs_of_other_utterances_are_not_pooled(errors):
  with pytest.raises(ResultsError, match="other utterances"):
    seeds.pool({0: run(errors), 1: run(errors[:-1])})


def test_repeating_a_run_does_not_make_it_surer(errors):
  """Three equal runs know what one knows; taken as 360 utterances they would claim to know more."""
  one = rescore(run(errors), samples=4000)
  low, high = seeds.interval(seeds.pool({s: run(errors) for s in range(3)}))
  assert high - low == pytest.approx(one.high - one.low, rel=0.06)
  naive = rescore(seeds.pool({s: run(errors) for s in range(3)}), samples=4000)
  assert naive.high - naive.low < 0.65 * (high - low)


def test_runs_that_differ_widen_the_interval(errors):
  same = seeds.interval(seeds.pool({s: run(errors) for s in range(3)}))
  apart = seeds.interval(seeds.pool({s: run(np.minimum(errors + s, 4)) for s in range(3)}))
  assert apart[1] - apart[0] > 3 * (same[1] - same[0])


def test_a_difference_by_hand_and_its_interval(errors):
  """Every utterance of b has one error more, in every run: there is nothing to be unsure of."""
  a = seeds.pool({s: run(errors) for s in range(3)})
  b = seeds.pool({s: run(errors + 1) for s in range(3)})
  found = seeds.compare(a, b)
  assert (found.difference, found.low, found.high) == pytest.approx((0.25, 0.25, 0.25))
  assert found.p_value < 0.001
  back = seeds.compare(b, a)
  assert (back.difference, back.p_value) == (-found.difference, found.p_value)
  assert seeds.compare(a, a).p_value == 1.0


def test_seeds_are_drawn_together(errors):
  """Seeds differ by far, the two systems by one error in one run of three: 0 is not excluded, but
  the spread of the seeds themselves is no part of the interval."""
  a = {s: run(np.minimum(errors + s, 4)) for s in range(3)}
  b = a | {0: run(errors + 1)}
  found = seeds.compare(seeds.pool(a), seeds.pool(b))
  assert found.difference == pytest.approx(0.25 / 3)
  stretch = np.sqrt(3 / 2)  # a draw has the run in which they differ 0 to 3 times of 3
  assert found.low == pytest.approx(0.25 * (1 - stretch) / 3)
  assert found.high == pytest.approx(0.25 * (1 + 2 * stretch) / 3)


def test_runs_spread_as_a_mean_of_so_many_should():
  """Without chance in the utterances, draws vary by the runs' unbiased variance over their number.

  The interval of three runs has few values to take, so it is many runs' whose ends are known.
  """
  wrong = np.random.default_rng(3).integers(20, 60, size=40)
  pooled = seeds.pool({s: run([int(each)] * 3, words=100) for s, each in enumerate(wrong)})
  low, high = seeds.interval(pooled)
  deviation = np.std(wrong / 100, ddof=1) / np.sqrt(40)
  assert (high - low) / (2 * 1.96) == pytest.approx(deviation, rel=0.05)


def test_a_relative_difference_has_an_interval_of_its_own(errors):
  """Half of the errors, always: whatever is drawn, it is half."""
  a = {s: run(2 * (errors // 2 + s)) for s in range(2)}
  b = {s: run(errors // 2 + s) for s in range(2)}
  found = seeds.compare(seeds.pool(a), seeds.pool(b))
  assert found.relative == pytest.approx((-0.5, -0.5, -0.5))
  assert found.low < found.difference < found.high < 0
  nothing = seeds.pool({s: run([0] * 120) for s in range(2)})
  assert seeds.compare(nothing, seeds.pool(b)).relative is None


def test_other_seeds_cannot_be_compared(errors):
  with pytest.raises(ResultsError, match="same seeds"):
    seeds.compare(seeds.pool({0: run(errors)}), seeds.pool({1: run(errors)}))
