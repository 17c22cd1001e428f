"""Claims against measured rows: what agrees, what does not, and what a small test leaves open."""

import pytest

from edge_rnnt.report.claims import AGREES, DISAGREES, NOT_DECIDED, Claim, answer
from edge_rnnt.report.evidence import Evidence
from edge_rnnt.report.results import ResultsError


@pytest.mark.parametrize(
  "bound, low, high, verdict",
  [
    ({"at_most": 0.1}, -0.02, 0.1, AGREES),
    ({"at_most": 0.1}, 0.11, 0.3, DISAGREES),
    ({"at_most": 0.1}, 0.0, 0.11, NOT_DECIDED),
    ({"at_least": 0.0}, 0.0, 0.4, AGREES),
    ({"at_least": 0.0}, -0.4, -0.01, DISAGREES),
    ({"at_least": 0.0}, -0.01, 0.4, NOT_DECIDED),
  ],
)
def test_an_interval_decides_only_where_it_lies_on_one_side_of_the_bound(bound, low, high, verdict):
  assert Claim(sentence="s", row="a", base="b", **bound).holds(low, high) == verdict


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


def test_what_was_not_run_decides_nothing(make_results, tmp_path):
  results = make_results(tmp_path)
  claim = Claim(sentence="Said.", row="not there", base=results.main_rows[0].name, at_most=0.1)
  found = answer(claim, results, Evidence(results, tmp_path))
  assert (found.verdict, found.relative) == (NOT_DECIDED, None)
  assert "not measured yet" in found.sentence
