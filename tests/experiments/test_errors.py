"""Errors by word and by speaker, against counts made by hand."""

import pytest

from edge_rnnt.report import results
from edge_rnnt.report.hypotheses import Heard
from experiments import errors

HEARD = [
  Heard("a/1", "nine five nine", "five five nine"),
  Heard("a/2", "nine", "five"),
  Heard("b/1", "five", "five nine"),
  Heard("b/2", "nine nine five", "nine five"),
  Heard("c/1", "five five", "five five"),
]
SPEAKERS = {"a/1": "ann", "a/2": "ann", "b/1": "bob", "b/2": "bob", "c/1": "", "other": "eve"}


def test_each_speaker_has_a_wer_of_their_own_the_worst_first():
  assert errors.by_speaker(HEARD, SPEAKERS) == [
    errors.Speaker("ann", 2, 4, pytest.approx(50.0)),
    errors.Speaker("bob", 2, 4, pytest.approx(50.0)),
  ]
  assert [each.name for each in errors.by_speaker(HEARD[1:4], SPEAKERS)] == ["ann", "bob"]
  assert errors.by_speaker(HEARD[1:2], SPEAKERS)[0].wer == pytest.approx(100.0)


def test_words_are_counted_with_how_often_they_were_said():
  rows = [[cell.text for cell in cells] for cells in errors.word_table(HEARD, 9).rows]
  assert rows[0] == ["nine", "five", "2", "5"]
  assert sorted(rows[1:]) == [["nine", "–", "1", "5"], ["–", "nine", "1", "–"]]  # noqa: RUF001
  assert len(errors.word_table(HEARD, 1).rows) == 1


def test_each_set_of_the_model_is_told(workdir):
  found = results.load(workdir / "results.json")
  text = errors.told(found, workdir, "sparse80-float", {}, 3)
  (row,) = (each for each in found.rows if each.name == "sparse80-float")
  assert f"WER {row.wer:.1f} % of {row.words} words" in text and "Speakers: not known." in text
  with pytest.raises(results.ResultsError, match=r"--model=best: .* sparse80-float"):
    errors.told(found, workdir, "best", {}, 3)
