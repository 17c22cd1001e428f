"""What the page claims follows from the rows, and stops where the evidence stops."""

import dataclasses

import pytest

from edge_rnnt.report import findings, hypotheses
from edge_rnnt.report.evidence import Evidence
from edge_rnnt.report.results import Row, scores

SAID = [f"u{i}" for i in range(200)]


def row(folder, name: str, wrong: int, size: int, **fields: object) -> Row:
  """A model that mistakes the last `wrong` of 200 one-word utterances."""
  heard = [
    hypotheses.Heard(each, "yes", "no" if i >= len(SAID) - wrong else "yes")
    for i, each in enumerate(SAID)
  ]
  hypotheses.write_hypotheses(folder / f"{name}.tsv", heard)
  defaults = {"cell": "lstm", "scheme": "float", "sparsity": 0.0, "rtf": None, "set": "all"}
  return Row(
    name=name,
    bytes=size,
    params=1000,
    nonzero=1000,
    device_file=f"{name}.edge",
    hypotheses=f"{name}.tsv",
    **(defaults | scores(hypotheses.rescore(heard)) | fields),
  )


@pytest.fixture
def told(make_results, tmp_path):
  """told(*rows): results of these rows and their evidence."""

  def make(*rows: Row):
    results = make_results(tmp_path, rows=rows)
    return results, Evidence(results, tmp_path)

  return make


def test_the_smallest_file_that_is_not_worse_is_chosen(told, tmp_path):
  dense = row(tmp_path, "dense", 20, 4000)
  half = row(tmp_path, "half", 21, 2000, sparsity=0.5)
  tiny = row(tmp_path, "tiny", 60, 400, sparsity=0.8, scheme="integer")
  results, evidence = told(dense, half, tiny)
  assert findings.chosen(results, evidence) == half
  assert findings.headline(results, evidence) == (
    "50 % sparse float: 50 % of the bytes, WER 10.5 % against 10.0 %"
  )
  caution = findings.caution(results, evidence)
  assert "+0.5 points" in caution and "does not prove them equal" in caution


def test_dense_float_stays_when_every_smaller_file_is_worse(told, tmp_path):
  dense, tiny = row(tmp_path, "dense", 20, 4000), row(tmp_path, "tiny", 60, 400, scheme="integer")
  results, evidence = told(dense, tiny)
  assert findings.headline(results, evidence) == "Dense float: 4.00 kB, WER 10.0 %"
  assert "Every smaller file makes more errors" in findings.caution(results, evidence)


def test_pairing_sees_what_intervals_do_not(told, tmp_path):
  dense = row(tmp_path, "dense", 20, 4000)
  other = row(tmp_path, "other", 30, 1000, scheme="integer")
  results, evidence = told(dense, other)
  assert other.wer_low < dense.wer_high  # the intervals overlap
  assert evidence.difference(other, dense).points == pytest.approx(5.0)
  assert findings.verdict(findings.Pair(other, dense), evidence) == "worse"
  assert findings.verdict(findings.Pair(dense, other), evidence) == "better"
  (tmp_path / "other.tsv").unlink()
  results, evidence = told(dense, other)
  assert evidence.difference(other, dense) is None
  assert findings.verdict(findings.Pair(other, dense), evidence) == "not told apart"
  assert "overlap" in findings.caution(results, evidence)


def test_models_heard_on_other_utterances_are_not_paired(told, tmp_path):
  dense, other = row(tmp_path, "dense", 20, 4000), row(tmp_path, "other", 20, 400, sparsity=0.5)
  lines = (tmp_path / "other.tsv").read_text().replace("u7\t", "x7\t")
  (tmp_path / "other.tsv").write_text(lines)
  _, evidence = told(dense, other)
  assert evidence.difference(other, dense) is None


def test_each_question_is_answered_from_its_own_pairs(told, tmp_path):
  results, evidence = told(
    row(tmp_path, "dense", 20, 4000),
    row(tmp_path, "sparse", 22, 1500, sparsity=0.8),
    row(tmp_path, "hybrid", 80, 400, sparsity=0.8, scheme="hybrid"),
    row(tmp_path, "sru", 21, 3000, cell="sru"),
  )
  pruned, cells, hybrid, *_ = findings.findings(results, evidence)
  assert pruned == "Pruned float against dense float: +1.0 points at 80 % LSTM. None beyond chance."
  assert cells.endswith("+0.5 points dense SRU. None beyond chance.")
  assert "+29.0 points at 80 % LSTM. Beyond chance: at 80 % LSTM (worse)." in hybrid


def test_few_speakers_are_owned_up_to(told, tmp_path):
  results, evidence = told(row(tmp_path, "dense", 20, 4000))
  assert any("digits 7" in sentence for sentence in findings.findings(results, evidence))
  many = tuple(dataclasses.replace(p, speakers=40) for p in results.data.portions)
  results = dataclasses.replace(results, data=dataclasses.replace(results.data, portions=many))
  assert not any("speakers" in sentence for sentence in findings.findings(results, evidence))


def test_without_dense_float_nothing_is_compared(told, tmp_path):
  results, evidence = told(row(tmp_path, "only", 20, 4000, scheme="integer"))
  assert findings.headline(results, evidence) == "Dense integer: 4.00 kB, WER 10.0 %"
  assert "no dense float model" in findings.caution(results, evidence)
