"""Examples are drawn, not picked, and their marks count up to the WER."""

from edge_rnnt.report import examples
from edge_rnnt.report.evidence import Evidence
from edge_rnnt.report.examples import Word
from edge_rnnt.report.hypotheses import Heard, rescore


def test_words_stand_beside_what_was_heard():
  assert examples.align("Turn on, the light", "turn the lights now") == (
    Word("turn", "turn"),
    Word("on", ""),
    Word("the", "the"),
    *examples.align("light", "lights now"),
  )
  assert {word.right for word in examples.align("light", "lights now")} == {False}


def test_errors_are_as_many_as_the_rate_counts(make_results, tmp_path):
  results = make_results(tmp_path)
  heard = Evidence(results, tmp_path).heard(results.main_rows[8])
  found = examples.errors(heard)
  assert found.substitutions + found.deletions + found.insertions == rescore(heard).errors
  counts = [times for _, times in found.frequent]
  assert counts == sorted(counts, reverse=True) and counts[0] > 1


def test_errors_have_their_kind():
  heard = [
    Heard("a", "one two", "one"),
    Heard("b", "two", "two six six"),
    Heard("c", "one", "nine"),
  ]
  assert examples.errors(heard) == examples.Errors(
    substitutions=1,
    deletions=1,
    insertions=2,
    frequent=((Word("", "six"), 2), (Word("one", "nine"), 1), (Word("two", ""), 1)),
  )


def test_the_draw_is_the_same_each_time_and_shows_the_worst(make_results, tmp_path):
  results = make_results(tmp_path)
  evidence = Evidence(results, tmp_path)
  row = results.main_rows[8]
  found = examples.drawn(results, evidence, row)
  assert found == examples.drawn(results, evidence, row)
  for each in ("digits", "commands"):
    of_set = next(r for r in results.set_rows if (r.name, r.set) == (row.name, each))
    most = max(
      sum(not word.right for word in examples.align(heard.reference, heard.hypothesis))
      for heard in evidence.heard(of_set)
    )
    assert most == max(example.errors for example in found if example.set == each)


def test_nothing_heard_gives_no_examples(make_results, tmp_path):
  results = make_results(tmp_path)
  absent = Evidence(results, tmp_path / "elsewhere")
  assert examples.drawn(results, absent, results.main_rows[0]) == []
