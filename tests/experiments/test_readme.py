"""What is put into the README is counted from results, and stands between its marks alone."""

import dataclasses
import tarfile

import pytest

from edge_rnnt.report import results
from edge_rnnt.report.hypotheses import read_hypotheses, write_hypotheses
from experiments import readme, study_tables

BEFORE = "# Name\n<!-- study -->\nbefore\n<!-- /study -->\nrest\n"


@pytest.fixture
def study(workdir):
  """Results of a run under the names of the study."""
  found = results.load(workdir / "results.json")
  names = {
    "dense-float": "lstm-0%-float", "sparse50-integer": "lstm-50%-integer",
    "sparse80-integer": "lstm-80%-integer", "dense-integer": "small-0%-integer",
    "sparse80-float": "lstm-80%-float",
  }  # fmt: skip
  rows = tuple(
    dataclasses.replace(row, name=names[row.name]) for row in found.rows if row.name in names
  )
  return dataclasses.replace(found, rows=rows)


def test_the_section_has_the_rows_of_the_headline_and_tells_of_the_half_sparse(study, workdir):
  text = readme.study_section(study, workdir)
  rows = {row.name: row for row in study.main_rows}
  lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
  cells = {line[0].strip("| *"): [cell.strip("* |") for cell in line] for line in lines}
  for name, row in rows.items():
    assert cells[name][3] == f"{row.bytes:,}" and f"{row.wer:.1f} [" in " ".join(cells[name])
  assert "edge-50%-integer" not in text  # not run
  base, half = rows["lstm-0%-float"], rows["lstm-50%-integer"]
  first = text.splitlines()[0]
  assert first.startswith(f"**lstm-50%-integer: {100 * half.bytes / base.bytes:.1f} % of the dense")
  less = readme.Evidence(study, workdir).difference(half, base)
  assert f"{abs(less.points):.1f} points, 95 % interval" in first and "one seed" in first
  assert first.endswith(": more than chance explains)") == (less.low > 0)
  assert "- 1. What sparsity costs: " in text


def test_a_model_that_hears_nothing_is_told_of_all_the_same(study, workdir, tmp_path):
  rows = {row.name: row for row in study.rows if row.set == results.POOLED}
  base, silent = rows["lstm-0%-float"], rows["lstm-50%-integer"]
  heard = read_hypotheses(workdir / base.hypotheses)
  (tmp_path / "hypotheses").symlink_to(workdir / "hypotheses")
  write_hypotheses(tmp_path / "silent.tsv", [each._replace(hypothesis="") for each in heard])
  nothing = {"wer": 100.0, "wer_low": 100.0, "wer_high": 100.0, "hypotheses": "silent.tsv"}
  rows = (base, dataclasses.replace(silent, **nothing))
  text = readme.study_section(dataclasses.replace(study, rows=rows), tmp_path)
  first = text.splitlines()[0]
  assert first.startswith("**lstm-50%-integer: ") and "WER 100.0 %" in first
  assert first.endswith(": more than chance explains)")


@pytest.mark.parametrize("name", ["lstm-0%-float", "lstm-50%-integer"])
def test_without_the_two_models_there_is_no_headline(study, workdir, name):
  rows = tuple(row for row in study.rows if row.name != name)
  with pytest.raises(results.ResultsError, match=f"no {name} yet"):
    readme.study_section(dataclasses.replace(study, rows=rows), workdir)


def test_the_report_is_copied_and_only_the_marked_part_replaced(study, workdir, tmp_path):
  (tmp_path / "study").mkdir()
  (tmp_path / "study" / "hypotheses").symlink_to(workdir / "hypotheses")
  results.save(study, tmp_path / "study" / "results.json")
  (tmp_path / "study" / "size_wer.png").write_bytes(b"a picture")
  (tmp_path / "study" / "lstm-0").symlink_to(workdir)  # a point
  (tmp_path / "README.md").write_text(BEFORE)
  (tmp_path / "docs" / "study").mkdir(parents=True)
  (tmp_path / "docs" / "study" / "recovery.png").write_bytes(b"of a study before")
  readme.put_study(tmp_path / "study", tmp_path)
  text = (tmp_path / "README.md").read_text()
  assert text.startswith("# Name\n<!-- study -->\n**") and text.endswith(
    "\n<!-- /study -->\nrest\n"
  )
  assert "before" not in text and "lstm-80%-integer" in text
  copied = {path.name for path in (tmp_path / "docs" / "study").iterdir()}
  assert copied == {"results.json", "size_wer.png", "points.tar.xz"}
  with tarfile.open(tmp_path / "docs" / "study" / "points.tar.xz") as packed:
    kept = set(packed.getnames())
  heard = {f"lstm-0/{row.hypotheses}" for row in results.load(workdir / "results.json").rows}
  assert kept == {"lstm-0/config.json", "lstm-0/results.json", *heard}


@pytest.mark.parametrize("text", ["# no marks\n", BEFORE + BEFORE])
def test_a_readme_without_its_one_place_is_left_alone(text, tmp_path):
  (tmp_path / "README.md").write_text(text)
  with pytest.raises(readme.NoMarks, match="<!-- study -->"):
    readme.put(tmp_path / "README.md", "study", "new\n")
  assert (tmp_path / "README.md").read_text() == text


def test_the_headline_is_of_models_that_the_study_has():
  asked = study_tables.questions(readme.study_point.get_config(), (0,))
  models = {name for each in asked for name in each.section.models}
  points = {point.name for each in asked for point in each.points}
  for name in study_tables.HEADLINE:
    assert name in models or name.rpartition("-")[0] in points
