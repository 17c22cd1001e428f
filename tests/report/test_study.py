"""The study's page: tables counted again, claims with their verdicts, pictures of what is there."""

import dataclasses
import html.parser
import re

import numpy as np
import pytest

from edge_rnnt.report import plot_study, seeds, study
from edge_rnnt.report.claims import Claim
from edge_rnnt.report.evidence import Evidence
from edge_rnnt.report.hypotheses import read_hypotheses, write_hypotheses
from edge_rnnt.report.results import Fidelity, ResultsError
from edge_rnnt.report.table import NOTHING

NAMES = ("dense float", "50 % float", "80 % float", "90 % float")


@pytest.fixture
def section():
  claim = Claim(sentence="The paper: hardly any loss.", row=NAMES[2], base=NAMES[0], at_most=9.0)
  return study.Section(
    key="sparsity", title="Sparsity", question="What does it cost?", models=NAMES, base=NAMES[0],
    claims=(claim,), curve=True,
  )  # fmt: skip


def test_a_section_shows_each_model_beside_its_base(make_results, tmp_path, section):
  results = make_results(tmp_path)
  evidence = Evidence(results, tmp_path)
  table = study.section_table(section, results, evidence)
  rows = {row.name: row for row in results.main_rows}
  by_set = {(row.name, row.set): row for row in results.set_rows}
  assert [cells[0].text for cells in table.rows] == list(NAMES[:3])  # 90 % was not run
  assert table.heads[5:8] == ("digits, WER %", "commands, WER %", "all, WER %")
  for cells in table.rows:
    row = rows[cells[0].text]
    assert cells[2].text == f"{100 * row.nonzero / rows[NAMES[0]].nonzero:.1f}"
    assert cells[4].text == f"{100 * row.bytes / rows[NAMES[0]].bytes:.1f}"
    assert cells[5].text == f"{by_set[row.name, 'digits'].wer:.1f}"
    assert cells[7].text == f"{row.wer:.1f}"
  dense, _, pruned = table.rows
  assert dense[8].text == NOTHING and table.marked == 0
  difference = evidence.difference(rows[NAMES[2]], rows[NAMES[0]])
  assert float(pruned[8].text) == pytest.approx(difference.points, abs=0.05)


def test_a_table_is_of_the_seeds_that_all_of_its_models_have(make_results, tmp_path, section):
  """A base of two runs beside models of one: by eye, and in the difference, the same run of it."""
  results = make_results(tmp_path)
  alone = tuple(dataclasses.replace(row, runs=(0,)) for row in results.rows)
  rows = tuple(_of_two_runs(row, tmp_path) if row.name == NAMES[0] else row for row in alone)
  one, two = (dataclasses.replace(results, rows=each) for each in (alone, rows))
  table, expected = (
    study.section_table(section, each, Evidence(each, tmp_path)) for each in (two, one)
  )
  assert [[cell.text for cell in cells] for cells in table.rows] == [
    [cell.text for cell in cells] for cells in expected.rows
  ]
  assert [cells[8].aside for cells in table.rows] == [cells[8].aside for cells in expected.rows]
  assert "1 seed, which all of these" in table.caption
  only = dataclasses.replace(section, models=NAMES[:1], claims=())
  pooled = study.section_table(only, two, Evidence(two, tmp_path))
  assert float(pooled.rows[0][7].text) > float(expected.rows[0][7].text)
  assert "2 seeds. " in pooled.caption


def _of_two_runs(row, folder):
  """The row, with a second run that hears nothing of the last utterance."""
  first = read_hypotheses(folder / row.hypotheses)
  runs = {0: first, 1: [*first[:-1], first[-1]._replace(hypothesis="")]}
  name = f"two_{row.set}.tsv"
  write_hypotheses(folder / name, seeds.pool(runs))
  return dataclasses.replace(row, seeds=2, runs=(0, 1), hypotheses=name, **seeds.scores(runs))


def test_the_noisiest_tensor_is_shown_where_it_is_known(make_results, tmp_path, section):
  results = make_results(tmp_path)
  assert not any("SQNR" in head for head in _heads(section, results, tmp_path))
  found = Fidelity(
    dev_wer=10.0, against_float=0.1, against_model=0.0, sqnr={"a": 60.0},
    sqnr_float={"encoder/layer_0/output": 31.26, "encoder/layer_1/cell": 28.34},
  )  # fmt: skip
  rows = tuple(
    dataclasses.replace(row, fidelity=found) if row.name == NAMES[2] else row
    for row in results.rows
  )
  results = dataclasses.replace(results, rows=rows)
  table = study.section_table(section, results, Evidence(results, tmp_path))
  place = table.heads.index("SQNR, dB")
  shown = {cells[0].text: (cells[place].text, cells[place].more) for cells in table.rows}
  assert shown[NAMES[2]] == ("28.3", "encoder/layer_1/cell")
  assert shown[NAMES[0]] == (NOTHING, "")


def _heads(section, results, folder):
  return study.section_table(section, results, Evidence(results, folder)).heads


def test_the_page_is_whole_and_says_what_is_missing(make_results, tmp_path, section):
  results = make_results(tmp_path, title="The study")
  timed = study.Measured(
    key="device", title="Device", question="How fast?", heads=("model", "RTF"),
    rows=(("x integer", "0.02"),), before="sparsity", told=(study.Told("Said here.", "disagrees"),),
  )  # fmt: skip
  written = study.write(results, tmp_path, [section], [timed])
  markdown, page = ((tmp_path / name).read_text() for name in ("report.md", "report.html"))
  assert {path.name for path in written} >= {"report.html", "report.md", "size_wer.svg"}
  for text in (markdown, page):
    assert results.normalizer in text
    assert "Not run yet: 90 % float" in text.replace("\\", "")
    assert "The paper: hardly any loss. Here: " in text and "agrees." in text
    assert "x integer" in text and "0.02" in text and "Said here." in text
    assert text.index("0.02") < text.index("What does it cost?")
  counted = re.findall(r'href="#(\w+)".*?class="verdict">([^<]*)<', page)
  assert counted == [("device", "disagrees 1"), ("sparsity", "agrees 1")]
  assert all(f'id="{key}"' in page for key, _ in counted)
  assert page.count("<svg") == 3  # sizes, times, sparsities; recovery is not known
  html.parser.HTMLParser().feed(page)
  for before in ("", "a section that is not there"):
    timed = dataclasses.replace(timed, before=before)
    study.write(results, tmp_path, [section], [timed], "Whose question it was.")
    for name in ("report.md", "report.html"):
      text = (tmp_path / name).read_text()
      assert text.index("Whose question it was.") < text.index("What does it cost?")
      assert text.index("What does it cost?") < text.index("Said here.")
  assert not re.search(r"(?:src|href)=\"(?!#)", page)  # self-contained


def test_a_base_outside_of_the_section_is_refused():
  with pytest.raises(ResultsError, match="none of its models"):
    study.Section(key="a", title="a", question="a", models=("x",), base="y")


def test_pictures_are_drawn_of_what_is_there(make_results, tmp_path):
  results = make_results(tmp_path)
  assert set(plot_study.figures(results, ())) == {"time_wer"}
  assert set(plot_study.figures(results, NAMES[:1])) == {"time_wer"}  # one point is no curve
  known = [dataclasses.replace(row, blocks_back=row.sparsity / 10) for row in results.rows]
  everything = plot_study.figures(dataclasses.replace(results, rows=tuple(known)), NAMES)
  assert set(everything) == {"time_wer", "sparsity", "recovery"}
  bars = everything["recovery"].axes[0].patches
  assert [bar.get_width() for bar in bars] == pytest.approx([5.0, 8.0])  # percent, pruned ones only
  curves = everything["sparsity"].axes[0].containers
  assert [curve.get_label() for curve in curves] == ["digits", "commands"]
  drawn = curves[0].lines[0].get_xydata()
  digits = {row.name: row for row in results.set_rows if row.set == "digits"}
  expected = [(100 * digits[name].sparsity, digits[name].wer) for name in NAMES[:3]]
  assert drawn == pytest.approx(np.array(expected))
