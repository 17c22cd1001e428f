"""Points of a sweep, some finished, become one page; every number is counted again here."""

import json
import tarfile
from dataclasses import replace

import kaldialign
import pytest

from edge_rnnt.report import results
from edge_rnnt.report.evidence import Evidence
from edge_rnnt.report.hypotheses import read_hypotheses, rescore, write_hypotheses
from edge_rnnt.report.results import Data, Portion, Results, Row
from experiments import collect, packed_points
from experiments.sweep import Point, Sweep

SAID = [(f"speaker/{i}", "turn the kitchen lights on") for i in range(30)]


def finish(folder, name, seed, misheard, *, sparsity=0.8, portions=None) -> None:
  """What a pipeline run leaves of a point that gets the first `misheard` utterances' verb wrong."""
  run = folder / f"{name}-{seed}"
  run.mkdir(parents=True)
  heard = [
    (id, text, text.replace("turn", "learn") if i < misheard else text)
    for i, (id, text) in enumerate(SAID)
  ]
  write_hypotheses(run / "heard.tsv", heard)
  rate = rescore(read_hypotheses(run / "heard.tsv"))
  row = Row(
    name="pruned-float", cell="lstm", scheme="float", sparsity=sparsity, params=1000,
    nonzero=1000 if not sparsity else 300 + seed, bytes=4000 + 10 * seed, set="commands",
    rtf=0.01 * (seed + 1), device_file="model.edge", hypotheses="heard.tsv", weights="pruned",
    dev_wer=20.0 + seed, blocks_back=0.1 * seed, **results.scores(rate),
  )  # fmt: skip
  portions = portions or (Portion(set="commands", split="test", utterances=30, hours=0.1),)
  data = Data(name="orders", description="made up", synthetic=False, portions=portions)
  found = Results(
    data=data, command="x", versions={}, rows=(row,), seconds={"training": 5.0}, notes=(name,)
  )
  results.save(found, run / "results.json")
  (run / "config.json").write_text(json.dumps({"seed": seed}))


@pytest.fixture
def folder(tmp_path):
  """Three of four names have finished, one of them in one seed only."""
  names = ("dense", "none", "magnitude", "unfinished")
  points = tuple(Point(name, seed, {}) for name in names for seed in (0, 1))
  about = Sweep("Which is best?", points, against="none")
  collect.remember(about, tmp_path, "python -m experiments.recovery --sweep")
  for seed in (0, 1):
    finish(tmp_path, "magnitude", seed, 12 + 2 * seed)
    finish(tmp_path, "none", seed, 6 + 2 * seed)
  finish(tmp_path, "dense", 0, 3, sparsity=0.0)
  (tmp_path / "unfinished-0").mkdir()
  return tmp_path


def test_seeds_are_pooled_and_what_has_not_finished_is_left_out(folder):
  joint = collect.collect(folder)
  assert results.load(folder / "results.json") == joint
  assert [row.name for row in joint.rows] == ["dense-float", "none-float", "magnitude-float"]
  dense, none, magnitude = joint.rows
  assert (dense.seeds, none.seeds, none.words) == (1, 2, 150)
  assert (none.bytes, none.rtf, none.dev_wer, none.blocks_back) == (4005, 0.015, 20.5, 0.05)
  assert magnitude.weights == "magnitude/pruned"
  for row, errors in ((dense, 3), (none, 6 + 8), (magnitude, 12 + 14)):
    assert row.wer == pytest.approx(100 * errors / (150 * row.seeds))
    heard = read_hypotheses(folder / row.hypotheses)
    again = sum(
      kaldialign.edit_distance(each.reference.split(), each.hypothesis.split())["total"]
      for each in heard
    )
    assert (again, len(heard)) == (errors, 30 * row.seeds)
    assert row.wer_low < row.wer < row.wer_high


def test_a_name_that_ends_with_its_scheme_is_not_given_it_twice(folder):
  finish(folder, "aware-float", 0, 5)
  assert [row.name for row in collect.join(folder).rows][-1] == "aware-float"


def test_the_page_compares_with_the_group_that_was_named(folder):
  joint = collect.collect(folder)
  page = (folder / "report.md").read_text()
  assert "Which is best?" in page and "experiments.recovery --sweep" in page
  assert "Float against none: " in page and " points dense, +4.0 for magnitude-float" in page
  evidence = Evidence(joint, folder)
  assert evidence.wer_of_each_seed(joint.rows[2]) == pytest.approx([8.0, 100 * 14 / 150])
  found = evidence.difference(joint.rows[2], joint.rows[1])
  assert found.points == pytest.approx(4.0) and found.low < 4 < found.high
  # The dense model was run with seed 0 alone: that run is compared with the same seed's.
  shared = evidence.difference(joint.rows[1], joint.rows[0])
  assert shared.points == pytest.approx(2.0) and shared.of_each_seed == pytest.approx((1.0,))
  assert shared.relative[0] == pytest.approx(1.0)  # 6 errors for 3


def heard_in_three_sets(folder, name, seed, wrong) -> None:
  """A point whose first `wrong` utterances are misheard, in two small sets and a large one."""
  finish(folder, name, seed, 0)
  run = folder / f"{name}-{seed}"
  found, rows, everything = results.load(run / "results.json"), [], []
  for set_, count, missed in (("orders", 10, wrong), ("digits", 20, wrong), ("read", 90, 90)):
    heard = [(f"{set_}/{i}", "one two", "" if i < missed else "one two") for i in range(count)]
    everything += heard
    write_hypotheses(run / f"{set_}.tsv", heard)
    scores = results.scores(rescore(read_hypotheses(run / f"{set_}.tsv")))
    rows.append(replace(found.rows[0], set=set_, hypotheses=f"{set_}.tsv", **scores))
  write_hypotheses(run / "all.tsv", everything)
  scores = results.scores(rescore(read_hypotheses(run / "all.tsv")))
  rows.insert(0, replace(found.rows[0], set="all", hypotheses="all.tsv", **scores))
  results.save(replace(found, rows=tuple(rows)), run / "results.json")


@pytest.mark.parametrize("seeds", [1, 2])
def test_a_study_says_which_sets_count_together(tmp_path, seeds):
  for seed in range(seeds):
    heard_in_three_sets(tmp_path, "pruned", seed, 3 + seed)
    heard_in_three_sets(tmp_path, "dense", seed, 0)
  joint = collect.join(tmp_path, ("orders", "digits"))
  dense, pruned = joint.main_rows
  assert [row.set for row in joint.rows if row.name == pruned.name] == [
    "all",
    "orders",
    "digits",
    "read",
  ]
  assert (pruned.words, pruned.seeds) == (60, seeds)
  assert pruned.wer == pytest.approx(100 * 2 * 2 * sum(range(3, 3 + seeds)) / (60 * seeds))
  assert Evidence(joint, tmp_path).difference(pruned, dense).points == pytest.approx(pruned.wer)
  assert collect.join(tmp_path).main_rows[1].words == 240


def test_another_test_set_is_refused_by_name(folder):
  other = (Portion(set="commands", split="test", utterances=31, hours=0.1),)
  finish(folder, "other", 0, 3, portions=other)
  with pytest.raises(results.ResultsError, match="other-0"):
    collect.collect(folder)


def test_nothing_finished_is_told(tmp_path):
  with pytest.raises(results.ResultsError, match="no point"):
    collect.collect(tmp_path)


def test_a_folder_of_runs_without_a_sweep_is_collected_too(tmp_path):
  finish(tmp_path, "mine", 3, 4)
  joint = collect.collect(tmp_path)
  assert [row.name for row in joint.rows] == ["mine-float"]
  assert joint.rows[0].weights == "mine/pruned"


def test_a_folder_that_is_no_point_is_named(folder):
  (folder / "none-0" / "config.json").unlink()
  with pytest.raises(results.ResultsError, match="none-0 is no point of a sweep"):
    collect.collect(folder)


def test_packed_points_give_the_same_page_elsewhere(folder, tmp_path_factory):
  """Everything the page is counted from is in the archive, and not when or by whom it was made."""
  archive, again = folder / "points.tar.xz", folder / "again.tar.xz"
  packed_points.pack(folder, archive)
  joint = collect.collect(folder)
  (folder / "none-0" / "model.edge").write_bytes(b"weights")
  packed_points.pack(folder, again)
  assert again.read_bytes() == archive.read_bytes()
  elsewhere = tmp_path_factory.mktemp("elsewhere")
  with tarfile.open(archive) as packed:
    packed.extractall(elsewhere, filter="data")
  found = collect.collect(elsewhere)
  assert found == joint
  for row in joint.rows:
    assert (elsewhere / row.hypotheses).read_text() == (folder / row.hypotheses).read_text()


def test_a_folder_without_a_finished_point_is_not_packed(tmp_path):
  with pytest.raises(results.ResultsError, match="no point of"):
    packed_points.pack(tmp_path, tmp_path / "points.tar.xz")
  assert not list(tmp_path.iterdir())
