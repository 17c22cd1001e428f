"""results.json: what is written is read back, and what cannot be right is refused by name."""

import dataclasses
import json
import os
import pathlib

import pytest

from edge_rnnt.report.results import Curve, Data, Results, Row, load, save, scores
from edge_rnnt.report.schema import ResultsError
from edge_rnnt.text.wer import error_rate

ROW = {
  "name": "dense",
  "cell": "lstm",
  "scheme": "float",
  "sparsity": 0.0,
  "params": 1000,
  "nonzero": 1000,
  "bytes": 4100,
  "set": "digits",
  "wer": 12.5,
  "wer_low": 10.0,
  "wer_high": 15.0,
  "words": 80,
  "rtf": 0.05,
  "device_file": "dense.edge",
  "hypotheses": "dense.tsv",
}
DATA = {"name": "digits", "description": "People count.", "synthetic": False}
CONTENT = {"data": DATA, "command": "run", "versions": {"numpy": "2"}, "rows": [ROW]}


def stored(tmp_path: pathlib.Path, content: object) -> pathlib.Path:
  path = tmp_path / "results.json"
  path.write_text(json.dumps(content))
  return path


def test_what_is_saved_is_loaded(make_results, tmp_path):
  results = make_results(tmp_path)
  save(results, tmp_path / "results.json")
  assert load(tmp_path / "results.json") == results


def test_the_file_has_the_promised_schema_and_explains_itself(make_results, tmp_path):
  save(make_results(tmp_path), tmp_path / "results.json")
  content = json.loads((tmp_path / "results.json").read_text())
  assert list(content)[:4] == ["data", "command", "versions", "rows"]
  assert all(list(row)[: len(ROW)] == list(ROW) for row in content["rows"])
  assert all(content["fields"].keys() == row.keys() for row in content["rows"])
  assert "percent" in content["fields"]["wer"]


def test_the_promised_keys_are_enough(tmp_path):
  results = load(stored(tmp_path, CONTENT))
  more = {"weights": "", "seeds": 1, "runs": (), "dev_wer": None, "blocks_back": None}
  more["fidelity"] = None
  assert dataclasses.asdict(results.rows[0]) == ROW | more
  assert results.notes == () and results.recovery is None and results.set_rows == ()


def test_a_save_that_fails_leaves_the_old_file(make_results, tmp_path, monkeypatch):
  path = tmp_path / "results.json"
  save(make_results(tmp_path), path)
  before = path.read_bytes()

  def full(*_: object) -> None:
    raise OSError("no space left")

  monkeypatch.setattr(os, "replace", full)
  with pytest.raises(OSError, match="no space"):
    save(make_results(tmp_path, command="another"), path)
  assert path.read_bytes() == before


@pytest.mark.parametrize(
  ("change", "message"),
  [
    ({"scheme": "int8"}, "scheme must be one of float, hybrid, integer; got 'int8'"),
    ({"sparsity": 80.0}, "sparsity must be a share"),
    ({"nonzero": 1001}, "nonzero must be above 0 and not above params"),
    ({"bytes": 0}, "bytes must be above 0"),
    ({"words": 0}, "words must be above 0"),
    ({"wer": -1.0}, "wer must be"),
    ({"wer_low": 13.0}, "wer_low must be 0 to wer"),
    ({"wer_high": 12.0}, "wer_high must be at least wer"),
    ({"rtf": 0.0}, "rtf must be above 0"),
    ({"name": " "}, "name must be not empty"),
    ({"device_file": "/tmp/a.edge"}, "device_file must be a path inside"),
    ({"hypotheses": "../a.tsv"}, "hypotheses must be a path inside"),
  ],
)
def test_rows_that_contradict_themselves_are_refused(change, message):
  with pytest.raises(ResultsError, match=message):
    Row(**(ROW | change))


@pytest.mark.parametrize(
  ("content", "message"),
  [
    ([1], "results.json must be an object"),
    ({**CONTENT, "rows": {}}, "results.json.rows must be a list"),
    ({**CONTENT, "rows": []}, "at least one row"),
    ({**CONTENT, "extra": 1}, "unknown fields extra"),
    ({key: CONTENT[key] for key in ("data", "command")}, "results.json lacks versions, rows"),
    (
      {**CONTENT, "rows": [{**ROW, "wer": "12"}]},
      r"rows\[0\].wer must be a finite number; got '12'",
    ),
    ({**CONTENT, "rows": [{**ROW, "wer": float("nan")}]}, r"rows\[0\].wer must be a finite number"),
    ({**CONTENT, "rows": [{**ROW, "params": True}]}, r"rows\[0\].params must be a whole number"),
    ({**CONTENT, "rows": [{**ROW, "words": 8.5}]}, r"rows\[0\].words must be a whole number"),
    ({**CONTENT, "rows": [ROW, ROW]}, "one row for each set"),
    ({**CONTENT, "rows": [ROW, {**ROW, "set": "orders"}]}, "no row for all test sets together"),
    ({**CONTENT, "versions": {"numpy": 2}}, "versions.numpy must be text"),
    ({**CONTENT, "data": {**DATA, "synthetic": "no"}}, "data.synthetic must be true or false"),
  ],
)
def test_files_that_cannot_be_right_are_refused(content, message, tmp_path):
  with pytest.raises(ResultsError, match=message):
    load(stored(tmp_path, content))


def test_missing_and_cut_files_are_named(tmp_path):
  with pytest.raises(ResultsError, match=r"no results at .*results\.json"):
    load(tmp_path / "results.json")
  path = stored(tmp_path, CONTENT)
  path.write_text(path.read_text()[:-20])
  with pytest.raises(ResultsError, match=r"results\.json is not JSON, or was cut short"):
    load(path)


def test_scores_are_percent():
  rate = error_rate(["one two three four"] * 20, ["one two three"] * 20)
  row = Row(**(ROW | scores(rate)))
  assert (row.wer, row.wer_low, row.wer_high, row.words) == (25.0, 25.0, 25.0, 80)


def test_one_set_alone_is_the_main_table_and_pooled_rows_are_it_otherwise():
  single = Row(**ROW)
  data = Data(**DATA)
  assert Results(data=data, command="", versions={}, rows=(single,)).main_rows == (single,)
  pooled = Row(**(ROW | {"set": "all"}))
  results = Results(data=data, command="", versions={}, rows=(single, pooled))
  assert (results.main_rows, results.set_rows) == ((pooled,), (single,))
  assert results.dense_float == pooled


def test_curves_need_a_value_for_each_step():
  with pytest.raises(ResultsError, match="'loss' needs one value for each step: 2 steps, 1 values"):
    Curve(name="loss", unit="", steps=(1, 2), values=(0.5,))
