"""Claims against measured rows: what agrees, what does not, and what a small test leaves open."""

import pytest

from edge_rnnt.report.claims import AGREES, CANNOT_TELL, DISAGREES, Claim, answer
from edge_rnnt.report.evidence import Difference, Evidence
from edge_rnnt.report.results import ResultsError


@pytest.mark.parametrize(
  "bound, low, high, verdict",
  [
    ({"at_most": 0.1}, -0.02, 0.1, AGREES),
    ({"at_most": 0.1}, 0.11, 0.3, DISAGREES),
    ({"at_most": 0.1}, 0.0, 0.11, CANNOT_TELL),
    ({"at_least": 0.0}, 0.0, 0.4, AGREES),
    ({"at_least": 0.0}, -0.4, -0.01, DISAGREES),
    ({"at_least": 0.0}, -0.01, 0.4, CANNOT_TELL),
  ],
)
def test_an_interval_decides_only_where_it_lies_on_one_side_of_the_bound(bound, low, high, verdict):
  assert Claim(sentence="s", row="a", base="b", **bound).holds(low, high) == verdict


@pytest.mark.parametrize(
  "of_each_seed, verdict",
  [((0.02, 0.05, 0.08), AGREES), ((0.02, 0.11, 0.02), CANNOT_TELL), ((0.05,), AGREES)],
)
def test_seeds_that_contradict_each_other_decide_nothing(of_each_seed, verdict):
  difference = Difference(1.0, 0.2, 1.8, 0.04, (0.05, 0.01, 0.09), of_each_seed)
  assert Claim(sentence="s", row="a", base="b", at_most=0.1).judge(difference) == verdict


@pytest.mark.parametrize("bounds", [{}, {"at_most": 0.1, "at_least": 0.0}])
def test_a_claim_without_one_bound_is_refused(bounds):
  with pytest.raises(ResultsError, match="one bound"):
    Claim(sentence="s", row="a", base="b", **bounds)


def test_the_relative_difference_is_the_rows_own(make_results, tmp_path):
  results = make_results(tmp_path)
  row, base = results.main_rows[6], results.main_rows[0]  # 80 % and dense, float
  claim = Claim(sentence="Said.", row=row.name, base=base.name, at_most=10.0)
  found = answer(claim, results, Evidence(results, tmp_path))
  middle, low, high = found.relative
  assert middle == pytest.approx((row.wer - base.wer) / base.wer)
  assert low < middle < high < 10 and found.verdict == AGREES
  assert found.sentence.startswith("Said. Here: ") and found.sentence.endswith("agrees.")


def test_a_claim_about_one_set_is_held_against_that_set_alone(make_results, tmp_path):
  results = make_results(tmp_path)
  digits = {row.name: row for row in results.set_rows if row.set == "digits"}
  names = [row.name for row in results.main_rows]
  claim = Claim(sentence="Said.", row=names[6], base=names[0], at_most=10.0, set="digits")
  found = answer(claim, results, Evidence(results, tmp_path))
  row, base = digits[names[6]], digits[names[0]]
  assert found.relative[0] == pytest.approx((row.wer - base.wer) / base.wer)
  assert f"{row.words} words" in found.sentence
  elsewhere = Claim(sentence="Said.", row=names[6], base=names[0], at_most=10.0, set="nowhere")
  assert "not measured yet" in answer(elsewhere, results, Evidence(results, tmp_path)).sentence


def test_what_was_not_run_decides_nothing(make_results, tmp_path):
  results = make_results(tmp_path)
  claim = Claim(sentence="Said.", row="not there", base=results.main_rows[0].name, at_most=0.1)
  found = answer(claim, results, Evidence(results, tmp_path))
  assert (found.verdict, found.relative) == (CANNOT_TELL, None)
  assert "not measured yet" in found.sentence


def test_a_base_that_hears_nothing_decides_nothing(make_results, tmp_path, monkeypatch):
  results = make_results(tmp_path)
  row, base = results.main_rows[6], results.main_rows[0]
  claim = Claim(sentence="Said.", row=row.name, base=base.name, at_most=10.0)
  monkeypatch.setattr("edge_rnnt.report.claims.HEARS_NOTHING", base.wer)
  found = answer(claim, results, Evidence(results, tmp_path))
  assert found.verdict == CANNOT_TELL and found.relative is not None
  assert f"{base.name} itself has" in found.sentence
