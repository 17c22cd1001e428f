"""Hypotheses travel as TSV and prove the rows."""

import dataclasses

import hypothesis
import hypothesis.strategies as st
import pytest

from edge_rnnt.report.hypotheses import Heard, check, read_hypotheses, rescore, write_hypotheses
from edge_rnnt.report.schema import ResultsError

TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]))


@hypothesis.given(texts=st.lists(st.tuples(TEXT, TEXT), max_size=8))
@hypothesis.settings(max_examples=50, deadline=None)
def test_what_is_written_is_read(texts, tmp_path_factory):
  path = tmp_path_factory.mktemp("tsv") / "heard.tsv"
  heard = [Heard(f"utterance {i}", *pair) for i, pair in enumerate(texts)]
  write_hypotheses(path, heard)
  assert read_hypotheses(path) == heard


def test_the_file_is_plain_tsv(tmp_path):
  write_hypotheses(tmp_path / "a.tsv", [("u1", "one two", "")])
  assert (tmp_path / "a.tsv").read_bytes() == b"id\treference\thypothesis\nu1\tone two\t\n"


@pytest.mark.parametrize("broken", ["one\ttwo", "one\ntwo", "one\rtwo", "one\u2028two"])
def test_tabs_and_breaks_are_refused(broken, tmp_path):
  with pytest.raises(ResultsError, match=r"cannot hold tabs or line breaks.*'u1'"):
    write_hypotheses(tmp_path / "a.tsv", [("u1", broken, "one")])
  assert not (tmp_path / "a.tsv").exists()


@pytest.mark.parametrize("ids", [["a", "a"], [""]])
def test_ids_are_given_and_unique(ids, tmp_path):
  with pytest.raises(ResultsError, match="an id of its own"):
    write_hypotheses(tmp_path / "a.tsv", [(each, "one", "one") for each in ids])


@pytest.mark.parametrize(
  ("text", "message"),
  [
    ("id\thypothesis\n", "must begin with the header"),
    ("id\treference\thypothesis\nu1\tone\n", "line 2: expected 3 cells"),
  ],
)
def test_other_tables_are_refused(text, message, tmp_path):
  (tmp_path / "a.tsv").write_text(text)
  with pytest.raises(ResultsError, match=message):
    read_hypotheses(tmp_path / "a.tsv")


def test_missing_and_empty_hypotheses(tmp_path):
  with pytest.raises(ResultsError, match="no hypotheses at"):
    read_hypotheses(tmp_path / "a.tsv")
  with pytest.raises(ResultsError, match="no utterances"):
    rescore([])


def test_rows_must_be_those_of_their_hypotheses(make_results, tmp_path):
  results = make_results(tmp_path)
  check(results, tmp_path)
  row = results.rows[4]
  better = dataclasses.replace(row, wer=row.wer - 0.1, wer_low=0.0)
  with pytest.raises(ResultsError, match=rf"'{row.name}' \({row.set}\) says WER"):
    check(
      dataclasses.replace(results, rows=(*results.rows[:4], better, *results.rows[5:])), tmp_path
    )
